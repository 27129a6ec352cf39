/**
 * @module bench/eviction/replay
 * Plays a trace through a real store: what is asked for and not there is stored. Bodies are made
 * smaller in proportion where they are large, since only what they take beside each other counts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../../src/cache/ports.ts';
import { DiskStore } from '../../src/stores/disk.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { fastDirectory } from '../machine.ts';
import type { Hits } from './references.ts';
import type { Trace } from './trace.ts';

export type StoreName = 'memory' | 'disk';

/** Bytes of a body where the trace has no sizes, and of the mean one where it has. */
const USUAL_BODY = 1024;
const META = Buffer.alloc(100);
/** Stored at a time. */
const AT_A_TIME = 64;
/** Bytes that hold one body of every length. */
const AMPLE = 2 ** 33;
/** Requests between two words on how far it is. */
const STEP = 10_000;

/** By object, in bytes. */
export function bodyLengths({ sizes, objects }: Trace): Int32Array {
  if (sizes === undefined) return new Int32Array(objects).fill(USUAL_BODY);
  const mean = sizes.reduce((sum, size) => sum + size, 0) / objects;
  const scale = Math.min(1, USUAL_BODY / mean);
  return Int32Array.from(sizes, (size) => Math.round(size * scale));
}

/**
 * What each object takes in that store, by object.
 * @throws {Error} where an object cannot be stored, or takes less than its body
 */
export async function costsIn(name: StoreName, lengths: Int32Array): Promise<Float64Array> {
  const byLength = new Map<number, number>();
  await using opened = open(name, AMPLE);
  const { store } = opened;
  for (const length of new Set(lengths)) {
    // Each stays: the room of a deleted body counts until some time later.
    const before = store.stats().bytes;
    const isStored = await put(store, byLength.size, length);
    const cost = store.stats().bytes - before;
    if (!isStored || store.stats().evictions > 0) throw new Error(`${name} did not keep a body of ${length} bytes, so what it takes is unknown.`);
    if (cost < length + META.length) throw new Error(`A body of ${length} bytes took ${cost} bytes in ${name}; it cannot be so few.`);
    byLength.set(length, cost);
  }
  return Float64Array.from(lengths, (length) => byLength.get(length)!);
}

/** @throws {Error} where the store did not do what it was asked: then its hits say nothing of its eviction */
export async function replay(name: StoreName, { requests }: Trace, lengths: Int32Array, capacity: number, progress: (share: number) => void): Promise<Hits> {
  await using opened = open(name, capacity);
  const { store } = opened;
  const hits = new Uint8Array(requests.length);
  const underWay = new Map<number, Promise<boolean>>();
  for (const [at, object] of requests.entries()) {
    if (at % STEP === 0) progress(at / requests.length);
    // What is on its way will be there.
    if (underWay.has(object)) {
      await underWay.get(object);
    }
    if ((await store.get(keyOf(object))) !== undefined) {
      hits[at] = 1;
      continue;
    }
    underWay.set(object, put(store, object, lengths[object]!).finally(() => underWay.delete(object)));
    if (underWay.size >= AT_A_TIME) await Promise.all(underWay.values());
  }
  await Promise.all(underWay.values());
  const { errors, bytes, objects } = store.stats();
  if (objects === 0) throw new Error(`${name} kept nothing in ${capacity} bytes.`);
  if (errors > 0) throw new Error(`${name} failed ${errors} times.`);
  if (bytes > capacity) throw new Error(`${name} has ${bytes} bytes where it may have ${capacity}.`);
  return hits;
}

async function put(store: Store, object: number, length: number): Promise<boolean> {
  const writer = store.put(keyOf(object), length);
  if (writer === undefined) return false;
  const isStored = (length === 0 || writer.write(Buffer.alloc(length))) && (await writer.commit(META));
  writer.abort();
  return isStored;
}

/** All of one length, so that they take the same room. */
function keyOf(object: number): string {
  return `http://origin/${object.toString(36).padStart(8, '0')}`;
}

function open(name: StoreName, maxBytes: number): AsyncDisposable & { readonly store: Store } {
  if (name === 'memory') {
    const store = new MemoryStore({ maxBytes, maxObject: maxBytes });
    return { store, [Symbol.asyncDispose]: () => store.close() };
  }
  const directory = mkdtempSync(join(fastDirectory(), 'millrace-eviction-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  // Also where this process ends in the middle.
  process.once('exit', remove);
  const store = new DiskStore({ directory, maxBytes, maxObject: maxBytes });
  const close = async (): Promise<void> => {
    await store.close();
    remove();
    process.off('exit', remove);
  };
  return { store, [Symbol.asyncDispose]: close };
}
