/**
 * @module stores/disk
 * The store on disk. It outlives the process, whatever ends that, and is shared by its worker
 * threads. A table (disk-index.ts) has all objects, and the bodies of the small ones; larger bodies
 * are files (disk-bodies.ts). `maxBytes` holds at all times: room is made before it is taken.
 * What cannot be read counts as not stored; while nothing can be written, nothing is stored.
 */
import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Body, Store, StoredObject, StoreStats } from '../cache/ports.ts';
import type { StampKeeper } from '../cache/stamps.ts';
import { MillraceError } from '../errors.ts';
import { Chunks } from './chunks.ts';
import { BLOCK, BlockReader, FileBody, Pins } from './disk-bodies.ts';
import { DiskDirectory } from './disk-directory.ts';
import { DiskEviction } from './disk-eviction.ts';
import { DiskIndex, type Row } from './disk-index.ts';
import { DiskRemoval } from './disk-removal.ts';
import { DiskStamps, hasStamps } from './disk-stamps.ts';
import { DiskTransactions, LATER } from './disk-transactions.ts';
import { DiskWriter, type Written } from './disk-writer.ts';

/** What a row takes in the table besides key, description and body; measured. */
const ROW_OVERHEAD = 160;
/** Objects looked at to make room in one transaction. */
const MOST_STEPS = 64;
/** The same, of what is done ahead of need. */
const STEPS_AHEAD = 8;
/** Kept free, so that who stores need not wait: a share of the quota, and bytes. */
const AHEAD_SHARE = 0.02;
const MOST_AHEAD = 64 * 1024 * 1024;
/** Times that a change waits for room; some milliseconds each. */
const MOST_TRIES = 200;
/** Milliseconds until writing is tried again after it failed. */
const RETRY = 1000;
/** Milliseconds until accesses are written down. */
const NOTES_DELAY = 5000;
/** Milliseconds a clear waits for the room to be free; the rest is freed later. */
const CLEAR_PATIENCE = 1000;

/** Cells that count changes, and the one for clears. */
const CHANGES = 2 ** 18;
const CLEARS = CHANGES;

// What all threads count together.
const NEXT_NUMBER = 0;
const EVICTIONS = 1;
const ERRORS = 2;

/** What the threads of one process have in common, to be handed to each. */
export interface DiskShared {
  readonly counts: SharedArrayBuffer;
  readonly pins: SharedArrayBuffer;
  readonly changes: SharedArrayBuffer;
  readonly turn: SharedArrayBuffer;
  readonly stamps: SharedArrayBuffer;
}

export interface DiskStoreOptions {
  readonly directory: string;
  /** The quota in bytes: keys, descriptions, bodies, and what they take in table and file system. Besides, some 8 MB are needed for stamps and log. */
  readonly maxBytes: number;
  /** Bytes of the longest body that is kept. */
  readonly maxObject: number;
  /** Of the thread that opened the directory; undefined for that one. */
  readonly shared?: DiskShared | undefined;
  /** Told, in words, what a user should know: that nothing can be stored, that something was damaged. */
  readonly onNotice?: (text: string) => void;
}

export class DiskObject implements StoredObject {
  readonly meta: Buffer;
  readonly body: Body;
  /** Names this object with this description, and no other. */
  readonly version: number;

  constructor(meta: Buffer, body: Body, version: number) {
    this.meta = meta;
    this.body = body;
    this.version = version;
  }
}

export class DiskStore implements Store {
  readonly name = 'disk';
  readonly shared: DiskShared;
  readonly stamps: StampKeeper & { readonly memory: SharedArrayBuffer };
  readonly #options: DiskStoreOptions;
  readonly #path: string;
  readonly #maxObject: number;
  readonly #directory: DiskDirectory | undefined;
  readonly #index: DiskIndex;
  readonly #stamps: DiskStamps;
  readonly #pins: Pins;
  readonly #counts: BigInt64Array;
  readonly #changes: Int32Array;
  readonly #eviction: DiskEviction;
  readonly #transactions: DiskTransactions;
  readonly #removal: DiskRemoval;
  /** Keys whose deletion could not be written down yet, and whether a clear could not. */
  readonly #owed = new Set<string>();
  #owesClear = false;
  #notesTimer: NodeJS.Timeout | undefined;
  /** When to try again to write; undefined: nothing is wrong. */
  #retryAt: number | undefined;
  #isDamaged = false;
  #isClosed = false;

