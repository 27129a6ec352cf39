/**
 * @module proxy/storage
 * Where responses are kept, as the configuration wants it: in memory alone, or in memory in front of
 * a disk, which all workers of a proxy have in common. Without a directory of the user's, several
 * workers share a private one on tmpfs. Behind either may stand a store on other machines.
 */
import { resolve } from 'node:path';
import type { Timing } from '../cache/counters.ts';
import { Leases } from '../cache/leases.ts';
import type { TicketStore } from '../cache/memo.ts';
import type { Store } from '../cache/ports.ts';
import type { StoreStats } from '../cache/store-stats.ts';
import { type StampKeeper, Stamps } from '../cache/stamps.ts';
import type { Config } from '../config.ts';
import type { PrefixPurge } from '../stores/coherence.ts';
import { storedBytesFor } from '../stores/disk-quota.ts';
import type { DiskShared } from '../stores/disk-shared.ts';
import { DiskStore, type DiskStoreOptions } from '../stores/disk.ts';
import { MemoryStore } from '../stores/memory.ts';
import { type Scratch, makeScratch } from '../stores/scratch.ts';
import { SharedStore } from '../stores/shared.ts';
import { TieredStore } from '../stores/tiered.ts';
import { type FleetLine, Tie, fleetBy, isShared, openRemote } from './sharing.ts';

/** The share of max-memory that is the workers' common store, where that is in memory; the rest is theirs in equal parts, for hot answers. */
const COMMON_SHARE = 1 / 2;
/** Bytes, beside max-memory, for answers prepared for what is on disk. Three quarters are for those that are not hot, some 350 bytes each. */
const ANSWERS = 28 * 1024 * 1024;
/** The share of its memory that one object may take where the disk has those that are larger. */
const LARGEST_IN_MEMORY = 1 / 8;

/** What the workers of one proxy share of their storage, for each to be handed. */
export interface SharedStorage {
  readonly leases: SharedArrayBuffer;
  /** Where other machines have a part in it: what is known of them, and the prefixes purged so far. */
  readonly fleet: { readonly memory: SharedArrayBuffer; readonly prefixes: readonly PrefixPurge[] } | undefined;
  /** The store that all use, each behind a memory of its own. */
  readonly disk: DiskStoreOptions & { readonly shared: DiskShared };
}

export interface Storage {
  readonly store: Store;
  /** Where the store outlives the process, or is that of several workers or machines: stamps that go with it. */
  readonly stamps: Stamps | undefined;
  /** Where other machines have a part in it. */
  readonly shared: SharedStore | undefined;
  /** Where this is the only thread. */
  readonly tie: Tie | undefined;
}

/** One worker's part. */
export interface StoragePart extends SharedStorage {
  readonly fleetLine: FleetLine;
}

/**
 * @param part where other workers have the same
 * @param onNotice told what an operator should know
 * @param onPrefix told what other machines have purged, where this is the only thread
 * @throws {MillraceError} ERR_STORE
 */
export function openStorage(config: Config, part: StoragePart | undefined, onNotice: (text: string) => void, onPrefix: (purge: PrefixPurge) => Promise<void>): Storage {
  const { local, memory, keeper } = openLocal(config, part, onNotice);
  if (!isShared(config)) return { store: local, stamps: keeper && new Stamps(memory, keeper), shared: undefined, tie: undefined };
  const tie = part === undefined ? new Tie(config, memory, onNotice, onPrefix) : undefined;
  // The main thread tells what is to be known of it.
  const remote = tie?.remote ?? openRemote(config, { onNotice: () => undefined, onConnect: () => undefined }).store;
  const fleet = tie?.fleet ?? fleetBy(part!.fleetLine, part!.fleet!.memory);
  const tell = (cell: number): void => (tie === undefined ? part!.fleetLine.raised(cell) : tie.fleet.raised(cell));
  const stamps = new Stamps(memory, { keep: (cell) => (keeper?.keep(cell), tell(cell)) });
  const store = new SharedStore({ local, remote, stamps, fleet });
  for (const { prefix, number } of part?.fleet?.prefixes ?? []) store.forget(prefix, number);
  return { store, stamps, shared: store, tie };
}

interface Local {
  readonly local: TicketStore;
  /** Of its stamps. */
  readonly memory: SharedArrayBuffer;
  /** Where they are more than this thread's. */
  readonly keeper: StampKeeper | undefined;
}

