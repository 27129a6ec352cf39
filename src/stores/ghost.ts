/**
 * @module stores/ghost
 * The ghost queue of S3-FIFO: hashes of objects that were dropped, the last so many of them. It is
 * a table of sets of four; an entry that is too old counts as absent, so nothing is ever removed
 * one by one. When a set is full of younger ones an entry may be lost early: it costs one more miss.
 */

const WAYS = 4;
/** The queue remembers at least so many, so that a small store learns too. */
const SHORTEST = 64;

export class Ghost {
  #hashes = new Int32Array(0);
  /** When each hash was remembered, counted in memories; 0 marks a free place. */
  #times = new Int32Array(0);
  #clock = 0;
  #length = 0;

  /** Remembers a hash; only the last `length` ones count. */
  remember(hash: number, length: number): void {
    this.#length = Math.max(length, SHORTEST);
    if (this.#length > this.#hashes.length) this.#grow();
    const start = this.#setOf(hash);
    let oldest = start;
    for (let i = start + 1; i < start + WAYS; i++) {
      if (this.#times[i]! < this.#times[oldest]!) oldest = i;
    }
    if (++this.#clock === 0x7fffffff) this.#forget();
    this.#hashes[oldest] = hash;
    this.#times[oldest] = this.#clock;
  }

  /** Whether the hash is remembered; it is not any more afterwards. */
  recall(hash: number): boolean {
    if (this.#hashes.length === 0) return false;
    const start = this.#setOf(hash);
    for (let i = start; i < start + WAYS; i++) {
      const time = this.#times[i]!;
      if (this.#hashes[i] !== hash || time === 0) continue;
      this.#times[i] = 0;
      if (this.#clock - time < this.#length) return true;
    }
    return false;
  }

  #setOf(hash: number): number {
    return (hash & (this.#hashes.length / WAYS - 1)) * WAYS;
  }

  /** Makes room for twice the length; that happens so rarely that nothing is carried over. */
  #grow(): void {
    const entries = 2 ** Math.ceil(Math.log2(2 * this.#length));
    this.#hashes = new Int32Array(entries);
    this.#times = new Int32Array(entries);
  }

  #forget(): void {
    this.#times.fill(0);
    this.#clock = 1;
  }
}
