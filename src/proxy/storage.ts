/**
 * @module proxy/storage
 * Where responses are kept, as the configuration wants it: in memory alone, or in memory in front of
 * a disk, which all workers of a proxy have in common. Without a directory of the user's, several
 * workers share a private one on tmpfs.
 */
import { resolve } from 'node:path';
import { Leases } from '../cache/leases.ts';
import type { Store, StoreStats } from '../cache/ports.ts';
import { Stamps } from '../cache/stamps.ts';
import type { Config } from '../config.ts';
import type { DiskShared } from '../stores/disk-shared.ts';
import { DiskStore, type DiskStoreOptions } from '../stores/disk.ts';
import { MemoryStore } from '../stores/memory.ts';
import { type Scratch, makeScratch } from '../stores/scratch.ts';
import { TieredStore } from '../stores/tiered.ts';

/** The share of max-memory that is the workers' common store, where that is in memory; the rest is theirs in equal parts, for hot answers. */
const COMMON_SHARE = 1 / 2;
/** The share of its memory that one object may take where the disk has those that are larger. */
const LARGEST_IN_MEMORY = 1 / 8;

/** What the workers of one proxy share of their storage, for each to be handed. */
export interface SharedStorage {
  readonly leases: SharedArrayBuffer;
  /** The store that all use, each behind a memory of its own. */
  readonly disk: DiskStoreOptions & { readonly shared: DiskShared };
}

export interface Storage {
  readonly store: Store;
  /** Where the store outlives the process, or is that of several workers: stamps that go with it. */
  readonly stamps: Stamps | undefined;
}

/**
 * @param shared where other workers have the same
 * @param onNotice told what an operator should know
 * @throws {MillraceError} ERR_STORE
 */
export function openStorage(config: Config, shared: SharedStorage | undefined, onNotice: (text: string) => void): Storage {
  const { maxMemory, maxObject } = config;
  const options = shared?.disk ?? diskOptions(config);
  if (options === undefined) return { store: new MemoryStore({ maxBytes: maxMemory, maxObject: Math.min(maxObject, maxMemory) }), stamps: undefined };
  const disk = new DiskStore({ ...options, onNotice });
  const memory = new MemoryStore({ maxBytes: maxMemory, maxObject: Math.min(maxObject, Math.floor(maxMemory * LARGEST_IN_MEMORY)) });
  return { store: new TieredStore(memory, disk), stamps: new Stamps(disk.stamps.memory, disk.stamps) };
}

/** Removes what an earlier process has left on disk. @throws {MillraceError} ERR_STORE */
export async function clearStored(config: Config): Promise<void> {
  const options = diskOptions(config);
  if (options === undefined) return;
  const disk = new DiskStore(options);
  await disk.clear();
  await disk.close();
}

/** What the workers of a proxy will share, opened by their main thread. */
export class CommonStorage {
  readonly shared: SharedStorage;
  /** What each of them gets of the configuration. */
  readonly config: Config;
  readonly #disk: DiskStore;
  /** Undefined where the user has named a directory. */
  readonly #scratch: Scratch | undefined;

  /** @throws {MillraceError} ERR_STORE */
  constructor(config: Config, onNotice: (text: string) => void) {
    const onDisk = diskOptions(config);
    const inMemory = onDisk === undefined ? Math.floor(config.maxMemory * COMMON_SHARE) : 0;
    this.config = { ...config, maxMemory: Math.floor((config.maxMemory - inMemory) / config.workers) };
    let options = onDisk;
    if (options === undefined) {
      this.#scratch = makeScratch(inMemory);
      const { path, problem } = this.#scratch;
      if (problem !== undefined) onNotice(`what the workers store lies in ${path} and not in memory alone, as ${problem}.`);
      options = { directory: path, maxBytes: inMemory, maxObject: config.maxObject };
    }
    try {
      this.#disk = new DiskStore({ ...options, onNotice });
    } catch (error) {
      this.#scratch?.remove();
      throw error;
    }
    this.shared = { disk: { ...options, shared: this.#disk.shared }, leases: Leases.memory() };
  }

  /** At once, when the process ends otherwise than by close(). */
  remove(): void {
    this.#scratch?.remove();
  }

  async close(): Promise<void> {
    await this.#disk.close();
    this.#scratch?.remove();
  }
}

/** Undefined where nothing is to be kept on disk. */
function diskOptions({ cache, ttl, cacheDir, maxDisk, maxObject }: Config): DiskStoreOptions | undefined {
  return cache && ttl !== 0 && cacheDir !== undefined ? { directory: resolve(cacheDir), maxBytes: maxDisk, maxObject } : undefined;
}

/** The stores of several workers as one: the same store, behind memories of their own. */
export function storeOfAll([first, ...others]: readonly StoreStats[]): StoreStats {
  if (first?.tiers === undefined) throw new TypeError('Workers have a store in common.');
  const hitsOf = (stores: readonly StoreStats[]): number => stores.reduce((sum, { hits = 0 }) => sum + hits, 0);
  const tiers = first.tiers.map((tier, i) => {
    const ofAll = [tier, ...others.map(({ tiers: each }) => each![i]!)];
    return i === first.tiers!.length - 1 ? { ...tier, hits: hitsOf(ofAll) } : ofAll.reduce(together);
  });
  return { ...first, hits: hitsOf([first, ...others]), tiers };
}

function together(a: StoreStats, b: StoreStats): StoreStats {
  return {
    name: a.name,
    objects: a.objects + b.objects,
    bytes: a.bytes + b.bytes,
    maxBytes: a.maxBytes + b.maxBytes,
    evictions: a.evictions + b.evictions,
    errors: a.errors + b.errors,
    hits: (a.hits ?? 0) + (b.hits ?? 0),
  };
}
