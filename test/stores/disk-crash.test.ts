/**
 * @module test/stores/disk-crash
 * Kills a process that stores at full speed, at random moments, again and again on one directory.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Stamps } from '../../src/cache/stamps.ts';
import { Random, rounds } from '../kit/random.ts';
import { assertSound } from './disk-soundness.ts';
import { type Described, type Gone, digestOf, open } from './disk-victim.ts';

const KILLS = rounds(8);
const directory = mkdtempSync(join(tmpdir(), 'millrace-crash-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a victim for about so many milliseconds from when it is ready; what it said. */
async function kill(first: number, after_: number, seed: number): Promise<Gone[]> {
  const victim = spawn(process.execPath, [join(import.meta.dirname, 'disk-victim.ts'), directory, String(first), String(seed)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  let timer: NodeJS.Timeout | undefined;
  victim.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    timer ??= setTimeout(() => victim.kill('SIGKILL'), after_);
  });
  const [, signal] = (await once(victim, 'close')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL', 'it went on until it was killed');
  // The last line may be cut.
  return text.split('\n').slice(1, -1).map((line) => JSON.parse(line) as Gone);
}

test(`a process killed ${KILLS} times leaves whole objects, and none that was gone`, { timeout: 60_000 + KILLS * 6000 }, async (context) => {
  const random = Random.of(context);
  const gone = new Map<string, { deleted: number; purged: number }>();
  let objects = 0;
  let dead = 0;
  for (let round = 0; round < KILLS; round++) {
    for (const { key, generation, how } of await kill(round * 1e7, random.next() ** 2 * 250, random.below(2 ** 31))) {
      const last = gone.get(key) ?? { deleted: 0, purged: 0 };
      last[how] = Math.max(last[how], generation);
      gone.set(key, last);
    }
    assertSound(directory);
    const store = open(directory);
    const stamps = new Stamps(store.stamps.memory, store.stamps);
    let count = 0;
    for (const key of store.keys()) {
      const stored = await store.get(key);
      assert.ok(stored !== undefined, 'what is listed can be read');
      const described = JSON.parse(stored.meta.toString()) as Described;
      assert.equal(described.key, key);
      assert.equal(digestOf(stored.body.read(0, stored.body.length) as Iterable<Buffer>), described.digest, `${key} is whole and its own`);
      const last = gone.get(key);
      assert.ok(described.generation > (last?.deleted ?? -1), `${key} of generation ${described.generation} was deleted`);
      const isDead = stamps.isDead(key, described.stamp);
      // An update gives an old response a new generation, but not a new stamp.
      assert.ok(isDead || described.generation > (last?.purged ?? -1), `${key} of generation ${described.generation} was purged`);
      count++;
      if (isDead) dead++;
    }
    assert.equal(count, store.stats().objects);
    assert.equal(store.stats().errors, 0);
    objects += count;
    await store.close();
    assertSound(directory);
  }
  assert.ok(objects > KILLS, 'there was something to look at');
  context.diagnostic(`${objects} objects were whole, ${dead} of them purged`);
});
