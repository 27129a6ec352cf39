/**
 * @module stores/tiered
 * Memory in front of the disk. The disk has everything, for all threads; the memory of each thread
 * has what it was asked for lately. What memory has carries the count of changes that the disk had
 * seen for its key, so that what another thread replaced or removed is not taken from memory. While
 * one of the two cannot keep an object, the other one does.
 */
import type { PackedReader } from '../cache/packed.ts';
import type { Body, BodyReader, Lender, Store, StoredObject, StoreWriter } from '../cache/ports.ts';
import type { StoreStats } from '../cache/store-stats.ts';
import type { DiskObject, Whereabouts } from './disk-objects.ts';
import type { DiskStore } from './disk.ts';
import { MemoryTicket } from './memory-ticket.ts';
import type { MemoryStore } from './memory.ts';
import { Sightings } from './sightings.ts';
import { TieredTicket } from './tiered-ticket.ts';
import { TieredWriter } from './tiered-writer.ts';

/** Before a description in memory: the count of changes, and the version on disk. */
const PREFIX = 12;
/** The version of an object that is in memory alone. */
const NOT_ON_DISK = 0;
/** Bytes of the longest body that goes to memory when it is stored. */
const SMALL_BODY = 16 * 1024;
/**
 * An object that was asked for so often lately goes to memory when it is asked for once more. Each time
 * one goes there another leaves, and both cost the engine's way again: more than it costs to read them
 * from disk a few times more.
 */
const WANTED = 2;

/** Where it was read: in memory, or on disk when what that has for the key had been changed so often. */
type Source = { readonly key: string; readonly held: StoredObject } | { readonly at: Whereabouts; readonly changes: number };

class TieredObject implements StoredObject {
  readonly meta: Buffer;
  readonly body: Body;
  /** On disk. */
  readonly version: number;
  readonly source: Source;

  constructor(meta: Buffer, body: Body, version: number, source: Source) {
    this.meta = meta;
    this.body = body;
    this.version = version;
    this.source = source;
  }
}

export class TieredStore implements Store {
  readonly name = 'tiered';
  readonly lendable: number;
  readonly #memory: MemoryStore;
  readonly #disk: DiskStore;
  /** What was read from disk lately. */
  readonly #seen: Sightings;
  #lent = 0;
  #memoryHits = 0;
  #diskHits = 0;

  /** @param lendable bytes it lends besides what it takes from the budget of memory: for what is known of objects that are on disk alone */
  constructor(memory: MemoryStore, disk: DiskStore, lendable = 0) {
    this.lendable = lendable;
    this.#memory = memory;
    this.#disk = disk;
    this.#seen = new Sightings(memory.stats().maxBytes);
    disk.isInUse = (key) => memory.has(key);
  }

  async get(key: string): Promise<StoredObject | undefined> {
    const near = this.#peek(key);
    if (near !== undefined) {
      this.#memoryHits++;
      return near;
    }
    const changes = this.#disk.changesOf(key);
    const far = await this.#disk.get(key);
    if (far === undefined) return undefined;
    this.#diskHits++;
    return this.#promote(key, far, changes);
  }

