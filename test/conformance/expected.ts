/**
 * @module conformance/expected
 * What the public suite is known to show of Millrace, and why; a run that shows anything else fails.
 * `differences` names the required and optimal cases that do not pass, with the words of the RFC that
 * argue for it. `checks` holds the answer chosen for each case that only asks what a cache does.
 */
import type { Verdict } from './outcome.ts';

/** `rfc9111`: --preset rfc9111. `safe`: the safe defaults, with --default-ttl 0. */
export type Mode = 'rfc9111' | 'safe';

export interface Expectations {
  /** How many differences may be argued at most; undefined: as many as the mode itself means. */
  readonly limit: number | undefined;
  /** Case id → why it does not pass. */
  readonly differences: Readonly<Record<string, string>>;
  /** Case id → what it shows, and why that is what a careful operator wants. */
  readonly checks: Readonly<Record<string, readonly [verdict: Verdict, why: string]>>;
}

export const EXPECTED: Readonly<Record<Mode, Expectations>> = {
  rfc9111: { limit: 2, differences: {}, checks: {} },
  safe: { limit: undefined, differences: {}, checks: {} },
};
