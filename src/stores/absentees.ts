/**
 * @module stores/absentees
 * What was looked for lately and is not stored. Whoever misses looks again before the response is
 * stored, twice: to see what else is stored for that URL.
 */

const SEATS = 4096;

export class Absentees {
  readonly #hashes = new Float64Array(SEATS).fill(-1);
  readonly #changes = new Int32Array(SEATS);

  /** @param changes how often what is stored for keys of that hash had been changed before it was looked for */
  add(hash: number, changes: number): void {
    const seat = hash % SEATS;
    this.#hashes[seat] = hash;
    this.#changes[seat] = changes;
  }

  /** It was not there, and nothing was changed since. */
  has(hash: number, changes: number): boolean {
    const seat = hash % SEATS;
    return this.#hashes[seat] === hash && this.#changes[seat] === changes;
  }
}
