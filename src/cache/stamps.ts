/**
 * @module cache/stamps
 * Invalidation by stamps. A purge writes a rising number into the slot of what it purges; a stored
 * response carries the number in force when it was asked for, and is dead when a slot it belongs to
 * is newer. A purge costs the same for any number of objects, it also hits what is still on its way,
 * and as the slots are shared memory every worker sees it before the call returns. Two things in
 * one slot cost a miss, never a stale hit.
 *
 * For soft purges there are slots of their own: what is older than one of those is not dead, but
 * marked stale. Both kinds take their numbers from one sequence, and what is asked for after a
 * purge, hard or soft, is younger than it.
 */
import { fnv1a } from '../http/hash.ts';

/** 4 MB, so that some thousand purges in the life of a response hardly ever meet it. */
const SLOTS = 1 << 20;
/** 1 MB: two that meet here cost a validation in the background. */
const SOFT_SLOTS = 1 << 18;
/** The rising number stands before the slots, and how many purges are in force; slot 0 belongs to everything. */
const COUNTER = 0;
const PURGES = 1;
const FIRST_SLOT = 2;
const FIRST_SOFT = FIRST_SLOT + SLOTS;

/**
 * Where stamps outlive the process, or go to other machines. It is told cells, and need not know
 * what they are: those of hard and of soft purges alike hold a number that only rises, and both
 * have to come back.
 */
export interface StampKeeper {
  /** Writes down what a cell of the memory holds now, before it returns. */
  keep(cell: number): void;
}

export class Stamps {
  /** The cell of the rising number. */
  static readonly COUNTER: number = COUNTER;
  /** Cells mean the same to all who have the same of this. */
  static readonly LAYOUT: string = `${FIRST_SLOT}.${SLOTS}.${SOFT_SLOTS}.2`;
  /** The cell of everything, for hard purges. */
  static readonly EVERYTHING: number = FIRST_SLOT;
  readonly #cells: Int32Array;
  readonly #keeper: StampKeeper | undefined;

  /** @param memory shared by all workers; see `Stamps.memory()` */
  constructor(memory: SharedArrayBuffer = Stamps.memory(), keeper?: StampKeeper) {
    this.#cells = new Int32Array(memory);
    this.#keeper = keeper;
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer((FIRST_SOFT + SOFT_SLOTS) * Int32Array.BYTES_PER_ELEMENT);
  }

  /** The number that a response asked for now will carry. */
  now(): number {
    return Atomics.load(this.#cells, COUNTER);
  }

  /** Another number after every purge: who has looked at the slots of something need not look again while it is the same. */
  get purges(): number {
    return Atomics.load(this.#cells, PURGES);
  }

  /** Everything asked for until now is dead; or marked stale, where the purge is soft. */
  purgeAll(soft = false): void {
    this.#raise(soft ? FIRST_SOFT : FIRST_SLOT);
  }

  /** Everything in that scope that was asked for until now is dead, or marked stale; see scopes.ts. */
  purge(scope: string, soft = false): void {
    const slot = slotOf(scope);
    this.#raise(soft ? softOf(slot) : slot);
  }

  /**
   * What another machine has purged, under that number: what was asked for here until now is dead, or
   * marked stale. It is not kept for other machines again.
   * @param wasSeen it was applied before, where it was not lost since
   */
  apply(cell: number, number: number, wasSeen = false): void {
    if (!this.isCell(cell) || (wasSeen && Atomics.load(this.#cells, cell) >= number)) return;
    // Numbers that were given here alone may be ahead of it: then what has them is older all the same.
    if (this.lift(number)) this.#set(cell, number);
    else this.#set(cell, Atomics.add(this.#cells, COUNTER, 1) + 1);
  }

  /** Whatever is asked for from now on is younger than that number. False where that was so already. */
  lift(number: number): boolean {
    for (let now = this.now(); now < number; now = this.now()) {
      if (Atomics.compareExchange(this.#cells, COUNTER, now, number) === now) return true;
    }
    return false;
  }

  isCell(cell: number): boolean {
    return Number.isInteger(cell) && cell >= FIRST_SLOT && cell < this.#cells.length;
  }

  isDead(scope: string, stamp: number): boolean {
    return this.#isNewer(slotOf(scope), FIRST_SLOT, stamp);
  }

  /** Marked stale by a soft purge. */
  isSoftPurged(scope: string, stamp: number): boolean {
    return this.#isNewer(softOf(slotOf(scope)), FIRST_SOFT, stamp);
  }

  /** The slot of a scope, for `isRaised`. */
  slot(scope: string): number {
    return slotOf(scope);
  }

  /** Dead or marked stale, for a scope whose slot is known. */
  isRaised(slot: number, stamp: number): boolean {
    return this.#isNewer(slot, FIRST_SLOT, stamp) || this.#isNewer(softOf(slot), FIRST_SOFT, stamp);
  }

  #isNewer(cell: number, cellOfAll: number, stamp: number): boolean {
    return Atomics.load(this.#cells, cellOfAll) > stamp || Atomics.load(this.#cells, cell) > stamp;
  }

  #raise(cell: number): void {
    this.#set(cell, Atomics.add(this.#cells, COUNTER, 1) + 1);
    this.#keeper?.keep(cell);
  }

  #set(cell: number, stamp: number): void {
    // Another thread may have raised the slot further meanwhile.
    for (let old = Atomics.load(this.#cells, cell); old < stamp; old = Atomics.load(this.#cells, cell)) {
      if (Atomics.compareExchange(this.#cells, cell, old, stamp) === old) break;
    }
    // Behind the slot: who sees the new count sees the new stamp.
    Atomics.add(this.#cells, PURGES, 1);
  }
}

/** FNV-1a over the UTF-16 units. */
function slotOf(scope: string): number {
  return FIRST_SLOT + 1 + (fnv1a(scope) % (SLOTS - 1));
}

/** The soft slot of what has that slot. */
function softOf(slot: number): number {
  return FIRST_SOFT + 1 + (slot % (SOFT_SLOTS - 1));
}