  /** @throws {MillraceError} ERR_STORE where the directory cannot be used */
  constructor(options: DiskStoreOptions) {
    this.#options = options;
    this.#maxObject = Math.min(options.maxObject, options.maxBytes);
    this.#directory = options.shared === undefined ? new DiskDirectory(options.directory) : undefined;
    this.#path = this.#directory?.path ?? options.directory;
    let firstNumber: number | undefined;
    try {
      [this.#index, firstNumber] = this.#openIndex();
      this.#stamps = new DiskStamps(this.#path, options.shared?.stamps);
    } catch (cause) {
      this.#directory?.close(false);
      throw new MillraceError('ERR_STORE', `The cache in ${this.#path} cannot be opened: ${(cause as Error).message}. Make room or make it writable, or name another directory with --cache-dir.`, { cause });
    }
    this.stamps = this.#stamps;
    const memory = (cells: number): SharedArrayBuffer => new SharedArrayBuffer(cells * BigInt64Array.BYTES_PER_ELEMENT);
    this.shared = options.shared ?? { counts: memory(3), pins: Pins.memory(), changes: memory(CHANGES / 2 + 1), turn: memory(1), stamps: this.#stamps.memory };
    this.#pins = new Pins(this.shared.pins);
    this.#counts = new BigInt64Array(this.shared.counts);
    this.#changes = new Int32Array(this.shared.changes);
    this.#eviction = new DiskEviction(this.#index, options.maxBytes, () => this.#count(NEXT_NUMBER));
    this.#transactions = new DiskTransactions(this.#index, new Int32Array(this.shared.turn), () => this.#upkeep(), (garbage) => this.#removal.add(garbage));
    this.#removal = new DiskRemoval(this.#path, this.#pins, (garbage) => this.#transactions.run(() => this.#index.removeGarbage(garbage)));
    if (firstNumber !== undefined) {
      Atomics.store(this.#counts, NEXT_NUMBER, BigInt(firstNumber));
      this.#removal.addLeft((behind) => (this.#isClosed ? [] : this.#index.garbageBehind(behind)));
    }
    if (this.#directory?.discarded !== undefined) this.#notice(`The cache in ${this.#path} begins empty, as ${this.#directory.discarded}.`);
  }

  /** See DiskEviction. */
  set isInUse(isInUse: (key: string) => boolean) {
    this.#eviction.isInUse = (key) => isInUse(decodeKey(key));
  }

  /** A number that is another one once any thread has changed what is stored for the key; rarely also without that. */
  changesOf(key: string): number {
    return this.changesAt(this.cellOf(key));
  }

  /** Where the changes are counted of what is stored for the key. */
  cellOf(key: string): number {
    return this.#hash(key) % CHANGES;
  }

  /** changesOf, for a key whose cell is known. */
  changesAt(cell: number): number {
    return (Atomics.load(this.#changes, cell) + Atomics.load(this.#changes, CLEARS)) | 0;
  }

  async get(key: string): Promise<DiskObject | undefined> {
    if (this.#isClosed || this.#owesClear || this.#owed.has(key)) return undefined;
    try {
      return this.#read(key);
    } catch (error) {
      this.#readFailed(error);
      return undefined;
    }
  }

  put(key: string, expectedLength: number | undefined): DiskWriter | undefined {
    if (expectedLength !== undefined && expectedLength > this.#maxObject) return undefined;
    if (this.#isClosed || this.#isDamaged || (this.#retryAt !== undefined && performance.now() < this.#retryAt)) return undefined;
    return new DiskWriter(
      {
        directory: this.#path,
        nextNumber: () => this.#count(NEXT_NUMBER),
        reserve: (body, bytes, isNew) => this.#reserve(body, bytes, isNew),
        giveUp: (body, bytes) => void this.#try(() => this.#index.giveUpWriting(body, bytes)),
        store: (meta, written) => this.#store(key, meta, written),
        failed: (error) => this.#writeFailed(error),
      },
      expectedLength,
      this.#maxObject,
    );
  }

  async update(key: string, previous: StoredObject, meta: Buffer): Promise<boolean> {
    return previous instanceof DiskObject && typeof (await this.describe(key, previous.version, meta)) === 'number';
  }

  /** update(), by the version: the new one, "gone" where that one is not there any more; undefined where it could not be written. */
  async describe(key: string, version: number, meta: Buffer): Promise<number | 'gone' | undefined> {
    if (this.#isClosed || this.#owesClear || this.#owed.has(key)) return 'gone';
    const description = Buffer.from(meta);
    const keyBytes = encodeKey(key);
    const outcome = await this.#try((tries) => {
      // Making room may drop this very object: it is looked for afterwards.
      const room = this.#makeRoom(description.length, tries);
      if (room !== true) return room === LATER ? LATER : undefined;
      const row = this.#index.find(this.#hash(key), keyBytes);
      if (row?.version !== version) return 'gone';
      const next = this.#count(NEXT_NUMBER);
      this.#index.describe(row, next, rowBytes(keyBytes, description, row.inline), checksum({ ...row, version: next, meta: description }), description);
      return next;
    });
    this.#changed(key);
    return outcome;
  }

  async delete(key: string): Promise<boolean> {
    if (this.#isClosed) return false;
    const keyBytes = encodeKey(key);
    const had = !this.#owesClear && !this.#owed.has(key);
    const removed = await this.#try(() => {
      const row = this.#index.find(this.#hash(key), keyBytes);
      if (row !== undefined) this.#index.remove(row);
      return row !== undefined;
    });
    if (removed === undefined) {
      // It is not served from now on; the row follows when something can be written again.
      this.#owed.add(key);
      this.#payLater();
    }
    this.#changed(key);
    return (removed ?? true) && had;
  }

  async clear(): Promise<number> {
    if (this.#isClosed) return 0;
    const end = performance.now() + CLEAR_PATIENCE;
    const count = await this.#try(() => this.#index.clear(this.#count(NEXT_NUMBER)));
    Atomics.add(this.#changes, CLEARS, 1);
    if (count === undefined) {
      this.#owesClear = true;
      this.#payLater();
      return 0;
    }
    this.#owed.clear();
    for (let left = true; left && performance.now() < end; ) {
      left = (await this.#try(() => this.#sweep(MOST_STEPS))) ?? false;
    }
    await this.#removal.settled(end - performance.now());
    return count;
  }

  *keys(): Generator<string> {
    let place = 0;
    for (;;) {
      const some = this.#isClosed || this.#owesClear ? [] : this.#index.keysBehind(place);
      if (some.length === 0) return;
      for (const { key } of some) {
        const text = decodeKey(key);
        if (!this.#owed.has(text)) yield text;
      }
      place = some.at(-1)!.place;
    }
  }

  stats(): StoreStats {
    let totals = { objects: 0, bytes: 0 };
    try {
      if (!this.#isClosed) totals = this.#index.readTotals();
    } catch (error) {
      this.#readFailed(error);
    }
    return {
      name: this.name,
      objects: totals.objects,
      bytes: totals.bytes,
      maxBytes: this.#options.maxBytes,
      evictions: Number(Atomics.load(this.#counts, EVICTIONS)),
      errors: Number(Atomics.load(this.#counts, ERRORS)),
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    clearTimeout(this.#notesTimer);
    await this.#try(() => this.#eviction.flush());
    await this.#removal.settled(CLEAR_PATIENCE);
    await this.#transactions.idle();
    this.#isClosed = true;
    const well = !this.#isDamaged;
    this.#index.close(well && this.#directory !== undefined);
    this.#stamps.close();
    this.#directory?.close(well);
  }

  /** With the first number of this process, where this is its first thread. */
  #openIndex(): [index: DiskIndex, firstNumber: number | undefined] {
    const path = join(this.#path, 'index.db');
    const directory = this.#directory;
    if (directory === undefined) return [new DiskIndex(path), undefined];
    // Without stamps it is not known what was purged.
    if (existsSync(path) && !hasStamps(this.#path)) directory.discard('its purge stamps are missing or used up');
    try {
      return beginIndex(path);
    } catch (error) {
      if (!isDamage(error)) throw error;
      directory.discard('its index was damaged');
      return beginIndex(path);
    }
  }

  #read(key: string): DiskObject | undefined {
    const keyBytes = encodeKey(key);
    const keyHash = this.#hash(key);
    // Between the look at the row and the hold on its file another thread may drop it; then what is there now counts.
    for (;;) {
      const row = this.#index.find(keyHash, keyBytes);
      if (row === undefined) return undefined;
      if (checksum(row) !== row.checksum) {
        this.#damaged(key, row.version, new MillraceError('ERR_STORE', `What is stored for ${JSON.stringify(key)} in ${this.#path} is damaged. It is dropped.`));
        return undefined;
      }
      const body = row.body === 0 ? new Chunks(row.inline.length > 0 ? [asBuffer(row.inline)] : []) : this.#readFile(key, row);
      if (body === undefined) {
        if (this.#index.stands(row.place, row.version)) return undefined;
        continue;
      }
      if (this.#eviction.access(row.place)) this.#noteAccesses(0);
      else this.#noteAccesses(NOTES_DELAY);
      return new DiskObject(asBuffer(row.meta), body, row.version);
    }
  }

  /** A body in one block is read at once: where it is damaged that is a miss, not a response that breaks off. */
  #readFile(key: string, { body, length, place, version }: Row): Body | undefined {
    const onDamage = (error: MillraceError): void => this.#damaged(key, version, error);
    if (length > BLOCK) {
      this.#pins.pin(body);
      if (this.#index.stands(place, version)) return new FileBody(this.#path, body, length, this.#pins, onDamage);
      this.#pins.unpin(body);
      return undefined;
    }
    let block: Buffer | undefined;
    let cause: unknown;
    try {
      const reader = new BlockReader(this.#path, body, length);
      block = reader.block(0);
      reader.close();
    } catch (error) {
      cause = error;
    }
    if (block !== undefined) return new Chunks([block]);
    if (this.#index.stands(place, version)) onDamage(new MillraceError('ERR_STORE', `The body stored for ${JSON.stringify(key)} in ${this.#path} is damaged or gone. It is dropped.`, { cause }));
    return undefined;
  }

  async #reserve(body: number, bytes: number, isNew: boolean): Promise<boolean> {
    const reserved = await this.#try((tries) => {
      const room = this.#makeRoom(bytes, tries);
      if (room === true) this.#index.addWriting(body, bytes, isNew);
      return room;
    });
    return reserved ?? false;
  }

  /** The version; undefined where it could not be kept. */
  async #store(key: string, meta: Buffer, written: Written): Promise<number | undefined> {
    const keyBytes = encodeKey(key);
    const keyHash = this.#hash(key);
    const inline = 'inline' in written ? written.inline : Buffer.alloc(0);
    const place = 'inline' in written ? { body: 0, length: inline.length, file: 0 } : written;
    const size = rowBytes(keyBytes, meta, inline);
    const version = await this.#try((tries) => {
      const room = this.#makeRoom(size, tries);
      if (room !== true) return room === LATER ? LATER : undefined;
      const old = this.#index.find(keyHash, keyBytes);
      const accesses = old === undefined ? 0 : this.#index.accesses(old.place);
      if (old !== undefined) this.#index.remove(old);
      const number = this.#count(NEXT_NUMBER);
      const row = { ...place, place: old?.place ?? this.#eviction.placeFor(keyHash), version: number, size, key: keyBytes, meta, inline };
      this.#index.insert(keyHash, { ...row, checksum: checksum(row) }, place.body !== 0);
      if (accesses > 0) this.#index.setAccesses(row.place, accesses);
      return number;
    });
    if (version !== undefined) {
      this.#owed.delete(key);
      this.#changed(key);
      this.#wrote();
    }
    return version;
  }

  /** Within a transaction. LATER: room is on its way. */
  #makeRoom(bytes: number, tries: number): boolean | typeof LATER {
    const { totals } = this.#index;
    // Where dropping everything would not make room, nothing is dropped.
    if (totals.writing + bytes > this.#options.maxBytes) return false;
    for (let step = 0; step < MOST_STEPS; step++) {
      const excess = totals.bytes + bytes - this.#options.maxBytes;
      if (excess <= 0) return true;
      if (totals.dead > 0) this.#index.sweep();
      else if (excess <= totals.garbage - this.#removal.heldBytes || !this.#evict()) return totals.garbage > 0 && tries < MOST_TRIES ? LATER : false;
    }
    return LATER;
  }

  /** False where there is nothing to drop. */
  #evict(): boolean {
    const step = this.#eviction.step();
    if (step === 'dropped') this.#count(EVICTIONS);
    return step !== 'none';
  }

  /** Within every transaction: a little of what would have to be done some time. True when there is more. */
  #upkeep(): boolean {
    const { totals } = this.#index;
    if (this.#sweep(STEPS_AHEAD)) return true;
    const ahead = Math.min(MOST_AHEAD, this.#options.maxBytes * AHEAD_SHARE);
    for (let step = 0; step < STEPS_AHEAD; step++) {
      if (totals.objects === 0 || totals.bytes - totals.garbage <= this.#options.maxBytes - ahead) return false;
      this.#evict();
    }
    return true;
  }

  #sweep(steps: number): boolean {
    for (let step = 0; step < steps; step++) if (!this.#index.sweep()) return false;
    return true;
  }

  /** Undefined where it failed. */
  async #try<T>(change: (tries: number) => T): Promise<Exclude<T, typeof LATER> | undefined> {
    try {
      return await this.#transactions.run(change);
    } catch (error) {
      this.#writeFailed(error);
      return undefined;
    }
  }

  #noteAccesses(delay: number): void {
    if (delay > 0 && this.#notesTimer !== undefined) return;
    clearTimeout(this.#notesTimer);
    this.#notesTimer = setTimeout(() => {
      this.#notesTimer = undefined;
      if (!this.#isClosed) void this.#try(() => this.#eviction.flush());
    }, delay).unref();
  }

  #payLater(): void {
    setTimeout(() => {
      if (this.#isClosed || (!this.#owesClear && this.#owed.size === 0)) return;
      if (this.#owesClear) {
        this.#owesClear = false;
        void this.clear();
        return;
      }
      const keys = [...this.#owed];
      void this.#try(() => {
        for (const key of keys) {
          const row = this.#index.find(this.#hash(key), encodeKey(key));
          if (row !== undefined) this.#index.remove(row);
        }
        return true;
      }).then((paid) => {
        if (paid === undefined) this.#payLater();
        else for (const key of keys) this.#owed.delete(key);
      });
    }, RETRY).unref();
  }

  #damaged(key: string, version: number, error: MillraceError): void {
    this.#count(ERRORS);
    this.#notice(error.message);
    void this.#try(() => {
      const row = this.#index.find(this.#hash(key), encodeKey(key));
      if (row?.version === version) this.#index.remove(row);
    });
  }

  #readFailed(error: unknown): void {
    this.#count(ERRORS);
    if (isDamage(error)) this.#indexDamaged(error);
    else this.#notice(`The cache in ${this.#path} cannot be read: ${(error as Error).message}. What cannot be read is fetched again.`);
  }

  #writeFailed(error: unknown): void {
    if (this.#isClosed) return;
    this.#count(ERRORS);
    if (isDamage(error)) return this.#indexDamaged(error);
    if (this.#retryAt === undefined) this.#notice(`Nothing can be stored in ${this.#path} now: ${(error as Error).message}. Responses are served without being stored there until it can be written again.`);
    this.#retryAt = performance.now() + RETRY;
  }

  #wrote(): void {
    if (this.#retryAt === undefined) return;
    this.#retryAt = undefined;
    this.#notice(`${this.#path} can be written again; responses are stored there.`);
  }

  #indexDamaged(error: unknown): void {
    if (this.#isDamaged) return;
    this.#isDamaged = true;
    this.#notice(`The index of the cache in ${this.#path} is damaged: ${(error as Error).message}. Nothing more is stored there, and the next start begins empty.`);
    this.#directory?.markDamaged();
  }

  #notice(text: string): void {
    this.#options.onNotice?.(text);
  }

  #changed(key: string): void {
    Atomics.add(this.#changes, this.cellOf(key), 1);
  }

  /** Counts one more; how many there were. */
  #count(cell: number): number {
    return Number(Atomics.add(this.#counts, cell, 1n));
  }

  #hash(key: string): number {
    return hash('sha256', this.#index.salt + key, 'buffer').readUIntBE(0, 6);
  }
}

function beginIndex(path: string): [index: DiskIndex, firstNumber: number] {
  const index = new DiskIndex(path);
  try {
    return [index, index.begin()];
  } catch (error) {
    index.close(false);
    throw error;
  }
}

const NARROW = 0;
const WIDE = 1;

/** One byte that says how, then a byte or two for each UTF-16 unit. */
function encodeKey(key: string): Buffer {
  const isWide = /[^\0-\xff]/.test(key);
  const bytes = Buffer.allocUnsafe(1 + (isWide ? 2 : 1) * key.length);
  bytes[0] = isWide ? WIDE : NARROW;
  bytes.write(key, 1, isWide ? 'utf16le' : 'latin1');
  return bytes;
}

function decodeKey(bytes: Uint8Array): string {
  return asBuffer(bytes).toString(bytes[0] === WIDE ? 'utf16le' : 'latin1', 1);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function rowBytes(key: Uint8Array, meta: Uint8Array, inline: Uint8Array): number {
  return ROW_OVERHEAD + key.length + meta.length + inline.length;
}

/** Over everything that makes the answer, so that no part of it can be another object's. */
function checksum({ version, length, body, key, meta, inline }: Pick<Row, 'version' | 'length' | 'body' | 'key' | 'meta' | 'inline'>): number {
  return crc32(inline, crc32(meta, crc32(key, crc32(`${version} ${length} ${body} ${meta.length}`))));
}

/** https://www.sqlite.org/rescode.html: SQLITE_CORRUPT, SQLITE_NOTADB */
function isDamage(error: unknown): boolean {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' && ((code & 0xff) === 11 || (code & 0xff) === 26);
}
