/**
 * @module test/stores/disk-recovery
 * What a cache on disk still has after its process or the machine has ended.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Stamps } from '../../src/cache/stamps.ts';
import { until } from '../kit/until.ts';
import { bytesOf, putWhole, readBody } from './objects.ts';
import { bytesOnDisk, newDirectory, open } from './disk-fixture.ts';

/** By this process, from any file. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/mu.exec(readFileSync('/proc/self/io', 'latin1'))![1]);
}

describe('what is stored on disk', () => {
  test('is there after a restart, with what counts for it', async () => {
    const directory = newDirectory();
    const { store } = open(directory);
    for (const length of [0, 100, 20_000, 100_000, 700_000]) await putWhole(store, `k${length}`, bytesOf(50), [bytesOf(length)]);
    const { objects, bytes } = store.stats();
    await store.close();
    const { store: again, notices } = open(directory);
    assert.deepEqual([again.stats().objects, again.stats().bytes], [objects, bytes]);
    for (const length of [0, 100, 20_000, 100_000, 700_000]) {
      const stored = (await again.get(`k${length}`))!;
      assert.deepEqual(stored.meta, bytesOf(50));
      assert.ok(bytesOf(length).equals(await readBody(stored.body)));
    }
    assert.deepEqual(notices, []);
    await again.close();
  });

  test('was purged, and is so after a restart', async () => {
    const directory = newDirectory();
    const first = open(directory).store;
    const stamps = new Stamps(first.stamps.memory, first.stamps);
    const old = stamps.now();
    stamps.purge('a');
    stamps.purge('soft', true);
    const young = stamps.now();
    await first.close();
    const second = open(directory).store;
    const restored = new Stamps(second.stamps.memory, second.stamps);
    assert.ok(restored.isDead('a', old));
    assert.equal(restored.isDead('b', old), false);
    assert.deepEqual([restored.isSoftPurged('soft', old), restored.isDead('soft', old), restored.isSoftPurged('soft', young)], [true, false, false]);
    assert.equal(restored.isDead('a', young), false);
    assert.ok(restored.now() > young, 'numbers go on, beyond any that was not written down');
    restored.purgeAll(true);
    const middle = restored.now();
    restored.purgeAll();
    await second.close();
    const third = open(directory).store;
    const last = new Stamps(third.stamps.memory, third.stamps);
    assert.deepEqual([last.isSoftPurged('b', young), last.isSoftPurged('b', middle), last.isDead('b', middle)], [true, false, true]);
    await third.close();
  });

  test('is dropped where its stamps are missing: it may have been purged', async () => {
    const directory = newDirectory();
    const { store } = open(directory);
    await putWhole(store, 'k', bytesOf(3), [bytesOf(100)]);
    await store.close();
    rmSync(join(directory, 'stamps'));
    const { store: again, notices } = open(directory);
    assert.equal(await again.get('k'), undefined);
    assert.match(notices[0]!, /begins empty/);
    await again.close();
  });

  test('is dropped when the machine went down while it was in use, and only then', async (context) => {
    if (!existsSync('/proc/sys/kernel/random/boot_id')) return context.skip('this system does not name its runs');
    const directory = newDirectory();
    const { store } = open(directory);
    for (const length of [100, 100_000]) await putWhole(store, `k${length}`, bytesOf(3), [bytesOf(length)]);
    await store.close();
    writeFileSync(join(directory, 'running'), readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
    const killed = open(directory).store;
    assert.equal(killed.stats().objects, 2, 'a process that was killed leaves what it stored');
    await killed.close();
    writeFileSync(join(directory, 'running'), 'another run of the machine');
    const { store: again, notices } = open(directory);
    assert.equal(again.stats().objects, 0);
    assert.match(notices[0]!, /machine went down/);
    await until('what was dropped is removed', () => !readdirSync(directory).some((name) => name.startsWith('discarded')));
    await again.close();
  });

  test('is there at once, however much there is: nothing is read first', async (context) => {
    if (!existsSync('/proc/self/io')) return context.skip('this system does not count what a process reads');
    /** Bytes read to open the directory, and for the first object. */
    const readFor = async (objects: number): Promise<number> => {
      const directory = newDirectory();
      const { store } = open(directory);
      for (let i = 0; i < objects; i += 500) await Promise.all(Array.from({ length: Math.min(500, objects - i) }, (_, at) => putWhole(store, `k${i + at}`, bytesOf(300), [bytesOf(500)])));
      await store.close();
      const before = bytesRead();
      const { store: again } = open(directory);
      assert.ok((await again.get('k99')) !== undefined);
      const read = bytesRead() - before;
      assert.equal(again.stats().objects, objects);
      await again.close();
      return read;
    };
    const few = await readFor(100);
    const many = await readFor(20_000);
    // Another two levels of the trees, where all of it is 20 MB.
    assert.ok(many - few < 100_000, `${many} bytes instead of ${few}`);
  });

  test('what was being written when the process ended is removed', async () => {
    const directory = newDirectory();
    const script = `
      import { statSync } from 'node:fs';
      import { DiskStore } from ${JSON.stringify(new URL('../../src/stores/disk.ts', import.meta.url).href)};
      const store = new DiskStore({ directory: process.argv[1], maxBytes: 64e6, maxObject: 64e6 });
      const writer = store.put('k', undefined);
      for (let i = 0; i < 40; i++) writer.write(Buffer.alloc(65_536));
      const written = () => statSync(process.argv[1] + '/bodies/1', { throwIfNoEntry: false })?.size ?? 0;
      for (const end = performance.now() + 20_000; written() < 2e6 && performance.now() < end; ) await new Promise(setImmediate);
      process.kill(process.pid, 'SIGKILL');`;
    assert.throws(() => execFileSync(process.execPath, ['--input-type=module', '-e', script, directory], { stdio: 'ignore' }));
    assert.ok(bytesOnDisk(join(directory, 'bodies')) > 1_000_000);
    const { store } = open(directory);
    assert.equal(store.stats().bytes, 0);
    await until('what was half written is removed', () => bytesOnDisk(join(directory, 'bodies')) < 100_000);
    await store.close();
  });
});
