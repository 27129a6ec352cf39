/**
 * @module stores/tiered
 * Memory in front of the disk. The disk has everything, for all threads; the memory of each thread
 * has what it was asked for lately. What memory has carries the count of changes that the disk had
 * seen for its key, so that what another thread replaced or removed is not taken from memory. While
 * one of the two cannot keep an object, the other one does.
 */
import type { Body, Store, StoredObject, StoreStats, StoreTicket, StoreWriter } from '../cache/ports.ts';
import type { DiskObject } from './disk-objects.ts';
import type { DiskStore } from './disk.ts';
import type { MemoryStore } from './memory.ts';
import { TieredWriter } from './tiered-writer.ts';

/** Before a description in memory: the count of changes, and the version on disk. */
const PREFIX = 12;
/** The version of an object that is in memory alone. */
const NOT_ON_DISK = 0;
/** Bytes of the longest body that goes to memory when it is stored, or first read from disk. */
const SMALL_BODY = 16 * 1024;

// Where in a ticket stands, behind what memory has in it, where changes are counted and how many there were.
const TICKET_CELL = 2;
const TICKET_CHANGES = 3;

class TieredObject implements StoredObject {
  readonly meta: Buffer;
  readonly body: Body;
  /** On disk. */
  readonly version: number;
  /** Where it was read from memory. */
  readonly inMemory: { readonly key: string; readonly object: StoredObject } | undefined;

  constructor(meta: Buffer, body: Body, version: number, inMemory: TieredObject['inMemory']) {
    this.meta = meta;
    this.body = body;
    this.version = version;
    this.inMemory = inMemory;
  }
}

export class TieredStore implements Store {
  readonly name = 'tiered';
  readonly #memory: MemoryStore;
  readonly #disk: DiskStore;
  /** Larger objects that were read from disk lately, with their lengths: as many as memory could have kept. */
  readonly #seen = new Map<string, number>();
  #seenBytes = 0;
  readonly #memoryBytes: number;
  #memoryHits = 0;
  #diskHits = 0;

  constructor(memory: MemoryStore, disk: DiskStore) {
    this.#memory = memory;
    this.#disk = disk;
    this.#memoryBytes = memory.stats().maxBytes;
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
    return new TieredObject(far.meta, this.#promote(key, far, changes), far.version, undefined);
  }

  put(key: string, expectedLength: number | undefined): StoreWriter | undefined {
    const disk = this.#disk.put(key, expectedLength);
    // A larger one goes there when it is asked for again: every copy of a body costs as much as all else.
    const isLarge = disk !== undefined && (expectedLength ?? 0) > SMALL_BODY;
    if (isLarge) this.#isSeenAgain(key, expectedLength!);
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

  ticket(object: StoredObject): StoreTicket | undefined {
    if (!(object instanceof TieredObject) || object.inMemory === undefined) return undefined;
    const { key, object: held } = object.inMemory;
    const ticket = this.#memory.ticket(held);
    // What memory reads of it comes first.
    return ticket && [...ticket, this.#disk.cellOf(key), changesOf(held.meta)];
  }

  touch(ticket: StoreTicket): boolean {
    return this.#isUnchanged(ticket) && this.#memory.touch(ticket);
  }

  bodyOf(ticket: StoreTicket): Body | undefined {
    return this.#isUnchanged(ticket) ? this.#memory.bodyOf(ticket) : undefined;
  }

  lend(bytes: number): boolean {
    return this.#memory.lend(bytes);
  }

  giveBack(bytes: number): void {
    this.#memory.giveBack(bytes);
  }

  /** No thread has changed what the disk has for its key. */
  #isUnchanged(ticket: StoreTicket): boolean {
    return this.#disk.changesAt(ticket[TICKET_CELL]!) === ticket[TICKET_CHANGES];
  }

  /** What memory has, where it is what the disk would give. */
  #peek(key: string): TieredObject | undefined {
    const held = this.#memory.peek(key);
    if (held === undefined) return undefined;
    if (changesOf(held.meta) === this.#disk.changesOf(key)) return new TieredObject(held.meta.subarray(PREFIX), held.body, versionOf(held.meta), { key, object: held });
    void this.#memory.delete(key);
    return undefined;
  }

  /** Lets an object go to memory that was read from disk: a small one now; a larger one as it is read, when memory would have had it if it had gone there the time before. */
  #promote(key: string, { meta, body, version }: DiskObject, changes: number): Body {
    const isSmall = body.length <= SMALL_BODY;
    if (!isSmall && !this.#isSeenAgain(key, body.length)) return body;
    const writer = this.#memory.put(key, body.length);
    if (writer === undefined) return body;
    const description = prefixed(changes, version, meta);
    if (!isSmall) return new PromotingBody(body, writer, description);
    for (const chunk of body.read(0, body.length) as Iterable<Buffer>) writer.write(chunk);
    void writer.commit(description);
    return body;
  }

  #isSeenAgain(key: string, length: number): boolean {
    const before = this.#seen.get(key);
    if (before !== undefined) this.#forget(key, before);
    else {
      this.#seen.set(key, length);
      this.#seenBytes += length;
      for (const [oldest, bytes] of this.#seen) {
        if (this.#seenBytes <= this.#memoryBytes) break;
        this.#forget(oldest, bytes);
      }
    }
    return before !== undefined;
  }

  #forget(key: string, length: number): void {
    this.#seen.delete(key);
    this.#seenBytes -= length;
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
