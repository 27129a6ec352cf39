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
/** ms for which a verdict is as good as new: a Map whose members come and go all the time is costly. */
const RENEWED = 1000;
const MAX_VERDICTS = 10_000;
/** Characters of all keys together: a key holds a URL, and a client can make that long. */
const MAX_CHARACTERS = 4_000_000;

export class Verdicts {
  readonly #verdicts = new Map<string, Verdict>();
  #characters = 0;

  set(key: string, reasons: readonly Reason[], now: number): void {
    const known = this.#verdicts.get(key);
    if (known !== undefined && now - known.at < RENEWED && known.reasons[0]?.code === reasons[0]?.code) return;
    this.delete(key);
    this.#verdicts.set(key, { reasons, at: now });
    this.#characters += key.length;
    // A Map keeps the order of insertion: the first is the oldest.
    while (this.#verdicts.size > MAX_VERDICTS || this.#characters > MAX_CHARACTERS) this.delete(this.#verdicts.keys().next().value!);
  }

  delete(key: string): void {
    if (this.#verdicts.delete(key)) this.#characters -= key.length;
  }

  clear(): void {
    this.#verdicts.clear();
    this.#characters = 0;
  }

  get(key: string, now: number): Verdict | undefined {
    const verdict = this.#verdicts.get(key);
    if (verdict === undefined || now - verdict.at <= LIFETIME) return verdict;
    this.delete(key);
    return undefined;
  }
}