  put(key: string, expectedLength: number | undefined): StoreWriter | undefined {
    const disk = this.#disk.put(key, expectedLength);
    // A larger one goes there when it is asked for again: every copy of a body costs as much as all else.
    const isLarge = disk !== undefined && (expectedLength ?? 0) > SMALL_BODY;
    if (isLarge) this.#seen.add(this.#disk.hashOf(key), expectedLength!);
    const memory = isLarge ? undefined : this.#memory.put(key, expectedLength);
    if (disk === undefined && memory === undefined) return undefined;
    return new TieredWriter(memory, disk, (meta) => this.#committed(key, meta, memory, disk));
  }

  async update(key: string, previous: StoredObject, meta: Buffer): Promise<boolean> {
    if (!(previous instanceof TieredObject)) return false;
    const { version } = previous;
    const described = version === NOT_ON_DISK ? undefined : await this.#disk.describe(key, version, meta);
    if (described === undefined && version !== NOT_ON_DISK) {
      // The old description must not come back from disk.
      await this.#disk.delete(key);
    }
    const held = this.#memory.peek(key);
    const isSame = held !== undefined && versionOf(held.meta) === version && (described !== 'gone' || changesOf(held.meta) === this.#disk.changesOf(key));
    if (!isSame || (version === NOT_ON_DISK && held.meta.subarray(PREFIX).compare(previous.meta) !== 0)) {
      await this.#memory.delete(key);
      return typeof described === 'number';
    }
    const now = typeof described === 'number' ? described : NOT_ON_DISK;
    const inMemory = await this.#memory.update(key, held, this.#prefixed(key, now, meta));
    if (!inMemory) await this.#memory.delete(key);
    return inMemory || typeof described === 'number';
  }

  async delete(key: string): Promise<boolean> {
    const near = await this.#memory.delete(key);
    const far = await this.#disk.delete(key);
    // What was read from disk meanwhile may have gone to memory.
    await this.#memory.delete(key);
    return near || far;
  }

  async clear(): Promise<number> {
    const alone = [...this.#inMemoryAlone()].length;
    await this.#memory.clear();
    const count = await this.#disk.clear();
    await this.#memory.clear();
    return count + alone;
  }

  *keys(): Generator<string> {
    yield* this.#disk.keys();
    yield* this.#inMemoryAlone();
  }

  stats(): StoreStats {
    const memory = { ...this.#memory.stats(), hits: this.#memoryHits };
    const disk = { ...this.#disk.stats(), hits: this.#diskHits };
    const { latency: _latency, ...figures } = disk;
    return { ...figures, name: this.name, hits: this.#memoryHits + this.#diskHits, tiers: [memory, disk] };
  }

  async close(): Promise<void> {
    await this.#disk.close();
    await this.#memory.close();
  }

  ticket(object: StoredObject): TieredTicket | undefined {
    if (!(object instanceof TieredObject)) return undefined;
    const { source } = object;
    if ('at' in source) return new TieredTicket(this.#disk.cellOf(source.at.hash), source.changes, source.at);
    const ticket = this.#memory.ticket(source.held);
    return ticket && new TieredTicket(this.#disk.cellOf(this.#disk.hashOf(source.key)), changesOf(source.held.meta), ticket);
  }

  readTicket(reader: PackedReader): TieredTicket {
    return TieredTicket.read(reader);
  }

  touch(ticket: TieredTicket): boolean {
    if (!this.#isUnchanged(ticket)) return false;
    const { at } = ticket;
    if (at instanceof MemoryTicket) return this.#memory.touch(at);
    this.#disk.use(at);
    return true;
  }

  bodyOf(ticket: TieredTicket): Body | undefined {
    if (!this.#isUnchanged(ticket)) return undefined;
    const { at } = ticket;
    if (at instanceof MemoryTicket) return this.#memory.bodyOf(at);
    // Where memory shall have it, it is to be asked for by its key.
    if (this.#isWanted(at.hash, at.length)) return undefined;
    const body = this.#disk.bodyAt(at);
    if (body === undefined) return undefined;
    this.#diskHits++;
    this.#seen.add(at.hash, at.length);
    return body;
  }

  lend(bytes: number): boolean {
    const ofMemory = this.#ofMemory(this.#lent + bytes) - this.#ofMemory(this.#lent);
    if (ofMemory > 0 && !this.#memory.lend(ofMemory)) return false;
    this.#lent += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    const ofMemory = this.#ofMemory(this.#lent) - this.#ofMemory(this.#lent - bytes);
    if (ofMemory > 0) this.#memory.giveBack(ofMemory);
    this.#lent -= bytes;
  }

  /** What of so many bytes that were lent is out of memory's budget. */
  #ofMemory(lent: number): number {
    return Math.max(0, lent - this.lendable);
  }

  /** No thread has changed what the disk has for its key. */
  #isUnchanged({ cell, changes }: TieredTicket): boolean {
    return this.#disk.changesAt(cell) === changes;
  }

  /** What memory has, where it is what the disk would give. */
  #peek(key: string): TieredObject | undefined {
    const held = this.#memory.peek(key);
    if (held === undefined) return undefined;
    if (changesOf(held.meta) === this.#disk.changesOf(key)) return new TieredObject(held.meta.subarray(PREFIX), held.body, versionOf(held.meta), { key, held });
    void this.#memory.delete(key);
    return undefined;
  }

  /** Lets an object go to memory that was read from disk where it was asked for often enough: a small one now, a larger one as it is read. */
  #promote(key: string, { meta, body, at }: DiskObject, changes: number): TieredObject {
    const { hash, version } = at;
    const onDisk = (read: Body): TieredObject => new TieredObject(meta, read, version, { at, changes });
    const writer = this.#isWanted(hash, body.length) ? this.#memory.put(key, body.length) : undefined;
    if (writer === undefined) {
      this.#seen.add(hash, body.length);
      return onDisk(body);
    }
    this.#seen.forget(hash);
    const description = prefixed(changes, version, meta);
    if (body.length > SMALL_BODY) return onDisk(new PromotingBody(body, writer, description));
    for (const chunk of body.read(0, body.length) as Iterable<Buffer>) writer.write(chunk);
    // A store in memory commits at once.
    void writer.commit(description);
    writer.abort();
    return this.#peek(key) ?? onDisk(body);
  }

  /** Memory shall have it. */
  #isWanted(hash: number, length: number): boolean {
    return this.#seen.times(hash) >= WANTED && this.#memory.takes(length);
  }

  /** Of a new object: what disk and memory have written becomes visible. */
  async #committed(key: string, meta: Buffer, memory: StoreWriter | undefined, disk: ReturnType<DiskStore['put']>): Promise<boolean> {
    const onDisk = disk !== undefined && (await disk.commit(meta));
    // What was there before must not outlive it.
    if (!onDisk) await this.#disk.delete(key);
    const version = onDisk ? disk.version! : NOT_ON_DISK;
    const inMemory = memory !== undefined && (await memory.commit(this.#prefixed(key, version, meta)));
    if (!inMemory) await this.#memory.delete(key);
    return onDisk || inMemory;
  }

  #prefixed(key: string, version: number, meta: Buffer): Buffer {
    return prefixed(this.#disk.changesOf(key), version, meta);
  }

  *#inMemoryAlone(): Generator<string> {
    for (const key of this.#memory.keys()) if (this.#peek(key)?.version === NOT_ON_DISK) yield key;
  }
}

/** Goes to memory while it is read, if it is read from its first byte to its last. */
class PromotingBody implements Body {
  readonly length: number;
  readonly #body: Body;
  readonly #meta: Buffer;
  #writer: StoreWriter | undefined;

  constructor(body: Body, writer: StoreWriter, meta: Buffer) {
    this.length = body.length;
    this.#body = body;
    this.#writer = writer;
    this.#meta = meta;
  }

  *read(start: number, end: number): Generator<Buffer> {
    const writer = start === 0 && end === this.length ? this.#writer : undefined;
    this.#writer = undefined;
    let isTaken = writer !== undefined;
    try {
      for (const chunk of this.#body.read(start, end) as Iterable<Buffer>) {
        isTaken &&= writer!.write(chunk);
        yield chunk;
      }
      if (isTaken) void writer!.commit(this.#meta);
    } finally {
      writer?.abort();
    }
  }

  /** Memory has copies. */
  get lender(): Lender | undefined {
    return this.#body.lender;
  }

  pin(reader: BodyReader): boolean {
    return this.#body.pin?.(reader) ?? true;
  }

  unpin(reader: BodyReader): void {
    this.#body.unpin?.(reader);
  }
}

function prefixed(changes: number, version: number, meta: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX + meta.length);
  bytes.writeInt32LE(changes, 0);
  bytes.writeDoubleLE(version, 4);
  meta.copy(bytes, PREFIX);
  return bytes;
}

function changesOf(description: Buffer): number {
  return description.readInt32LE(0);
}

function versionOf(description: Buffer): number {
  return description.readDoubleLE(4);
}
