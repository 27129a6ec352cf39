/**
 * @module test/stores/disk-threads
 * Several threads on one cache directory.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Stamps } from '../../src/cache/stamps.ts';
import type { Whereabouts } from '../../src/stores/disk-objects.ts';
import { DiskStore } from '../../src/stores/disk.ts';
import { until } from '../kit/until.ts';
import { READER, bytesOf, putWhole, readBody } from './objects.ts';
import { MB, newDirectory, open } from './disk-fixture.ts';
import { assertSound } from './disk-soundness.ts';

test('worker threads share one store: what one stores, changes and purges, all see', async () => {
  const directory = newDirectory();
  const { store } = open(directory, 24 * MB, 4 * MB);
  const stamps = new Stamps(store.stamps.memory, store.stamps);
  const stamp = stamps.now();
  const workers = [1, 2].map((number) => new Worker(new URL('./disk-worker.ts', import.meta.url), { workerData: { directory, number, shared: store.shared } }));
  const done = await Promise.all(workers.map(async (worker) => (await once(worker, 'message')) as [{ stored: number; wrong: number }]));
  for (const [{ stored, wrong }] of done) {
    assert.ok(stored > 150, `${stored} were stored`);
    assert.equal(wrong, 0);
  }
  let seen = 0;
  for (const key of store.keys()) {
    const stored = (await store.get(key))!;
    const [length, seed] = JSON.parse(stored.meta.toString()) as [number, number];
    assert.ok(bytesOf(length, seed).equals(await readBody(stored.body)));
    seen++;
  }
  assert.equal(seen, store.stats().objects);
  assert.ok(store.stats().bytes <= 24 * MB);
  assert.ok(stamps.isDead('scope of 1', stamp) && stamps.isDead('scope of 2', stamp), 'purges of other threads');
  await Promise.all(workers.map((worker) => worker.terminate()));
  assertSound(directory);
  await store.clear();
  await until('the room of all objects is free', () => store.stats().bytes === 0);
  await store.close();
  const again = open(directory).store;
  assert.ok(new Stamps(again.stamps.memory, again.stamps).isDead('scope of 1', stamp), 'written down by the thread that purged');
  await again.close();
});

test('where a large body lies is remembered until it is gone: replaced, deleted, evicted or cleared by any thread', async () => {
  const directory = newDirectory();
  const { store, notices } = open(directory, 8 * MB, 4 * MB);
  const other = new DiskStore({ directory, shared: store.shared, maxBytes: 8 * MB, maxObject: 4 * MB, onNotice: (text) => notices.push(text) });
  const length = 700_000;
  const known: { at: Whereabouts; seed: number }[] = [];
  let seed = 0;
  const put = async (by: DiskStore, key: string): Promise<Whereabouts> => {
    await putWhole(by, key, Buffer.from('meta'), [bytesOf(length, ++seed)]);
    const { at } = (await other.get(key))!;
    known.push({ at, seed });
    return at;
  };
  /** How many of all that ever were are to be had, each of them whole. */
  const found = async (): Promise<number> => {
    let bodies = 0;
    for (const { at, seed: own } of known) {
      for (const each of [store, other]) {
        const body = each.bodyAt(at);
        if (body === undefined) continue;
        bodies++;
        assert.ok(bytesOf(length, own).equals(await readBody(body)));
      }
    }
    return bodies / 2;
  };
  const first = await put(store, 'a');
  await put(other, 'b');
  assert.equal(await found(), 2);
  assert.equal(await found(), 2, 'as it is remembered');
  const second = await put(store, 'a');
  assert.equal(other.bodyAt(first), undefined);
  assert.equal(await found(), 2);
  const reading = other.bodyAt(second)!.read(0, length) as Generator<Buffer>;
  const parts = [Buffer.from(reading.next().value as Buffer)];
  await store.delete('a');
  assert.equal(other.bodyAt(second), undefined);
  assert.equal(await found(), 1);
  // What takes the room of all that is gone.
  for (let i = 0; i < 40; i++) {
    await put(i % 2 === 0 ? store : other, `flood ${i}`);
    await found();
  }
  for (const part of reading) parts.push(Buffer.from(part));
  assert.ok(bytesOf(length, 3).equals(Buffer.concat(parts)), 'who reads it has it to its end');
  const { objects } = store.stats();
  assert.ok(objects < 12);
  assert.equal(await found(), objects);
  await store.clear();
  assert.equal(await found(), 0);
  await put(other, 'last');
  assert.equal(await found(), 1);
  assert.deepEqual(notices, []);
  await other.close();
  await store.close();
});

test('a clear changes every key at once for all threads, however long it takes to remove what was there', async () => {
  const directory = newDirectory();
  const { store } = open(directory);
  const other = new DiskStore({ directory, shared: store.shared, maxBytes: 64 * MB, maxObject: MB });
  const keys = Array.from({ length: 3000 }, (_, i) => `k${i}`);
  await Promise.all(keys.map((key) => putWhole(store, key, Buffer.from('meta'), [bytesOf(10)])));
  const before = keys.map((key) => other.changesOf(key));
  const clearing = store.clear();
  await until('no object is left', () => store.stats().objects === 0);
  assert.ok(store.stats().bytes > MB / 4, 'most of it is still there');
  assert.deepEqual(keys.filter((key, i) => other.changesOf(key) === before[i]), []);
  await clearing;
  await other.close();
  await store.close();
});

describe('what a thread that has ended left to be removed', () => {
  /** Of 2 MB, 1.6 are nobody's. */
  const leave = async (): Promise<DiskStore> => {
    const directory = newDirectory();
    const { store } = open(directory, 2 * MB, 2 * MB);
    const other = new DiskStore({ directory, shared: store.shared, maxBytes: 2 * MB, maxObject: 2 * MB });
    await putWhole(other, 'k', Buffer.from('meta'), [bytesOf(1_600_000)]);
    const { body } = (await other.get('k'))!;
    // Somebody reads it: the file has to wait, longer than that thread is there.
    assert.ok(body.pin!(READER));
    await other.delete('k');
    await other.close();
    assert.equal((await readBody(body)).length, 1_600_000);
    body.unpin!(READER);
    assert.ok(store.stats().bytes > 1_600_000);
    return store;
  };

  test('is removed for the room of another object', async () => {
    const store = await leave();
    for (const key of ['a', 'b', 'c']) assert.ok(await putWhole(store, key, Buffer.from('meta'), [bytesOf(300_000)]), key);
    assert.equal(store.stats().objects, 3);
    await store.close();
  });

  test('is removed by a clear', async () => {
    const store = await leave();
    await store.clear();
    await until('the room of all objects is free', () => store.stats().bytes === 0);
    await store.close();
  });
});
