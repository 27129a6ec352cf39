/**
 * @module stores/cells
 * Bytes of many small objects in a few large slabs. A Buffer costs Node some 700 bytes beyond its
 * content and the garbage collector a visit; a million of them halt the process for more than
 * 100 ms. Here each owner (a number) has a chain of cells of 256 bytes. The cells in use always
 * lie without a gap: the last one moves into one that is freed. So there is nothing to defragment,
 * memory goes back slab by slab, and new bytes are always written at the end, in one piece.
 * Nobody holds on to a cell: reading copies.
 */
import { IntTable } from './int-table.ts';

const CELL_BITS = 8;
const CELL_BYTES = 1 << CELL_BITS;
const SLAB_BITS = 20;
const SLAB_BYTES = 1 << SLAB_BITS;
/** Cells of a slab, as bits. */
const SLAB_CELL_BITS = SLAB_BITS - CELL_BITS;
const SLAB_CELLS = 1 << SLAB_CELL_BITS;

/** Of a table that has them. */
export const CELL_COLUMNS = 1;

/** Stands for "no cell". */
const NONE = -1;

interface Slab {
  readonly bytes: Buffer;
  /** By cell: the next of its chain, or NONE. */
  readonly next: Int32Array;
  /** By cell: the one before it in its chain; in the first one `~owner`, which is negative. */
  readonly previous: Int32Array;
}

export class Cells {
  readonly #slabs: Slab[] = [];
  /** By owner: its first cell + 1; 0 where it has none. */
  readonly #first: IntTable;
  #count = 0;
  /** What `locate` has found: the owner's bytes stand in `bytes` from `start` on. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;

  /** @param first where it keeps what it knows, by owner */
  constructor(first: IntTable = new IntTable(CELL_COLUMNS)) {
    this.#first = first;
  }

  /** The memory that so many bytes of one owner take, links included. */
  static memoryFor(bytes: number): number {
    return Math.ceil(bytes / CELL_BYTES) * (CELL_BYTES + 8);
  }

