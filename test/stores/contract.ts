/**
 * @module test/stores/contract
 * What every store promises, as one suite: a store that passes it can stand behind the engine.
 * A store that cannot keep a promise skips that case, and says why.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { hasTickets } from '../../src/cache/memo.ts';
import type { Store, StoredObject, StoreTicket, StoreWriter } from '../../src/cache/ports.ts';
import { rounds } from '../kit/random.ts';
import { READER, assertStored, bytesOf, putWhole, readBody } from './objects.ts';
import { TICKET_CASES, rewritten, ticketsOf } from './ticket-cases.ts';

export interface Limits {
  readonly maxBytes: number;
  readonly maxObject: number;
}

export type MakeStore = (limits: Limits) => Store | Promise<Store>;

/** Room enough that no case but the one about evictions sees any. */
const AMPLE: Limits = { maxBytes: 64 * 1024 * 1024, maxObject: 8 * 1024 * 1024 };

async function keysOf(store: Store): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.keys()) keys.push(key);
  return keys.sort();
}

/** The figures of a server on its own are of all that anybody has stored there. */
function countsItsOwn(store: Store): boolean {
  return store.stats().peer === undefined;
}

/** What it has is all in its count: no shared store lies behind it, which may have more. */
function countsAll(store: Store): boolean {
  return countsItsOwn(store) && (store.stats().tiers ?? []).every(({ peer }) => peer === undefined);
}

interface Abilities {
  readonly lists: boolean;
  readonly clears: boolean;
}

