/**
 * @module cache/verdicts
 * Remembers for a while which URLs gave a response that was not stored, and why: requests for them
 * are not made to wait for one another, and explain can tell the reason.
 */
import type { Reason } from '../policy/reason.ts';

export interface Verdict {
  readonly reasons: readonly Reason[];
  /** ms since the epoch */
  readonly at: number;
}

/** ms; long enough to spare requests the wait, short enough to notice when the origin changes its mind. */
const LIFETIME = 60_000;
const MAX_VERDICTS = 10_000;

export class Verdicts {
  readonly #verdicts = new Map<string, Verdict>();

  set(key: string, reasons: readonly Reason[], now: number): void {
    this.#verdicts.delete(key);
    this.#verdicts.set(key, { reasons, at: now });
    // A Map keeps the order of insertion: the first is the oldest.
    if (this.#verdicts.size > MAX_VERDICTS) this.#verdicts.delete(this.#verdicts.keys().next().value!);
  }

  delete(key: string): void {
    this.#verdicts.delete(key);
  }

  clear(): void {
    this.#verdicts.clear();
  }

  get(key: string, now: number): Verdict | undefined {
    const verdict = this.#verdicts.get(key);
    if (verdict === undefined || now - verdict.at <= LIFETIME) return verdict;
    this.#verdicts.delete(key);
    return undefined;
  }
}
