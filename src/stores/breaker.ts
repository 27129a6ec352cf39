/**
 * @module stores/breaker
 * Keeps a peer that is slow or absent from costing requests more than a short limit each, and soon
 * nothing at all: after some failures in a row it is not asked any more, but by a probe in the
 * background, until it answers again.
 */
import { Histogram, type Timing } from '../cache/counters.ts';

/** What stands for an answer where there is none: it did not come in time, or was not asked for. */
export const AWAY: unique symbol = Symbol('away');
export type Away = typeof AWAY;

/** Failures in a row. */
const MOST_FAILURES = 5;
/** Milliseconds between two probes. */
const PROBE_INTERVAL = 250;

export interface BreakerOptions {
  /** Milliseconds an operation may take. */
  readonly limit: number;
  /** Asked in the background while nothing else is; any answer will do. */
  readonly probe: () => Promise<unknown>;
  /** The peer is there and says no: no reason not to ask it something else. */
  readonly isRefusal?: (error: unknown) => boolean;
  readonly onChange?: (isThere: boolean, cause: string) => void;
  readonly onRefusal?: (error: Error) => void;
}

export interface BreakerStats {
  readonly isThere: boolean;
  readonly errors: number;
  /** Operations that were not even tried. */
  readonly skipped: number;
  /** Of answers, in milliseconds. */
  readonly latency: Timing;
}

export class Breaker {
  readonly #options: BreakerOptions;
  readonly #latency = new Histogram();
  /** Until it has answered for the first time it counts as away, but nothing has changed then. */
  #isThere = false;
  #failures = 0;
  #errors = 0;
  #skipped = 0;
  #timer: NodeJS.Timeout | undefined;
  #isProbing = false;
  #isClosed = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
    this.#scheduleProbe();
  }

  get isThere(): boolean {
    return this.#isThere;
  }

  stats(): BreakerStats {
    return { isThere: this.#isThere, errors: this.#errors, skipped: this.#skipped, latency: this.#latency.timing() };
  }

  /** What it answers within the limit. Never rejects. */
  async run<T>(operation: () => Promise<T>, limit: number = this.#options.limit): Promise<T | Away> {
    if (!this.#isThere) {
      this.#skipped++;
      return AWAY;
    }
    return this.#attempt(operation, limit);
  }

  /** Asks at once whether it is there, where that is not known. */
  async probe(): Promise<void> {
    if (this.#isThere || this.#isProbing || this.#isClosed) return;
    this.#isProbing = true;
    await this.#attempt(this.#options.probe, this.#options.limit);
    this.#isProbing = false;
  }

  /** For who knows that it is gone: nothing more is asked until a probe succeeds. */
  lost(cause: string): void {
    this.#failures = 0;
    this.#scheduleProbe();
    if (!this.#isThere) return;
    this.#isThere = false;
    this.#options.onChange?.(false, cause);
  }

  close(): void {
    this.#isClosed = true;
    this.#isThere = false;
    clearTimeout(this.#timer);
  }

  async #attempt<T>(operation: () => Promise<T>, limit: number): Promise<T | Away> {
    const start = performance.now();
    try {
      const answer = await inTime(operation, limit);
      if (answer === AWAY) {
        this.#failed(`no answer within ${limit} ms`);
        return AWAY;
      }
      this.#answered(performance.now() - start);
      return answer;
    } catch (error) {
      if (this.#options.isRefusal?.(error) === true) {
        this.#errors++;
        this.#answered(performance.now() - start);
        this.#options.onRefusal?.(error as Error);
      } else this.#failed(error instanceof Error ? error.message : String(error));
      return AWAY;
    }
  }

  #answered(time: number): void {
    this.#latency.add(time);
    this.#failures = 0;
    if (this.#isThere || this.#isClosed) return;
    this.#isThere = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#options.onChange?.(true, '');
  }

  #failed(cause: string): void {
    if (this.#isClosed || !this.#isThere) return;
    this.#errors++;
    if (++this.#failures >= MOST_FAILURES) this.lost(cause);
  }

  #scheduleProbe(): void {
    if (this.#isClosed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.probe().then(() => {
        if (!this.#isThere) this.#scheduleProbe();
      });
    }, PROBE_INTERVAL).unref();
  }
}

/** The answer, or AWAY when the time is over; what comes later is dropped. */
function inTime<T>(operation: () => Promise<T>, limit: number): Promise<T | Away> {
  return new Promise((resolve, reject) => {
    // Where this thread was busy for that long, the answer may be here, and only wait to be read: it is, before an immediate.
    const timer = setTimeout(() => setImmediate(() => resolve(AWAY)), limit).unref();
    operation().then(
      (answer) => {
        clearTimeout(timer);
        resolve(answer);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
