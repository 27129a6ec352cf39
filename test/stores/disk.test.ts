import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, openSync, closeSync, ftruncateSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Stamps } from '../../src/cache/stamps.ts';
import { MillraceError } from '../../src/errors.ts';
import type { Whereabouts } from '../../src/stores/disk-objects.ts';
import { DiskStore } from '../../src/stores/disk.ts';
import { mountSmall, writeUntilFull } from '../kit/small-disk.ts';
import { assertSound } from './disk-soundness.ts';
import { bytesOf, putWhole, readBody, storeContract } from './contract.ts';

const MB = 1024 * 1024;
const root = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newDirectory = (): string => join(root, String(++count));

storeContract('DiskStore', (limits) => new DiskStore({ ...limits, directory: newDirectory() }));

interface Opened {
  readonly store: DiskStore;
  readonly notices: string[];
}

function open(directory: string, maxBytes = 64 * MB, maxObject = maxBytes): Opened {
  const notices: string[] = [];
  return { store: new DiskStore({ directory, maxBytes, maxObject, onNotice: (text) => notices.push(text) }), notices };
}

/** Bytes that everything below a directory takes on the disk. */
function bytesOnDisk(directory: string): number {
  return readdirSync(directory, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(directory, entry.name);
    return sum + (entry.isDirectory() ? bytesOnDisk(path) : statSync(path).blocks * 512);
  }, 0);
}

/** By this process, from any file. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/mu.exec(readFileSync('/proc/self/io', 'latin1'))![1]);
}

/** The first segment of a cache that has but that one, and what it holds. */
function segmentOf(directory: string): { path: string; bytes: Buffer } {
  const path = join(directory, 'bodies', '1');
  return { path, bytes: readFileSync(path) };
}