/** What is kept on this machine. */
function openLocal(config: Config, part: StoragePart | undefined, onNotice: (text: string) => void): Local {
  const { maxMemory, maxObject } = config;
  const options = part?.disk ?? diskOptions(config);
  if (options === undefined) return { local: new MemoryStore({ maxBytes: maxMemory, maxObject: Math.min(maxObject, maxMemory) }), memory: Stamps.memory(), keeper: undefined };
  const disk = new DiskStore({ ...options, onNotice });
  const memory = new MemoryStore({ maxBytes: maxMemory, maxObject: Math.min(maxObject, Math.floor(maxMemory * LARGEST_IN_MEMORY)) });
  return { local: new TieredStore(memory, disk, config.cacheDir === undefined ? 0 : ANSWERS), memory: disk.stamps.memory, keeper: disk.stamps };
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
  readonly #shared: Omit<SharedStorage, 'fleet'>;
  /** Where other machines have a part in it. */
  readonly tie: Tie | undefined;
  /** What each of them gets of the configuration. */
  readonly config: Config;
  readonly #disk: DiskStore;
  /** Undefined where the user has named a directory. */
  readonly #scratch: Scratch | undefined;
  #isLeaving = false;

  /**
   * @param onPrefix told what other machines have purged
   * @throws {MillraceError} ERR_STORE
   */
  constructor(config: Config, onNotice: (text: string) => void, onPrefix: (purge: PrefixPurge) => Promise<void>) {
    const onDisk = diskOptions(config);
    const inMemory = onDisk === undefined ? Math.floor(config.maxMemory * COMMON_SHARE) : 0;
    this.config = { ...config, maxMemory: Math.floor((config.maxMemory - inMemory) / config.workers), maxUnread: Math.floor(config.maxUnread / config.workers) };
    let options = onDisk;
    if (options === undefined) {
      this.#scratch = makeScratch(inMemory);
      const { path, bytes, notice } = this.#scratch;
      if (notice !== undefined) onNotice(notice);
      options = { directory: path, maxBytes: Math.max(storedBytesFor(bytes), bytes / 2), maxObject: config.maxObject };
    }
    try {
      // What is about to be removed need not be written out.
      this.#disk = new DiskStore({ ...options, onNotice: (text) => this.#isLeaving ? undefined : onNotice(text) });
    } catch (error) {
      this.#scratch?.remove();
      throw error;
    }
    this.#shared = { disk: { ...options, shared: this.#disk.shared }, leases: Leases.memory() };
    if (isShared(config)) this.tie = new Tie(config, this.#disk.stamps.memory, onNotice, onPrefix);
  }

  get shared(): SharedStorage {
    const { tie } = this;
    return { ...this.#shared, fleet: tie && { memory: tie.fleet.memory.shared, prefixes: tie.prefixes } };
  }

  /** A worker has ended, which had that id as a thread. */
  async threadEnded(thread: number): Promise<void> {
    await this.#disk.threadEnded(thread);
  }

  /** At once, when the process ends otherwise than by close(). */
  remove(): void {
    this.#scratch?.remove();
  }

  async close(): Promise<void> {
    await this.tie?.close();
    this.#isLeaving = this.#scratch !== undefined;
    await this.#disk.close();
    this.#scratch?.remove();
  }
}

/** Undefined where nothing is to be kept on disk. */
function diskOptions({ cache, ttl, cacheDir, maxDisk, maxObject }: Config): DiskStoreOptions | undefined {
  return cache && ttl !== 0 && cacheDir !== undefined ? { directory: resolve(cacheDir), maxBytes: storedBytesFor(maxDisk), quotaBytes: maxDisk, maxObject } : undefined;
}

/** The stores of several workers as one: memories of their own, before what they have in common. */
export function storeOfAll([first, ...others]: readonly StoreStats[]): StoreStats {
  if (first?.tiers === undefined) throw new TypeError('Workers have a store in common.');
  const sumOf = (stores: readonly StoreStats[], name: 'hits' | 'errors'): number => stores.reduce((sum, each) => sum + (each[name] ?? 0), 0);
  const tiers = first.tiers.map((tier, i) => {
    const ofAll = [tier, ...others.map(({ tiers: each }) => each![i]!)];
    if (i === 0) return ofAll.reduce(together);
    // Each has a connection of its own to what lies on other machines.
    return { ...tier, hits: sumOf(ofAll, 'hits'), ...(tier.peer === undefined ? {} : { errors: sumOf(ofAll, 'errors') }), ...(tier.latency === undefined ? {} : { latency: slowest(ofAll.map(({ latency }) => latency!)) }) };
  });
  return { ...first, hits: sumOf([first, ...others], 'hits'), tiers };
}

/** How many of all, and the worst of what single threads have seen. */
function slowest(all: readonly Timing[]): Timing {
  const most = (name: keyof Timing): number => Math.max(...all.map((each) => each[name]));
  const count = all.reduce((sum, each) => sum + each.count, 0);
  const mean = count === 0 ? 0 : all.reduce((sum, each) => sum + each.mean * each.count, 0) / count;
  return { count, mean, p50: most('p50'), p90: most('p90'), p99: most('p99'), max: most('max') };
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
