/**
 * @module cache/permits
 * How many validations may be under way for nobody but the cache: after a soft purge of much that is
 * in use, the origin is to see no more than that at a time, from all workers together. Who gets no
 * permit does not wait for one: the stored response goes on serving stale, and the next request for
 * it tries again. What clients wait for needs no permit.
 */
/** In the cell of a permit that nobody has. */
const FREE = 0;

export class Permits {
  /** For each permit the worker that has it. */
  readonly #cells: Int32Array;
  readonly #worker: number;
  /** Where the last one was found. */
  #last = 0;

  /**
   * @param memory shared by all workers; see `Permits.memory()`
   * @param worker from 1
   */
  constructor(memory: SharedArrayBuffer, worker: number) {
    this.#cells = new Int32Array(memory);
    this.#worker = worker;
  }

  /** @param count how many there are */
  static memory(count: number): SharedArrayBuffer {
    return new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT);
  }

  /** What gives the permit back; undefined where there is none to be had. */
  take(): (() => void) | undefined {
    const count = this.#cells.length;
    for (let i = 0; i < count; i++) {
      const cell = (this.#last + i) % count;
      if (Atomics.compareExchange(this.#cells, cell, FREE, this.#worker) !== FREE) continue;
      this.#last = cell;
      return () => void Atomics.compareExchange(this.#cells, cell, this.#worker, FREE);
    }
    return undefined;
  }

  /** For the end of a worker that could not do it: gives back what it has. */
  release(worker: number): void {
    for (let cell = 0; cell < this.#cells.length; cell++) Atomics.compareExchange(this.#cells, cell, worker, FREE);
  }
}
