/**
 * @module stores/s3-fifo
 * S3-FIFO eviction as pure bookkeeping: it knows hashes and sizes, and answers which object to
 * drop. New objects pass through a small queue; those that were not asked for again leave from
 * there soon (most objects are one-hit wonders), the others go on to the main queue. A ghost queue
 * remembers the hashes of those that left the small one: when they come back, they go to the main
 * queue at once. All operations are O(1); evict() is so amortised.
 * Source: Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023,
 * https://dl.acm.org/doi/10.1145/3600006.3613147
 */
import { Ghost } from './ghost.ts';
import { IntTable } from './int-table.ts';

/** The share of the capacity that belongs to the small queue. */
const SMALL_SHARE = 0.1;
/** Accesses are counted up to this one: two bits. */
const MOST_ACCESSES = 3;
/** An object with so many accesses goes on from the small to the main queue. */
const ACCESSES_TO_MAIN = 2;

// One row a slot. The rows 0 and 1 are the ends of the two queues, which are rings.
const NEWER = 0;
const OLDER = 1;
const SIZE = 2;
const HASH = 3;
const QUEUE = 4;
const ACCESSES = 5;
/** Of a table that has them. */
export const EVICTION_COLUMNS = 6;

const SMALL = 0;
const MAIN = 1;
const FIRST_SLOT = 2;
/** In the column QUEUE: the slot is free. */
const FREE = -1;

export class S3Fifo {
  readonly #rows: IntTable;
  readonly #ghost = new Ghost();
  readonly #smallCapacity: number;
  /** By queue: the sum of the sizes, and how many objects. */
  readonly #sizes: [small: number, main: number] = [0, 0];
  readonly #counts: [small: number, main: number] = [0, 0];
  /** Free slots, linked by NEWER; 0 ends the list. */
  #free = 0;
  #end = FIRST_SLOT;

  /**
   * @param capacity In the unit of the sizes; only the share of the small queue depends on it.
   * @param rows where it keeps what it knows, by slot
   */
  constructor(capacity: number, rows: IntTable = new IntTable(EVICTION_COLUMNS)) {
    this.#rows = rows;
    this.#smallCapacity = capacity * SMALL_SHARE;
    this.#rows.reserve(FIRST_SLOT);
    for (const queue of [SMALL, MAIN]) {
      this.#rows.set(queue, NEWER, queue);
      this.#rows.set(queue, OLDER, queue);
    }
  }

  /** How many objects there are. */
  get count(): number {
    return this.#counts[SMALL] + this.#counts[MAIN];
  }

  /** The sum of the sizes. */
  get size(): number {
    return this.#sizes[SMALL] + this.#sizes[MAIN];
  }

  /** All slots in use lie in [firstSlot, endSlot). */
  get firstSlot(): number {
    return FIRST_SLOT;
  }

  get endSlot(): number {
    return this.#end;
  }

  has(slot: number): boolean {
    return this.#rows.get(slot, QUEUE) !== FREE;
  }

  /** The size of an object, also of the one that left last. */
  sizeOf(slot: number): number {
    return this.#rows.get(slot, SIZE);
  }

  /** Takes in an object; the slot is its number until it leaves. Slots are used again. */
  insert(hash: number, size: number): number {
    let slot = this.#free;
    if (slot !== 0) {
      this.#free = this.#rows.get(slot, NEWER);
    } else {
      slot = this.#end++;
      this.#rows.reserve(this.#end);
    }
    this.#rows.set(slot, SIZE, size);
    this.#rows.set(slot, HASH, hash);
    this.#rows.set(slot, ACCESSES, 0);
    this.#link(slot, this.#ghost.recall(hash) ? MAIN : SMALL);
    return slot;
  }

  /** The object was asked for. */
  access(slot: number): void {
    const accesses = this.#rows.get(slot, ACCESSES);
    if (accesses < MOST_ACCESSES) this.#rows.set(slot, ACCESSES, accesses + 1);
  }

  /** The object keeps its place and has another size now. */
  resize(slot: number, size: number): void {
    const queue = this.#queueOf(slot);
    this.#sizes[queue] += size - this.#rows.get(slot, SIZE);
    this.#rows.set(slot, SIZE, size);
  }

  remove(slot: number): void {
    this.#unlink(slot);
    this.#rows.set(slot, QUEUE, FREE);
    this.#rows.set(slot, NEWER, this.#free);
    this.#free = slot;
  }

  /** Chooses an object, removes it here and returns its slot; -1 when there is none. */
  evict(): number {
    if (this.count === 0) return -1;
    for (;;) {
      const queue = this.#sizes[SMALL] > this.#smallCapacity || this.#counts[MAIN] === 0 ? SMALL : MAIN;
      const oldest = this.#rows.get(queue, NEWER);
      const accesses = this.#rows.get(oldest, ACCESSES);
      if (queue === SMALL && accesses >= ACCESSES_TO_MAIN) {
        this.#unlink(oldest);
        this.#rows.set(oldest, ACCESSES, 0);
        this.#link(oldest, MAIN);
      } else if (queue === MAIN && accesses > 0) {
        this.#unlink(oldest);
        this.#rows.set(oldest, ACCESSES, accesses - 1);
        this.#link(oldest, MAIN);
      } else {
        // The ghost queue is as long as the main one.
        if (queue === SMALL) this.#ghost.remember(this.#rows.get(oldest, HASH), this.#counts[MAIN]);
        this.remove(oldest);
        return oldest;
      }
    }
  }

  #queueOf(slot: number): typeof SMALL | typeof MAIN {
    return this.#rows.get(slot, QUEUE) === SMALL ? SMALL : MAIN;
  }

  /** Puts the slot at the new end of the queue. */
  #link(slot: number, queue: typeof SMALL | typeof MAIN): void {
    const newest = this.#rows.get(queue, OLDER);
    this.#rows.set(slot, QUEUE, queue);
    this.#rows.set(slot, OLDER, newest);
    this.#rows.set(slot, NEWER, queue);
    this.#rows.set(newest, NEWER, slot);
    this.#rows.set(queue, OLDER, slot);
    this.#sizes[queue] += this.#rows.get(slot, SIZE);
    this.#counts[queue]++;
  }

  #unlink(slot: number): void {
    const queue = this.#queueOf(slot);
    const newer = this.#rows.get(slot, NEWER);
    const older = this.#rows.get(slot, OLDER);
    this.#rows.set(older, NEWER, newer);
    this.#rows.set(newer, OLDER, older);
    this.#sizes[queue] -= this.#rows.get(slot, SIZE);
    this.#counts[queue]--;
  }
}