function storeError(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof MillraceError && error.code === 'ERR_STORE' && pattern.test(error.message);
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1500; i++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail('it did not come to that within fifteen seconds');
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
    await until(() => !readdirSync(directory).some((name) => name.startsWith('discarded')));
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
      while (written() < 2e6) await new Promise(setImmediate);
      process.kill(process.pid, 'SIGKILL');`;
    assert.throws(() => execFileSync(process.execPath, ['--input-type=module', '-e', script, directory], { stdio: 'ignore' }));
    assert.ok(bytesOnDisk(join(directory, 'bodies')) > 1_000_000);
    const { store } = open(directory);
    assert.equal(store.stats().bytes, 0);
    await until(() => bytesOnDisk(join(directory, 'bodies')) < 100_000);
    await store.close();
  });
});

describe('a directory', () => {
  test('of another program is refused, and left as it is', () => {
    const directory = newDirectory();
    mkdirSync(directory);
    writeFileSync(join(directory, 'thesis.txt'), 'words');
    assert.throws(() => open(directory), storeError(/thesis\.txt.*Nothing was touched/));
    assert.deepEqual(readdirSync(directory), ['thesis.txt']);
    writeFileSync(join(directory, 'millrace.json'), '{"program":"another"}');
    assert.throws(() => open(directory), storeError(/not Millrace's/));
    assert.deepEqual(readdirSync(directory).sort(), ['millrace.json', 'thesis.txt']);
  });

  test('of another version is refused, and left as it is', async () => {
    const directory = newDirectory();
    await open(directory).store.close();
    writeFileSync(join(directory, 'millrace.json'), '{"program":"millrace","format":99}');
    const before = readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mtimeMs]);
    assert.throws(() => open(directory), storeError(/format 99, this program reads 3/));
    assert.deepEqual(readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mtimeMs]), before);
  });

  test('that cannot be made is refused', () => {
    writeFileSync(join(root, 'file'), '');
    assert.throws(() => open(join(root, 'file', 'cache')), storeError(/cannot be used/));
  });

  test('belongs to one process at a time, and is free as soon as that one is killed', async () => {
    const directory = newDirectory();
    const script = `
      import { DiskStore } from ${JSON.stringify(new URL('../../src/stores/disk.ts', import.meta.url).href)};
      const store = new DiskStore({ directory: process.argv[1], maxBytes: 1e6, maxObject: 1e6 });
      const writer = store.put('k', 5);
      writer.write(Buffer.from('hello'));
      await writer.commit(Buffer.from('meta'));
      console.log('ready');
      setInterval(() => {}, 1000);`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', script, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    assert.throws(() => open(directory), storeError(/in use by another running proxy/));
    other.kill('SIGKILL');
    await once(other, 'close');
    const { store } = open(directory);
    assert.equal((await store.get('k'))?.meta.toString(), 'meta');
    assert.throws(() => open(directory), storeError(/in use/), 'nor to two stores of one process that know nothing of each other');
    await store.close();
    await open(directory).store.close();
  });
});

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
      await until(() => store.stats().objects === 1);
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
      await until(async () => (await store.get(key)) === undefined);
    }
    assert.ok(bodies.whole.equals(await readBody((await store.get('whole'))!.body)));
    await store.close();
    rmSync(path);
    const { store: again, notices } = open(directory);
    const stored = await again.get('whole');
    await assert.rejects(() => readBody(stored!.body), storeError(/damaged/));
    await until(async () => (await again.get('whole')) === undefined);
    assert.equal(notices.length, 1);
    assert.equal(await putWhole(again, 'new', bytesOf(3), [bodies.cut]), true);
    assert.ok(bodies.cut.equals(await readBody((await again.get('new'))!.body)));
    await again.close();
  });

  test('of any pages of the index ends neither the process nor in a wrong byte', async () => {
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
      for (let i = 0; i < 4; i++) writeSync(file, randomBytes(8192), 0, 8192, Math.floor(Math.random() * (round === 0 ? 1 : pages)) * 8192);
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
          while (writer.backlog > MB) await new Promise(setImmediate);
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
    // 1.25 times the quota, and 8 MB: what DiskStoreOptions and the README promise.
    assert.ok(mostOnDisk < 1.25 * maxBytes + 8 * MB, `${mostOnDisk} bytes on disk`);
    assert.deepEqual(notices, []);
    await store.close();
    assertSound(directory);
  });

  test('holds while open writers have all of it; then who comes too late is refused', async () => {
    const { store } = open(newDirectory(), 4 * MB, 4 * MB);
    const writers = Array.from({ length: 6 }, (_, i) => store.put(`k${i}`, undefined)!);
    const results = await Promise.all(
      writers.map(async (writer, i) => {
        for (let n = 0; n < 20; n++) {
          if (!writer.write(bytesOf(65_536, i))) {
            writer.abort();
            break;
          }
          await new Promise(setImmediate);
          assert.ok(store.stats().bytes <= 4 * MB);
        }
        const kept = await writer.commit(bytesOf(10));
        writer.abort();
        return kept;
      }),
    );
    assert.ok(results.some(Boolean), 'some got through');
    assert.ok(store.stats().bytes <= 4 * MB);
    for (const [i, kept] of results.entries()) {
      if (kept) assert.ok(Buffer.concat(Array.from({ length: 20 }, () => bytesOf(65_536, i))).equals(await readBody((await store.get(`k${i}`))!.body)));
    }
    await store.close();
  });

  test('small objects take no more room on the disk than they count for', async () => {
    const directory = newDirectory();
    const { store } = open(directory, 8 * MB);
    for (let round = 0; round < 40; round++) {
      await Promise.all(Array.from({ length: 500 }, (_, i) => putWhole(store, `${round}/${i}`, bytesOf(300), [bytesOf((i * 37) % 3000)])));
    }
    assert.ok(store.stats().evictions > 10_000);
    assert.ok(bytesOnDisk(directory) < 1.25 * 8 * MB + 8 * MB, `${bytesOnDisk(directory)} bytes on disk`);
    await store.close();
  });

  test('holds on the disk when small objects follow large ones, and large ones small ones; neither has to leave all of it to the other', async () => {
    const directory = newDirectory();
    const maxBytes = 24 * MB;
    const { store } = open(directory, maxBytes);
    const put = async (name: string, times: number, length: number): Promise<void> => {
      for (let i = 0; i < times; i += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, at) => putWhole(store, `${name} ${i + at}`, bytesOf(300), [bytesOf(length, at)])));
        assert.ok(store.stats().bytes <= maxBytes);
      }
      assert.ok(bytesOnDisk(directory) < 1.25 * maxBytes + 8 * MB, `${bytesOnDisk(directory)} bytes on disk after ${name}`);
    };
    await put('small', 20_000, 1500);
    await put('large', 300, 200_000);
    await put('small again', 20_000, 1500);
    await put('large again', 300, 200_000);
    const { objects } = store.stats();
    await put('a few small ones', 200, 1500);
    assert.ok(store.stats().objects > objects, `${store.stats().objects} where ${objects} were`);
    assert.ok(store.stats().bytes > 0.8 * maxBytes);
    await store.clear();
    await until(() => bytesOnDisk(directory) < 12 * MB);
    await store.close();
    assertSound(directory);
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
    await until(() => again.stats().bytes < 1000);
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
    while (has('back')) await put(store, `push ${pushed++}`);
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
    await until(() => putWhole(store, 'after', bytesOf(3), [bytesOf(300_000)]));
    await until(async () => (await putWhole(store, 'later', bytesOf(3), [bytesOf(100)])) && notices.length > 1);
    assert.match(notices[1]!, /can be written again/);
    assert.ok(bytesOf(300_000).equals(await readBody((await store.get('after'))!.body)));
    await until(async () => (await store.get('small')) === undefined && ![...store.keys()].includes('small'));
    await store.close();
    const again = open(join(directory, 'cache'), 200 * MB).store;
    assert.equal(await again.get('small'), undefined);
    assert.ok(await again.get('kept'));
    await again.close();
  });
});

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
  await until(() => store.stats().bytes === 0);
  await store.close();
  const again = open(directory).store;
  assert.ok(new Stamps(again.stamps.memory, again.stamps).isDead('scope of 1', stamp), 'written down by the thread that purged');
  await again.close();
});

test('where a large body lies is remembered until it is gone: replaced, deleted, evicted or cleared by any thread', async () => {
  const { store, notices } = open(newDirectory(), 8 * MB, 4 * MB);
  const other = new DiskStore({ directory: join(root, String(count)), shared: store.shared, maxBytes: 8 * MB, maxObject: 4 * MB, onNotice: (text) => notices.push(text) });
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
  const { store } = open(newDirectory());
  const other = new DiskStore({ directory: join(root, String(count)), shared: store.shared, maxBytes: 64 * MB, maxObject: MB });
  const keys = Array.from({ length: 3000 }, (_, i) => `k${i}`);
  await Promise.all(keys.map((key) => putWhole(store, key, Buffer.from('meta'), [bytesOf(10)])));
  const before = keys.map((key) => other.changesOf(key));
  const clearing = store.clear();
  while (store.stats().objects > 0) await new Promise(setImmediate);
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
    const read = await other.get('k');
    // Somebody reads it: the file has to wait, longer than that thread is there.
    await other.delete('k');
    await other.close();
    await readBody(read!.body);
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
    await until(() => store.stats().bytes === 0);
    await store.close();
  });
});

describe('other users of the machine', () => {
  /** What is in a directory with what others may do there. */
  const open755 = (path: string): string => {
    mkdirSync(path);
    chmodSync(path, 0o755);
    return path;
  };

  for (const [name, directory] of [['a directory of its own', newDirectory], ['a directory that was there', () => open755(newDirectory())]] as const) {
    test(`read nothing of what is kept in ${name}`, async () => {
      const path = directory();
      const { store } = open(path);
      await putWhole(store, 'http://a/secret', Buffer.from('meta'), [randomBytes(300_000)]);
      await store.close();
      const { store: again } = open(path);
      for (const kept of ['bodies', 'index.db', 'index.db-wal', 'index.db-shm']) assert.equal(statSync(join(path, kept)).mode & 0o077, 0, kept);
      await again.close();
    });
  }

  test('cannot put a directory of theirs in place of ours', { skip: process.getuid?.() !== 0 && 'only root can give directories away' }, () => {
    const shared = newDirectory();
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    const theirs = open755(join(shared, 'cache'));
    chownSync(theirs, 12_345, 12_345);
    assert.throws(() => open(theirs), storeError(/belongs to another user \(12345\)/u));
    assert.deepEqual(readdirSync(theirs), []);
    // Where not everybody can make one, it was given to us.
    chmodSync(shared, 0o755);
    void open(theirs).store.close();
  });
});
