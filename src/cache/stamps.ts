/**
 * @module cache/stamps
 * Invalidation by stamps. A purge writes a rising number into the slot of what it purges; a stored
 * response carries the number in force when it was asked for, and is dead when a slot it belongs to
 * is newer. A purge costs the same for any number of objects, it also hits what is still on its way,
 * and as the slots are shared memory every worker sees it before the call returns. Two things in
 * one slot cost a miss, never a stale hit.
 */
/** 4 MB, so that some thousand purges in the life of a response hardly ever meet it. */
const SLOTS = 1 << 20;
/** The rising number stands before the slots; slot 0 belongs to everything. */
const COUNTER = 0;
const FIRST_SLOT = 1;

/** Where stamps outlive the process. */
export interface StampKeeper {
  /** Writes down what a cell of the memory holds now, before it returns. */
  keep(cell: number): void;
}

export class Stamps {
  /** The cell of the rising number. */
  static readonly COUNTER: number = COUNTER;
  readonly #cells: Int32Array;
  readonly #keeper: StampKeeper | undefined;

  /** @param memory shared by all workers; see `Stamps.memory()` */
  constructor(memory: SharedArrayBuffer = Stamps.memory(), keeper?: StampKeeper) {
    this.#cells = new Int32Array(memory);
    this.#keeper = keeper;
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer((FIRST_SLOT + SLOTS) * Int32Array.BYTES_PER_ELEMENT);
  }

  /** The number that a response asked for now will carry. */
  now(): number {
    return Atomics.load(this.#cells, COUNTER);
  }

  /** Everything asked for until now is dead. */
  purgeAll(): void {
    this.#raise(FIRST_SLOT);
  }

  /** Everything in that scope that was asked for until now is dead; see scopes.ts. */
  purge(scope: string): void {
    this.#raise(slotOf(scope));
  }

  isDead(scope: string, stamp: number): boolean {
    return this.isRaised(slotOf(scope), stamp);
  }

  /** The slot of a scope, for `isRaised`. */
  slot(scope: string): number {
    return slotOf(scope);
  }

  /** isDead, for a scope whose slot is known. */
  isRaised(slot: number, stamp: number): boolean {
    return Atomics.load(this.#cells, FIRST_SLOT) > stamp || Atomics.load(this.#cells, slot) > stamp;
  }

  #raise(slot: number): void {
    const stamp = Atomics.add(this.#cells, COUNTER, 1) + 1;
    // Another thread may have raised the slot further meanwhile.
    for (let old = Atomics.load(this.#cells, slot); old < stamp; old = Atomics.load(this.#cells, slot)) {
      if (Atomics.compareExchange(this.#cells, slot, old, stamp) === old) break;
    }
    this.#keeper?.keep(slot);
  }
}

/** FNV-1a over the UTF-16 units. */
function slotOf(scope: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < scope.length; i++) hash = Math.imul(hash ^ scope.charCodeAt(i), 0x01000193);
  return FIRST_SLOT + 1 + ((hash >>> 0) % (SLOTS - 1));
}
