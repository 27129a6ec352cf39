/**
 * @module stores/disk-writer
 * An object on its way to the disk. A small body waits in memory for its row; a larger one goes block
 * by block into room of its own in the segments, which nothing leads to before the commit. That room is
 * asked for before it is written, and a few blocks at most wait in memory.
 */
import type { StoreWriter } from '../cache/ports.ts';
import type { Claim, DiskArenas } from './disk-arenas.ts';
import { readBlocks } from './disk-bodies.ts';
import { checksumOf } from './disk-checksum.ts';
import { BLOCK, type Extent, Layout, addExtent, unitsFor } from './disk-layout.ts';
import type { Pins } from './disk-pins.ts';
import type { DiskSegments } from './disk-segments.ts';
import { giveBackSpan, takeSpan } from './disk-spans.ts';

/** Bytes of the longest body that lies in its row: longer ones would leave much of a page empty. */
const INLINE_BODY = 3 * 1024;
const FIRST_BLOCK = 4096;
/** Bytes from which on memory that is used again pays. */
const WORTH_A_SPAN = 16 * 1024;

/** Where a body is when it is complete. */
export type Written = { readonly inline: Buffer } | { readonly layout: Layout; readonly length: number; readonly claims: readonly Claim[] };

/** What a writer needs of its store. */
export interface DiskWriterHost {
  readonly segments: DiskSegments;
  readonly arenas: DiskArenas;
  readonly pins: Pins;
  /** Something could not be written. */
  failed(error: unknown): void;
}

/** Gives back the room of writers that were let go of without a word. */
const forgotten = new FinalizationRegistry<{ readonly arenas: DiskArenas; readonly claims: Claim[] }>(({ arenas, claims }) => arenas.giveBack(claims.splice(0)));

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
  readonly #claims: Claim[] = [];
  /** Blocks that readers were given parts of. */
  #shown: Set<ArrayBufferLike> | undefined;
  #isFlushing = false;
  #hasFailed = false;
  /** The last time. */
  #flushing: Promise<void> | undefined;
  #drained: (() => void) | undefined;

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
    if (this.#written + chunk.length > this.#maxObject) {
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
    if (this.#version !== undefined) this.#unpin();
    else if (this.#state === 'open' || this.#state === 'refused') this.#giveUp();
  }

  async #finish(meta: Buffer): Promise<number | undefined> {
    const { pins } = this.#host;
    try {
      if (this.#written <= INLINE_BODY) return await this.#store(meta, { inline: this.#block?.subarray(0, this.#filled) ?? Buffer.alloc(0) });
      if (this.#filled > 0) this.#closeBlock();
      await this.#flushing;
      if (!this.#hasFailed) await this.#flush();
      if (this.#blocks.length > 0) return undefined;
      const layout = this.#layout();
      // Who lags behind reads it here, also when it has been replaced meanwhile.
      pins.pin(layout.unit);
      const version = await this.#store(meta, { layout, length: this.#written, claims: this.#claims });
      if (version === undefined) pins.unpin(layout.unit);
      else {
        pins.holdBy(this, layout.unit);
        forgotten.unregister(this);
      }
      return version;
    } catch (error) {
      this.#host.failed(error);
      return undefined;
    }
  }

  /** Brings the blocks that wait to the disk. Never rejects; what it cannot bring stays. */
  async #flush(): Promise<void> {
    const { arenas, segments } = this.#host;
    this.#isFlushing = true;
    try {
      while (this.#blocks.length > 0 && (this.#state === 'open' || this.#state === 'committing')) {
        const block = this.#blocks[0]!;
        const room = arenas.take(unitsFor(block.length));
        const claims = room instanceof Promise ? await room : room;
        if (claims === undefined) {
          this.#hasFailed = true;
          if (this.#state === 'open') this.#state = 'refused';
          break;
        }
        if (this.#claims.length === 0) forgotten.register(this, { arenas, claims: this.#claims }, this);
        this.#claims.push(...claims);
        const extents = claims.flatMap((claim) => claim.extents);
        const writing = segments.write(extents, block);
        const sum = Buffer.from(checksumOf(block));
        if (writing !== undefined) await writing;
        for (const extent of extents) addExtent(this.#extents, extent);
        this.#sums.push(sum);
        this.#blocks.shift();
        this.#giveBack(block);
        this.#drained?.();
      }
    } catch (error) {
      this.#hasFailed = true;
      this.#host.failed(error);
      if (this.#state === 'open') this.#state = 'refused';
    }
    this.#isFlushing = false;
    this.#drained?.();
  }

  #giveUp(): void {
    this.#state = 'over';
    this.#written = 0;
    void this.#clean();
  }

  async #clean(): Promise<void> {
    await this.#flushing;
    this.#blocks.length = 0;
    this.#block = undefined;
    forgotten.unregister(this);
    this.#host.arenas.giveBack(this.#claims.splice(0));
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
    const larger = wanted > WORTH_A_SPAN ? takeSpan(wanted) : Buffer.allocUnsafeSlow(wanted);
    if (block !== undefined) {
      block.copy(larger, 0, 0, this.#filled);
      this.#giveBack(block);
    }
    this.#block = larger;
    return larger;
  }

  /** It is read here no more; readers who were given parts of it may hold them still. */
  #giveBack(block: Buffer): void {
    if (this.#shown?.delete(block.buffer) !== true) giveBackSpan(block);
  }

  #closeBlock(): void {
    this.#blocks.push(this.#block!.subarray(0, this.#filled));
    this.#block = undefined;
    this.#filled = 0;
  }
}
