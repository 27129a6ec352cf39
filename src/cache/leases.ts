/**
 * @module cache/leases
 * Which worker fetches. Of several that miss one object at one moment one takes the lease, and asks
 * the origin; the others wait until it has stored what came, and look again. Leases are cells of
 * shared memory, found by hash: taking, giving back and waiting need no message.
 */
import type { Flight } from './flight.ts';
import { hashName } from './name-hash.ts';

/** 256 KB. Two names in one cell cost no wait, only the collapsing of the second: the cell tells them apart. */
const CELLS = 1 << 16;
/** Behind them: how many were given back. */
const ENDED = CELLS;
const FREE = 0;

// A cell, from the top: 1 bit whether the head of the response has come, 7 bits worker, 23 bits of the name.
const LANDED = 1 << 30;
const WORKER_SHIFT = 23;
const TAG_BITS = (1 << WORKER_SHIFT) - 1;

/** Workers are numbered from 1. */
export const MAX_WORKERS = 127;

/** Milliseconds to wait for the head of a response: past what an origin that answers at all takes. */
const HEAD_PATIENCE = 60_000;
/** Milliseconds to wait from the head on; for whoever waits longer, seeing bytes is worth a request of its own. */
const BODY_PATIENCE = 500;
/** Bytes of body that are worth waiting for. */
const MAX_LENGTH = 1024 * 1024;

/** One fetch that other workers leave to this one. */
export interface Lease {
  /** The head of the response has come; `length` of its body where known. Others wait only for what will soon be whole. */
  landed(length: number | undefined): void;
  /** What came is stored, or will not be. */
  end(): void;
}

/** Keeps other workers waiting for as long as that may pay. */
export function hold(lease: Lease, { landing, over }: Pick<Flight, 'landing' | 'over'>): void {
  void landing.then(
    (landed) => (landed.kind === 'filling' ? lease.landed(landed.length) : lease.end()),
    () => {},
  );
  void over.then(() => lease.end());
}

export class Leases {
  readonly #cells: Int32Array;
  readonly #worker: number;

  /** @param worker from 1 to MAX_WORKERS */
  constructor(memory: SharedArrayBuffer, worker: number) {
    this.#cells = new Int32Array(memory);
    this.#worker = worker;
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer((CELLS + 1) * Int32Array.BYTES_PER_ELEMENT);
  }

  /** Another number once any lease has ended: what was not stored before may be stored now. */
  get ended(): number {
    return Atomics.load(this.#cells, ENDED);
  }

  /**
   * 'elsewhere': another worker fetches that very thing; 'ended': one has ended since, and may have been
   * for it: look again. Undefined: fetch it without a lease.
   * @param ended what `ended` was when it was looked for
   */
  take(name: string, ended: number): Lease | 'elsewhere' | 'ended' | undefined {
    const { cell, tag } = placeOf(name);
    const mine = (this.#worker << WORKER_SHIFT) | tag;
    const found = Atomics.compareExchange(this.#cells, cell, FREE, mine);
    if (found === FREE && ended !== this.ended) {
      this.#set(cell, mine, FREE);
      return 'ended';
    }
    if (found === FREE) return this.#lease(cell, mine);
    return tagOf(found) === tag && workerOf(found) !== this.#worker ? 'elsewhere' : undefined;
  }

  /** Another worker fetches it. */
  isElsewhere(name: string): boolean {
    const { cell, tag } = placeOf(name);
    const found = Atomics.load(this.#cells, cell);
    return found !== FREE && tagOf(found) === tag && workerOf(found) !== this.#worker;
  }

  /**
   * Settles when the worker that fetches it has stored it or given up, or the patience is at its end; false where no head had come by then.
   * @param headPatienceMs how long to wait for the head of the response
   */
  async wait(name: string, headPatienceMs: number = HEAD_PATIENCE): Promise<boolean> {
    const { cell, tag } = placeOf(name);
    const holder = workerOf(Atomics.load(this.#cells, cell));
    for (;;) {
      const found = Atomics.load(this.#cells, cell);
      // One lease, not those that others take after it.
      if (found === FREE || tagOf(found) !== tag || workerOf(found) !== holder) return true;
      const hasLanded = (found & LANDED) !== 0;
      const { value } = Atomics.waitAsync(this.#cells, cell, found, hasLanded ? BODY_PATIENCE : headPatienceMs);
      if ((await value) === 'timed-out') return hasLanded;
    }
  }

  /** For the end of a worker that could not do it: gives back what it holds. */
  release(worker: number): void {
    for (let cell = 0; cell < CELLS; cell++) {
      const found = Atomics.load(this.#cells, cell);
      if (found !== FREE && workerOf(found) === worker) this.#set(cell, found, FREE);
    }
  }

  #lease(cell: number, mine: number): Lease {
    let current = mine;
    const become = (next: number): void => {
      // Before the cell is free: who takes it next sees it.
      if (next === FREE) Atomics.add(this.#cells, ENDED, 1);
      if (current !== FREE) this.#set(cell, current, next);
      current = next;
    };
    return {
      landed: (length) => become(length !== undefined && length > MAX_LENGTH ? FREE : mine | LANDED),
      end: () => become(FREE),
    };
  }

  #set(cell: number, from: number, to: number): void {
    Atomics.compareExchange(this.#cells, cell, from, to);
    Atomics.notify(this.#cells, cell);
  }
}

function workerOf(value: number): number {
  return (value & ~LANDED) >> WORKER_SHIFT;
}

function tagOf(value: number): number {
  return value & TAG_BITS;
}

function placeOf(name: string): { cell: number; tag: number } {
  const { row, tag } = hashName(name);
  return { cell: row % CELLS, tag: tag & TAG_BITS };
}
