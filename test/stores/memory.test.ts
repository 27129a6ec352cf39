import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Body } from '../../src/cache/ports.ts';
import { IntTable } from '../../src/stores/int-table.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { until } from '../kit/until.ts';
import { storeContract } from './contract.ts';
import { READER, bytesOf, putWhole, readBody } from './objects.ts';

storeContract('MemoryStore', (limits) => new MemoryStore(limits));

const MAX = 1024 * 1024;

describe('the budget of the memory store', () => {
  test('open writers count, and others make room for them', async () => {
    const store = new MemoryStore({ maxBytes: MAX, maxObject: MAX });
    for (let i = 0; i < 40; i++) await putWhole(store, `k${i}`, bytesOf(100), [bytesOf(20_000)]);
    const before = store.stats();
    assert.equal(before.evictions, 0);
    const writer = store.put('large', undefined)!;
    for (let i = 0; i < 30; i++) {
      assert.equal(writer.write(bytesOf(20_000)), true);
      const { bytes, objects } = store.stats();
      assert.ok(bytes <= MAX);
      assert.ok(bytes >= objects * 20_100 + writer.written, 'the bytes of the open writer are in the sum');
    }
    assert.ok(store.stats().evictions > 0);
    writer.abort();
    assert.ok(store.stats().bytes < MAX - 500_000, 'an abort frees at once');
    await store.clear();
    assert.equal(store.stats().bytes, 0);
  });

  test('a writer for whom there is no room gives up, and can be read until it is aborted', async () => {
    const store = new MemoryStore({ maxBytes: MAX, maxObject: MAX });
    const writers = Array.from({ length: 5 }, (_, i) => store.put(`k${i}`, undefined)!);
    const alive = new Set(writers);
    for (let i = 0; i < 20; i++) {
      for (const writer of writers) {
        if (writer.write(bytesOf(20_000)) || !alive.delete(writer)) continue;
        const { bytes } = store.stats();
        const { written } = writer;
        assert.ok(written === 0 || writer.chunkAt(written - 1) !== undefined);
        writer.abort();
        assert.ok(store.stats().bytes <= bytes - written);
        assert.equal(writer.chunkAt(0), undefined);
      }
      assert.ok(store.stats().bytes <= MAX);
    }
    assert.ok(alive.size >= 1 && alive.size < 5, `${alive.size} of 5 writers got through`);
    for (const writer of writers) assert.equal(await writer.commit(bytesOf(10)), alive.has(writer));
    assert.equal(store.stats().objects, alive.size);
  });

  test('nothing is dropped for an object that could not be kept anyway', async () => {
    const store = new MemoryStore({ maxBytes: MAX, maxObject: MAX });
    for (let i = 0; i < 10; i++) await putWhole(store, `k${i}`, bytesOf(100), [bytesOf(1000)]);
    assert.equal(await putWhole(store, 'k1', bytesOf(MAX), [bytesOf(10)]), false);
    assert.equal(store.stats().objects, 10);
    assert.deepEqual((await store.get('k1'))!.meta, bytesOf(100));
  });

  test('an object that is refused at its commit gives back what its body took', async () => {
    const store = new MemoryStore({ maxBytes: MAX, maxObject: MAX });
    for (const length of [10, 100_000]) {
      assert.equal(await putWhole(store, 'k', bytesOf(MAX), [bytesOf(length)]), false);
      assert.equal(store.stats().bytes, 0);
    }
  });

  test('an update that has to drop its own object fails, and leaves the books right', async () => {
    const store = new MemoryStore({ maxBytes: 20_000, maxObject: 20_000 });
    await putWhole(store, 'k', bytesOf(10), [bytesOf(8000)]);
    const previous = (await store.get('k'))!;
    assert.equal(await store.update('k', previous, bytesOf(11_800)), false);
    assert.equal(await store.get('k'), undefined);
    assert.equal(store.stats().objects, 0);
    assert.equal(store.stats().bytes, 0);
  });

  test('a promised length reserves nothing', () => {
    const store = new MemoryStore({ maxBytes: MAX, maxObject: MAX });
    for (let i = 0; i < 100; i++) store.put(`k${i}`, 500_000)!.write(bytesOf(10));
    assert.ok(store.stats().bytes < 500_000);
  });

  test('what an object takes is given back by delete, replacement and update', async () => {
    const store = new MemoryStore({ maxBytes: MAX, maxObject: MAX });
    for (const length of [0, 100, 9000, 300_000]) {
      await putWhole(store, 'k', bytesOf(10), [bytesOf(length)]);
      const once = store.stats().bytes;
      assert.ok(once >= length + 11 && once < length + 3000, `${once} bytes for ${length}`);
      await putWhole(store, 'k', bytesOf(10), [bytesOf(length)]);
      assert.equal(store.stats().bytes, once);
      assert.equal(await store.update('k', (await store.get('k'))!, bytesOf(5000)), true);
      assert.ok(store.stats().bytes >= once + 4500);
      assert.equal(await store.update('k', (await store.get('k'))!, bytesOf(10)), true);
      assert.equal(store.stats().bytes, once);
      await store.delete('k');
      assert.equal(store.stats().bytes, 0);
    }
  });

  test('a body is kept without the memory its chunks were slices of', async () => {
    const store = new MemoryStore({ maxBytes: MAX, maxObject: MAX });
    const slab = Buffer.alloc(65_536, 1);
    const writer = store.put('k', undefined)!;
    for (let i = 0; i < 30; i++) writer.write(slab.subarray(i * 1000, i * 1000 + 1000));
    await writer.commit(bytesOf(10));
    const chunks = [...(await store.get('k'))!.body.read(0, 30_000) as Iterable<Buffer>];
    assert.equal(chunks.length, 1, 'joined');
    assert.equal(chunks[0]!.buffer.byteLength, 30_000, 'exact');
  });
});

