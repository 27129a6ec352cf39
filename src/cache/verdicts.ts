/**
 * @module cache/verdicts
 * Remembers for a while which URLs gave a response that was not stored, and why. Explain tells it, and
 * requests for a URL whose responses are not stored pass without waiting for one another.
 */
import type { Reason } from '../policy/reason.ts';
import type { Cause } from '../policy/uncacheable.ts';

export interface Verdict {
  readonly reasons: readonly Reason[];
  /** ms since the epoch */
  readonly at: number;
}

interface Remembered extends Verdict {
  /** How many responses in a row, each asked for after the one before had come, were not stored because of what they were. */
  readonly inRow: number;
  /** Until then requests do not wait for one another; ms since the epoch. */
  readonly passUntil: number;
}

/** What came of one request. */
export interface NotStored {
  readonly reasons: readonly Reason[];
  readonly cause: Exclude<Cause, 'request'>;
  /** When the origin was asked; ms since the epoch. */
  readonly askedAt: number;
}

/** ms; long enough to spare requests the wait, short enough to notice when the origin changes its mind. */
const LIFETIME = 60_000;
/** ms that requests pass after the second `answer` in a row; each further one doubles it. */
const FIRST_PASS = 1000;
/** ms for which a verdict is as good as new: a Map whose members come and go all the time is costly. */
const RENEWED = 1000;
const MAX_VERDICTS = 10_000;
/** Characters of all keys together: a key holds a URL, and a client can make that long. */
const MAX_CHARACTERS = 4_000_000;

export class Verdicts {
  readonly #verdicts = new Map<string, Remembered>();
  #characters = 0;

  set(key: string, told: NotStored, now: number): void {
    const known = this.#find(key, now);
    const next = remember(known, told, now);
    const isKnown = known !== undefined && now - known.at < RENEWED && known.reasons[0]?.code === next.reasons[0]?.code;
    if (isKnown && known.inRow === next.inRow && next.passUntil - known.passUntil < RENEWED) return;
    this.delete(key);
    this.#verdicts.set(key, next);
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
    return this.#find(key, now);
  }

  /** Requests are not made to wait for one another: what one of them brings will not serve the others. */
  passes(key: string, now: number): boolean {
    const known = this.#find(key, now);
    return known !== undefined && now < known.passUntil;
  }

  #find(key: string, now: number): Remembered | undefined {
    const verdict = this.#verdicts.get(key);
    if (verdict === undefined || now - verdict.at <= LIFETIME) return verdict;
    this.delete(key);
    return undefined;
  }
}

function remember(known: Remembered | undefined, { reasons, cause, askedAt }: NotStored, now: number): Remembered {
  const { inRow = 0, passUntil = 0 } = known ?? {};
  switch (cause) {
    case 'failure':
      // What was known of the resource before still holds.
      return { reasons, at: now, inRow, passUntil };
    case 'resource':
      return { reasons, at: now, inRow, passUntil: now + LIFETIME };
    case 'answer': {
      // Responses that were asked for together count once.
      const isNext = now >= passUntil && askedAt >= (known?.at ?? 0);
      const row = isNext ? inRow + 1 : inRow;
      return { reasons, at: now, inRow: row, passUntil: isNext || now < passUntil ? now + passFor(row) : passUntil };
    }
  }
}

/** ms: after one response none, as the next one may be stored; then more with each, as it turns out to be the way of the resource. */
function passFor(inRow: number): number {
  return inRow < 2 ? 0 : Math.min(LIFETIME, FIRST_PASS * 2 ** (inRow - 2));
}
