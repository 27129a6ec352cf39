/**
 * @module stores/int-table
 * A growing table of 32-bit integers. A store with a million objects keeps its bookkeeping in
 * tables like this one instead of an object each: the garbage collector has nothing to walk, and
 * since the rows lie in segments, growing copies nothing and so never halts the process.
 */

const SEGMENT_BITS = 12;
const SEGMENT_MASK = (1 << SEGMENT_BITS) - 1;

export class IntTable {
  readonly #columns: number;
  readonly #segments: Int32Array[] = [];

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** Makes the rows below `rows` usable; new ones hold zeros. */
  reserve(rows: number): void {
    while (this.#segments.length << SEGMENT_BITS < rows) {
      this.#segments.push(new Int32Array(this.#columns << SEGMENT_BITS));
    }
  }

  get(row: number, column: number): number {
    return this.#segments[row >>> SEGMENT_BITS]![(row & SEGMENT_MASK) * this.#columns + column]!;
  }

  set(row: number, column: number, value: number): void {
    this.#segments[row >>> SEGMENT_BITS]![(row & SEGMENT_MASK) * this.#columns + column] = value;
  }
}
