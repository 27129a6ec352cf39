/**
 * @module stores/memory
 * The store in memory, with a hard budget in bytes: keys, metas, bodies, bodies still being written,
 * bodies that only slow clients still need, and what the store itself needs for them are never more
 * than `maxBytes` together. S3-FIFO chooses what leaves. Key, meta and a small body lie in cells, off the JavaScript heap, so that a million
 * objects cost the garbage collector nothing; a larger body stays in its own Buffers.
 */
import type { PackedReader } from '../cache/packed.ts';
import { type Body, type Lying, NOTE_LENGTH, type Store, type StoredObject, type StoreWriter } from '../cache/ports.ts';
import type { StoreStats } from '../cache/store-stats.ts';
import { CELL_COLUMNS, Cells } from './cells.ts';
import { Chunks } from './chunks.ts';
import { IntTable } from './int-table.ts';
import { HeldMemory, type Holder } from './held-memory.ts';
import { KeyHash } from './key-hash.ts';
import { type BodyHost, MemoryBody } from './memory-body.ts';
import { MemoryTicket } from './memory-ticket.ts';
import { INLINE_BODY, MemoryWriter, type WriterHost } from './memory-writer.ts';
import { EVICTION_COLUMNS, S3Fifo } from './s3-fifo.ts';
import { INDEX_COLUMNS, SlotIndex } from './slot-index.ts';

/** What an object needs besides its cells: its rows in the tables of store, eviction, index and ghost queue; measured. */
const OBJECT_OVERHEAD = 124;
/** What an object with a body outside the cells needs besides, but for the Buffers themselves; measured. */
const LARGE_OVERHEAD = 256;
/** The share of the budget that bodies under way may take together; one alone may take more. */
const MOST_WRITTEN = 1 / 2;
/** The share of the budget for bodies that only slow clients still need. */
const MOST_HELD = 1 / 4;
/** Above this, sizes no longer fit the tables. */
const LARGEST_OBJECT = 2 ** 30;

// By slot, behind what eviction and index know of it: its first cell, how its cells are divided, which version
// of the object they hold, and the note.
const INDEX = EVICTION_COLUMNS;
const CELL = INDEX + INDEX_COLUMNS;
const OWN = CELL + CELL_COLUMNS;
const KEY_UNITS = 0;
/** 0: a byte for each UTF-16 unit of the key; 1: two bytes. */
const KEY_WIDE = 1;
const META_BYTES = 2;
const INLINE_BYTES = 3;
const VERSION = 4;
const NOTE = 5;
const COLUMNS = OWN + NOTE + NOTE_LENGTH;

/** Rises with every object and description stored by any store, so that a version names one of them. */
let lastVersion = 0;

class MemoryObject implements StoredObject {
  readonly meta: Buffer;
  readonly body: Chunks;
  readonly slot: number;
  readonly version: number;

  constructor(meta: Buffer, body: Chunks, slot: number, version: number) {
    this.meta = meta;
    this.body = body;
    this.slot = slot;
    this.version = version;
  }
}

export interface MemoryStoreOptions {
  /** The budget in bytes, everything counted. */
  readonly maxBytes: number;
  /** Bytes of the longest body that is kept; 1 GiB at most. */
  readonly maxObject: number;
}

