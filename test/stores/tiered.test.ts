import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { DiskStore } from '../../src/stores/disk.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import type { TieredTicket } from '../../src/stores/tiered-ticket.ts';
import { TieredStore } from '../../src/stores/tiered.ts';
import { storeContract } from './contract.ts';
import { bytesOf, putWhole, readBody } from './objects.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-tiered-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const directory = (): string => join(root, String(++count));

storeContract('TieredStore', (limits) => new TieredStore(new MemoryStore(limits), new DiskStore({ ...limits, directory: directory() })));
storeContract('TieredStore with little memory', (limits) => new TieredStore(new MemoryStore({ maxBytes: 20_000, maxObject: 10_000 }), new DiskStore({ ...limits, directory: directory() })));

const KB = 1024;
/** In the row, in one block, in several. */
const LENGTHS = [500, 40 * KB, 300 * KB];

/** A store whose memory has room for next to nothing. */
class Scene {
  readonly path = directory();
  readonly notices: string[] = [];
  readonly disk: DiskStore;
  readonly store: TieredStore;

  constructor(maxBytes = 64 * KB * KB, memoryBytes = 1000) {
    this.disk = new DiskStore({ directory: this.path, maxBytes, maxObject: maxBytes, onNotice: (text) => this.notices.push(text) });
    this.store = new TieredStore(new MemoryStore({ maxBytes: memoryBytes, maxObject: memoryBytes / 10 }), this.disk);
  }

  put(key: string, length: number): Promise<boolean> {
    return putWhole(this.store, key, bytesOf(10), [bytesOf(length)]);
  }

  async ticket(key: string): Promise<TieredTicket> {
    return this.store.ticket((await this.store.get(key))!)!;
  }

  async assertStands(ticket: TieredTicket, length: number): Promise<void> {
    assert.equal(this.store.touch(ticket), true);
    const body = this.store.bodyOf(ticket)!;
    assert.equal(body.length, length);
    assert.ok(bytesOf(length).equals(await readBody(body)));
  }

  assertGone(ticket: TieredTicket): void {
    assert.equal(this.store.touch(ticket), false);
    assert.equal(this.store.bodyOf(ticket), undefined);
  }
}

