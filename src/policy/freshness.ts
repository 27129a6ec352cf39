/**
 * @module policy/freshness
 * How long a response may be used, and how old it is.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.2
 */
import { parseHttpDate } from '../http/date.ts';
import { type ResponseDirectives, responseDirectives } from './cache-control.ts';
import type { StoredResponse } from './message.ts';
import type { Reason } from './reason.ts';
import type { Settings } from './settings.ts';
import { isHeuristicallyCacheable } from './status.ts';

/** Where a lifetime comes from. */
export type LifetimeSource = 's-maxage' | 'max-age' | 'expires' | 'default-ttl' | 'heuristic' | 'ttl' | 'none';

export interface Lifetime {
  readonly seconds: number;
  readonly source: LifetimeSource;
  /** Not stated by the response: it holds only where nothing private is in play. */
  readonly implicit: boolean;
  readonly reason: Reason;
}

/** Share of the time since Last-Modified; https://www.rfc-editor.org/rfc/rfc9111.html#section-4.2.2 names 10 %. */
const HEURISTIC_FRACTION = 0.1;
/** Seconds; a guess is not trusted for longer. */
const HEURISTIC_LIMIT = 86_400;

/**
 * The freshness lifetime of a response, the first that is present of s-maxage, max-age, Expires,
 * then a lifetime that is not stated.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.2.1
 */
export function freshnessLifetime(response: StoredResponse, settings: Settings, governing?: ResponseDirectives): Lifetime {
  if (settings.ttl !== undefined && (response.method === 'GET' || response.method === 'HEAD')) {
    return { seconds: settings.ttl, source: 'ttl', implicit: false, reason: { code: 'lifetime-ttl', detail: `--ttl ${settings.ttl} s` } };
  }
  const { directives, field, targeted } = governing ?? responseDirectives(response.fields);
  for (const name of ['s-maxage', 'max-age'] as const) {
    const seconds = directives.seconds(name);
    if (seconds === undefined) continue;
    // Invalid freshness information reads as stale: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.2.1
    if (seconds === 'invalid') {
      return { seconds: 0, source: name, implicit: false, reason: { code: 'lifetime-invalid', detail: `${field}: ${name}=${directives.value(name) ?? ''}` } };
    }
    return { seconds, source: name, implicit: false, reason: { code: `lifetime-${name}`, detail: `${field}: ${name}=${seconds}` } };
  }
  if (!targeted && response.fields.has('expires')) return expiresLifetime(response);
  return implicitLifetime(response, settings, directives.has('public'));
}

/** https://www.rfc-editor.org/rfc/rfc9111.html#section-5.3 */
function expiresLifetime(response: StoredResponse): Lifetime {
  const values = response.fields.all('expires');
  const expires = values.length === 1 ? parseHttpDate(values[0]!, response.responseTime) : undefined;
  // "A cache recipient MUST interpret invalid date formats, especially the value "0", as representing a time in the past".
  if (expires === undefined) {
    return { seconds: 0, source: 'expires', implicit: false, reason: { code: 'lifetime-invalid', detail: `Expires: ${values.join(', ')}` } };
  }
  const seconds = Math.max(0, (expires - dateValue(response)) / 1000);
  return { seconds, source: 'expires', implicit: false, reason: { code: 'lifetime-expires', detail: `Expires: ${values[0]!}` } };
}

/** The lifetime of a response that states none. */
function implicitLifetime(response: StoredResponse, settings: Settings, isPublic: boolean): Lifetime {
  const none = (detail: string): Lifetime => ({ seconds: 0, source: 'none', implicit: true, reason: { code: 'lifetime-none', detail } });
  // https://www.rfc-editor.org/rfc/rfc9111.html#section-4.2.2: only statuses cacheable by default, or those marked public.
  if (!isHeuristicallyCacheable(response.status) && !isPublic) return none(`status ${response.status}`);
  if (response.privateInPlay && !settings.letter) {
    return { seconds: 0, source: 'none', implicit: true, reason: { code: 'private-in-play' } };
  }
  // A guess is for plain reading: what answers a POST or QUERY has to say how long it holds.
  if (response.method !== 'GET' && response.method !== 'HEAD') return none(response.method);
  if (settings.defaultTtl > 0) {
    return { seconds: settings.defaultTtl, source: 'default-ttl', implicit: true, reason: { code: 'lifetime-default', detail: `--default-ttl ${settings.defaultTtl} s` } };
  }
  const lastModified = response.fields.first('last-modified');
  const modified = lastModified === undefined ? undefined : parseHttpDate(lastModified, response.responseTime);
  if (modified === undefined) return none('no lifetime stated and no Last-Modified');
  const seconds = Math.min(HEURISTIC_LIMIT, Math.max(0, Math.floor(((dateValue(response) - modified) / 1000) * HEURISTIC_FRACTION)));
  return { seconds, source: 'heuristic', implicit: true, reason: { code: 'lifetime-heuristic', detail: `10 % of the time since Last-Modified: ${seconds} s` } };
}

/** Date as ms since the epoch; where it is absent, repeated differently or invalid, when the response was received. */
export function dateValue(response: StoredResponse): number {
  const dates = new Set(response.fields.all('date').map((value) => parseHttpDate(value, response.responseTime)));
  const [date] = dates;
  return dates.size === 1 && date !== undefined ? date : response.responseTime;
}

/**
 * Seconds since the response was made or validated at the origin; never falls as `now` rises.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.2.3
 */
export function currentAge(response: StoredResponse, now: number): number {
  const apparentAge = Math.max(0, (response.responseTime - dateValue(response)) / 1000);
  const responseDelay = Math.max(0, (response.responseTime - response.requestTime) / 1000);
  const correctedAge = ageValue(response) + responseDelay;
  const residentTime = Math.max(0, (now - response.responseTime) / 1000);
  return Math.max(apparentAge, correctedAge) + residentTime;
}

/**
 * The Age field: the first member counts, anything but delta-seconds is ignored.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-5.1
 */
function ageValue(response: StoredResponse): number {
  const line = response.fields.first('age');
  if (line === undefined) return 0;
  const first = line.split(',', 1)[0]!.trim();
  // Overflow is clamped: https://www.rfc-editor.org/rfc/rfc9111.html#section-1.2.2
  return /^\d+$/.test(first) ? Math.min(Number(first), 2_147_483_648) : 0;
}
