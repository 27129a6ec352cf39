/**
 * @module stores/memory-writer
 * An object on its way into the memory store. It copies what it is given into blocks of its own:
 * a chunk may be a slice of a large buffer that it would keep alive, or lie in memory that its
 * owner uses again. Each block is asked for from the store's budget before it is allocated.
 */
import type { StoreWriter } from '../cache/ports.ts';
import { Chunks } from './chunks.ts';
import type { Holder } from './held-memory.ts';
import type { MemoryBody } from './memory-body.ts';

/** Bytes of the longest body that the store copies together with key and meta, and so keeps without a Buffer. */
export const INLINE_BODY = 8192;
const SMALLEST_BLOCK = 4096;
/** A body up to this size is kept in one piece. */
const LARGEST_BLOCK = 256 * 1024;
/** What Node needs for a Buffer with memory of its own, beyond its bytes; measured, rounded up. */
const BLOCK_OVERHEAD = 512;

/** What a writer needs of its store. */
export interface WriterHost {
  /**
   * Takes bytes from the budget, dropping other objects where need be. False when there is no room.
   * @param reserved bytes that the writer has already
   */
  reserve(bytes: number, reserved: number): boolean;
  /** Gives back what was reserved. */
  release(bytes: number): void;
  /** What was reserved for it is held for those who still read it. */
  hold(writer: Holder): void;
  letGo(writer: Holder): void;
  /**
   * Makes the object visible. A body above INLINE_BODY is kept as it lies, and with it the bytes
   * `reserved` for it; a shorter one is copied. Undefined: it could not be stored.
   */
  store(meta: Buffer, body: Chunks, reserved: number): MemoryBody | 'copied' | undefined;
}

/** A writer after its last write: `kept` for its readers alone, `stored`, or `dropped`. */
type State = 'open' | 'kept' | 'stored' | 'dropped';

export class MemoryWriter implements StoreWriter, Holder {
  readonly #host: WriterHost;
  readonly #expectedLength: number;
  readonly #maxObject: number;
  #state: State = 'open';
  #reserved = 0;
  /** What was stored, until nobody reads it here any more. */
  #body: MemoryBody | undefined;
  #onReclaim: (() => void) | undefined;
  /** Full blocks. */
  #chunks = new Chunks();
  /** The block being filled, and how far it is. */
  #block: Buffer | undefined;
  #filled = 0;
  #written = 0;

  constructor(host: WriterHost, expectedLength: number | undefined, maxObject: number) {
    this.#host = host;
    this.#expectedLength = expectedLength ?? 0;
    this.#maxObject = maxObject;
  }

  get written(): number {
    return this.#written;
  }

  write(chunk: Buffer): boolean {
    if (this.#state !== 'open') return false;
    if (this.#written + chunk.length > this.#maxObject) return this.#giveUp();
    for (let taken = 0; taken < chunk.length; ) {
      this.#block ??= this.#allocate(chunk.length - taken);
      if (this.#block === undefined) return this.#giveUp();
      const copied = chunk.copy(this.#block, this.#filled, taken);
      taken += copied;
      this.#filled += copied;
      this.#written += copied;
      if (this.#filled === this.#block.length) this.#closeBlock(this.#block);
    }
    return true;
  }

  chunkAt(position: number): Buffer | undefined {
    if (position < this.#chunks.length) return this.#chunks.chunkAt(position);
    if (position >= this.#written) return undefined;
    return this.#block?.subarray(position - this.#chunks.length, this.#filled);
  }

  async commit(meta: Buffer): Promise<boolean> {
    if (this.#state !== 'open') return false;
    this.#settle();
    const stored = this.#host.store(meta, this.#chunks, this.#reserved);
    if (stored === undefined) return this.#giveUp();
    this.#state = 'stored';
    if (stored === 'copied') this.#host.release(this.#reserved);
    // Who lags behind reads it here, also when it has been replaced meanwhile.
    else if (stored.pin(this)) this.#body = stored;
    return true;
  }

  abort(): void {
    if (this.#state === 'stored') {
      this.#body?.unpin(this);
      this.#body = undefined;
      return;
    }
    if (this.#state === 'dropped') return;
    if (this.#state === 'open') this.#host.release(this.#reserved);
    else this.#host.letGo(this);
    this.#state = 'dropped';
    this.#chunks = new Chunks();
    this.#block = undefined;
    this.#written = 0;
  }

  onReclaim(listener: () => void): void {
    this.#onReclaim = listener;
  }

  /** Bytes of memory that it takes. */
  get bytes(): number {
    return this.#reserved;
  }

  /** As a holder of memory: what is not stored is needed for others. */
  reclaim(): void {
    this.#onReclaim?.();
  }

  /** As a reader of what is stored. */
  cutIfStuck(): void {
    this.#onReclaim?.();
  }

  #giveUp(): false {
    this.#state = 'kept';
    this.#host.hold(this);
    return false;
  }

  /**
   * Blocks grow with what was really written: a promised length alone reserves nothing, so that
   * many slow responses with a large Content-Length cannot empty the cache.
   */
  #allocate(needed: number): Buffer | undefined {
    let size = Math.min(Math.max(SMALLEST_BLOCK, this.#written, needed), LARGEST_BLOCK);
    const missing = this.#expectedLength - this.#written;
    if (missing > 0) size = Math.min(size, missing);
    if (!this.#host.reserve(size + BLOCK_OVERHEAD, this.#reserved)) return undefined;
    this.#reserved += size + BLOCK_OVERHEAD;
    // What is known to be short is copied at the end, and does not keep Node's pool.
    return this.#expectedLength > 0 && this.#expectedLength <= INLINE_BODY ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size);
  }

  #closeBlock(block: Buffer): void {
    this.#chunks.push(block.subarray(0, this.#filled));
    this.#block = undefined;
    this.#filled = 0;
  }

  /**
   * Brings a body that will be kept as it lies into its last form: one exact piece where it fits
   * one, else no block partly empty. Without room for the copy it stays as it is, and is charged so.
   */
  #settle(): void {
    const block = this.#block;
    if (block !== undefined) this.#closeBlock(block);
    if (this.#written <= INLINE_BODY) return;
    const inOnePiece = this.#written <= LARGEST_BLOCK;
    if (block === undefined && !(inOnePiece && this.#chunks.count > 1)) return;
    const chunks = [...this.#chunks];
    const settled = inOnePiece ? [] : chunks.splice(0, chunks.length - 1);
    const spent = inOnePiece ? this.#reserved : block!.length + BLOCK_OVERHEAD;
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (!this.#host.reserve(length + BLOCK_OVERHEAD, this.#reserved)) return;
    const exact = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    for (const chunk of chunks) filled += chunk.copy(exact, filled);
    this.#chunks = new Chunks([...settled, exact]);
    this.#reserved += length + BLOCK_OVERHEAD - spent;
    this.#host.release(spent);
  }
}
