/**
 * @module stores/disk-writer
 * An object on its way to the disk. A small body waits in memory for its row; a larger one goes block
 * by block into room of its own in the segments, which nothing leads to before the commit. Room for a
 * body of known length is claimed before its first block is written, up to 4 MB in one piece: writers
 * that hold some room and wait for more could otherwise wait for each other. Storing is given up before
 * anything waits for it long: where there is no room, the disk stalls, or the writers of the thread
 * hold all the memory that they may.
 */
import type { StoreWriter } from '../cache/ports.ts';
import { type Claim, type DiskArenas, takeClaims } from './disk-arenas.ts';
import { readBlocks } from './disk-bodies.ts';
import { checksumOf } from './disk-checksum.ts';
import { BLOCK, type Extent, Layout, SEGMENT_UNITS, addExtent, unitsFor, unitsIn } from './disk-layout.ts';
import type { Pins } from './disk-pins.ts';
import type { DiskSegments } from './disk-segments.ts';
import type { WriteBuffers } from './disk-write-buffers.ts';

/** Bytes of the longest body that lies in its row: longer ones would leave much of a page empty. */
const INLINE_BODY = 3 * 1024;
const FIRST_BLOCK = 4096;
/** Units that are claimed at a time, of a longer body: to make room for all of it could take long. */
const MOST_CLAIMED = SEGMENT_UNITS;
/** Milliseconds that one write may take before the body is not stored. */
const STALLED_MS = 2000;

/** Where a body is when it is complete. */
export type Written = { readonly inline: Buffer } | { readonly layout: Layout; readonly length: number; readonly claims: readonly Claim[] };

/** What a writer needs of its store. */
export interface DiskWriterHost {
  readonly segments: DiskSegments;
  readonly arenas: DiskArenas;
  readonly pins: Pins;
  readonly buffers: WriteBuffers;
  /** Something could not be written. */
  failed(error: unknown): void;
}

/** Gives back the room of writers that were let go of without a word. */
const forgotten = new FinalizationRegistry<{ readonly arenas: DiskArenas; readonly room: Room }>(({ arenas, room }) => arenas.giveBack(room.takeAll()));

/** The room that a body has in segments. */
class Room {
  /** What blocks were written into. */
  #used: Claim[] = [];
  /** What is for the blocks that are still to come. */
  #ahead: Claim[] = [];

  get isEmpty(): boolean {
    return this.#used.length === 0 && this.#ahead.length === 0;
  }

  add(claims: readonly Claim[]): void {
    this.#ahead.push(...claims);
  }