describe('eviction in the memory store', () => {
  const room = 200;
  /** A store with room for about 200 objects of this size. */
  const makeStore = (): MemoryStore => new MemoryStore({ maxBytes: room * 10_700, maxObject: MAX });
  const put = (store: MemoryStore, key: string): Promise<boolean> => putWhole(store, key, bytesOf(100), [bytesOf(10_000)]);

  test('one-hit wonders leave first, a scan does not sweep out what is asked for', async () => {
    const store = makeStore();
    const popular = Array.from({ length: 50 }, (_, i) => `popular ${i}`);
    for (const key of popular) await put(store, key);
    for (let round = 0; round < 3; round++) for (const key of popular) assert.ok(await store.get(key));
    for (let i = 0; i < 20 * room; i++) await put(store, `scanned ${i}`);
    assert.ok(store.stats().evictions > 18 * room);
    for (const key of popular) {
      const stored = await store.get(key);
      assert.ok(stored !== undefined, `${key} outlives the scan`);
      assert.ok(bytesOf(10_000).equals(await readBody(stored.body)));
    }
  });

  test('the budget is used, not just kept', async () => {
    const store = makeStore();
    for (let i = 0; i < 3 * room; i++) await put(store, `k${i}`);
    assert.ok(store.stats().bytes > 0.95 * store.stats().maxBytes);
  });
});

test('removal takes the same number of steps however many objects there are', async (context) => {
  const stepsToDelete = async (count: number): Promise<number> => {
    const store = new MemoryStore({ maxBytes: 64 * MAX, maxObject: MAX });
    for (let i = 0; i < count; i++) await putWhole(store, `key ${i}`, bytesOf(10), [bytesOf(10)]);
    const reads = context.mock.method(IntTable.prototype, 'get');
    const writes = context.mock.method(IntTable.prototype, 'set');
    for (let i = 0; i < count; i += count / 100) assert.equal(await store.delete(`key ${i}`), true);
    const steps = (reads.mock.callCount() + writes.mock.callCount()) / 100;
    reads.mock.restore();
    writes.mock.restore();
    return steps;
  };
  const few = await stepsToDelete(100);
  const many = await stepsToDelete(20_000);
  assert.ok(many < 1.5 * few, `${few} steps among 100 objects, ${many} among 20 000`);
});

