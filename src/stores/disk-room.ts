/**
 * @module stores/disk-room
 * Keeps the quota. Room is made before it is taken, a few objects at a time, and some is kept free
 * ahead of need, so that who stores seldom waits. All of it runs within transactions.
 */
import type { DiskEviction } from './disk-eviction.ts';
import type { DiskIndex } from './disk-index.ts';
import type { DiskRemoval } from './disk-removal.ts';
import { LATER } from './disk-transactions.ts';

/** Objects looked at to make room in one transaction. */
export const MOST_STEPS = 64;
/** The same, of what is done ahead of need. */
const STEPS_AHEAD = 8;
/** Rows of what was cleared that are removed then. */
const SWEPT_AHEAD = 32;
/** Kept free: a share of the quota, and bytes. */
const AHEAD_SHARE = 0.02;
const MOST_AHEAD = 64 * 1024 * 1024;
/** Times that a change waits for room; some milliseconds each. */
const MOST_TRIES = 200;
/** After so many, whoever was to remove the files has perhaps ended. */
const TRIES_OF_OTHERS = 20;

interface RoomParts {
  readonly index: DiskIndex;
  readonly eviction: DiskEviction;
  readonly removal: DiskRemoval;
  readonly maxBytes: number;
  readonly onEviction: () => void;
}

export class DiskRoom {
  readonly #parts: RoomParts;

  constructor(parts: RoomParts) {
    this.#parts = parts;
  }

  /** LATER: room is on its way. */
  make(bytes: number, tries: number): boolean | typeof LATER {
    const { index, removal, maxBytes } = this.#parts;
    const { totals } = index;
    if (tries === TRIES_OF_OTHERS) setImmediate(() => removal.takeOver());
    // Where dropping everything would not make room, nothing is dropped.
    if (totals.writing + bytes > maxBytes) return false;
    for (let step = 0; step < MOST_STEPS; step++) {
      const excess = totals.bytes + bytes - maxBytes;
      if (excess <= 0) return true;
      if (totals.dead > 0) index.sweep();
      else if (excess <= totals.garbage - removal.heldBytes || !this.#evict()) return totals.garbage > 0 && tries < MOST_TRIES ? LATER : false;
    }
    return LATER;
  }

  /** Within every transaction: a little of what would have to be done some time. True when there is more. */
  upkeep(): boolean {
    const { index, maxBytes } = this.#parts;
    if (this.sweep(SWEPT_AHEAD)) return true;
    const ahead = Math.min(MOST_AHEAD, maxBytes * AHEAD_SHARE);
    for (let step = 0; step < STEPS_AHEAD; step++) {
      const { objects, bytes, garbage } = index.totals;
      if (objects === 0 || bytes - garbage <= maxBytes - ahead) return false;
      this.#evict();
    }
    return true;
  }

  /** Removes so many rows of what was cleared; true when there are more. */
  sweep(steps: number): boolean {
    for (let step = 0; step < steps; step++) if (!this.#parts.index.sweep()) return false;
    return true;
  }

  /** False where there is nothing to drop. */
  #evict(): boolean {
    const step = this.#parts.eviction.step();
    if (step === 'dropped') this.#parts.onEviction();
    return step !== 'none';
  }
}
