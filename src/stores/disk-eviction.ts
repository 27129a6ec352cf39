/**
 * @module stores/disk-eviction
 * S3-FIFO eviction over the table on disk; s3-fifo.ts has the source. Queues, accesses and ghosts
 * are rows, so that what is known of each object's use outlives the process. Accesses are noted in
 * memory and written down in batches. Each step looks at one object; nothing is ever scanned.
 */
import type { DiskIndex } from './disk-index.ts';
import { type Head, MAIN } from './disk-tables.ts';

/** The share of the quota that belongs to the small queue. */
const SMALL_SHARE = 0.1;
const MOST_ACCESSES = 3;
/** An object with so many accesses goes on from the small to the main queue. */
const ACCESSES_TO_MAIN = 2;
/** Objects that move on for being in use elsewhere before one is dropped all the same: all of them may be. */
const MOST_SPARED = 8;
/** Ghosts are as many as objects in the main queue, and at least so many. */
const FEWEST_GHOSTS = 64;
/** Objects whose accesses are noted before they are written down, and those of one transaction. */
const MOST_NOTED = 2000;
const MOST_WRITTEN = 200;
/** Objects that are known to have all the accesses that count. */
const KNOWN = 2 ** 15;

export class DiskEviction {
  readonly #index: DiskIndex;
  readonly #maxBytes: number;
  readonly #nextNumber: () => number;
  /** By place: accesses that are not written down yet. */
  readonly #noted = new Map<number, number>();
  /** Places of objects that have MOST_ACCESSES written down: until they have another place, one more changes nothing. */
  readonly #full = new Float64Array(KNOWN);
  /** How many moved on since the last drop for being in use elsewhere alone. */
  #spared = 0;
  /** Whether an object is in use elsewhere, though it is not asked for here: the tier in front has it. */
  isInUse: ((key: Uint8Array) => boolean) | undefined;

  constructor(index: DiskIndex, maxBytes: number, nextNumber: () => number) {
    this.#index = index;
    this.#maxBytes = maxBytes;
    this.#nextNumber = nextNumber;
  }

  /** The object was asked for. True when it is time to write accesses down. */
  access(place: number): boolean {
    if (this.#full[place % KNOWN] === place) return false;
    const count = this.#noted.get(place) ?? 0;
    if (count < MOST_ACCESSES) this.#noted.set(place, count + 1);
    return this.#noted.size >= MOST_NOTED;
  }

  /** Writes some accesses down; true when there are more. Within a transaction. */
  flush(): boolean {
    let written = 0;
    for (const [place, count] of this.#noted) {
      if (written++ === MOST_WRITTEN) return true;
      this.#noted.delete(place);
      const before = this.#index.accesses(place);
      const after = Math.min(MOST_ACCESSES, before + count);
      if (before < after) this.#index.setAccesses(place, after);
      if (after === MOST_ACCESSES) this.#full[place % KNOWN] = place;
    }
    return false;
  }

  /** The place for an object that comes in. Within a transaction. */
  placeFor(hash: number): number {
    return this.#index.recallGhost(hash) ? MAIN + this.#nextNumber() : this.#nextNumber();
  }

  /** Looks at one object: it is dropped ("dropped") or moves on ("moved"). "none": there is none. Within a transaction. */
  step(): 'dropped' | 'moved' | 'none' {
    const { totals } = this.#index;
    if (totals.objects === 0) return this.#index.removeOldestGhost() ? 'moved' : 'none';
    const isSmall = totals.main === 0 || totals.small > this.#maxBytes * SMALL_SHARE;
    const head = (isSmall ? this.#live(0) : undefined) ?? this.#live(MAIN) ?? this.#live(0);
    if (head === undefined) return 'none';
    const accesses = this.#accessesOf(head);
    this.#noted.delete(head.place);
    if (head.place < MAIN) {
      if (accesses >= ACCESSES_TO_MAIN) return this.#moveToMain(head, 0);
      this.#index.addGhost(this.#nextNumber(), head.hash);
      for (let i = 0; i < 2 && totals.ghosts > Math.max(FEWEST_GHOSTS, totals.main); i++) this.#index.removeOldestGhost();
    } else if (accesses > 0) return this.#moveToMain(head, accesses - 1);
    this.#index.remove(head);
    this.#spared = 0;
    return 'dropped';
  }

  #live(start: number): Head | undefined {
    const { horizon } = this.#index.totals;
    // What was cleared stands before all else, and is no object any more.
    const from = Math.max(start, start + horizon + 1);
    const head = this.#index.head(from);
    return head === undefined || (start < MAIN && head.place >= MAIN) ? undefined : head;
  }

  #accessesOf({ place, key }: Head): number {
    const counted = this.#index.accesses(place) + (this.#noted.get(place) ?? 0);
    if (counted >= ACCESSES_TO_MAIN || this.#spared === MOST_SPARED || this.isInUse?.(key) !== true) return Math.min(counted, MOST_ACCESSES);
    this.#spared++;
    return ACCESSES_TO_MAIN;
  }

  #moveToMain(head: Head, accesses: number): 'moved' {
    this.#index.move(head, MAIN + this.#nextNumber(), accesses);
    return 'moved';
  }
}
