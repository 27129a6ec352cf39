/**
 * @module stores/disk-room
 * Keeps the quota. Room is made before it is taken, a few objects at a time, and some is kept free
 * ahead of need, so that who stores seldom waits. All of it runs within transactions. What is stored
 * counts against the quota; the files that it lies in, and room that is free in them, must stay within
 * the disk's, see disk-quota.ts.
 */
import type { DiskEviction } from './disk-eviction.ts';
import type { DiskIndex } from './disk-index.ts';
import { fileBytesFor } from './disk-quota.ts';
import type { DiskRemoval } from './disk-removal.ts';
import { PAGE } from './disk-tables.ts';
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
/** Shares of the quota: free room in segments, and in the table, that is not given back to the system. */
const KEPT_IN_SEGMENTS = 0.05;
const KEPT_IN_TABLE = 0.02;
/** The share of the quota that bodies on their way may have reserved: what is stored is not dropped for what may never be complete. */
const WRITING_SHARE = 1 / 4;
/** Bytes that a row may take of the table beyond its own: pages of indexes that are split. */
const SPLIT_PAGES = 8 * PAGE;
/** Times that a change waits for room; some milliseconds each. */
const MOST_TRIES = 200;
/** After so many, the thread that was to free it has perhaps ended, and bodies on their way will not be complete soon. */
const TRIES_OF_OTHERS = 20;

interface RoomParts {
  readonly index: DiskIndex;
  readonly eviction: DiskEviction;
  readonly removal: DiskRemoval;
  readonly maxBytes: number;
  /** Bytes of the longest body that is kept. */
  readonly maxObject: number;
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

  /** Bytes that table and segments may take on the disk. */
  get mostOnDisk(): number {
    return fileBytesFor(this.#parts.maxBytes);
  }

  /** For rows of so many bytes. LATER: room is on its way. */
  make(bytes: number, tries: number): boolean | typeof LATER {
    const { index, maxBytes } = this.#parts;
    const { totals } = index;
    const counted = (): number => totals.bytes + bytes - maxBytes;
    const onDisk = (): number => index.fileBytes() - index.freeInFile() + bytes + SPLIT_PAGES - this.mostOnDisk;
    return this.#make(bytes, tries, { excess: () => Math.max(counted(), onDisk()), coming: () => 0, shrink: () => counted() <= 0 && this.#shrink() });
  }

  /** In segments, where what is free is room. LATER: room is on its way. */
  makeInSegments(bytes: number, tries: number): boolean | typeof LATER {
    const { index, removal, maxBytes, maxObject } = this.#parts;
    const { totals } = index;
    if (totals.writing + bytes > Math.max(maxBytes * WRITING_SHARE, Math.min(maxBytes, 2 * maxObject))) return tries < TRIES_OF_OTHERS ? LATER : false;
    const counted = (): number => totals.bytes + bytes - maxBytes;
    const onDisk = (): number => index.fileBytes() + Math.max(0, bytes - totals.free) - this.mostOnDisk;
    return this.#make(bytes, tries, { excess: () => Math.max(counted(), onDisk()), coming: () => totals.garbage - removal.heldBytes, shrink: () => counted() <= 0 && this.#vacuum() });
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
      const { objects, bytes, garbage, free } = index.totals;
      const isCrowded = bytes - garbage > maxBytes - ahead || index.fileBytes() - index.freeInFile() - free - garbage > this.mostOnDisk - ahead;
      if (objects === 0 || !isCrowded) return this.#giveBack();
      this.#evict();
    }
    return true;
  }

  /** Gives the system a little of the room that nobody has. True when there may be more. */
  #giveBack(): boolean {
    const { index, maxBytes } = this.#parts;
    const { objects, free, garbage } = index.totals;
    // The quota may be a smaller one than it was.
    const isOver = index.fileBytes() > this.mostOnDisk;
    const kept = objects === 0 || isOver ? 0 : maxBytes;
    if (index.freeInFile() > kept * KEPT_IN_TABLE && this.#vacuum()) return true;
    if (free > kept * KEPT_IN_SEGMENTS && this.#shrink()) return true;
    return isOver && garbage === 0 && this.#evict();
  }

  /** False where nothing came of it. */
  #vacuum(): boolean {
    const { index } = this.#parts;
    const before = index.freeInFile();
    if (before > 0) index.vacuum();
    return index.freeInFile() < before;
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
