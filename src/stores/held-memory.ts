/**
 * @module stores/held-memory
 * Memory that only slow clients still need: bodies that have left the store while they are sent, and
 * bodies that will not be stored. It stays in the store's budget. Once it is more than a share of that,
 * nothing new is taken in at its cost, and responses whose clients are stuck are cut.
 */

/** Memory that somebody reads and the store does not need. */
export interface Holder {
  /** Bytes; constant while it is held. */
  readonly bytes: number;
  /** Cuts the responses that need it and whose clients are stuck. */
  reclaim(): void;
}

/** ms between two looks for stuck clients. */
const RECLAIM_MS = 1000;

export class HeldMemory {
  readonly #limit: number;
  readonly #holders = new Set<Holder>();
  #bytes = 0;
  #lastReclaim = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether more may be taken in at the cost of what is held; cuts stuck responses first where there is too much of it. */
  makeRoom(): boolean {
    if (this.#bytes <= this.#limit) return true;
    const now = Date.now();
    if (now - this.#lastReclaim >= RECLAIM_MS) {
      this.#lastReclaim = now;
      for (const holder of this.#holders) holder.reclaim();
    }
    return this.#bytes <= this.#limit;
  }

  add(holder: Holder): void {
    this.#holders.add(holder);
    this.#bytes += holder.bytes;
  }

  /** False where it was not held. */
  remove(holder: Holder): boolean {
    if (!this.#holders.delete(holder)) return false;
    this.#bytes -= holder.bytes;
    return true;
  }
}