  /** Room for one block; undefined where there is not enough of it. */
  use(units: number): Extent[] | undefined {
    if (this.#ahead.reduce((sum, { extents }) => sum + unitsIn(extents), 0) < units) return undefined;
    const claims = takeClaims(this.#ahead, units);
    this.#used.push(...claims);
    return claims.flatMap(({ extents }) => extents);
  }

  /** All that was written into; nothing is left of that. */
  takeUsed(): Claim[] {
    return this.#used.splice(0);
  }

  takeAll(): Claim[] {
    return [...this.#used.splice(0), ...this.#ahead.splice(0)];
  }

  /** What no block came for; nothing is left of that. */
  takeAhead(): Claim[] {
    return this.#ahead.splice(0);
  }
}

export class DiskWriter implements StoreWriter {
  readonly #host: DiskWriterHost;
  readonly #store: (meta: Buffer, written: Written) => Promise<number | undefined>;
  readonly #maxObject: number;
  readonly #expectedLength: number;
  /** Of the object it became. */
  #version: number | undefined;
  /** "refused": takes no more, but can be read until it is over. */
  #state: 'open' | 'refused' | 'committing' | 'over' = 'open';
  /** Blocks that are not written yet, all but the last of them full. */
  readonly #blocks: Buffer[] = [];
  /** The block being filled, and how far it is. */
  #block: Buffer | undefined;
  #filled = 0;
  #written = 0;
  /** Of what is on the disk. */
  readonly #sums: Buffer[] = [];
  readonly #extents: Extent[] = [];
  readonly #room = new Room();
  /** Blocks that readers were given parts of. */
  #shown: Set<ArrayBufferLike> | undefined;
  #isFlushing = false;
  #hasFailed = false;
  /** The last time. */
  #flushing: Promise<void> | undefined;
  #drained: (() => void) | undefined;
  #onStall: (() => void) | undefined;

  /** @param store makes it an object; its version, undefined where it could not be kept */
  constructor(host: DiskWriterHost, store: (meta: Buffer, written: Written) => Promise<number | undefined>, expectedLength: number | undefined, maxObject: number) {
    this.#host = host;
    this.#store = store;
    this.#expectedLength = expectedLength ?? 0;
    this.#maxObject = maxObject;
  }

  get written(): number {
    return this.#written;
  }

  get version(): number | undefined {
    return this.#version;
  }

  get backlog(): number {
    return this.#state === 'open' ? this.#blocks.length * BLOCK : 0;
  }

  onDrain(listener: () => void): void {
    this.#drained = listener;
  }

  write(chunk: Buffer): boolean {
    if (this.#state !== 'open') return false;
    // As many blocks as the chunk fills, the one that it begins, and the copy of one that grows.
    if (this.#written + chunk.length > this.#maxObject || !this.#host.buffers.hasRoomFor(chunk.length + 2 * BLOCK)) {
      this.#state = 'refused';
      return false;
    }
    for (let taken = 0; taken < chunk.length; ) {
      const block = this.#blockFor(chunk.length - taken);
      const copied = chunk.copy(block, this.#filled, taken);
      taken += copied;
      this.#filled += copied;
      this.#written += copied;
      if (this.#filled === BLOCK) this.#closeBlock();
    }
    if (this.#blocks.length > 0 && !this.#isFlushing) this.#flushing = this.#flush();
    return true;
  }

  chunkAt(position: number): Buffer | undefined {
    if (position >= this.#written) return undefined;
    const number = Math.floor(position / BLOCK);
    const offset = position - number * BLOCK;
    if (number < this.#sums.length) return this.#readBlock(number)?.subarray(offset);
    const block = this.#blocks[number - this.#sums.length] ?? this.#block?.subarray(0, this.#filled);
    if (block !== undefined) (this.#shown ??= new Set()).add(block.buffer);
    return block?.subarray(offset);
  }

  async commit(meta: Buffer): Promise<boolean> {
    if (this.#state !== 'open') return false;
    this.#state = 'committing';
    // The caller may use its bytes again.
    const description = Buffer.from(meta);
    this.#version = await this.#finish(description);
    // What could not be kept can still be read, until it is aborted.
    this.#state = this.#version === undefined ? 'refused' : 'over';
    return this.#version !== undefined;
  }

  /** After commit: nobody reads from the writer any more. */
  abort(): void {
    if (this.#version !== undefined) {
      this.#unpin();
      this.#releaseAll();
    } else if (this.#state === 'open' || this.#state === 'refused') this.#giveUp();
  }

  async #finish(meta: Buffer): Promise<number | undefined> {
    const { arenas, pins } = this.#host;
    try {
      if (this.#written <= INLINE_BODY) return await this.#store(meta, { inline: this.#block?.subarray(0, this.#filled) ?? Buffer.alloc(0) });
      if (this.#filled > 0) this.#closeBlock();
      await this.#flushed();
      if (!this.#hasFailed) {
        this.#flushing = this.#flush();
        await this.#flushed();
      }
      if (this.#hasFailed || this.#blocks.length > 0) return undefined;
      const layout = this.#layout();
      // Who lags behind reads it here, also when it has been replaced meanwhile.
      pins.pin(layout.unit);
      const claims = this.#room.takeUsed();
      const version = await this.#store(meta, { layout, length: this.#written, claims });
      if (version === undefined) {
        pins.unpin(layout.unit);
        this.#room.add(claims);
      } else {
        pins.holdBy(this, layout.unit);
        forgotten.unregister(this);
        arenas.giveBack(this.#room.takeAhead());
      }
      return version;
    } catch (error) {
      this.#host.failed(error);
      return undefined;
    }
  }

  /** Brings the blocks that wait to the disk. Never rejects; what it cannot bring stays. */
  async #flush(): Promise<void> {
    const { segments } = this.#host;
    this.#isFlushing = true;
    try {
      while (this.#blocks.length > 0 && (this.#state === 'open' || this.#state === 'committing')) {
        const block = this.#blocks[0]!;
        const room = this.#roomFor(block);
        const extents = room instanceof Promise ? await room : room;
        if (extents === undefined) {
          this.#fail();
          break;
        }
        const writing = segments.write(extents, block);
        const sum = Buffer.from(checksumOf(block));
        if (writing !== undefined) await this.#watched(writing);
        for (const extent of extents) addExtent(this.#extents, extent);
        this.#sums.push(sum);
        this.#blocks.shift();
        this.#release(block);
        this.#drained?.();
      }
    } catch (error) {
      this.#host.failed(error);
      this.#fail();
    }
    this.#isFlushing = false;
    this.#drained?.();
  }

  /** Room for the next block: for all that is to come, where that is known. Undefined where there is none. */
  #roomFor(block: Buffer): Extent[] | undefined | Promise<Extent[] | undefined> {
    const { arenas } = this.#host;
    const units = unitsFor(block.length);
    const extents = this.#room.use(units);
    if (extents !== undefined) return extents;
    const stored = this.#sums.length * BLOCK;
    const claims = arenas.take(Math.max(units, Math.min(MOST_CLAIMED, unitsFor(this.#expectedLength - stored))));
    return claims instanceof Promise ? claims.then((each) => this.#use(each, units)) : this.#use(claims, units);
  }

  #use(claims: readonly Claim[] | undefined, units: number): Extent[] | undefined {
    if (claims === undefined) return undefined;
    if (this.#room.isEmpty) forgotten.register(this, { arenas: this.#host.arenas, room: this.#room }, this);
    this.#room.add(claims);
    return this.#room.use(units);
  }

  /** Resolves when the flush that runs has ended, or the disk stalls. */
  async #flushed(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onStall = resolve;
    await Promise.race([this.#flushing, promise]);
    this.#onStall = undefined;
  }

  /** A disk that hangs must hold up neither clients nor other changes of the same URL. */
  async #watched(writing: Promise<void>): Promise<void> {
    const timer = setTimeout(() => {
      this.#fail();
      this.#drained?.();
      this.#onStall?.();
    }, STALLED_MS);
    try {
      await writing;
    } finally {
      clearTimeout(timer);
    }
  }

  #fail(): void {
    this.#hasFailed = true;
    if (this.#state === 'open') this.#state = 'refused';
  }

  #giveUp(): void {
    this.#state = 'over';
    this.#written = 0;
    void this.#clean();
  }

  async #clean(): Promise<void> {
    await this.#flushing;
    this.#releaseAll();
    forgotten.unregister(this);
    this.#host.arenas.giveBack(this.#room.takeAll());
  }

  #releaseAll(): void {
    for (const block of this.#blocks.splice(0)) this.#release(block);
    if (this.#block !== undefined) this.#release(this.#block);
    this.#block = undefined;
  }

  #unpin(): void {
    if (this.#extents.length > 0) this.#host.pins.release(this, this.#extents[0]!.unit);
  }

  #layout(): Layout {
    return new Layout(Buffer.concat(this.#sums), this.#extents);
  }

  #readBlock(number: number): Buffer | undefined {
    try {
      return readBlocks(this.#host.segments, this.#layout(), number, Math.min(BLOCK, this.#written - number * BLOCK));
    } catch {
      return undefined;
    }
  }

  /** The block to fill; it grows with what was really written. */
  #blockFor(needed: number): Buffer {
    const block = this.#block;
    if (block !== undefined && this.#filled < block.length) return block;
    const missing = this.#expectedLength - this.#written;
    const wanted = Math.min(BLOCK, missing > 0 ? this.#filled + missing : Math.max(FIRST_BLOCK, 4 * this.#filled, this.#filled + needed));
    const larger = this.#host.buffers.take(wanted);
    if (block !== undefined) {
      block.copy(larger, 0, 0, this.#filled);
      this.#release(block);
    }
    this.#block = larger;
    return larger;
  }

  /** It is read here no more; readers who were given parts of it may hold them still. */
  #release(block: Buffer): void {
    this.#host.buffers.release(block, this.#shown?.delete(block.buffer) === true);
  }

  #closeBlock(): void {
    this.#blocks.push(this.#block!.subarray(0, this.#filled));
    this.#block = undefined;
    this.#filled = 0;
  }
}
