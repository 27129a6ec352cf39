/**
 * @module test/stores/disk-quota
 * The room that a cache on disk takes, counted by the store and by the system.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoreWriter } from '../../src/cache/ports.ts';
import { FIXED_BYTES, fileBytesFor } from '../../src/stores/disk-quota.ts';
import { until } from '../kit/until.ts';
import { bytesOf, putWhole, readBody } from './objects.ts';
import { MB, bytesOnDisk, newDirectory, open } from './disk-fixture.ts';
import { assertSound } from './disk-soundness.ts';

describe('the quota of the disk store', () => {
  test('holds at all times in a flood of distinct objects, on the disk too', async () => {
    const directory = newDirectory();
    const maxBytes = 24 * MB;
    const { store, notices } = open(directory, maxBytes, 6 * MB);
    let most = 0;
    const watch = (): void => {
      const { bytes } = store.stats();
      assert.ok(bytes <= maxBytes, `${bytes} of ${maxBytes}`);
      most = Math.max(most, bytes);
    };
    let stored = 0;
    let mostOnDisk = 0;
    const flood = async (lane: number): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        const length = [900, 14_000, 60_000, 400_000, 2_500_000][(i + lane) % 5]!;
        const writer = store.put(`${lane}/${i}`, i % 2 === 0 ? undefined : length);
        assert.ok(writer !== undefined);
        for (let at = 0; at < length; at += 50_000) {
          writer.write(bytesOf(Math.min(50_000, length - at), i));
          watch();
          await until('the writer has caught up', () => writer.backlog <= MB);
        }
        if (await writer.commit(bytesOf(200))) stored++;
        writer.abort();
        watch();
        if (i % 10 === 0) mostOnDisk = Math.max(mostOnDisk, bytesOnDisk(directory));
      }
    };
    await Promise.all([0, 1, 2, 3].map(flood));
    assert.ok(stored > 220, `${stored} of 240 were stored`);
    assert.ok(store.stats().evictions > 50);
    assert.ok(most > 0.8 * maxBytes, 'it is used, not just kept');
    assert.ok(mostOnDisk <= fileBytesFor(maxBytes) + FIXED_BYTES, `${mostOnDisk} bytes on disk`);
    assert.deepEqual(notices, []);
    await store.close();
    assertSound(directory);
  });

  test('holds while open writers have all of it; then who comes too late is refused', async () => {
    const { store } = open(newDirectory(), 4 * MB, 4 * MB);
    const writers = Array.from({ length: 6 }, (_, i) => store.put(`k${i}`, undefined)!);
    const write = async (writer: StoreWriter, i: number): Promise<void> => {
      for (let n = 0; n < 20; n++) {
        if (!writer.write(bytesOf(65_536, i))) {
          writer.abort();
          break;
        }
        await new Promise(setImmediate);
        assert.ok(store.stats().bytes <= 4 * MB);
      }
    };
    const commit = async (writer: StoreWriter): Promise<boolean> => {
      const kept = await writer.commit(bytesOf(10));
      writer.abort();
      return kept;
    };
    // The first has all of its room before others want theirs: of equals, all might give up at once.
    await write(writers[0]!, 0);
    const results = await Promise.all(writers.slice(1).map(async (writer, at) => {
      await write(writer, at + 1);
      return commit(writer);
    }));
    assert.ok(await commit(writers[0]!), 'an open writer keeps its room');
    assert.ok(store.stats().bytes <= 4 * MB);
    assert.notEqual(await store.get('k0'), undefined);
    for (const [i, kept] of [true, ...results].entries()) {
      const stored = await store.get(`k${i}`);
      // One that was committed may have made room for the next.
      if (stored === undefined) continue;
      assert.ok(kept);
      assert.ok(Buffer.concat(Array.from({ length: 20 }, () => bytesOf(65_536, i))).equals(await readBody(stored.body)));
    }
    await store.close();
  });

  test('small objects take no more room on the disk than they count for', async () => {
    const directory = newDirectory();
    const { store } = open(directory, 4 * MB);
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 500 }, (_, i) => putWhole(store, `${round}/${i}`, bytesOf(300), [bytesOf((i * 37) % 3000)])));
    }
    assert.ok(store.stats().evictions > 5000);
    assert.ok(bytesOnDisk(directory) <= fileBytesFor(4 * MB) + FIXED_BYTES, `${bytesOnDisk(directory)} bytes on disk`);
    await store.close();
  });

  test('holds on the disk when small objects follow large ones, and large ones small ones; neither has to leave all of it to the other', async () => {
    const directory = newDirectory();
    const maxBytes = 12 * MB;
    const { store } = open(directory, maxBytes);
    const put = async (name: string, times: number, length: number): Promise<void> => {
      for (let i = 0; i < times; i += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, at) => putWhole(store, `${name} ${i + at}`, bytesOf(300), [bytesOf(length, at)])));
        assert.ok(store.stats().bytes <= maxBytes);
      }
      assert.ok(bytesOnDisk(directory) <= fileBytesFor(maxBytes) + FIXED_BYTES, `${bytesOnDisk(directory)} bytes on disk after ${name}`);
    };
    await put('small', 10_000, 1500);
    await put('large', 150, 200_000);
    await put('small again', 10_000, 1500);
    await put('large again', 150, 200_000);
    const { objects } = store.stats();
    await put('a few small ones', 200, 1500);
    assert.ok(store.stats().objects > objects, `${store.stats().objects} where ${objects} were`);
    assert.ok(store.stats().bytes > 0.8 * maxBytes);
    await store.clear();
    await until('a clear has given the room back', () => bytesOnDisk(directory) < 10 * MB);
    await store.close();
    assertSound(directory);
  });

  test('room of what is replaced is not kept by look-ups that nobody reads, nor by readers that left', async () => {
    const { store } = open(newDirectory(), 4 * MB, 4 * MB);
    const held: unknown[] = [];
    for (let i = 0; i < 60; i++) {
      assert.ok(await putWhole(store, 'k', bytesOf(3), [bytesOf(400_000, i)]), `the ${i}th time`);
      const object = (await store.get('k'))!;
      const reading = (object.body.read(0, 400_000) as Iterable<Buffer>)[Symbol.iterator]();
      if (i % 2 === 0) reading.next();
      reading.return!();
      // No garbage collection may take part in this.
      held.push(object, reading);
    }
    await until('all room but that of the last one is free', () => store.stats().bytes < 600_000);
    assert.equal(held.length, 120);
    await store.close();
  });

  test('a reader of what is evicted keeps it whole, and it counts until then', async () => {
    const { store } = open(newDirectory(), 4 * MB, 4 * MB);
    await putWhole(store, 'k', bytesOf(3), [bytesOf(1_000_000)]);
    const reading = ((await store.get('k'))!.body.read(0, 1_000_000) as Iterable<Buffer>)[Symbol.iterator]();
    const chunks = [reading.next().value as Buffer];
    for (let i = 0; i < 30; i++) await putWhole(store, `other ${i}`, bytesOf(3), [bytesOf(500_000, i)]);
    assert.equal(await store.get('k'), undefined, 'it was evicted');
    for (let next = reading.next(); next.done !== true; next = reading.next()) {
      chunks.push(next.value);
      assert.ok(store.stats().bytes <= 4 * MB);
    }
    assert.ok(bytesOf(1_000_000).equals(Buffer.concat(chunks)));
    await store.close();
  });
});