describe('a ticket of what is on disk alone', () => {
  for (const length of LENGTHS) {
    test(`stands for the very object, of ${length} bytes, until it is changed`, async () => {
      const scene = new Scene();
      await scene.put('k', length);
      const first = await scene.ticket('k');
      await scene.assertStands(first, length);
      await scene.assertStands(first, length);
      assert.equal(await scene.store.update('k', (await scene.store.get('k'))!, bytesOf(20)), true);
      scene.assertGone(first);
      const described = await scene.ticket('k');
      await scene.assertStands(described, length);
      await scene.put('k', length);
      scene.assertGone(described);
      const replaced = await scene.ticket('k');
      await scene.store.delete('k');
      scene.assertGone(replaced);
      await scene.put('k', length);
      const last = await scene.ticket('k');
      await scene.store.clear();
      scene.assertGone(last);
      await scene.store.close();
    });

    test(`ends with what another thread does to the object of ${length} bytes`, async () => {
      const scene = new Scene();
      const other = new DiskStore({ directory: scene.path, maxBytes: 64 * KB * KB, maxObject: KB * KB, shared: scene.disk.shared });
      await scene.put('k', length);
      const ticket = await scene.ticket('k');
      await scene.assertStands(ticket, length);
      await other.delete('k');
      scene.assertGone(ticket);
      await other.close();
      await scene.store.close();
    });

    test(`gives nothing of an object of ${length} bytes that was evicted, or what it was`, async () => {
      const scene = new Scene(2 * KB * KB);
      await scene.put('k', length);
      const ticket = await scene.ticket('k');
      for (let i = 0; [...scene.disk.keys()].includes('k'); i++) for (let j = 0; j < 20; j++) await scene.put(`${i} ${j}`, 100 * KB);
      const body = scene.store.bodyOf(ticket);
      // What its checksum fits has not been written over yet.
      if (length === 40 * KB && body !== undefined) assert.ok(bytesOf(length).equals(await readBody(body)));
      else assert.equal(body, undefined);
      for (let i = 0; i < 40; i++) await putWhole(scene.store, `over ${i}`, bytesOf(10), [bytesOf(100 * KB, 2)]);
      assert.equal(scene.store.bodyOf(ticket), undefined);
      await scene.store.close();
    });
  }

  test('ends when the object moves in its queue: accesses are noted by places', async () => {
    const scene = new Scene(2 * KB * KB);
    await scene.put('k', 40 * KB);
    const before = await scene.ticket('k');
    for (let i = 0; i < 3; i++) assert.equal(scene.store.touch(before), true);
    for (let i = 0; scene.store.touch(before); i++) {
      assert.ok(i < 1000, 'it moves some time');
      await scene.put(`${i}`, 100 * KB);
    }
    await scene.assertStands(await scene.ticket('k'), 40 * KB);
    await scene.store.close();
  });

  test('gives no damaged body, and the object is then dropped, and told of', async () => {
    const scene = new Scene();
    for (const [key, length] of [['one', 40 * KB], ['several', 300 * KB]] as const) {
      await scene.put(key, length);
      const ticket = await scene.ticket(key);
      const files = readdirSync(join(scene.path, 'bodies'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      for (const { parentPath, name } of files) writeFileSync(join(parentPath, name), Buffer.alloc(length + 100, 7));
      assert.equal(scene.store.touch(ticket), true);
      const body = scene.store.bodyOf(ticket);
      if (key === 'several') {
        await assert.rejects(() => readBody(body!), /damaged/);
        assert.equal(scene.store.touch(ticket), false, 'who prepared it has to look again');
      } else assert.equal(body, undefined);
      await scene.store.get(key);
      assert.match(scene.notices.at(-1)!, /damaged/);
      await scene.disk.describe('none', 1, bytesOf(1));
      assert.equal(await scene.store.get(key), undefined);
    }
    assert.equal(scene.notices.length, 2);
    await scene.store.close();
  });

  for (const length of [500, 40 * KB]) {
    test(`gives way to memory when the object, of ${length} bytes, is asked for again and again`, async () => {
      const scene = new Scene(64 * KB * KB, KB * KB);
      const writer = scene.disk.put('k', length)!;
      writer.write(bytesOf(length));
      assert.ok(await writer.commit(bytesOf(10)));
      const onDisk = await scene.ticket('k');
      await scene.assertStands(onDisk, length);
      assert.equal(scene.store.touch(onDisk), true);
      assert.equal(scene.store.bodyOf(onDisk), undefined);
      assert.ok(bytesOf(length).equals(await readBody((await scene.store.get('k'))!.body)));
      const inMemory = await scene.ticket('k');
      await scene.disk.close();
      await scene.assertStands(inMemory, length);
      await scene.store.close();
    });
  }

  test('is lent for out of bytes that are not memory\'s, as far as these go', async () => {
    const memory = new MemoryStore({ maxBytes: 10_000, maxObject: 1000 });
    const store = new TieredStore(memory, new Scene().disk, 50_000);
    assert.equal(store.lend(45_000), true);
    assert.equal(memory.stats().bytes, 0);
    assert.equal(store.lend(10_000), true);
    assert.equal(memory.stats().bytes, 5000);
    assert.equal(store.lend(6000), false);
    store.giveBack(7000);
    assert.equal(memory.stats().bytes, 0);
    store.giveBack(48_000);
    assert.equal(store.lend(50_000), true);
    assert.equal(memory.stats().bytes, 0);
    await store.close();
  });
});

test('memory that has all that is on disk keeps none of it from giving way', async () => {
  const { store, disk } = new Scene(200 * KB, 10 * KB * KB);
  for (let i = 0; i < 100; i++) {
    await putWhole(store, String(i), bytesOf(100), [bytesOf(9 * KB)]);
    assert.ok(disk.stats().bytes <= 200 * KB);
  }
  assert.ok(disk.stats().evictions > 50);
  await store.close();
});
