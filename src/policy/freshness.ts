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
/** Seconds; a heuristic lifetime is not trusted for longer. */
const HEURISTIC_LIMIT = 86_400;
/** The same share under --default-ttl, which is the limit there. */
const DEFAULT_TTL_FRACTION = 0.5;
/** Seconds that an error is kept whose lifetime the response does not state: what is missing now may be there soon. */
const ERROR_LIMIT = 10;

/**
 * The freshness lifetime of a response, the first that is present of s-maxage, max-age, Expires,
 * then a lifetime that is not stated.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.2.1
 */
export function freshnessLifetime(response: StoredResponse, settings: Settings, governing?: ResponseDirectives): Lifetime {
  const { ttl } = settings;
  if (ttl !== undefined && (response.method === 'GET' || response.method === 'HEAD')) {
    // An error is kept for no longer than ERROR_LIMIT or what it states, whichever is more.
    const longest = isError(response) ? Math.max(ERROR_LIMIT, freshnessLifetime(response, { ...settings, ttl: undefined }, governing).seconds) : ttl;
    if (longest < ttl) return { seconds: longest, source: 'ttl', implicit: false, reason: { code: 'lifetime-error', detail: `status ${response.status}: ${longest} s of --ttl ${ttl} s` } };
    return { seconds: ttl, source: 'ttl', implicit: false, reason: { code: 'lifetime-ttl', detail: `--ttl ${ttl} s` } };
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
  const lifetime = settings.defaultTtl > 0 ? defaultLifetime(response, settings.defaultTtl) : heuristicLifetime(response);
  if (!isError(response) || lifetime.seconds <= ERROR_LIMIT) return lifetime;
  return { ...lifetime, seconds: ERROR_LIMIT, reason: { code: 'lifetime-error', detail: `status ${response.status}: ${ERROR_LIMIT} s` } };
}

/** --default-ttl is the upper limit of a share of the time since Last-Modified: what changed just now will change again soon. */
function defaultLifetime(response: StoredResponse, defaultTtl: number): Lifetime {
  const unchanged = secondsUnchanged(response);
  const share = unchanged === undefined ? Infinity : Math.floor(unchanged * DEFAULT_TTL_FRACTION);
  if (share < defaultTtl) {
    return { seconds: share, source: 'heuristic', implicit: true, reason: { code: 'lifetime-heuristic', detail: `half of the time since Last-Modified: ${share} s` } };
  }
  return { seconds: defaultTtl, source: 'default-ttl', implicit: true, reason: { code: 'lifetime-default', detail: `--default-ttl ${defaultTtl} s` } };
}

function heuristicLifetime(response: StoredResponse): Lifetime {
  const unchanged = secondsUnchanged(response);
  if (unchanged === undefined) return { seconds: 0, source: 'none', implicit: true, reason: { code: 'lifetime-none', detail: 'no lifetime stated and no Last-Modified' } };
  const seconds = Math.min(HEURISTIC_LIMIT, Math.floor(unchanged * HEURISTIC_FRACTION));
  return { seconds, source: 'heuristic', implicit: true, reason: { code: 'lifetime-heuristic', detail: `10 % of the time since Last-Modified: ${seconds} s` } };
}

/** Seconds from Last-Modified to Date, at least 0; undefined without a valid Last-Modified. */
function secondsUnchanged(response: StoredResponse): number | undefined {
  const lastModified = response.fields.first('last-modified');
  const modified = lastModified === undefined ? undefined : parseHttpDate(lastModified, response.responseTime);
  return modified === undefined ? undefined : Math.max(0, (dateValue(response) - modified) / 1000);
}

function isError({ status }: StoredResponse): boolean {
  return status >= 400;
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
