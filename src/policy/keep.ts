/**
 * @module policy/keep
 * For how long a stored response can be of any use: while it is fresh, while it may be used stale, and
 * for a while to be validated.
 */
import { responseDirectives } from './cache-control.ts';
import { currentAge, freshnessLifetime } from './freshness.ts';
import type { StoredResponse } from './message.ts';
import type { Settings } from './settings.ts';
import { isValidatable } from './storable.ts';

/** Seconds past its lifetime that a response is kept to be validated. */
const TO_VALIDATE = 3600;
/** Seconds past its lifetime that any response is kept at most. */
const LONGEST_STALE = 86_400;
/** Seconds that a response is kept at most: whatever has not been asked for until then is fetched again. */
const LONGEST = 30 * 86_400;

/** Seconds, from `now`. */
export function usefulFor(response: StoredResponse, settings: Settings, now: number): number {
  const governing = responseDirectives(response.fields);
  const left = freshnessLifetime(response, settings, governing).seconds - currentAge(response, now);
  const stated = (['stale-while-revalidate', 'stale-if-error'] as const).map((name) => {
    const seconds = governing.directives.seconds(name);
    return typeof seconds === 'number' ? seconds : 0;
  });
  const stale = Math.max(...stated, settings.staleIfUnreachable, isValidatable(response) ? TO_VALIDATE : 0);
  return Math.min(LONGEST, Math.max(0, left) + Math.min(LONGEST_STALE, stale));
}
