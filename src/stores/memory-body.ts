/**
 * @module stores/memory-body
 * A stored body in Buffers of its own. While it is sent it is in the store's budget, even after the
 * object has left the store.
 */
import type { BodyReader } from '../cache/ports.ts';
import { Chunks } from './chunks.ts';
import type { Holder } from './held-memory.ts';

/** What a body needs of its store. */
export interface BodyHost {
  /** It has left the store, and is still read. */
  hold(body: Holder): void;
  /** Nobody reads it any more. */
  letGo(body: Holder): void;
}

export class MemoryBody extends Chunks implements Holder {
  readonly bytes: number;
  readonly #host: BodyHost;
  readonly #readers = new Set<BodyReader>();
  #isStored = true;

  /** @param bytes of memory that it takes */
  constructor(chunks: Buffer[], bytes: number, host: BodyHost) {
    super(chunks);
    this.bytes = bytes;
    this.#host = host;
  }

  pin(reader: BodyReader): boolean {
    if (!this.#isStored && this.#readers.size === 0) return false;
    this.#readers.add(reader);
    return true;
  }

  unpin(reader: BodyReader): void {
    if (this.#readers.delete(reader) && this.#readers.size === 0 && !this.#isStored) this.#host.letGo(this);
  }

  /** The object has left the store. */
  leave(): void {
    this.#isStored = false;
    if (this.#readers.size > 0) this.#host.hold(this);
  }

  reclaim(): void {
    for (const reader of this.#readers) reader.cutIfStuck();
  }
}
