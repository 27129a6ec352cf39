/**
 * @module stores/fleet
 * What a process knows of the other machines that use the same store, in memory that its threads
 * share: whether it has heard of all that they purged, and how often what lies under a key was
 * changed by them.
 */
import { fnv1a } from '../http/hash.ts';

/** 4 MB each: so that what others store hardly ever makes this one look again at something else. */
const CELLS = 1 << 20;
/** Behind the counts: which version the last change of each left. */
const LATEST = CELLS;
/** Behind them: changes that concern everything; whether all purges are known; up to which number. */
const EVERYTHING = 2 * CELLS;
const IN_SYNC = EVERYTHING + 1;
const NUMBER = EVERYTHING + 2;

/** What another machine has stored anew, or removed. */
export interface Change {
  /** Of the key; see fnv1a. */
  readonly hash: number;
  /** The first 4 bytes of the version that is there now; 0: none. */
  readonly version: number;
}

export class FleetMemory {
  readonly shared: SharedArrayBuffer;
  readonly #cells: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer((EVERYTHING + 3) * Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#cells = new Int32Array(shared);
  }

  /** Where the changes are counted of what is stored for the key. */
  cellOf(key: string): number {
    return fnv1a(key) % CELLS;
  }

  /** A number that is another one once another machine has changed what is stored there; rarely also without that. */
  changesAt(cell: number): number {
    return Atomics.load(this.#cells, cell);
  }

  /** The same for changes of which is not known what they concern. */
  get changesOfAll(): number {
    return Atomics.load(this.#cells, EVERYTHING);
  }

  /** The last change there has left that version: who has it has what is there now. */
  isLatest(cell: number, version: number): boolean {
    return version !== 0 && Atomics.load(this.#cells, LATEST + cell) === (version | 0);
  }

  countChange({ hash, version }: Change): void {
    const cell = hash % CELLS;
    Atomics.store(this.#cells, LATEST + cell, version | 0);
    Atomics.add(this.#cells, cell, 1);
  }

  countChangeOfAll(): void {
    Atomics.add(this.#cells, EVERYTHING, 1);
  }

  /** What others have purged is known here, up to a second ago. */
  get isInSync(): boolean {
    return Atomics.load(this.#cells, IN_SYNC) === 1;
  }

  set isInSync(isInSync: boolean) {
    Atomics.store(this.#cells, IN_SYNC, isInSync ? 1 : 0);
  }

  /** The number up to which all is known; what was purged here alone has higher ones. */
  get number(): number {
    return Atomics.load(this.#cells, NUMBER);
  }

  set number(number: number) {
    Atomics.store(this.#cells, NUMBER, number);
  }
}

/** What the store of one thread has to say to the other machines; see coherence.ts. */
export interface Fleet {
  readonly memory: FleetMemory;
  /** Resolves when what was purged here until now is known to all, or cannot be told now. */
  settle(): Promise<void>;
  /** Tells the others. */
  changed(change: Change): void;
}
