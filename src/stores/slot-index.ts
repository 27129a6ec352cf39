/**
 * @module stores/slot-index
 * Finds the slots whose keys have a given hash: a hash table in integers. It grows by linear
 * hashing, one bucket at an insertion, so that no single insertion pays for a whole rehash.
 * Source: Litwin, "Linear Hashing: A New Tool for File and Table Addressing", VLDB 1980.
 */
import { IntTable } from './int-table.ts';

const HASH = 0;
const NEXT = 1;
/** Of a table that has them. */
export const INDEX_COLUMNS = 2;

/** Stands for "no slot". */
const NONE = -1;

export class SlotIndex {
  /** By slot: its hash, and the next slot of the same bucket. */
  readonly #slots: IntTable;
  /** By bucket: its first slot + 1, so that a new row, which holds 0, is an empty bucket. */
  readonly #buckets = new IntTable(1);
  #bucketCount = 1;
  /** The greatest power of two that is not above the number of buckets. */
  #round = 1;
  #size = 0;

  /** @param slots where it keeps what it knows, by slot */
  constructor(slots: IntTable = new IntTable(INDEX_COLUMNS)) {
    this.#slots = slots;
    this.#buckets.reserve(1);
  }

  /** The first slot with that hash, or -1. */
  first(hash: number): number {
    return this.#from(this.#buckets.get(this.#bucketOf(hash), 0) - 1, hash);
  }

  /** The next slot with the same hash, or -1. */
  next(slot: number): number {
    return this.#from(this.#slots.get(slot, NEXT), this.#slots.get(slot, HASH));
  }

  add(slot: number, hash: number): void {
    this.#slots.reserve(slot + 1);
    this.#slots.set(slot, HASH, hash);
    this.#push(this.#bucketOf(hash), slot);
    this.#size++;
    if (this.#size > this.#bucketCount) this.#split();
  }

  remove(slot: number): void {
    const bucket = this.#bucketOf(this.#slots.get(slot, HASH));
    const after = this.#slots.get(slot, NEXT);
    let before = this.#buckets.get(bucket, 0) - 1;
    if (before === slot) {
      this.#buckets.set(bucket, 0, after + 1);
    } else {
      while (this.#slots.get(before, NEXT) !== slot) before = this.#slots.get(before, NEXT);
      this.#slots.set(before, NEXT, after);
    }
    this.#size--;
  }

  #from(start: number, hash: number): number {
    let slot = start;
    while (slot !== NONE && this.#slots.get(slot, HASH) !== hash) slot = this.#slots.get(slot, NEXT);
    return slot;
  }

  /** Buckets below `round` that were split already share their hashes with the one `round` above. */
  #bucketOf(hash: number): number {
    const wide = hash & (2 * this.#round - 1);
    return wide < this.#bucketCount ? wide : hash & (this.#round - 1);
  }

  #push(bucket: number, slot: number): void {
    this.#slots.set(slot, NEXT, this.#buckets.get(bucket, 0) - 1);
    this.#buckets.set(bucket, 0, slot + 1);
  }

  /** Adds one bucket, and shares out what lies in the one it parts from. */
  #split(): void {
    const parted = this.#bucketCount - this.#round;
    this.#bucketCount++;
    this.#buckets.reserve(this.#bucketCount);
    let slot = this.#buckets.get(parted, 0) - 1;
    this.#buckets.set(parted, 0, 0);
    while (slot !== NONE) {
      const next = this.#slots.get(slot, NEXT);
      this.#push(this.#bucketOf(this.#slots.get(slot, HASH)), slot);
      slot = next;
    }
    if (this.#bucketCount === 2 * this.#round) this.#round *= 2;
  }
}