  /** Replaces what the owner had by the parts, one after the other. The parts are copied. */
  write(owner: number, parts: readonly Buffer[]): void {
    this.free(owner);
    let length = 0;
    for (const part of parts) length += part.length;
    if (length === 0) return;
    const first = this.#count;
    const end = first + Math.ceil(length / CELL_BYTES);
    while (this.#slabs.length << SLAB_CELL_BITS < end) this.#addSlab();
    for (let cell = first; cell < end; cell++) {
      this.#setNext(cell, cell + 1 < end ? cell + 1 : NONE);
      this.#setPrevious(cell, cell === first ? ~owner : cell - 1);
    }
    this.#count = end;
    this.#first.reserve(owner + 1);
    this.#first.set(owner, 0, first + 1);
    let address = first * CELL_BYTES;
    for (const part of parts) {
      let taken = 0;
      while (taken < part.length) {
        const slab = this.#slabs[Math.floor(address / SLAB_BYTES)]!.bytes;
        const copied = part.copy(slab, address % SLAB_BYTES, taken);
        taken += copied;
        address += copied;
      }
    }
  }

  /** Copies the owner's bytes from `offset` on, as many as fit, into the target. */
  read(owner: number, offset: number, target: Buffer): void {
    let cell = this.#first.get(owner, 0) - 1;
    for (let skip = offset; skip >= CELL_BYTES; skip -= CELL_BYTES) cell = this.#next(cell);
    let within = offset % CELL_BYTES;
    let filled = 0;
    while (filled < target.length) {
      const slab = this.#slabs[cell >>> SLAB_CELL_BITS]!;
      const start = cell & (SLAB_CELLS - 1);
      // Cells that lie one after the other are copied as one.
      let last = start;
      let bytes = CELL_BYTES - within;
      while (filled + bytes < target.length && slab.next[last] === cell + 1 && last + 1 < SLAB_CELLS) {
        cell++;
        last++;
        bytes += CELL_BYTES;
      }
      const from = start * CELL_BYTES + within;
      filled += slab.bytes.copy(target, filled, from, from + Math.min(bytes, target.length - filled));
      within = 0;
      cell = slab.next[last]!;
    }
  }

  /** Finds so many bytes of the owner where they lie, to be read before anything is written or freed. False where they lie in pieces. */
  locate(owner: number, length: number): boolean {
    const cell = this.#first.get(owner, 0) - 1;
    const slab = this.#slabs[cell >>> SLAB_CELL_BITS]!;
    const first = cell & (SLAB_CELLS - 1);
    const last = first + ((length - 1) >>> CELL_BITS);
    if (last >= SLAB_CELLS) return false;
    for (let at = first, next = cell + 1; at < last; at++, next++) if (slab.next[at] !== next) return false;
    this.bytes = slab.bytes;
    this.start = first * CELL_BYTES;
    return true;
  }

  /** Whether the owner's bytes begin with the string, in one byte (latin1) or two (UTF-16LE) a unit. */
  startsWith(owner: number, text: string, wide: boolean): boolean {
    let cell = this.#first.get(owner, 0) - 1;
    const unitsPerCell = wide ? CELL_BYTES / 2 : CELL_BYTES;
    for (let unit = 0; unit < text.length; cell = this.#next(cell)) {
      const bytes = this.#slabs[cell >>> SLAB_CELL_BITS]!.bytes;
      let at = (cell & (SLAB_CELLS - 1)) * CELL_BYTES;
      const end = Math.min(text.length, unit + unitsPerCell);
      for (; unit < end; unit++) {
        const stored = wide ? bytes[at++]! | (bytes[at++]! << 8) : bytes[at++]!;
        if (stored !== text.charCodeAt(unit)) return false;
      }
    }
    return true;
  }

  free(owner: number): void {
    this.#first.reserve(owner + 1);
    for (let cell = this.#first.get(owner, 0) - 1; cell !== NONE; cell = this.#first.get(owner, 0) - 1) {
      const next = this.#next(cell);
      this.#first.set(owner, 0, next + 1);
      if (next !== NONE) this.#setPrevious(next, ~owner);
      this.#fill(cell);
    }
    // One empty slab stays, so that a store at a slab's edge does not allocate again and again.
    while (this.#slabs.length > (this.#count >>> SLAB_CELL_BITS) + 2) this.#slabs.pop();
  }

  /** Moves the last cell into this one, which belongs to no chain any more. */
  #fill(cell: number): void {
    const last = --this.#count;
    if (cell === last) return;
    const from = this.#slabs[last >>> SLAB_CELL_BITS]!;
    const to = this.#slabs[cell >>> SLAB_CELL_BITS]!;
    const start = (last & (SLAB_CELLS - 1)) * CELL_BYTES;
    from.bytes.copy(to.bytes, (cell & (SLAB_CELLS - 1)) * CELL_BYTES, start, start + CELL_BYTES);
    const next = this.#next(last);
    const previous = from.previous[last & (SLAB_CELLS - 1)]!;
    this.#setNext(cell, next);
    this.#setPrevious(cell, previous);
    if (next !== NONE) this.#setPrevious(next, cell);
    if (previous < 0) this.#first.set(~previous, 0, cell + 1);
    else this.#setNext(previous, cell);
  }

  #next(cell: number): number {
    return this.#slabs[cell >>> SLAB_CELL_BITS]!.next[cell & (SLAB_CELLS - 1)]!;
  }

  #setNext(cell: number, next: number): void {
    this.#slabs[cell >>> SLAB_CELL_BITS]!.next[cell & (SLAB_CELLS - 1)] = next;
  }

  #setPrevious(cell: number, previous: number): void {
    this.#slabs[cell >>> SLAB_CELL_BITS]!.previous[cell & (SLAB_CELLS - 1)] = previous;
  }

  #addSlab(): void {
    this.#slabs.push({
      bytes: Buffer.allocUnsafeSlow(SLAB_BYTES),
      next: new Int32Array(SLAB_CELLS),
      previous: new Int32Array(SLAB_CELLS),
    });
  }
}
