/**
 * @module cache/text-set
 * Which texts were seen, in memory that workers share: it never forgets one, and now and then takes another for one
 * that it has. For what is only a question of what to try.
 */
import { fnv1a } from '../http/hash.ts';

const BITS_A_CELL = 32;

export class TextSet {
  readonly #cells: Int32Array;

  /** @param memory shared by all workers; see `TextSet.memory()` */
  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory);
  }

  /** @param bits several for each text, so that few are mistaken for another */
  static memory(bits: number): SharedArrayBuffer {
    return new SharedArrayBuffer(Math.ceil(bits / BITS_A_CELL) * Int32Array.BYTES_PER_ELEMENT);
  }

  add(text: string): void {
    const bit = this.#bitOf(text);
    if (!this.#hasBit(bit)) Atomics.or(this.#cells, Math.floor(bit / BITS_A_CELL), 1 << bit % BITS_A_CELL);
  }

  has(text: string): boolean {
    return this.#hasBit(this.#bitOf(text));
  }

  #hasBit(bit: number): boolean {
    return (Atomics.load(this.#cells, Math.floor(bit / BITS_A_CELL)) & (1 << bit % BITS_A_CELL)) !== 0;
  }

  #bitOf(text: string): number {
    return fnv1a(text) % (this.#cells.length * BITS_A_CELL);
  }
}
