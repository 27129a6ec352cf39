/**
 * @module stores/disk-room
 * Keeps the quota. Room is made before it is taken, a few objects at a time, and some is kept free
 * ahead of need, so that who stores seldom waits. All of it runs within transactions. What is stored
 * counts against the quota; room that nobody has in segments and table lies on the disk, too, and is
 * kept small beside it.
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
/** Shares of the quota: free room in segments, and in the table, that is not given back to the system; and all that may be in segments. */
const KEPT_IN_SEGMENTS = 0.08;
const KEPT_IN_TABLE = 0.05;
const MOST_IN_SEGMENTS = 0.12;
/** Times that a change waits for room; some milliseconds each. */
const MOST_TRIES = 200;
/** After so many, whoever was to free it has perhaps ended. */
const TRIES_OF_OTHERS = 20;

interface RoomParts {
  readonly index: DiskIndex;
  readonly eviction: DiskEviction;
  readonly removal: DiskRemoval;
  readonly maxBytes: number;
  readonly onEviction: () => void;
  /** Makes the file of a segment so many units long. */
  readonly truncate: (segment: number, units: number) => void;
}

/** What is missing, in bytes, and how it comes. */
interface Shortage {
  readonly excess: () => number;
  /** What is under way already. */
  readonly coming: () => number;
  /** Makes it less without dropping anything; false where that cannot be. */
  readonly shrink: () => boolean;
}

export class DiskRoom {
  readonly #parts: RoomParts;

  constructor(parts: RoomParts) {
    this.#parts = parts;
  }

  /** Bytes that what is stored and what is free in segments may take together. */
  get mostOnDisk(): number {
    return this.#parts.maxBytes * (1 + MOST_IN_SEGMENTS);
  }

  /** For rows of so many bytes. LATER: room is on its way. */
  make(bytes: number, tries: number): boolean | typeof LATER {
    const { totals } = this.#parts.index;
    const excess = (): number => Math.max(totals.bytes + bytes - this.#parts.maxBytes, totals.bytes + totals.free + bytes - this.mostOnDisk);
    return this.#make(bytes, tries, { excess, coming: () => 0, shrink: () => totals.bytes + bytes <= this.#parts.maxBytes && this.#shrink() });
  }

  /** In segments, where what is free is room. LATER: room is on its way. */
  makeInSegments(bytes: number, tries: number): boolean | typeof LATER {
    const { index: { totals }, removal, maxBytes } = this.#parts;
    return this.#make(bytes, tries, { excess: () => totals.bytes + bytes - maxBytes, coming: () => totals.garbage - removal.heldBytes, shrink: () => false });
  }

  /** Whoever has waited so often gets none. */
  isHopeless(tries: number): boolean {
    return tries >= MOST_TRIES;
  }

  /** Within every transaction: a little of what would have to be done some time. True when there is more. */
  upkeep(): boolean {
    const { index, maxBytes } = this.#parts;
    if (this.sweep(SWEPT_AHEAD)) return true;
    const ahead = Math.min(MOST_AHEAD, maxBytes * AHEAD_SHARE);
    for (let step = 0; step < STEPS_AHEAD; step++) {
      const { objects, bytes, garbage } = index.totals;
      if (objects === 0 || bytes - garbage <= maxBytes - ahead) return this.#giveBack();
      this.#evict();
    }
    return true;
  }

  /** Gives the system a little of the room that nobody has. True when there may be more. */
  #giveBack(): boolean {
    const { index, maxBytes } = this.#parts;
    const { objects, free } = index.totals;
    const kept = objects === 0 ? 0 : maxBytes;
    const freeInFile = index.freeInFile();
    if (freeInFile > kept * KEPT_IN_TABLE) {
      index.vacuum();
      if (index.freeInFile() < freeInFile) return true;
    }
    return free > kept * KEPT_IN_SEGMENTS && this.#shrink();
  }

  #shrink(): boolean {
    const { index, truncate } = this.#parts;
    try {
      return index.shrink(truncate);
    } catch {
      // What cannot be given back now is room all the same.
      return false;
    }
  }

  /** Removes so many rows of what was cleared; true when there are more. */
  sweep(steps: number): boolean {
    for (let step = 0; step < steps; step++) if (!this.#parts.index.sweep()) return false;
    return true;
  }

  #make(bytes: number, tries: number, { excess, coming, shrink }: Shortage): boolean | typeof LATER {
    const { index, removal, maxBytes } = this.#parts;
    const { totals } = index;
    if (tries === TRIES_OF_OTHERS) setImmediate(() => removal.takeOver());
    // Where dropping everything would not make room, nothing is dropped.
    if (totals.writing + bytes > maxBytes) return false;
    for (let step = 0; step < MOST_STEPS; step++) {
      const missing = excess();
      if (missing <= 0) return true;
      if (totals.dead > 0) index.sweep();
      else if (shrink()) continue;
      else if (missing <= coming() || !this.#evict()) return totals.garbage > 0 && !this.isHopeless(tries) ? LATER : false;
    }
    return LATER;
  }

  /** False where there is nothing to drop. */
  #evict(): boolean {
    const step = this.#parts.eviction.step();
    if (step === 'dropped') this.#parts.onEviction();
    return step !== 'none';
  }
}
