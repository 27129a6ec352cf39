/**
 * @module stores/disk
 * The store on disk. It outlives the process, whatever ends that, and is shared by its worker
 * threads. A table (disk-index.ts) has all objects, and the bodies of the small ones; larger bodies
 * lie in segments (disk-segments.ts). `maxBytes` holds at all times: room is made before it is taken.
 * What cannot be read counts as not stored; while nothing can be written, nothing is stored.
 */
import { Histogram } from '../cache/counters.ts';
import type { Body, Store, StoredObject } from '../cache/ports.ts';
import type { StoreStats } from '../cache/store-stats.ts';
import type { StampKeeper } from '../cache/stamps.ts';
import { MillraceError } from '../errors.ts';
import { Absentees } from './absentees.ts';
import { DiskAccesses } from './disk-accesses.ts';
import { DiskArenas } from './disk-arenas.ts';
import { DiskDebts } from './disk-debts.ts';
import { DiskDirectory } from './disk-directory.ts';
import { DiskEviction } from './disk-eviction.ts';
import { DiskHealth } from './disk-health.ts';
import type { Aftermath, DiskIndex } from './disk-index.ts';
import { KeyHashes, decodeKey, encodeKey } from './disk-key.ts';
import { type Extent, UNIT, fileBytes } from './disk-layout.ts';
import { DiskObject, DiskObjects, type Whereabouts, checksumOf, rowBytes } from './disk-objects.ts';
import { openIndex } from './disk-opening.ts';
import { Pins } from './disk-pins.ts';
import { DiskRemoval } from './disk-removal.ts';
import { DiskRoom, MOST_STEPS } from './disk-room.ts';
import { DiskSegments } from './disk-segments.ts';
import { DiskCounts, type DiskShared, diskShared } from './disk-shared.ts';
import type { Garbage } from './disk-space.ts';
import { DiskStamps } from './disk-stamps.ts';
import { PAGE } from './disk-tables.ts';
import { DiskTransactions, LATER } from './disk-transactions.ts';
import { WriteBuffers } from './disk-write-buffers.ts';
import { DiskWriter, type DiskWriterHost, type Written } from './disk-writer.ts';

/** Milliseconds a clear waits for the room to be free; the rest is freed later. */
const CLEAR_PATIENCE = 1000;
const NOTHING = Buffer.alloc(0);

export interface DiskStoreOptions {
  readonly directory: string;
  /** Bytes that may be stored: keys, descriptions, bodies, and what they take in table and file system. The directory takes more, see disk-quota.ts. */
  readonly maxBytes: number;
  /** Bytes that the operator has set for the directory, for the statistics; default: maxBytes. */
  readonly quotaBytes?: number;
  /** Bytes of the longest body that is kept. */
  readonly maxObject: number;
  /** Of the thread that opened the directory; undefined for that one. */
  readonly shared?: DiskShared | undefined;
  /** Told, in words, what a user should know: that nothing can be stored, that something was damaged. */
  readonly onNotice?: (text: string) => void;
}

export class DiskStore implements Store {
  readonly name = 'disk';
  readonly shared: DiskShared;
  readonly stamps: StampKeeper & { readonly memory: SharedArrayBuffer };
  readonly #limits: { readonly maxBytes: number; readonly quotaBytes: number; readonly maxObject: number };
  readonly #hashes: KeyHashes;
  readonly #directory: DiskDirectory | undefined;
  readonly #index: DiskIndex;
  readonly #stamps: DiskStamps;
  readonly #counts: DiskCounts;
  readonly #health: DiskHealth;
  readonly #pins: Pins;
  readonly #objects: DiskObjects;
  readonly #segments: DiskSegments;
  readonly #arenas: DiskArenas;
  readonly #writing: DiskWriterHost;
  readonly #eviction: DiskEviction;
  readonly #accesses: DiskAccesses;
  readonly #transactions: DiskTransactions;
  readonly #removal: DiskRemoval;
  readonly #room: DiskRoom;
  readonly #debts: DiskDebts;
  /** Milliseconds. */
  readonly #reads = new Histogram();
  readonly #absent = new Absentees();
  #isClosed = false;

