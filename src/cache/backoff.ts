/**
 * @module cache/backoff
 * Which origins and which URLs have left requests unanswered, or could not be refreshed, and when to
 * try again. In memory that all workers share, of fixed size: a name that meets another one in its row
 * takes its place, and what was known of that one is found out anew.
 */
import { hashName } from './name-hash.ts';
import type { Target } from './ports.ts';

const ROWS = 4096;
// The columns of a row. Times are ms since the epoch in 32 bits, which are enough to tell times apart that lie within 24 days.
const TAG = 0;
/** Attempts that failed one after the other. */
const FAILURES = 1;
/** 1: a client has waited in vain. */
const UNANSWERED = 2;
/** No attempt is made before. */
const RETRY_AT = 3;
/** When it last responded; 0: never. */
const ANSWERED_AT = 4;
/** The worker that makes the one attempt there may be; 0: none does. */
const PROBED_BY = 5;
const COLUMNS = 6;

/** ms after the first failure; each further one doubles it. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;
/** ms after which nothing is held against it. */
const FORGOTTEN_AFTER = 60_000;

export class Backoff {
  readonly #cells: Int32Array;
  readonly #worker: number;
  /** The origin that responded last. */
  #last: { readonly scheme: string; readonly authority: string; readonly row: number; readonly tag: number } = { scheme: '', authority: '', row: 0, tag: 0 };

  /** @param worker from 1 */
  constructor(memory: SharedArrayBuffer, worker: number) {
    this.#cells = new Int32Array(memory);
    this.#worker = worker;
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(ROWS * COLUMNS * Int32Array.BYTES_PER_ELEMENT);
  }

  /** The origin has responded. Asked for with each response: nearly always it is the origin of the last one, and in no trouble. */
  answered(target: Target, now: number): void {
    const last = this.#last;
    const isLast = target.authority === last.authority && target.scheme === last.scheme && this.#get(last.row + TAG) === last.tag;
    const row = isLast ? last.row : this.#take(originOf(target));
    if (!isLast) this.#last = { scheme: target.scheme, authority: target.authority, row, tag: this.#get(row + TAG) };
    this.#set(row + ANSWERED_AT, (now | 0) || 1);
    if (this.#get(row + UNANSWERED) !== 0) this.#set(row + UNANSWERED, 0);
    if (this.#get(row + FAILURES) !== 0) this.#set(row + FAILURES, 0);
  }

  /** A client has waited in vain since that time, which counts unless it has responded to others meanwhile. */
  unanswered(name: string, since: number, now: number): void {
    const row = this.#take(name);
    const answeredAt = this.#get(row + ANSWERED_AT);
    if (answeredAt !== 0 && passed(since, answeredAt) >= 0) return;
    if (this.#get(row + UNANSWERED) !== 1) this.#set(row + RETRY_AT, now | 0);
    this.#set(row + UNANSWERED, 1);
  }

  /** Clients are not to wait for it. */
  isUnanswered(name: string, now: number): boolean {
    const row = this.#find(name);
    return row !== undefined && this.#get(row + UNANSWERED) === 1 && passed(this.#get(row + RETRY_AT), now) < FORGOTTEN_AFTER;
  }

  /** Nothing is held against it any more. */
  recovered(name: string): void {
    const row = this.#find(name);
    if (row === undefined) return;
    this.#set(row + UNANSWERED, 0);
    this.#set(row + FAILURES, 0);
  }

  /** The origin, or it for that URL alone, has left clients waiting and has not responded since. */
  holdsUp(target: Target, name: string, now: number): boolean {
    return this.isUnanswered(originOf(target), now) || this.isUnanswered(name, now);
  }

  /**
   * An attempt in the background has failed.
   * @param hasResponded it was an error that came, and not the response that did not come
   */
  failed(name: string, hasResponded: boolean, now: number): void {
    const row = this.#take(name);
    if (hasResponded) this.#set(row + UNANSWERED, 0);
    const isForgotten = passed(this.#get(row + RETRY_AT), now) >= FORGOTTEN_AFTER;
    const failures = isForgotten ? 1 : this.#get(row + FAILURES) + 1;
    this.#set(row + FAILURES, failures);
    this.#set(row + RETRY_AT, (now + Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(failures - 1, 16))) | 0);
  }

  /** The pause after the last failure is over. */
  mayTry(name: string, now: number): boolean {
    const row = this.#find(name);
    return row === undefined || this.#get(row + FAILURES) === 0 || passed(this.#get(row + RETRY_AT), now) >= 0;
  }

  /** What ends the one attempt; undefined where another one is under way, or the pause is not over. */
  probe(name: string, now: number): (() => void) | undefined {
    if (!this.mayTry(name, now)) return undefined;
    const cell = this.#take(name) + PROBED_BY;
    if (Atomics.compareExchange(this.#cells, cell, 0, this.#worker) !== 0) return undefined;
    return () => void Atomics.compareExchange(this.#cells, cell, this.#worker, 0);
  }

  /** For the end of a worker that could not do it: ends its attempts. */
  release(worker: number): void {
    for (let row = 0; row < this.#cells.length; row += COLUMNS) Atomics.compareExchange(this.#cells, row + PROBED_BY, worker, 0);
  }

  #find(name: string): number | undefined {
    const { row, tag } = hashName(name);
    const place = (row % ROWS) * COLUMNS;
    return this.#get(place + TAG) === tag ? place : undefined;
  }

  #take(name: string): number {
    const { row, tag } = hashName(name);
    const place = (row % ROWS) * COLUMNS;
    if (this.#get(place + TAG) === tag) return place;
    // Whoever makes an attempt for the former name gives that back itself.
    for (let column = FAILURES; column < PROBED_BY; column++) this.#set(place + column, 0);
    this.#set(place + TAG, tag);
    return place;
  }

  #get(cell: number): number {
    return Atomics.load(this.#cells, cell);
  }

  #set(cell: number, value: number): void {
    Atomics.store(this.#cells, cell, value);
  }
}

/** The name of an origin. */
export function originOf({ scheme, authority }: Target): string {
  return `${scheme}://${authority}`;
}

/** ms from the one time to the other, of which 32 bits are known. */
function passed(from: number, to: number): number {
  return ((to | 0) - (from | 0)) | 0;
}
