/**
 * @module cache/counters
 * Plain numbers summed over outcomes: what `millrace stats` and the admin API show.
 */
import type { MillraceError } from '../errors.ts';
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
  /** Hits answered in the fast lane. */
  readonly fastLane: number;
  readonly errors: Readonly<Record<string, number>>;
  /** Connections of clients beyond the limits (`maxConnections`, `maxConnectionsPerAddress`). */
  readonly refusedConnections: number;
  /** From sending a request to the origin to the head of its response. */
  readonly origin: Timing;
}

/** All that was counted, as plain data that can go from one thread to another. */
export interface Tally {
  readonly sums: Readonly<Sums>;
  readonly hitsByClass: readonly number[];
  readonly byResult: Readonly<Record<CacheResult, number>>;
  readonly byReason: ReadonlyMap<string, number>;
  readonly byStatus: ReadonlyMap<string, number>;
  readonly errors: ReadonlyMap<string, number>;
  readonly origin: { readonly counts: readonly number[]; readonly sum: number; readonly max: number };
}

interface Sums {
  requests: number;
  bytes: number;
  bytesFromCache: number;
  collapsed: number;
  stored: number;
  /** Hits of the fast lane: they are none of the other figures until those are asked for. */
  hits: number;
  hitBytes: number;
  refusedConnections: number;
}

/** Upper bounds of the histogram's buckets in ms, about a third apart: percentiles are right within that. */
const BOUNDS: readonly number[] = [1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 7000, 10_000, 15_000, 20_000, 30_000, 60_000];

export class Counters {
  readonly #startedAt: number;
  readonly #sums: Sums = { requests: 0, bytes: 0, bytesFromCache: 0, collapsed: 0, stored: 0, hits: 0, hitBytes: 0, refusedConnections: 0 };
  readonly #hitsByClass: number[] = new Array<number>(10).fill(0);
  readonly #byResult: Record<CacheResult, number> = { HIT: 0, MISS: 0, STALE: 0, REVALIDATED: 0, BYPASS: 0 };
  readonly #byReason = new Map<string, number>();
  readonly #byStatus = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  readonly #origin = new Histogram();

  /** @param now milliseconds since the epoch */
  constructor(now: number) {
    this.#startedAt = now;
  }

  /** A hit of the fast lane, whose outcome is worth building only where somebody listens. */
  recordHit(status: number, bytes: number, error: MillraceError | undefined): void {
    this.#sums.hits++;
    this.#sums.hitBytes += bytes;
    this.#hitsByClass[Math.floor(status / 100)]!++;
    if (error !== undefined) increment(this.#errors, error.code);
  }

  record(outcome: Outcome): void {
    this.#sums.requests++;
    this.#sums.bytes += outcome.bytes;
    this.#byResult[outcome.result]++;
    if (isHit(outcome.result)) this.#sums.bytesFromCache += outcome.bytes;
    const decisive = outcome.reasons[0];
    if (decisive !== undefined) increment(this.#byReason, decisive.code);
    increment(this.#byStatus, `${Math.floor(outcome.status / 100)}xx`);
    if (outcome.collapsed) this.#sums.collapsed++;
    if (outcome.stored) this.#sums.stored++;
    if (outcome.error !== undefined) increment(this.#errors, outcome.error.code);
    if (outcome.originDuration !== undefined) this.#origin.add(outcome.originDuration);
  }

  tally(): Tally {
    const { counts, sum, max } = this.#origin;
    return { sums: this.#sums, hitsByClass: this.#hitsByClass, byResult: this.#byResult, byReason: this.#byReason, byStatus: this.#byStatus, errors: this.#errors, origin: { counts, sum, max } };
  }

  recordRefusedConnection(): void {
    this.#sums.refusedConnections++;
  }

  /** Counts in what others counted. */
  add(tally: Tally): void {
    for (const name of Object.keys(this.#sums) as (keyof Sums)[]) this.#sums[name] += tally.sums[name];
    for (const result of Object.keys(this.#byResult) as CacheResult[]) this.#byResult[result] += tally.byResult[result];
    tally.hitsByClass.forEach((count, hundreds) => (this.#hitsByClass[hundreds]! += count));
    for (const [key, count] of tally.byReason) increment(this.#byReason, key, count);
    for (const [key, count] of tally.byStatus) increment(this.#byStatus, key, count);
    for (const [key, count] of tally.errors) increment(this.#errors, key, count);
    this.#origin.join(tally.origin);
  }

  stats(now: number): CounterStats {
    const byResult = { ...this.#byResult, HIT: this.#byResult.HIT + this.#sums.hits };
    const hits = byResult.HIT + byResult.STALE;
    const misses = byResult.MISS + byResult.REVALIDATED;
    const byReason = new Map(this.#byReason);
    if (this.#sums.hits > 0) byReason.set('fresh', (byReason.get('fresh') ?? 0) + this.#sums.hits);
    const byStatus = new Map(this.#byStatus);
    for (const [hundreds, count] of this.#hitsByClass.entries()) if (count > 0) byStatus.set(`${hundreds}xx`, (byStatus.get(`${hundreds}xx`) ?? 0) + count);
    return {
      uptime: Math.max(0, now - this.#startedAt) / 1000,
      requests: this.#sums.requests + this.#sums.hits,
      hits,
      misses,
      hitRatio: hits === 0 ? 0 : hits / (hits + misses),
      refusedConnections: this.#sums.refusedConnections,
      bytes: this.#sums.bytes + this.#sums.hitBytes,
      bytesFromCache: this.#sums.bytesFromCache + this.#sums.hitBytes,
      byResult,
      byReason: Object.fromEntries(byReason),
      byStatus: Object.fromEntries(byStatus),
      collapsed: this.#sums.collapsed,
      stored: this.#sums.stored,
      fastLane: this.#sums.hits,
      errors: Object.fromEntries(this.#errors),
      origin: this.#origin.timing(),
    };
  }
}

function isHit(result: CacheResult): boolean {
  return result === 'HIT' || result === 'STALE';
}

function increment(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

export class Histogram {
  /** One more than bounds: what is over the last. */
  readonly counts: number[] = new Array<number>(BOUNDS.length + 1).fill(0);
  count = 0;
  sum = 0;
  max = 0;

  add(value: number): void {
    const bucket = BOUNDS.findIndex((bound) => value <= bound);
    this.counts[bucket === -1 ? BOUNDS.length : bucket]!++;
    this.count++;
    this.sum += value;
    if (value > this.max) this.max = value;
  }

  join({ counts, sum, max }: Tally['origin']): void {
    counts.forEach((count, bucket) => {
      this.counts[bucket]! += count;
      this.count += count;
    });
    this.sum += sum;
    this.max = Math.max(this.max, max);
  }

  timing(): Timing {
    const mean = this.count === 0 ? 0 : this.sum / this.count;
    return { count: this.count, mean, p50: this.#percentile(0.5), p90: this.#percentile(0.9), p99: this.#percentile(0.99), max: this.max };
  }

  /** The upper bound of the bucket it falls into, but never more than the largest value seen. */
  #percentile(share: number): number {
    let left = Math.ceil(this.count * share);
    if (left === 0) return 0;
    for (const [i, bound] of BOUNDS.entries()) {
      left -= this.counts[i]!;
      if (left <= 0) return Math.min(bound, this.max);
    }
    return this.max;
  }
}