  /** @throws {MillraceError} ERR_STORE where the directory cannot be used */
  constructor({ directory, maxBytes, quotaBytes = maxBytes, maxObject, shared, onNotice }: DiskStoreOptions) {
    this.#limits = { maxBytes, quotaBytes, maxObject: Math.min(maxObject, maxBytes) };
    this.#directory = shared === undefined ? new DiskDirectory(directory) : undefined;
    const path = this.#directory?.path ?? directory;
    let firstNumber: number | undefined;
    try {
      [this.#index, firstNumber] = openIndex(path, this.#directory);
      this.#stamps = new DiskStamps(path, shared?.stamps);
    } catch (cause) {
      this.#directory?.close(false);
      throw new MillraceError('ERR_STORE', `The cache in ${path} cannot be opened: ${(cause as Error).message}. Make room or make it writable, or name another directory with --cache-dir.`, { cause });
    }
    this.stamps = this.#stamps;
    this.shared = shared ?? diskShared(this.#stamps.memory);
    const pins = (this.#pins = new Pins(this.shared.pins));
    const counts = new DiskCounts(this.shared);
    const index = this.#index;
    const segments = new DiskSegments(path);
    this.#hashes = new KeyHashes(index.salt);
    this.#segments = segments;
    this.#counts = counts;
    this.#health = new DiskHealth(path, this.#directory, counts, onNotice);
    const onDamage = (keyHash: number, version: number, error: MillraceError): void => this.#damaged(keyHash, version, error);
    this.#objects = new DiskObjects({ path, index, segments, pins, changesOf: (keyHash) => this.changesAt(this.cellOf(keyHash)), onAccess: (place) => this.#accesses.add(place), onDamage });
    this.#eviction = new DiskEviction(index, maxBytes, () => counts.nextNumber());
    this.#accesses = new DiskAccesses(this.#eviction, (write) => this.#isClosed ? undefined : this.#try(write));
    this.#transactions = new DiskTransactions(index, new Int32Array(this.shared.turn), () => this.#room.upkeep(), (aftermath) => this.#settle(aftermath), (error) => this.#writeFailed(error));
    this.#removal = new DiskRemoval((behind) => this.#garbageBehind(behind), (garbage) => this.#free(garbage));
    this.#room = new DiskRoom({ index, eviction: this.#eviction, removal: this.#removal, maxBytes, maxObject: this.#limits.maxObject, onEviction: () => counts.add('evictions'), truncate: (segment, units) => segments.truncate(segment, units) });
    this.#arenas = new DiskArenas(
      {
        reserve: (number, fewest, most) => this.#reserve(number, fewest, most),
        release: (unused) => this.#succeeds(() => index.release(unused)),
        end: (number) => void this.#try(() => index.endReservation(number)),
        nextNumber: () => counts.nextNumber(),
      },
      maxBytes,
    );
    this.#writing = { segments, pins, arenas: this.#arenas, buffers: new WriteBuffers(), failed: (error) => this.#writeFailed(error) };
    this.#debts = new DiskDebts((keys) => this.#pay(keys), () => this.clear());
    if (firstNumber !== undefined) {
      counts.set('numbers', firstNumber);
      this.#removal.takeOver();
      // With what comes along with every transaction.
      void this.#try(() => {});
    }
    if (this.#directory?.discarded !== undefined) this.#health.notice(`The cache in ${path} begins empty, as ${this.#directory.discarded}.`);
  }

  /** See DiskEviction. */
  set isInUse(isInUse: (key: string) => boolean) {
    this.#eviction.isInUse = (key) => isInUse(decodeKey(key));
  }

  /** A number that is another one once any thread has changed what is stored for the key; rarely also without that. */
  changesOf(key: string): number {
    return this.changesAt(this.cellOf(this.hashOf(key)));
  }

  /** Where the changes are counted of what is stored for keys of that hash. */
  cellOf(keyHash: number): number {
    return this.#counts.cellOf(keyHash);
  }

  /** By which it is found in the table; others may have the same. */
  hashOf(key: string): number {
    return this.#hashes.of(key);
  }

  /** changesOf, for a key whose cell is known. */
  changesAt(cell: number): number {
    return this.#counts.changesAt(cell);
  }

  async get(key: string): Promise<DiskObject | undefined> {
    if (this.#isClosed || this.#debts.covers(key)) return undefined;
    const keyHash = this.hashOf(key);
    const changes = this.changesAt(this.cellOf(keyHash));
    if (this.#absent.has(keyHash, changes)) return undefined;
    const start = performance.now();
    try {
      const object = this.#objects.read(keyHash, encodeKey(key));
      if (object === undefined) this.#absent.add(keyHash, changes);
      return object;
    } catch (error) {
      this.#health.readFailed(error);
      return undefined;
    } finally {
      this.#reads.add(performance.now() - start);
    }
  }

  /** Counts as an access to the object, which was read before and is not changed. */
  use({ place }: Whereabouts): void {
    this.#accesses.add(place);
  }

  /** At once, the body of an object that was read before and is not changed; no access. Undefined where it is not to be had like that: then get() is to be asked. */
  bodyAt(at: Whereabouts): Body | undefined {
    if (this.#isClosed) return undefined;
    const start = performance.now();
    try {
      return this.#objects.readBody(at);
    } catch (error) {
      this.#health.readFailed(error);
      return undefined;
    } finally {
      this.#reads.add(performance.now() - start);
    }
  }

  put(key: string, expectedLength: number | undefined): DiskWriter | undefined {
    if (expectedLength !== undefined && expectedLength > this.#limits.maxObject) return undefined;
    if (this.#isClosed || !this.#health.isWritable) return undefined;
    return new DiskWriter(this.#writing, (meta, written) => this.#store(key, meta, written), expectedLength, this.#limits.maxObject);
  }

  async update(key: string, previous: StoredObject, meta: Buffer): Promise<boolean> {
    return previous instanceof DiskObject && typeof (await this.describe(key, previous.version, meta)) === 'number';
  }

  /** update(), by the version: the new one, "gone" where that one is not there any more; undefined where it could not be written. */
  async describe(key: string, version: number, meta: Buffer): Promise<number | 'gone' | undefined> {
    if (this.#isClosed || this.#debts.covers(key)) return 'gone';
    const description = Buffer.from(meta);
    const keyBytes = encodeKey(key);
    const outcome = await this.#try((tries) => {
      // Making room may drop this very object: it is looked for afterwards.
      const room = this.#room.make(description.length + 2 * PAGE, tries);
      if (room !== true) return room === LATER ? LATER : undefined;
      const row = this.#index.find(this.hashOf(key), keyBytes);
      if (row?.version !== version) return 'gone';
      const next = this.#counts.nextNumber();
      this.#index.describe(row, next, rowBytes({ ...row, meta: description }), checksumOf({ ...row, version: next, meta: description }), description);
      return next;
    });
    this.#changed(key);
    return outcome;
  }

  async delete(key: string): Promise<boolean> {
    if (this.#isClosed) return false;
    const had = !this.#debts.covers(key);
    const removed = await this.#try(() => this.#remove(this.hashOf(key), encodeKey(key)));
    // It is not served from now on; the row follows when something can be written again.
    if (removed === undefined) this.#debts.owe(key);
    this.#changed(key);
    return (removed ?? true) && had;
  }

  async clear(): Promise<number> {
    if (this.#isClosed) return 0;
    const end = performance.now() + CLEAR_PATIENCE;
    void this.#arenas.release();
    const count = await this.#try(() => this.#index.clear(this.#counts.nextNumber()));
    if (count === undefined) {
      this.#counts.cleared();
      this.#debts.oweClear();
      return 0;
    }
    this.#debts.settle();
    for (let left = true; left && performance.now() < end; ) {
      left = (await this.#try(() => this.#room.sweep(MOST_STEPS))) ?? false;
    }
    this.#removal.takeOver();
    await this.#removal.settled(end - performance.now());
    return count;
  }

  *keys(): Generator<string> {
    let place = 0;
    for (;;) {
      const some = this.#isClosed ? [] : this.#index.keysBehind(place);
      if (some.length === 0) return;
      for (const { key } of some) {
        const text = decodeKey(key);
        if (!this.#debts.covers(text)) yield text;
      }
      place = some.at(-1)!.place;
    }
  }

  /** A thread has ended that had this directory, too: what it had reserved is free. */
  async threadEnded(thread: number): Promise<void> {
    if (!this.#isClosed) await this.#try(() => this.#index.releaseAllOf(thread));
  }

  stats(): StoreStats {
    let totals = { objects: 0, bytes: 0, writing: 0 };
    try {
      if (!this.#isClosed) totals = this.#index.readTotals();
    } catch (error) {
      this.#health.readFailed(error);
    }
    return { name: this.name, objects: totals.objects, bytes: totals.bytes - totals.writing, maxBytes: this.#limits.quotaBytes, evictions: this.#counts.get('evictions'), errors: this.#counts.get('errors'), latency: this.#reads.timing() };
  }

  /** What is held for bodies on their way in and out: bytes of memory of writers, pinned bodies, and bytes in segments that wait until nobody reads them. Zero where nothing is under way. */
  get held(): { readonly writeBufferBytes: number; readonly pins: number; readonly garbageBytes: number } {
    return { writeBufferBytes: this.#writing.buffers.heldBytes, pins: this.#pins.count, garbageBytes: this.#index.readTotals().garbage };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#debts.close();
    await this.#accesses.close();
    await this.#arenas.close();
    await this.#removal.settled(CLEAR_PATIENCE);
    this.#removal.close();
    await this.#transactions.finish();
    this.#isClosed = true;
    let well = await this.#health.closes(() => this.#segments.close());
    well &&= !this.#health.isDamaged;
    const isWritten = await this.#health.closes(() => this.#index.close(well && this.#directory !== undefined));
    this.#stamps.close();
    await this.#health.closes(() => this.#directory?.close(well && isWritten));
  }

  #reserve(number: number, fewest: number, most: number): Promise<Extent[] | undefined> {
    return this.#try((tries) => {
      const room = this.#room.makeInSegments(fewest * UNIT, tries);
      if (room !== true) return room === LATER ? LATER : undefined;
      const extents = this.#index.reserve(number, most * UNIT, this.#limits.maxBytes, this.#room.mostOnDisk);
      // What is free may be part of what is still reserved.
      return extents.length > 0 ? extents : this.#room.isHopeless(tries) ? undefined : LATER;
    });
  }

  /** Those that are still read. Nobody begins to read what has no row any more. */
  async #free(garbage: readonly Garbage[]): Promise<readonly Garbage[]> {
    const held = await this.#try(() => {
      const read = garbage.filter(({ unit }) => this.#pins.isPinned(unit));
      for (const each of garbage) if (!read.includes(each)) this.#index.free(each.unit);
      return read;
    }, true);
    return held ?? garbage;
  }

  /** The version; undefined where it could not be kept. */
  async #store(key: string, meta: Buffer, written: Written): Promise<number | undefined> {
    const keyBytes = encodeKey(key);
    const keyHash = this.hashOf(key);
    const isInline = 'inline' in written;
    const body = isInline
      ? { length: written.inline.length, file: 0, layout: NOTHING, inline: written.inline }
      : { length: written.length, file: fileBytes(written.length), layout: written.layout.encode(), inline: NOTHING };
    const extents = isInline ? [] : written.layout.extents;
    const size = rowBytes({ key: keyBytes, meta, ...body });
    const version = await this.#try((tries) => {
      const room = this.#room.make(size, tries);
      if (room !== true) return room === LATER ? LATER : undefined;
      const old = this.#index.find(keyHash, keyBytes);
      const accesses = old === undefined ? 0 : this.#index.accesses(old.place);
      if (old !== undefined) this.#index.remove(old);
      const number = this.#counts.nextNumber();
      const row = { ...body, place: old?.place ?? this.#eviction.placeFor(keyHash), hash: keyHash, version: number, size, key: keyBytes, meta };
      this.#index.insert({ ...row, checksum: checksumOf(row) }, extents);
      if (accesses > 0) this.#index.setAccesses(row.place, accesses);
      return number;
    }, true);
    if (version !== undefined) {
      if (!isInline) this.#arenas.settle(written.claims);
      this.#debts.forget(key);
      this.#changed(key);
      this.#health.wrote();
    }
    return version;
  }

  /** Within a transaction; whether something was there. */
  #remove(keyHash: number, key: Uint8Array): boolean {
    const row = this.#index.find(keyHash, key);
    if (row === undefined) return false;
    this.#index.remove(row);
    return true;
  }

  #pay(keys: readonly string[]): Promise<boolean> {
    return this.#succeeds(() => {
      for (const key of keys) if (this.#debts.covers(key)) this.#remove(this.hashOf(key), encodeKey(key));
    });
  }

  async #succeeds(change: () => void): Promise<boolean> {
    return (await this.#try(() => {
      change();
      return true;
    })) ?? false;
  }

  /** Undefined where it failed. */
  async #try<T>(change: (tries: number) => T, isPatient = false): Promise<Exclude<T, typeof LATER> | undefined> {
    try {
      return await this.#transactions.run(change, isPatient);
    } catch (error) {
      this.#writeFailed(error);
      return undefined;
    }
  }

  #writeFailed(error: unknown): void {
    if (!this.#isClosed) this.#health.writeFailed(error);
  }

  /** Once a transaction is committed. */
  #settle({ garbage, changed, isCleared }: Aftermath): void {
    // Whoever knows where something lay has to look for it again, or has pinned it before its room is freed.
    for (const keyHash of changed) this.#counts.changed(this.cellOf(keyHash));
    if (isCleared) this.#counts.cleared();
    if (garbage.length > 0) this.#removal.add(garbage);
  }

  /** None where the table cannot be read: the next start looks again. */
  #garbageBehind(behind: number): ReturnType<DiskIndex['garbageBehind']> {
    if (this.#isClosed) return [];
    try {
      return this.#index.garbageBehind(behind);
    } catch (error) {
      this.#health.readFailed(error);
      return [];
    }
  }

  #damaged(keyHash: number, version: number, error: MillraceError): void {
    this.#counts.add('errors');
    this.#health.notice(error.message);
    this.#counts.changed(this.cellOf(keyHash));
    void this.#try(() => {
      const row = this.#index.findVersion(keyHash, version);
      if (row !== undefined) this.#index.remove(row);
    });
  }

  #changed(key: string): void {
    this.#counts.changed(this.cellOf(this.hashOf(key)));
  }
}