type Case = (store: Store, makeStore: MakeStore, abilities: Abilities, runs: number) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  'an unknown key holds nothing': async (store: Store) => {
    assert.equal(await store.get('k'), undefined);
    assert.equal(await store.delete('k'), false);
    assert.equal(await store.clear(), 0);
    assert.deepEqual(await keysOf(store), []);
  },

  'what was committed comes back, whatever its sizes': async (store: Store) => {
    const sizes = [0, 1, 255, 256, 257, 4095, 4096, 8191, 8192, 8193, 65_536, 262_144, 262_145, 1_500_000];
    for (const length of sizes) {
      for (const metaLength of [0, 1, 300, 20_000]) {
        const key = `${length}/${metaLength}`;
        assert.equal(await putWhole(store, key, bytesOf(metaLength, 9), [bytesOf(length)]), true);
      }
    }
    for (const length of sizes) {
      for (const metaLength of [0, 1, 300, 20_000]) {
        await assertStored(store, `${length}/${metaLength}`, bytesOf(metaLength, 9), bytesOf(length));
      }
    }
  },

  'a body may come in many chunks, empty ones among them': async (store: Store) => {
    for (const [key, count, length] of [['tiny', 3000, 1], ['small', 500, 100], ['large', 60, 20_000]] as const) {
      const body = bytesOf(count * length);
      const chunks: Buffer[] = [Buffer.alloc(0)];
      for (let i = 0; i < count; i++) chunks.push(body.subarray(i * length, (i + 1) * length), Buffer.alloc(0));
      assert.equal(await putWhole(store, key, bytesOf(5), chunks), true);
      await assertStored(store, key, bytesOf(5), body);
    }
  },

  'chunks and metas may be used again once they were handed over': async (store: Store) => {
    for (const length of [100, 100_000]) {
      const key = `reused ${length}`;
      const chunk = bytesOf(length);
      const meta = bytesOf(50);
      const writer = store.put(key, length)!;
      assert.equal(writer.write(chunk), true);
      chunk.fill(0);
      assert.equal(await writer.commit(meta), true);
      meta.fill(0);
      await assertStored(store, key, bytesOf(50), bytesOf(length));
    }
  },

  'keys are any strings': async (store: Store, _makeStore: MakeStore, { lists }: Abilities) => {
    const keys = ['', '\0', '\0\0', 'a', 'A', 'a\0', 'a b', 'é', 'e\u0301', '\u0100', 'ÿ', '日本', '🚂', '\ud83d', '\ude82', '\ufeff', 'x'.repeat(5000), '長'.repeat(2000), 'GET\nhttp://a/?b=%20', '../../etc', 'a/', 'a//'];
    for (const [i, key] of keys.entries()) assert.equal(await putWhole(store, key, bytesOf(i), [bytesOf(10, i)]), true);
    for (const [i, key] of keys.entries()) await assertStored(store, key, bytesOf(i), bytesOf(10, i));
    assert.deepEqual(await keysOf(store), lists ? [...keys].sort() : []);
    for (const key of keys) assert.equal(await store.delete(key), true);
    assert.deepEqual(await keysOf(store), []);
  },

  'an object is visible from its commit on, not before': async (store: Store) => {
    const writer = store.put('k', 10)!;
    assert.equal(writer.write(bytesOf(10)), true);
    assert.equal(await store.get('k'), undefined);
    assert.deepEqual(await keysOf(store), []);
    assert.equal(await writer.commit(bytesOf(3)), true);
    await assertStored(store, 'k', bytesOf(3), bytesOf(10));
  },

  'a written object can be read while writing goes on': async (store: Store) => {
    const body = bytesOf(700_000);
    const writer = store.put('k', undefined)!;
    assert.equal(writer.chunkAt(0), undefined);
    const held: Buffer[] = [];
    let read = 0;
    for (let written = 0; written < body.length; written += 12_345) {
      assert.equal(writer.write(body.subarray(written, written + 12_345)), true);
      assert.equal(writer.written, Math.min(body.length, written + 12_345));
      assert.equal(writer.chunkAt(writer.written), undefined);
      for (let chunk = writer.chunkAt(read); chunk !== undefined; chunk = writer.chunkAt(read)) {
        held.push(chunk);
        read += chunk.length;
      }
      assert.equal(read, writer.written);
      const middle = writer.written >>> 1;
      assert.equal(writer.chunkAt(middle)![0], body[middle]);
    }
    assert.equal(await writer.commit(bytesOf(1)), true);
    await store.clear();
    assert.ok(body.equals(Buffer.concat(held)), 'chunks stay as they were for those who hold them');
  },

  'those who lag behind can read on after the commit': async (store: Store) => {
    for (const length of [100, 50_000, 700_000]) {
      const writer = store.put('k', undefined)!;
      writer.write(bytesOf(length));
      assert.equal(await writer.commit(bytesOf(1)), true);
      await store.delete('k');
      const chunks: Buffer[] = [];
      let read = 0;
      for (let chunk = writer.chunkAt(0); chunk !== undefined; chunk = writer.chunkAt(read)) {
        chunks.push(chunk);
        read += chunk.length;
      }
      assert.ok(bytesOf(length).equals(Buffer.concat(chunks)));
    }
  },

  'an aborted write leaves what was there': async (store: Store) => {
    await putWhole(store, 'k', bytesOf(3), [bytesOf(10)]);
    const writer = store.put('k', undefined)!;
    writer.write(bytesOf(20_000, 2));
    writer.abort();
    assert.equal(writer.write(bytesOf(1)), false);
    assert.equal(await writer.commit(bytesOf(4)), false);
    await assertStored(store, 'k', bytesOf(3), bytesOf(10));
    const absent = store.put('absent', undefined)!;
    absent.write(bytesOf(10));
    absent.abort();
    assert.equal(await store.get('absent'), undefined);
  },

  'a writer is used up by its commit': async (store: Store) => {
    const writer = store.put('k', undefined)!;
    writer.write(bytesOf(10));
    assert.equal(await writer.commit(bytesOf(3)), true);
    assert.equal(writer.write(bytesOf(1)), false);
    assert.equal(await writer.commit(bytesOf(4)), false);
    writer.abort();
    await assertStored(store, 'k', bytesOf(3), bytesOf(10));
  },

  'of several writers on one key the last commit wins, whole': async (store: Store) => {
    const writers = [1, 2, 3].map((seed) => ({ seed, writer: store.put('k', undefined)! }));
    for (let i = 0; i < 40; i++) {
      for (const { seed, writer } of writers) assert.equal(writer.write(bytesOf(1000 * seed, seed + i)), true);
    }
    for (const { seed, writer } of [writers[1]!, writers[2]!, writers[0]!]) {
      assert.equal(await writer.commit(bytesOf(10, seed)), true);
      const body = Buffer.concat(Array.from({ length: 40 }, (_, i) => bytesOf(1000 * seed, seed + i)));
      await assertStored(store, 'k', bytesOf(10, seed), body);
    }
    if (countsItsOwn(store)) assert.equal(store.stats().objects, 1);
  },

  'a reader keeps the body it has pinned, whole, whatever happens to the key': async (store: Store) => {
    for (const length of [10, 5000, 300_000]) {
      for (const change of ['replace', 'delete', 'clear'] as const) {
        await putWhole(store, 'k', bytesOf(3), [bytesOf(length)]);
        const held = (await store.get('k'))!;
        assert.notEqual(held.body.pin?.(READER), false);
        const reading = held.body.read(0, length);
        if (change === 'replace') await putWhole(store, 'k', bytesOf(4), [bytesOf(length, 2)]);
        else if (change === 'delete') await store.delete('k');
        else await store.clear();
        for (let i = 0; i < 20; i++) await putWhole(store, `other ${i}`, bytesOf(3, i), [bytesOf(length, i)]);
        const chunks: Buffer[] = [];
        for await (const chunk of reading) chunks.push(chunk);
        assert.ok(bytesOf(length).equals(Buffer.concat(chunks)));
        assert.deepEqual(held.meta, bytesOf(3));
        held.body.unpin?.(READER);
        // A body that is in memory, if only by chance, can be pinned although its object is gone.
        if (held.body.pin?.(READER) === true) {
          for await (const chunk of held.body.read(0, length)) assert.ok(chunk.length > 0);
          held.body.unpin?.(READER);
        }
      }
    }
  },

  'a body can be pinned and read after its description was replaced': async (store: Store) => {
    for (const length of [10, 5000, 300_000]) {
      await putWhole(store, 'k', bytesOf(3), [bytesOf(length)]);
      const held = (await store.get('k'))!;
      assert.equal(await store.update('k', held, bytesOf(4)), true);
      assert.notEqual(held.body.pin?.(READER), false);
      assert.ok(bytesOf(length).equals(await readBody(held.body)));
      held.body.unpin?.(READER);
    }
  },

  'an update replaces the description and keeps the body': async (store: Store) => {
    for (const length of [0, 10, 5000, 300_000]) {
      for (const metaLength of [0, 2, 3, 4, 5000]) {
        await putWhole(store, 'k', bytesOf(3), [bytesOf(length)]);
        const previous = (await store.get('k'))!;
        assert.equal(await store.update('k', previous, bytesOf(metaLength, 8)), true);
        await assertStored(store, 'k', bytesOf(metaLength, 8), bytesOf(length));
        assert.deepEqual(previous.meta, bytesOf(3));
      }
    }
  },

  'an update happens only where the previous object is still there': async (store: Store) => {
    await putWhole(store, 'k', bytesOf(3), [bytesOf(10)]);
    await putWhole(store, 'same', bytesOf(3), [bytesOf(10)]);
    const previous = (await store.get('k'))!;
    assert.equal(await store.update('absent', previous, bytesOf(4)), false);
    assert.equal(await store.update('same', previous, bytesOf(4)), false);
    assert.equal(await store.update('k', previous, bytesOf(4)), true);
    assert.equal(await store.update('k', previous, bytesOf(5)), false, 'the description is another by now');
    await assertStored(store, 'k', bytesOf(4), bytesOf(10));
    const current = (await store.get('k'))!;
    await putWhole(store, 'k', bytesOf(4), [bytesOf(10)]);
    assert.equal(await store.update('k', current, bytesOf(6)), false, 'replaced, if by equal bytes');
    const last = (await store.get('k'))!;
    await store.delete('k');
    assert.equal(await store.update('k', last, bytesOf(6)), false);
    assert.equal(await store.get('k'), undefined);
    await assertStored(store, 'same', bytesOf(3), bytesOf(10));
  },

  'any part of a body can be read': async (store: Store) => {
    for (const length of [1, 300, 9000, 600_000]) {
      const body = bytesOf(length);
      await putWhole(store, `part ${length}`, bytesOf(7), [body]);
      const stored = (await store.get(`part ${length}`))!;
      const property = fc.asyncProperty(fc.nat(length), fc.nat(length), async (a, b) => {
        const [start, end] = a < b ? [a, b] : [b, a];
        assert.ok(body.subarray(start, end).equals(await readBody(stored.body, start, end)));
      });
      await fc.assert(property, { numRuns: 30, examples: [[0, 0], [length, length], [0, length], [length - 1, length]] });
    }
  },

  'delete takes one, clear takes all': async (store: Store) => {
    for (const key of ['a', 'b', 'c', 'd']) await putWhole(store, key, bytesOf(3), [bytesOf(20_000)]);
    assert.equal(await store.delete('b'), true);
    assert.equal(await store.delete('b'), false);
    assert.equal(await store.get('b'), undefined);
    assert.deepEqual(await keysOf(store), ['a', 'c', 'd']);
    assert.equal(await store.clear(), 3);
    assert.deepEqual(await keysOf(store), []);
    assert.equal(await store.get('a'), undefined);
    await putWhole(store, 'a', bytesOf(4), [bytesOf(30)]);
    await assertStored(store, 'a', bytesOf(4), bytesOf(30));
  },

  'a write that is under way when the store is cleared can end well': async (store: Store) => {
    const writer = store.put('k', undefined)!;
    writer.write(bytesOf(1000));
    await store.clear();
    writer.write(bytesOf(1000));
    assert.equal(await writer.commit(bytesOf(3)), true);
    await assertStored(store, 'k', bytesOf(3), Buffer.concat([bytesOf(1000), bytesOf(1000)]));
  },

  'keys can be listed while others write': async (store: Store) => {
    for (let i = 0; i < 50; i++) await putWhole(store, `stays ${i}`, bytesOf(3), [bytesOf(10)]);
    const seen = new Set<string>();
    let i = 0;
    for await (const key of store.keys()) {
      seen.add(key);
      if (i >= 100) continue;
      await putWhole(store, `new ${i}`, bytesOf(3), [bytesOf(10)]);
      await store.delete(`new ${i - 5}`);
      i++;
    }
    for (let n = 0; n < 50; n++) assert.ok(seen.has(`stays ${n}`));
    for (const key of seen) assert.match(key, /^(stays|new) \d+$/);
  },

  'an object above the limit is refused or given up': async (_store: Store, makeStore: MakeStore) => {
    const store = await makeStore({ maxBytes: 8 * 1024 * 1024, maxObject: 50_000 });
    await putWhole(store, 'k', bytesOf(3), [bytesOf(10)]);
    assert.equal(store.put('k', 50_001), undefined);
    assert.ok(store.put('k', 50_000) !== undefined);
    const writer = store.put('k', undefined)!;
    assert.equal(writer.write(bytesOf(30_000)), true);
    assert.equal(writer.write(bytesOf(20_001)), false);
    assert.equal(writer.write(bytesOf(1)), false, 'given up once, given up for good');
    assert.equal(await writer.commit(bytesOf(3)), false);
    await assertStored(store, 'k', bytesOf(3), bytesOf(10));
    assert.equal(await putWhole(store, 'k', bytesOf(3), [bytesOf(30_000), bytesOf(20_000)]), true);
    await store.close();
  },

  'the statistics add up': async (store: Store) => {
    const empty = store.stats();
    assert.equal(empty.name, store.name);
    assert.equal(empty.objects, 0);
    let own = 0;
    for (let i = 0; i < 30; i++) {
      await putWhole(store, `key ${i}`, bytesOf(100), [bytesOf(i * 1000)]);
      own += `key ${i}`.length + 100 + i * 1000;
    }
    const full = store.stats();
    assert.equal(full.objects, 30);
    assert.ok(full.bytes >= own && full.bytes <= full.maxBytes, `${own} <= ${full.bytes} <= ${full.maxBytes}`);
    assert.equal(full.evictions, 0);
    assert.equal(full.errors, 0);
    for (let i = 0; i < 30; i += 2) await store.delete(`key ${i}`);
    assert.equal(store.stats().objects, 15);
    assert.ok(store.stats().bytes < full.bytes);
    store.put('open', undefined)!.abort();
    await putWhole(store, 'key 1', bytesOf(100), [bytesOf(10)]);
    assert.equal(store.stats().objects, 15, 'a replaced object is still one');
    await store.clear();
    assert.equal(store.stats().objects, 0);
    assert.equal(store.stats().bytes, empty.bytes);
  },

  'any sequence of operations agrees with a model, and never exceeds the budget': async (_store: Store, makeStore: MakeStore, { lists, clears }: Abilities, numRuns: number) => {
    const property = fc.asyncProperty(fc.array(operation, { size: 'max', maxLength: 150 }), async (operations) => {
      const store = await makeStore({ maxBytes: 200_000, maxObject: 90_000 });
      const steps = clears ? operations : operations.filter(({ kind }) => kind !== 'clear');
      if (!clears) for (const at of KEYS) await store.delete(at);
      await followModel(store, steps, lists);
      await store.close();
    });
    await fc.assert(property, { numRuns });
  },
};

