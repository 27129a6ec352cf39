/**
 * @module test/lanes/large-misses
 * Large bodies go through memory that is used again and again. Every client gets its own bytes, in
 * whatever way others read theirs, leave in the middle, or lose their origin.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Outcome } from '../../src/cache/outcome.ts';
import { localhostCertificate } from '../kit/certificate.ts';
import { type ClientResponse, type OpenResponse, open, request } from '../kit/client.ts';
import { type OriginHandler, startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';
import { rounds } from '../kit/random.ts';
import { openLanes } from './lanes.ts';

const SIZE = 1_200_000;
/** More than the systems on the way hold. */
const LONG = 12_000_000;
/** Of which the origin sends no more. */
const BROKEN = 9_000_000;

/** No four bytes of it are those of another body, or of another place in this one. */
function bodyOf(id: number, size: number): Buffer {
  const words = new Uint32Array(size / 4);
  for (let i = 0; i < words.length; i++) words[i] = ((id << 22) | i) >>> 0;
  return Buffer.from(words.buffer);
}

const large: OriginHandler = (message, response) => {
  const [, kind, id] = message.url!.split('/');
  const body = bodyOf(Number(id), kind!.startsWith('long') ? LONG : SIZE);
  response.setHeader('Cache-Control', kind === 'stored' ? 'max-age=60' : 'no-store');
  if (kind!.endsWith('chunked')) {
    for (let at = 0; at < body.length; at += 100_000) response.write(body.subarray(at, at + 100_000));
    return void response.end();
  }
  response.setHeader('Content-Length', body.length);
  if (kind!.endsWith('broken')) response.write(body.subarray(0, kind === 'broken' ? SIZE / 2 : BROKEN), () => message.socket.destroy());
  else response.end(body);
};

interface Way extends AsyncDisposable {
  readonly url: string;
  readonly outcomes: readonly Outcome[];
  readonly agent: Agent;
  /** Requests that came to node:http. */
  readonly parsed: () => number;
}

async function byLanes(origin: string, door: 'fast' | 'general', internals = true): Promise<Way> {
  let parsed = 0;
  const lanes = await openLanes({ origin }, ({ http, fast }) => {
    http.on('request', () => parsed++);
    if (!internals) fast.server.prependListener('connection', (socket) => Object.assign((socket as unknown as { _handle: object })._handle, { useUserBuffer: undefined }));
  }, door);
  return { url: `http://127.0.0.1:${lanes.port}`, outcomes: lanes.outcomes, agent: new Agent({ keepAlive: true }), parsed: () => parsed, [Symbol.asyncDispose]: () => lanes[Symbol.asyncDispose]() };
}

async function overTls(origin: string): Promise<Way> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-large-'));
  const [tlsCert, tlsKey] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  writeFileSync(tlsCert, localhostCertificate.cert);
  writeFileSync(tlsKey, localhostCertificate.key);
  const proxy = await startMillrace({ origin, tlsCert, tlsKey });
  rmSync(directory, { recursive: true });
  return { url: proxy.url, outcomes: proxy.outcomes, agent: new SecureAgent({ keepAlive: true, ca: localhostCertificate.cert }), parsed: () => proxy.outcomes.length, [Symbol.asyncDispose]: () => proxy.close() };
}

describe('large bodies that pass', () => {
  for (const [name, start, isParsed] of [
    ['by the fast lane', (url: string) => byLanes(url, 'fast'), false],
    ["by the fast lane, without Node's internals", (url: string) => byLanes(url, 'fast', false), false],
    ['by the general lane', (url: string) => byLanes(url, 'general'), true],
    ['over TLS', overTls, true],
  ] as const) {
    test(`${name} are each client’s own`, async () => {
      await using site = await startOrigin(large);
      await using way = await start(site.url);
      const { agent } = way;
      const url = (path: string): string => `${way.url}/${path}`;
      let last = 0;
      /** Whatever was given back too early is read into again. */
      const others = async (): Promise<void> => {
        for (let round = 0; round < rounds(1); round++) {
          const kinds = ['whole', 'chunked', 'broken', 'stored', 'whole', 'chunked', 'stored', 'whole'];
          await Promise.all(kinds.map(async (kind) => {
            const id = ++last;
            assertOwn(await request(url(`${kind}/${id}`), { agent }), id, SIZE, kind !== 'broken');
          }));
        }
      };
      /** Opened, and not read on. */
      const stopped = async (kind: string): Promise<[OpenResponse, number]> => {
        const id = ++last;
        const response = await open(url(`${kind}/${id}`), { agent });
        response.message.pause();
        return [response, id];
      };
      const slow = await Promise.all(['long', 'long-chunked', 'long-broken', 'long', 'long-chunked'].map(stopped));
      await others();
      assert.ok(way.outcomes.every(({ bytes }) => bytes <= SIZE), 'it was not waited for the slow ones');
      for (const [response] of slow.splice(3)) response.abort();
      await others();
      for (const [response, id] of slow) {
        // Some, and later the rest.
        const before = response.body.length;
        response.message.resume();
        await response.received(before + SIZE);
        response.message.pause();
        await others();
        response.message.resume();
        const read = await response.finish();
        assertOwn(read, id, LONG, id !== slow[2]![1]);
        if (id === slow[2]![1]) assert.ok(read.body.length > SIZE);
      }
      assert.equal(way.parsed() > 0, isParsed);
      agent.destroy();
    });
  }
});

function assertOwn({ body, complete }: ClientResponse, id: number, size: number, isWhole: boolean): void {
  assert.equal(complete, isWhole);
  if (isWhole) assert.equal(body.length, size);
  // Not by assert.deepEqual, which would print them.
  assert.ok(body.equals(bodyOf(id, size).subarray(0, body.length)), `body ${id} has bytes of others`);
}
