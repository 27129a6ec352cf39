/**
 * @module stores/disk-shared
 * What the threads that share a directory count together, in memory they all see: numbers that name
 * versions, and how often what is stored for a key has changed.
 */
import { Pins } from './disk-pins.ts';

/** What the threads of one process have in common, to be handed to each. */
export interface DiskShared {
  readonly counts: SharedArrayBuffer;
  readonly pins: SharedArrayBuffer;
  readonly changes: SharedArrayBuffer;
  readonly turn: SharedArrayBuffer;
  readonly stamps: SharedArrayBuffer;
}

/** What is counted. */
export type Counter = keyof typeof COUNTERS;
const COUNTERS = { numbers: 0, evictions: 1, errors: 2, failures: 3 } as const;

/** Cells that count changes, and the one for clears. */
const CHANGES = 2 ** 18;
const CLEARS = CHANGES;

/** @param stamps see DiskStamps */
export function diskShared(stamps: SharedArrayBuffer): DiskShared {
  const memory = (cells: number): SharedArrayBuffer => new SharedArrayBuffer(cells * BigInt64Array.BYTES_PER_ELEMENT);
  return { counts: memory(Object.keys(COUNTERS).length), pins: Pins.memory(), changes: memory(CHANGES / 2 + 1), turn: memory(1), stamps };
}

export class DiskCounts {
  readonly #counts: BigInt64Array;
  readonly #changes: Int32Array;

  constructor({ counts, changes }: DiskShared) {
    this.#counts = new BigInt64Array(counts);
    this.#changes = new Int32Array(changes);
  }

  /** Counts one more; how many there were. */
  add(counter: Counter): number {
    return Number(Atomics.add(this.#counts, COUNTERS[counter], 1n));
  }

  get(counter: Counter): number {
    return Number(Atomics.load(this.#counts, COUNTERS[counter]));
  }

  /** How many there were before. */
  set(counter: Counter, value: number): number {
    return Number(Atomics.exchange(this.#counts, COUNTERS[counter], BigInt(value)));
  }

  /** A number that nothing has had. */
  nextNumber(): number {
    return this.add('numbers');
  }

  /** Where the changes are counted of what is stored for keys of that hash. */
  cellOf(hash: number): number {
    return hash % CHANGES;
  }

  /** Another number once any thread has changed what is stored for a key of that cell; rarely also without that. */
  changesAt(cell: number): number {
    return (Atomics.load(this.#changes, cell) + Atomics.load(this.#changes, CLEARS)) | 0;
  }

  changed(cell: number): void {
    Atomics.add(this.#changes, cell, 1);
  }

  cleared(): void {
    this.changed(CLEARS);
  }
}