const KEYS = ['a', 'b', 'c', '', 'é', '日本', '\ud83d'];
const key = fc.constantFrom(...KEYS);
const size = fc.oneof(fc.nat(40), fc.nat(3000), fc.nat(20_000), fc.nat(100_000));
const operation = fc.oneof(
  fc.record({ kind: fc.constant('open' as const), key, expected: fc.option(size, { nil: undefined }) }),
  fc.record({ kind: fc.constant('write' as const), writer: fc.nat(5), size }),
  fc.record({ kind: fc.constant('commit' as const), writer: fc.nat(5), meta: fc.nat(2000) }),
  fc.record({ kind: fc.constant('abort' as const), writer: fc.nat(5) }),
  fc.record({ kind: fc.constant('put' as const), key, size, meta: fc.nat(2000) }),
  fc.record({ kind: fc.constant('get' as const), key }),
  fc.record({ kind: fc.constant('update' as const), key, meta: fc.nat(2000) }),
  fc.record({ kind: fc.constant('delete' as const), key }),
  fc.record({ kind: fc.constant('clear' as const) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

interface ModelWriter {
  readonly key: string;
  readonly writer: StoreWriter;
  readonly chunks: Buffer[];
  open: boolean;
}

/** The store may drop an object at any time, but never bring back one that is gone, nor another one. */
async function followModel(store: Store, operations: readonly Operation[], lists: boolean): Promise<void> {
  const model = new Map<string, { meta: Buffer; body: Buffer }>();
  const held = new Map<string, StoredObject>();
  const tickets = new Map<string, { readonly ticket: StoreTicket; readonly meta: Buffer; readonly body: Buffer }>();
  const writers: ModelWriter[] = [];
  let seed = 0;

  /** While a ticket stands, what it was issued for is what is stored. */
  const useTicket = async (at: string): Promise<void> => {
    const known = tickets.get(at);
    if (known === undefined || !ticketsOf(store).touch(known.ticket)) return;
    const body = ticketsOf(store).bodyOf(known.ticket);
    const expected = model.get(at);
    assert.deepEqual(known.meta, expected?.meta);
    assert.ok(body === undefined || known.body.equals(await readBody(body)));
  };
  const look = async (at: string): Promise<void> => {
    await useTicket(at);
    const stored = await store.get(at);
    const expected = model.get(at);
    if (stored === undefined) {
      model.delete(at);
      return;
    }
    assert.ok(expected !== undefined, `nothing can be stored under ${JSON.stringify(at)}`);
    assert.deepEqual(stored.meta, expected.meta);
    assert.ok(expected.body.equals(await readBody(stored.body)));
    held.set(at, stored);
    const ticket = hasTickets(store) ? store.ticket(stored) : undefined;
    if (ticket !== undefined) tickets.set(at, { ticket: rewritten(ticketsOf(store), ticket), ...expected });
  };
  const commit = async (entry: ModelWriter, meta: Buffer): Promise<void> => {
    const kept = await entry.writer.commit(meta);
    entry.writer.abort();
    assert.ok(!kept || entry.open, 'a writer that was given up cannot commit');
    if (kept) model.set(entry.key, { meta, body: Buffer.concat(entry.chunks) });
    entry.open = false;
  };
  const write = (entry: ModelWriter, chunk: Buffer): void => {
    const taken = entry.writer.write(chunk);
    assert.ok(!taken || entry.open, 'a writer that was given up takes nothing');
    if (taken) entry.chunks.push(chunk);
    else entry.open = false;
  };
  const open = (at: string, expected: number | undefined): ModelWriter | undefined => {
    const writer = store.put(at, expected);
    return writer === undefined ? undefined : { key: at, writer, chunks: [], open: true };
  };

  for (const step of operations) {
    seed++;
    switch (step.kind) {
      case 'open': {
        const entry = open(step.key, step.expected);
        if (entry !== undefined) writers.push(entry);
        break;
      }
      case 'write': {
        const entry = writers[step.writer];
        if (entry !== undefined) write(entry, bytesOf(step.size, seed));
        break;
      }
      case 'commit': {
        const [entry] = writers.splice(step.writer, 1);
        if (entry !== undefined) await commit(entry, bytesOf(step.meta, seed));
        break;
      }
      case 'abort': {
        const [entry] = writers.splice(step.writer, 1);
        entry?.writer.abort();
        break;
      }
      case 'put': {
        const entry = open(step.key, undefined);
        if (entry === undefined) break;
        write(entry, bytesOf(step.size, seed));
        await commit(entry, bytesOf(step.meta, seed));
        break;
      }
      case 'get':
        await look(step.key);
        break;
      case 'update': {
        const previous = held.get(step.key);
        if (previous === undefined) break;
        const meta = bytesOf(step.meta, seed);
        if (!(await store.update(step.key, previous, meta))) break;
        assert.deepEqual(previous.meta, model.get(step.key)?.meta);
        model.set(step.key, { meta, body: await readBody(previous.body) });
        break;
      }
      case 'delete':
        if (await store.delete(step.key)) assert.ok(model.has(step.key));
        model.delete(step.key);
        break;
      case 'clear':
        assert.ok((await store.clear()) <= model.size);
        model.clear();
        break;
    }
    if (!countsItsOwn(store)) continue;
    const stats = store.stats();
    assert.ok(stats.bytes <= stats.maxBytes, `${stats.bytes} bytes of ${stats.maxBytes} after ${step.kind}`);
    assert.ok(stats.objects <= model.size);
  }
  for (const { writer } of writers) writer.abort();
  const keys = await keysOf(store);
  if (countsItsOwn(store)) assert.equal(keys.length, store.stats().objects);
  assert.ok(lists || keys.length === 0);
  for (const at of keys) assert.ok(model.has(at));
  let own = 0;
  for (const at of KEYS) {
    await look(at);
    const object = model.get(at);
    if (object !== undefined) own += at.length + object.meta.length + object.body.length;
  }
  if (countsAll(store)) assert.ok(own <= store.stats().bytes);
}

/** What a store cannot do by its nature. */
interface Inabilities {
  /** The cases it cannot pass, by title, each with the reason. */
  readonly skips?: Readonly<Record<string, string>>;
  /** It cannot name its keys; then it has none. */
  readonly lists?: boolean;
  /** What was cleared may lie somewhere still, and be deleted once more. */
  readonly clears?: boolean;
  /** Answers are prepared by way of it. No: the store of another machine, and the disk without memory in front of it. */
  readonly tickets?: boolean;
  /** Random sequences of operations; fewer for stores made of others that have had theirs. Default 20, and 100 in `npm run test:full`. */
  readonly runs?: number;
}

/** Runs the suite. */
export function storeContract(name: string, makeStore: MakeStore, { skips = {}, lists = true, clears = true, tickets = true, runs = rounds(20) }: Inabilities = {}): void {
  for (const title of Object.keys(skips)) assert.ok(title in CASES, `there is no case "${title}" to skip`);
  describe(`${name} keeps the contract of stores`, () => {
    for (const [title, run] of Object.entries(CASES)) {
      // The words tell these skips from those of what is not installed; see .ci/run.
      const skip = title in skips ? `not for this store: ${skips[title]!}` : false;
      test(title, { skip }, async () => {
        const store = await makeStore(AMPLE);
        try {
          await run(store, makeStore, { lists, clears }, runs);
        } finally {
          await store.close();
        }
      });
    }
    for (const [title, run] of Object.entries(tickets ? TICKET_CASES : {})) {
      test(title, async () => {
        const store = await makeStore(AMPLE);
        try {
          await run(ticketsOf(store), AMPLE);
        } finally {
          await store.close();
        }
      });
    }
  });
}
