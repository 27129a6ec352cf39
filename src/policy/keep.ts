/**
 * @module policy/keep
 * For how long a stored response can be of any use: while it is fresh, while it may be used stale, and
 * for a while to be validated. And for how long a body without a known end is worth taking for the store.
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
/** Milliseconds that a body of unknown length is still taken once its last reader has left, where only a default lifetime makes it storable. */
export const UNREAD_GRACE_MS = 2000;
/** Milliseconds of the longest timer of Node. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Milliseconds that a body of unknown length is taken for the store alone: it may have no end. A lifetime that
 * the response states is worth as long a wait as it lasts; a default one only where nobody has read it yet,
 * as when it is refreshed in the background.
 * @param wasRead somebody has read it, and left
 */
export function unreadMs(response: StoredResponse, settings: Settings, now: number, wasRead: boolean): number {
  const lifetime = freshnessLifetime(response, settings);
  const isStated = !lifetime.implicit && lifetime.source !== 'ttl';
  if (wasRead && !isStated) return UNREAD_GRACE_MS;
  const leftMs = (lifetime.seconds - currentAge(response, now)) * 1000;
  return Math.min(LONGEST_TIMER_MS, Math.max(UNREAD_GRACE_MS, leftMs));
}

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
