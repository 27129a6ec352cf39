/**
 * @module test/stores/disk-damage
 * Damaged files of a cache on disk: no wrong byte is served, and the next start has a sound cache.
 */
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Random } from '../kit/random.ts';
import { until } from '../kit/until.ts';
import { bytesOf, putWhole, readBody } from './objects.ts';
import { newDirectory, open, segmentOf, storeError } from './disk-fixture.ts';

describe('damage', () => {
  test('in a body costs a miss, or breaks the response off, but is never served', async () => {
    for (const length of [20_000, 60_000, 500_000]) {
      const directory = newDirectory();
      const { store, notices } = open(directory);
      await putWhole(store, 'k', bytesOf(3), [bytesOf(length)]);
      await putWhole(store, 'other', bytesOf(3), [bytesOf(length, 2)]);
      const { path, bytes } = segmentOf(directory);
      flip(path, bytes.indexOf(bytesOf(length)) + Math.floor(length * 0.9));
      const stored = await store.get('k');
      if (length > 65_536) await assert.rejects(() => readBody(stored!.body), storeError(/damaged/));
      else assert.equal(stored, undefined);
      await until('the damaged object is gone', () => store.stats().objects === 1);
      assert.equal(await store.get('k'), undefined);
      assert.equal(store.stats().errors, 1);
      assert.equal(notices.length, 1);
      assert.ok(bytesOf(length, 2).equals(await readBody((await store.get('other'))!.body)), 'others are as they were');
      await store.close();
    }
  });

  test('a body that another one was written over, or whose segment is cut short or gone, is never served', async () => {
    const directory = newDirectory();
    const { store } = open(directory);
    const bodies = { whole: bytesOf(300_000, 1), swapped: bytesOf(300_000, 2), cut: bytesOf(300_000, 3) };
    for (const [key, body] of Object.entries(bodies)) await putWhole(store, key, bytesOf(3), [body]);
    const { path, bytes } = segmentOf(directory);
    const file = openSync(path, 'r+');
    writeSync(file, bodies.whole, 0, 300_000, bytes.indexOf(bodies.swapped));
    ftruncateSync(file, bytes.indexOf(bodies.cut) + 200_000);
    closeSync(file);
    for (const key of ['swapped', 'cut']) {
      const stored = await store.get(key);
      await assert.rejects(() => readBody(stored!.body), storeError(/damaged/));
      await until(`${key} is gone`, async () => (await store.get(key)) === undefined);
    }
    assert.ok(bodies.whole.equals(await readBody((await store.get('whole'))!.body)));
    await store.close();
    rmSync(path);
    const { store: again, notices } = open(directory);
    const stored = await again.get('whole');
    await assert.rejects(() => readBody(stored!.body), storeError(/damaged/));
    await until('the object without a segment is gone', async () => (await again.get('whole')) === undefined);
    assert.equal(notices.length, 1);
    assert.equal(await putWhole(again, 'new', bytesOf(3), [bodies.cut]), true);
    assert.ok(bodies.cut.equals(await readBody((await again.get('new'))!.body)));
    await again.close();
  });

  test('of any pages of the index ends neither the process nor in a wrong byte', async (t) => {
    const random = Random.of(t);
    const directory = newDirectory();
    const { store } = open(directory);
    for (let i = 0; i < 1500; i++) await putWhole(store, `k${i}`, bytesOf(200, i), [bytesOf(1000, i)]);
    await store.close();
    const index = join(directory, 'index.db');
    const good = readFileSync(index);
    let missed = 0;
    let found = 0;
    for (let round = 0; round < 12; round++) {
      writeFileSync(index, good);
      const pages = good.length / 8192;
      const file = openSync(index, 'r+');
      for (let i = 0; i < 4; i++) writeSync(file, random.bytes(8192), 0, 8192, random.below(round === 0 ? 1 : pages) * 8192);
      closeSync(file);
      const { store: damaged, notices } = open(directory);
      for (let i = 0; i < 1500; i++) {
        const stored = await damaged.get(`k${i}`);
        if (stored === undefined) missed++;
        else {
          assert.deepEqual(stored.meta, bytesOf(200, i));
          assert.ok(bytesOf(1000, i).equals(await readBody(stored.body)));
          found++;
        }
      }
      for (let i = 0; i < 50; i++) await putWhole(damaged, `new ${i}`, bytesOf(3), [bytesOf(100)]);
      await damaged.close();
      assert.ok(notices.length > 0, 'it is said');
      // Where it was noticed only while it ran, the next start begins anew.
      const { store: next } = open(directory);
      assert.equal(await putWhole(next, 'after', bytesOf(3), [bytesOf(100)]), true);
      assert.ok((await next.get('after')) !== undefined);
      await next.close();
    }
    assert.ok(missed > 0 && found > 0, `${missed} missed, ${found} found`);
  });

  function flip(path: string, position: number): void {
    const file = openSync(path, 'r+');
    const byte = readFileSync(path).subarray(position, position + 1);
    writeSync(file, Buffer.from([byte[0]! ^ 1]), 0, 1, position);
    closeSync(file);
  }
});
