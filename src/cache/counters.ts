/**
 * @module cache/counters
 * Plain numbers summed over outcomes: what `millrace stats` and the admin API show.
 */
import type { CacheResult, Outcome } from './outcome.ts';

/** Milliseconds. */
export interface Timing {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface CounterStats {
  /** Seconds. */
  readonly uptime: number;
  readonly requests: number;
  /** Answered from the cache without the origin's word: HIT and STALE. */
  readonly hits: number;
  /** Could have been hits: MISS and REVALIDATED. */
  readonly misses: number;
  /** hits / (hits + misses), 0 to 1; 0 where there were none. */
  readonly hitRatio: number;
  /** Bytes of bodies sent to clients. */
  readonly bytes: number;
  /** Bytes of them that came with hits. */
  readonly bytesFromCache: number;
  readonly byResult: Readonly<Record<CacheResult, number>>;
  /** By the code of the reason that decided. */
  readonly byReason: Readonly<Record<string, number>>;
  /** "2xx" and so on. */
  readonly byStatus: Readonly<Record<string, number>>;
  /** Requests served by another request's fetch. */
  readonly collapsed: number;
  /** Responses that went into the cache. */
  readonly stored: number;
  readonly errors: Readonly<Record<string, number>>;
  /** From sending a request to the origin to the head of its response. */
  readonly origin: Timing;
}

/** Upper bounds of the histogram's buckets in ms, about a third apart: percentiles are right within that. */
const BOUNDS: readonly number[] = [1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 7000, 10_000, 15_000, 20_000, 30_000, 60_000];

export class Counters {
  readonly #startedAt: number;
  #requests = 0;
  #bytes = 0;
  #bytesFromCache = 0;
  #collapsed = 0;
  #stored = 0;
  readonly #byResult: Record<CacheResult, number> = { HIT: 0, MISS: 0, STALE: 0, REVALIDATED: 0, BYPASS: 0 };
  readonly #byReason = new Map<string, number>();
  readonly #byStatus = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  readonly #origin = new Histogram();

  /** @param now milliseconds since the epoch */
  constructor(now: number) {
    this.#startedAt = now;
  }

  record(outcome: Outcome): void {
    this.#requests++;
    this.#bytes += outcome.bytes;
    this.#byResult[outcome.result]++;
    if (isHit(outcome.result)) this.#bytesFromCache += outcome.bytes;
    const decisive = outcome.reasons[0];
    if (decisive !== undefined) increment(this.#byReason, decisive.code);
    increment(this.#byStatus, `${Math.floor(outcome.status / 100)}xx`);
    if (outcome.collapsed) this.#collapsed++;
    if (outcome.stored) this.#stored++;
    if (outcome.error !== undefined) increment(this.#errors, outcome.error.code);
    if (outcome.originDuration !== undefined) this.#origin.add(outcome.originDuration);
  }

  stats(now: number): CounterStats {
    const { HIT, STALE, MISS, REVALIDATED } = this.#byResult;
    const hits = HIT + STALE;
    const misses = MISS + REVALIDATED;
    return {
      uptime: Math.max(0, now - this.#startedAt) / 1000,
      requests: this.#requests,
      hits,
      misses,
      hitRatio: hits === 0 ? 0 : hits / (hits + misses),
      bytes: this.#bytes,
      bytesFromCache: this.#bytesFromCache,
      byResult: { ...this.#byResult },
      byReason: Object.fromEntries(this.#byReason),
      byStatus: Object.fromEntries(this.#byStatus),
      collapsed: this.#collapsed,
      stored: this.#stored,
      errors: Object.fromEntries(this.#errors),
      origin: this.#origin.timing(),
    };
  }
}

function isHit(result: CacheResult): boolean {
  return result === 'HIT' || result === 'STALE';
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

class Histogram {
  /** One more than bounds: what is over the last. */
  readonly #counts: number[] = new Array<number>(BOUNDS.length + 1).fill(0);
  #count = 0;
  #sum = 0;
  #max = 0;

  add(value: number): void {
    const bucket = BOUNDS.findIndex((bound) => value <= bound);
    this.#counts[bucket === -1 ? BOUNDS.length : bucket]!++;
    this.#count++;
    this.#sum += value;
    if (value > this.#max) this.#max = value;
  }

  timing(): Timing {
    const mean = this.#count === 0 ? 0 : this.#sum / this.#count;
    return { count: this.#count, mean, p50: this.#percentile(0.5), p90: this.#percentile(0.9), p99: this.#percentile(0.99), max: this.#max };
  }

  /** The upper bound of the bucket it falls into, but never more than the largest value seen. */
  #percentile(share: number): number {
    let left = Math.ceil(this.#count * share);
    if (left === 0) return 0;
    for (const [i, bound] of BOUNDS.entries()) {
      left -= this.#counts[i]!;
      if (left <= 0) return Math.min(bound, this.#max);
    }
    return this.#max;
  }
}
