/**
 * @module stores/disk-pins
 * Who reads which body, counted in memory that all threads share, so that no room is used again while
 * it is read. A body is named by its first unit.
 */

const COUNTS = 2 ** 16;

export class Pins {
  readonly #counts: Int32Array;
  /** Lets go of what was pinned for an object that nobody holds any more. */
  readonly #forgotten = new FinalizationRegistry<number>((unit) => this.unpin(unit));

  constructor(memory: SharedArrayBuffer) {
    this.#counts = new Int32Array(memory);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * COUNTS);
  }

  /** How many pins there are, of all threads. */
  get count(): number {
    let sum = 0;
    for (const count of this.#counts) sum += count;
    return sum;
  }

  pin(unit: number): void {
    Atomics.add(this.#counts, unit % COUNTS, 1);
  }

  unpin(unit: number): void {
    Atomics.sub(this.#counts, unit % COUNTS, 1);
  }

  /** Another body that shares the count may be meant: then this one is kept a little longer. */
  isPinned(unit: number): boolean {
    return Atomics.load(this.#counts, unit % COUNTS) > 0;
  }

  /** What was pinned is unpinned with the end of its holder, or by `release`. */
  holdBy(holder: object, unit: number): void {
    this.#forgotten.register(holder, unit, holder);
  }

  release(holder: object, unit: number): void {
    if (this.#forgotten.unregister(holder)) this.unpin(unit);
  }
}
