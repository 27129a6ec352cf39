/**
 * @module stores/sightings
 * How often objects were asked for lately that a store does not have, so that it takes in only what it
 * would have been asked for again. "Lately" is as long as the store could have kept them: until as many
 * bytes were asked for besides as it has room for. Two that share a cell know nothing of each other, and
 * the later one counts; that costs a hit, and no memory, order or search.
 */

/** Bytes of the store for each cell, and how many cells there are at most. */
const BYTES_PER_CELL = 2048;
const MOST_CELLS = 2 ** 17;
const FEWEST_CELLS = 2 ** 10;
/** What an object takes in memory besides its body, roughly. */
const OVERHEAD = 512;

export class Sightings {
  readonly #reach: number;
  readonly #cells: number;
  readonly #hashes: Float64Array;
  /** Bytes asked for until then. */
  readonly #at: Float64Array;
  readonly #times: Uint8Array;
  #asked = 0;

  /** @param reach bytes that the store has room for */
  constructor(reach: number) {
    this.#reach = reach;
    this.#cells = Math.min(MOST_CELLS, Math.max(FEWEST_CELLS, Math.ceil(reach / BYTES_PER_CELL)));
    this.#hashes = new Float64Array(this.#cells).fill(-1);
    this.#at = new Float64Array(this.#cells);
    this.#times = new Uint8Array(this.#cells);
  }

  /** How often it was asked for lately. */
  times(hash: number): number {
    const cell = hash % this.#cells;
    return this.#hashes[cell] === hash && this.#asked - this.#at[cell]! <= this.#reach ? this.#times[cell]! : 0;
  }

  /** It is asked for once more. @param length of its body */
  add(hash: number, length: number): void {
    const cell = hash % this.#cells;
    this.#times[cell] = Math.min(0xff, this.times(hash) + 1);
    this.#asked += length + OVERHEAD;
    this.#hashes[cell] = hash;
    this.#at[cell] = this.#asked;
  }

  /** As if it had not been asked for. */
  forget(hash: number): void {
    if (this.times(hash) > 0) this.#hashes[hash % this.#cells] = -1;
  }
}