export class MemoryStore implements Store {
  readonly name = 'memory';
  readonly lying: Lying = { slot: 0, bytes: Buffer.alloc(0), key: 0, meta: 0, body: 0, end: 0 };
  readonly #maxBytes: number;
  readonly #maxObject: number;
  readonly #hash = new KeyHash();
  #eviction: S3Fifo;
  #index: SlotIndex;
  #cells: Cells;
  #rows: IntTable;
  /** Bodies that are not in cells, by slot. */
  #bodies = new Map<number, MemoryBody>();
  readonly #held: HeldMemory;
  readonly #bodyHost: BodyHost = {
    hold: (body) => {
      this.#used += body.bytes;
      this.#held.add(body);
    },
    letGo: (body) => this.#letGo(body),
  };
  #used = 0;
  /** Bytes of it that writers have reserved. */
  #reserved = 0;
  #evictions = 0;

  constructor(options: MemoryStoreOptions) {
    this.#maxBytes = options.maxBytes;
    this.#maxObject = Math.min(options.maxObject, options.maxBytes, LARGEST_OBJECT);
    this.#held = new HeldMemory(options.maxBytes * MOST_HELD);
    ({ eviction: this.#eviction, index: this.#index, cells: this.#cells, rows: this.#rows } = tables(options.maxBytes));
  }

  async get(key: string): Promise<StoredObject | undefined> {
    return this.peek(key);
  }

  /** The same as get(), at once. */
  peek(key: string): StoredObject | undefined {
    const slot = this.#find(key, this.#hash.of(key));
    if (slot === -1) return undefined;
    this.#eviction.access(slot);
    return this.#read(slot);
  }

  /** Whether it keeps bodies of that length at all. */
  takes(length: number): boolean {
    return length <= this.#maxObject;
  }

  /** Whether it has that object; no access. */
  has(key: string): boolean {
    return this.#find(key, this.#hash.of(key)) !== -1;
  }

  put(key: string, expectedLength: number | undefined): StoreWriter | undefined {
    if (expectedLength !== undefined && expectedLength > this.#maxObject) return undefined;
    const host: WriterHost = {
      reserve: (bytes, reserved) => this.#reserveForWriter(bytes, reserved),
      release: (bytes) => {
        this.#reserved -= bytes;
        this.#release(bytes);
      },
      hold: (writer) => {
        this.#reserved -= writer.bytes;
        this.#held.add(writer);
      },
      letGo: (writer) => this.#letGo(writer),
      store: (meta, body, reserved) => this.#store(key, meta, body, reserved),
    };
    return new MemoryWriter(host, expectedLength, this.#maxObject);
  }

  async update(key: string, previous: StoredObject, meta: Buffer): Promise<boolean> {
    const hash = this.#hash.of(key);
    const slot = this.#find(key, hash);
    if (slot === -1 || !this.#holds(slot, previous)) return false;
    const keyBytes = encodeKey(key);
    const body = this.#bodies.get(slot) ?? this.#read(slot).body;
    const inline = body.length > INLINE_BODY ? [] : [...body];
    const size = this.#eviction.sizeOf(slot);
    const growth = cellMemory(keyBytes, meta, inline) - cellMemory(keyBytes, previous.meta, inline);
    // Making room may drop this very object.
    if (!this.#reserve(Math.max(growth, 0))) return false;
    if (this.#find(key, hash) !== slot) {
      this.#release(Math.max(growth, 0));
      return false;
    }
    this.#release(Math.max(-growth, 0));
    this.#eviction.resize(slot, size + growth);
    this.#write(slot, key, keyBytes, meta, inline);
    return true;
  }

  async delete(key: string): Promise<boolean> {
    const slot = this.#find(key, this.#hash.of(key));
    if (slot === -1) return false;
    this.#eviction.remove(slot);
    this.#drop(slot);
    return true;
  }

  async clear(): Promise<number> {
    const count = this.#eviction.count;
    this.#release(this.#eviction.size);
    ({ eviction: this.#eviction, index: this.#index, cells: this.#cells, rows: this.#rows } = tables(this.#maxBytes));
    const bodies = this.#bodies;
    this.#bodies = new Map();
    for (const body of bodies.values()) body.leave();
    return count;
  }

  /** A key that is deleted and stored again meanwhile may come twice. */
  *keys(): Generator<string> {
    for (let slot = this.#eviction.firstSlot; slot < this.#eviction.endSlot; slot++) {
      if (this.#eviction.has(slot)) yield this.#keyOf(slot);
    }
  }

  stats(): StoreStats {
    return {
      name: this.name,
      objects: this.#eviction.count,
      bytes: this.#used,
      maxBytes: this.#maxBytes,
      evictions: this.#evictions,
      errors: 0,
    };
  }

  async close(): Promise<void> {
    await this.clear();
  }

  ticket(object: StoredObject): MemoryTicket | undefined {
    return object instanceof MemoryObject ? new MemoryTicket(object.slot, object.version) : undefined;
  }

  readTicket(reader: PackedReader): MemoryTicket {
    return MemoryTicket.read(reader);
  }

  touch(ticket: MemoryTicket): boolean {
    const slot = this.#slotBy(ticket);
    if (slot === -1) return false;
    this.#eviction.access(slot);
    return true;
  }

  bodyOf(ticket: MemoryTicket): Body | undefined {
    const slot = this.#slotBy(ticket);
    return slot === -1 ? undefined : (this.#bodies.get(slot) ?? this.#inlineBody(slot));
  }

  slotOf(ticket: MemoryTicket): number | undefined {
    const slot = this.#slotBy(ticket);
    // What is elsewhere, or has a key of wide characters, cannot be looked at in one piece.
    return slot === -1 || this.#bodies.has(slot) || this.#rows.get(slot, KEY_WIDE) === 1 ? undefined : slot;
  }

  ticketAt(slot: number): MemoryTicket {
    return new MemoryTicket(slot, this.#rows.get(slot, VERSION));
  }

  annotate(slot: number, note: Int32Array): void {
    for (let i = 0; i < NOTE_LENGTH; i++) this.#rows.set(slot, NOTE + i, note[i]!);
  }

  annotation(slot: number, note: Int32Array): boolean {
    // Rows that have no object have no note.
    if (slot >= this.#eviction.endSlot || this.#rows.get(slot, NOTE) === 0) return false;
    for (let i = 0; i < NOTE_LENGTH; i++) note[i] = this.#rows.get(slot, NOTE + i);
    return true;
  }

  look(slot: number): void {
    const { lying } = this;
    const length = this.#rows.get(slot, KEY_UNITS) + this.#rows.get(slot, META_BYTES) + this.#rows.get(slot, INLINE_BYTES);
    if (this.#cells.locate(slot, length)) {
      lying.bytes = this.#cells.bytes;
      lying.key = this.#cells.start;
    } else {
      lying.bytes = Buffer.allocUnsafe(length);
      lying.key = 0;
      this.#cells.read(slot, 0, lying.bytes);
    }
    lying.slot = slot;
    lying.meta = lying.key + this.#rows.get(slot, KEY_UNITS);
    lying.body = lying.meta + this.#rows.get(slot, META_BYTES);
    lying.end = lying.key + length;
  }

  access(slot: number): void {
    this.#eviction.access(slot);
  }

  lend(bytes: number): boolean {
    return this.#reserve(bytes);
  }

  giveBack(bytes: number): void {
    this.#release(bytes);
  }

  #find(key: string, hash: number): number {
    let slot = this.#index.first(hash);
    while (slot !== -1 && !this.#isUnder(slot, key)) slot = this.#index.next(slot);
    return slot;
  }

  /** The slot of that very object, or -1. */
  #slotBy({ slot, version }: MemoryTicket): number {
    // Versions are never used again, not even after clear().
    return slot < this.#eviction.endSlot && this.#rows.get(slot, VERSION) === version && this.#eviction.has(slot) ? slot : -1;
  }

  #inlineBody(slot: number): Chunks {
    const length = this.#rows.get(slot, INLINE_BYTES);
    if (length === 0) return new Chunks();
    const bytes = Buffer.allocUnsafe(length);
    this.#cells.read(slot, (this.#rows.get(slot, KEY_UNITS) << this.#rows.get(slot, KEY_WIDE)) + this.#rows.get(slot, META_BYTES), bytes);
    return new Chunks([bytes]);
  }

  #isUnder(slot: number, key: string): boolean {
    if (this.#rows.get(slot, KEY_UNITS) !== key.length) return false;
    return this.#cells.startsWith(slot, key, this.#rows.get(slot, KEY_WIDE) === 1);
  }

  #holds(slot: number, object: StoredObject): boolean {
    return object instanceof MemoryObject && object.version === this.#rows.get(slot, VERSION);
  }

  #keyOf(slot: number): string {
    const wide = this.#rows.get(slot, KEY_WIDE);
    const bytes = Buffer.allocUnsafe(this.#rows.get(slot, KEY_UNITS) << wide);
    this.#cells.read(slot, 0, bytes);
    return bytes.toString(wide === 1 ? 'utf16le' : 'latin1');
  }

  #read(slot: number): MemoryObject {
    const keyBytes = this.#rows.get(slot, KEY_UNITS) << this.#rows.get(slot, KEY_WIDE);
    const metaBytes = this.#rows.get(slot, META_BYTES);
    const bytes = Buffer.allocUnsafe(metaBytes + this.#rows.get(slot, INLINE_BYTES));
    this.#cells.read(slot, keyBytes, bytes);
    const body = this.#bodies.get(slot) ?? new Chunks(bytes.length > metaBytes ? [bytes.subarray(metaBytes)] : []);
    return new MemoryObject(bytes.subarray(0, metaBytes), body, slot, this.#rows.get(slot, VERSION));
  }

  #store(key: string, meta: Buffer, body: Chunks, reserved: number): MemoryBody | 'copied' | undefined {
    const hash = this.#hash.of(key);
    const keyBytes = encodeKey(key);
    const isLarge = body.length > INLINE_BODY;
    const inline = isLarge ? [] : [...body];
    const own = OBJECT_OVERHEAD + (isLarge ? LARGE_OVERHEAD : 0) + cellMemory(keyBytes, meta, inline);
    if (!this.#reserve(own)) return undefined;
    const size = isLarge ? own + reserved : own;
    let slot = this.#find(key, hash);
    if (slot === -1) {
      slot = this.#eviction.insert(hash, size);
      this.#index.add(slot, hash);
      this.#rows.reserve(slot + 1);
    } else {
      this.#release(this.#eviction.sizeOf(slot));
      this.#eviction.resize(slot, size);
    }
    const replaced = this.#bodies.get(slot);
    // Anew, since arrays that were pushed to keep room to grow.
    const stored = isLarge ? new MemoryBody([...body], reserved, this.#bodyHost) : undefined;
    if (stored === undefined) this.#bodies.delete(slot);
    else {
      this.#bodies.set(slot, stored);
      this.#reserved -= reserved;
    }
    this.#write(slot, key, keyBytes, meta, inline);
    replaced?.leave();
    return stored ?? 'copied';
  }

  #write(slot: number, key: string, keyBytes: Buffer, meta: Buffer, inline: readonly Buffer[]): void {
    lastVersion = (lastVersion + 1) | 0;
    this.#rows.set(slot, KEY_UNITS, key.length);
    this.#rows.set(slot, KEY_WIDE, keyBytes.length > key.length ? 1 : 0);
    this.#rows.set(slot, META_BYTES, meta.length);
    this.#rows.set(slot, INLINE_BYTES, totalLength(inline));
    this.#rows.set(slot, VERSION, lastVersion);
    this.#rows.set(slot, NOTE, 0);
    this.#cells.write(slot, [keyBytes, meta, ...inline]);
  }

  #reserve(bytes: number): boolean {
    // Where dropping everything would not make room, nothing is dropped.
    if (this.#used - this.#eviction.size + bytes > this.#maxBytes) return false;
    while (this.#used + bytes > this.#maxBytes) {
      // What is dropped while it is sent frees nothing until the client has it.
      if (this.#eviction.count === 0 || !this.#held.makeRoom()) return false;
      this.#drop(this.#eviction.evict());
      this.#evictions++;
    }
    this.#used += bytes;
    return true;
  }

  #release(bytes: number): void {
    this.#used -= bytes;
  }

  #reserveForWriter(bytes: number, reserved: number): boolean {
    const isAlone = this.#reserved === reserved;
    if (!isAlone && (this.#reserved + bytes > this.#maxBytes * MOST_WRITTEN || !this.#held.makeRoom())) return false;
    if (!this.#reserve(bytes)) return false;
    this.#reserved += bytes;
    return true;
  }

  #letGo(holder: Holder): void {
    if (this.#held.remove(holder)) this.#release(holder.bytes);
  }

  /** Forgets an object that has just left the eviction queues. */
  #drop(slot: number): void {
    this.#release(this.#eviction.sizeOf(slot));
    this.#index.remove(slot);
    this.#rows.set(slot, NOTE, 0);
    this.#cells.free(slot);
    const body = this.#bodies.get(slot);
    if (body === undefined) return;
    this.#bodies.delete(slot);
    body.leave();
  }
}

/** One row has all that is known of an object. */
function tables(maxBytes: number): { eviction: S3Fifo; index: SlotIndex; cells: Cells; rows: IntTable } {
  const rows = new IntTable(COLUMNS);
  return { eviction: new S3Fifo(maxBytes, rows), index: new SlotIndex(rows.from(INDEX)), cells: new Cells(rows.from(CELL)), rows: rows.from(OWN) };
}

function encodeKey(key: string): Buffer {
  return Buffer.from(key, /[^\0-\xff]/.test(key) ? 'utf16le' : 'latin1');
}

function totalLength(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function cellMemory(keyBytes: Buffer, meta: Buffer, inline: readonly Buffer[]): number {
  return Cells.memoryFor(keyBytes.length + meta.length + totalLength(inline));
}