describe('bodies that only slow clients still need', () => {
  const LARGE = 50_000;
  const fill = async (store: MemoryStore, from: number, count: number): Promise<number> => {
    let stored = 0;
    for (let i = from; i < from + count; i++) if (await putWhole(store, `k${i}`, bytesOf(10), [bytesOf(LARGE, i)])) stored++;
    return stored;
  };

  test('stay in the budget until they are read, whatever takes them from the store', async () => {
    for (const leave of ['evict', 'delete', 'replace', 'clear'] as const) {
      const store = new MemoryStore({ maxBytes: MAX, maxObject: MAX });
      await putWhole(store, 'k', bytesOf(10), [bytesOf(LARGE)]);
      const { body } = (await store.get('k'))!;
      assert.equal(body.pin!(READER), true);
      if (leave === 'evict') for (let i = 0; store.has('k'); i++) await fill(store, 10 * i, 10);
      else if (leave === 'delete') await store.delete('k');
      else if (leave === 'replace') await putWhole(store, 'k', bytesOf(10), [bytesOf(10)]);
      else await store.clear();
      const held = store.stats().bytes;
      assert.ok(held >= LARGE && held <= MAX, leave);
      assert.ok(bytesOf(LARGE).equals(await readBody(body)));
      body.unpin!(READER);
      assert.ok(store.stats().bytes <= held - LARGE, leave);
      assert.equal(body.pin!(READER), false, 'it is gone');
      await store.clear();
      assert.equal(store.stats().bytes, 0, leave);
    }
  });

  test('are bounded: beyond a quarter of the budget nothing is stored at their cost, until those whose clients are stuck are cut', async () => {
    const store = new MemoryStore({ maxBytes: MAX, maxObject: MAX });
    const readers: { isStuck: boolean; body: Body; cutIfStuck(): void }[] = [];
    let stored = 0;
    for (let i = 0; i < 100; i++) {
      if (!(await putWhole(store, `k${i}`, bytesOf(10), [bytesOf(LARGE, i)]))) continue;
      stored++;
      const { body } = (await store.get(`k${i}`))!;
      const reader = { isStuck: false, body, cutIfStuck: () => reader.isStuck && body.unpin!(reader) };
      body.pin!(reader);
      readers.push(reader);
      assert.ok(store.stats().bytes <= MAX);
    }
    assert.ok(stored < 50, `${stored} were stored`);
    assert.equal(await fill(store, 1000, 5), 0);
    for (const reader of readers) reader.isStuck = true;
    await until('something can be stored again', () => fill(store, 2000, 1), (count) => count === 1);
    assert.ok(store.stats().bytes <= MAX);
    for (const { body } of readers) for (const reader of readers) body.unpin!(reader);
    await store.clear();
    assert.equal(store.stats().bytes, 0);
  });

  test('that are being written take at most half of the budget together', async () => {
    const store = new MemoryStore({ maxBytes: MAX, maxObject: MAX });
    await fill(store, 0, 30);
    const writers = Array.from({ length: 20 }, (_, i) => store.put(`w${i}`, undefined)!);
    const alive = writers.filter((writer) => [1, 2, 3, 4].every((n) => writer.write(bytesOf(LARGE, n))));
    assert.ok(alive.length > 0 && alive.reduce((sum, { written }) => sum + written, 0) <= MAX / 2);
    for (const writer of writers) writer.abort();
    const one = store.put('alone', undefined)!;
    assert.ok(one.write(bytesOf(MAX * 0.7)), 'one alone may have more');
    one.abort();
    await store.clear();
    assert.equal(store.stats().bytes, 0);
  });
});
