/**
 * @module stores/int-table
 * A growing table of 32-bit integers. A store with a million objects keeps its bookkeeping in
 * tables like this one instead of an object each: the garbage collector has nothing to walk, and
 * since the rows lie in segments, growing copies nothing and so never halts the process.
 * Several owners can have columns of one table: what is known of a row then lies side by side, and
 * costs the processor one look into memory.
 */

const SEGMENT_BITS = 12;
const SEGMENT_MASK = (1 << SEGMENT_BITS) - 1;

export class IntTable {
  readonly #columns: number;
  readonly #first: number;
  readonly #segments: Int32Array[];

  /** @param whole the table of which it is a part that begins with the column `first` */
  constructor(columns: number, whole?: IntTable, first = 0) {
    this.#columns = whole === undefined ? columns : whole.#columns;
    this.#first = whole === undefined ? 0 : whole.#first + first;
    this.#segments = whole === undefined ? [] : whole.#segments;
  }

  /** The same rows, with columns counted from that one. */
  from(column: number): IntTable {
    return new IntTable(0, this, column);
  }

  /** Makes the rows below `rows` usable; new ones hold zeros. */
  reserve(rows: number): void {
    while (this.#segments.length << SEGMENT_BITS < rows) {
      this.#segments.push(new Int32Array(this.#columns << SEGMENT_BITS));
    }
  }

  get(row: number, column: number): number {
    return this.#segments[row >>> SEGMENT_BITS]![(row & SEGMENT_MASK) * this.#columns + this.#first + column]!;
  }

  set(row: number, column: number, value: number): void {
    this.#segments[row >>> SEGMENT_BITS]![(row & SEGMENT_MASK) * this.#columns + this.#first + column] = value;
  }
}
