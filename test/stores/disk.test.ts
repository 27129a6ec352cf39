/**
 * @module test/stores/disk
 * The disk store against the contract of stores; clearing, eviction, and a full disk.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { DiskStore } from '../../src/stores/disk.ts';
import { mountSmall, writeUntilFull } from '../kit/small-disk.ts';
import { until } from '../kit/until.ts';
import { storeContract } from './contract.ts';
import { MB, newDirectory, open } from './disk-fixture.ts';
import { bytesOf, putWhole, readBody } from './objects.ts';

storeContract('DiskStore', (limits) => new DiskStore({ ...limits, directory: newDirectory() }), { tickets: false });

describe('a clear', () => {
  test('frees all, also what is remembered of objects that were evicted, and what a process that ended left of it', async () => {
    const directory = newDirectory();
    const { store } = open(directory, 2 * MB);
    for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 500 }, (_, at) => putWhole(store, `${i}/${at}`, bytesOf(100), [bytesOf(400)])));
    assert.ok(store.stats().evictions > 5000);
    const cleared = store.clear();
    await store.close();
    assert.ok((await cleared) > 1000);
    const { store: again } = open(directory, 2 * MB);
    assert.equal(again.stats().objects, 0);
    assert.deepEqual([...again.keys()], []);
    await putWhole(again, 'k', bytesOf(3), [bytesOf(10)]);
    await until('the room is free', () => again.stats().bytes < 1000);
    assert.deepEqual([...again.keys()], ['k']);
    await again.close();
  });
});

describe('eviction on disk', () => {
  const room = 200;
  const put = (store: DiskStore, key: string): Promise<boolean> => putWhole(store, key, bytesOf(100), [bytesOf(10_000)]);

  test('one-hit wonders leave first, a scan does not sweep out what is asked for; also across restarts', async () => {
    const directory = newDirectory();
    const quota = room * 10_400;
    let { store } = open(directory, quota);
    const popular = Array.from({ length: 50 }, (_, i) => `popular ${i}`);
    for (const key of popular) await put(store, key);
    for (let round = 0; round < 3; round++) for (const key of popular) assert.ok(await store.get(key));
    await store.close();
    ({ store } = open(directory, quota));
    for (let i = 0; i < 6 * room; i++) {
      await put(store, `scanned ${i}`);
      if (i === 3 * room) {
        await store.close();
        ({ store } = open(directory, quota));
      }
    }
    for (const key of popular) assert.ok(await store.get(key), `${key} outlives the scan`);
    assert.equal(await store.get('scanned 5'), undefined);
    assert.ok(store.stats().bytes > 0.9 * quota);
    await store.close();
  });

  test('what comes back soon after it left goes to the main queue', async () => {
    const { store } = open(newDirectory(), room * 10_400);
    const has = (key: string): boolean => [...store.keys()].includes(key);
    await put(store, 'back');
    let pushed = 0;
    while (has('back') && pushed < 2 * room) await put(store, `push ${pushed++}`);
    assert.ok(pushed < 2 * room, 'nobody asked for it');
    await put(store, 'back');
    for (let i = 0; i < 3 * room; i++) await put(store, `later ${i}`);
    assert.equal(has('back'), true);
    await store.close();
  });
});

describe('a full disk', () => {
  test('stops storing and nothing else, is said once, and is over when there is room', async (context) => {
    const directory = mountSmall(context, 12);
    if (directory === undefined) return;
    const filler = join(directory, 'filler');
    const { store, notices } = open(join(directory, 'cache'), 200 * MB);
    await putWhole(store, 'kept', bytesOf(3), [bytesOf(100_000)]);
    await putWhole(store, 'small', bytesOf(3), [bytesOf(100)]);
    writeUntilFull(filler);
    let refused = 0;
    for (let i = 0; i < 40; i++) {
      if (!(await putWhole(store, `k${i}`, bytesOf(3), [bytesOf(300_000, i)]))) refused++;
    }
    assert.ok(refused > 30, `${refused} of 40 refused`);
    assert.equal(notices.length, 1, notices.join('\n'));
    assert.match(notices[0]!, /Nothing can be stored/);
    assert.ok(store.stats().errors > 0);
    assert.ok(bytesOf(100_000).equals(await readBody((await store.get('kept'))!.body)), 'what is stored is served');
    // Removed for good, though perhaps not written down yet.
    assert.equal(await store.delete('small'), true);
    assert.equal(await store.get('small'), undefined);
    rmSync(filler);
    await until('large bodies are stored again', () => putWhole(store, 'after', bytesOf(3), [bytesOf(300_000)]));
    await until('the store says so', async () => (await putWhole(store, 'later', bytesOf(3), [bytesOf(100)])) && notices.length > 1);
    assert.match(notices[1]!, /can be written again/);
    assert.ok(bytesOf(300_000).equals(await readBody((await store.get('after'))!.body)));
    await until('what was deleted is written down as gone', async () => (await store.get('small')) === undefined && ![...store.keys()].includes('small'));
    await store.close();
    const again = open(join(directory, 'cache'), 200 * MB).store;
    assert.equal(await again.get('small'), undefined);
    assert.ok(await again.get('kept'));
    await again.close();
  });

  test('keeps nobody from closing the store, and the next start has what was stored', async (context) => {
    const directory = mountSmall(context, 12);
    if (directory === undefined) return;
    const filler = join(directory, 'filler');
    const { store, notices } = open(join(directory, 'cache'), 200 * MB);
    await putWhole(store, 'kept', bytesOf(3), [bytesOf(100_000)]);
    // They are in the log of the table, which closing the store moves into the table.
    await Promise.all(Array.from({ length: 150 }, (_, i) => putWhole(store, `small ${i}`, bytesOf(3), [bytesOf(2000)])));
    writeUntilFull(filler);
    await store.close();
    assert.match(notices.at(-1)!, /could not be written out before it was closed: .*full/u);
    rmSync(filler);
    const { store: again, notices: said } = open(join(directory, 'cache'), 200 * MB);
    assert.deepEqual(said, []);
    assert.ok(bytesOf(100_000).equals(await readBody((await again.get('kept'))!.body)));
    assert.ok(bytesOf(2000).equals(await readBody((await again.get('small 149'))!.body)));
    await again.close();
  });
});
