/**
 * @module test/shared/prepared
 * What two workers of a proxy that shares a store with others answer from the disk they have in common.
 */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { test } from 'node:test';
import { request } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import type { Scope } from '../kit/server-process.ts';
import { until } from '../kit/until.ts';
import { startCrew } from '../workers/crew.ts';

/** Half of the memory is the common store's. A body over an eighth of a worker's quarter stays there. */
const BODIES = [
  { what: 'in one block of a segment', length: 60_000, maxMemory: '1200KB' },
  { what: 'in several blocks', length: 300_000, maxMemory: '8MB' },
];
const HITS = 20;

/** @param args for the command, so that it uses a store that was started for it */
export function repeatHits(kind: string, skip: string | false, args: (scope: Scope) => Promise<string[]>): void {
  for (const { what, length, maxMemory } of BODIES) {
    test(`two workers on ${kind} repeat a hit on their common store, ${what}, as a prepared answer`, { skip }, async (t) => {
      const body = Buffer.alloc(length, 'body of the origin ');
      await using origin = await startOrigin((_incoming, response) => {
        response.setHeader('Cache-Control', 'max-age=600');
        response.end(body);
      });
      const crew = await startCrew(t, '--origin', origin.url, '--log-format', 'off', '--max-memory', maxMemory, ...(await args(t)));
      // One connection, so one worker.
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.after(() => agent.destroy());
      const ask = async (): Promise<string | undefined> => {
        const response = await request(`${crew.url}/page`, { agent });
        assert.ok(response.body.equals(body), 'the body is the origin\'s');
        return response.headers.get('x-cache');
      };
      assert.equal(await ask(), 'MISS');
      // Stored once its last byte has been sent, and prepared by the first hit.
      await until('it is a hit', ask, (result) => result === 'HIT');
      const before = (await crew.stats()).fastLane;
      for (let i = 0; i < HITS; i++) assert.equal(await ask(), 'HIT');
      const { fastLane, store } = await crew.stats();
      assert.equal(fastLane - before, HITS);
      const [memory, common] = store.tiers!;
      assert.deepEqual([memory!.hits, memory!.errors, common!.errors], [0, 0, 0]);
      assert.doesNotMatch(crew.stderr(), /cannot be read/u);
    });
  }
}
