/**
 * @module policy/reuse
 * What to do with a request, given what is stored: the one decision both lanes, explain, the log and
 * Cache-Status share. Pure: the same arguments give the same decision.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4
 */
import type { Directives } from '../http/cache-control.ts';
import type { ForwardReason } from '../http/cache-status.ts';
import { type ResponseDirectives, forbids, qualifiedNames, requestDirectives, responseDirectives } from './cache-control.ts';
import { type Lifetime, currentAge, freshnessLifetime } from './freshness.ts';
import { type RequestHead, type StoredResponse, carriesPrivate } from './message.ts';
import { MAX_RANGES, answerRange, covers } from './range.ts';
import type { Reason } from './reason.ts';
import type { Settings } from './settings.ts';
import { isStaleIfError } from './status.ts';
import { allowsAuthorized, isValidatable } from './storable.ts';
import { isOriginConditional } from './validate.ts';
import { OTHER_HOST } from './vary.ts';

export interface Used {
  /** Seconds. */
  readonly age: number;
  readonly lifetime: Lifetime;
  /** Field names, in lower case, that are not sent from the cache (no-cache="…"). */
  readonly omit: readonly string[];
}

type Reasons = readonly [Reason, ...Reason[]];

export type Decision =
  /** The stored response is fresh: serve it. */
  | ({ readonly action: 'hit'; readonly reasons: Reasons } & Used)
  /** It is stale and the request accepts that: serve it. */
  | ({ readonly action: 'stale'; readonly reasons: Reasons } & Used)
  /** Serve it stale, and validate it in the background. */
  | ({ readonly action: 'stale-while-revalidate'; readonly reasons: Reasons } & Used)
  /** Ask the origin whether it still holds. */
  | { readonly action: 'revalidate'; readonly reasons: Reasons; readonly forward: ForwardReason }
  /** Fetch it, and store the response where that is allowed. */
  | { readonly action: 'miss'; readonly reasons: Reasons; readonly forward: ForwardReason }
  /** Pass the request on, and store nothing. */
  | { readonly action: 'bypass'; readonly reasons: Reasons; readonly forward: ForwardReason }
  /** only-if-cached, and nothing to serve: 504. */
  | { readonly action: 'unavailable'; readonly reasons: Reasons };

/** What the store holds for the request. */
export interface Found {
  readonly stored: StoredResponse | undefined;
  /** Where variants are stored but none matches: the selecting field that differs. */
  readonly mismatch: string | undefined;
  /** It was stored before a soft purge that means it. */
  readonly softPurged?: boolean;
  /** The origin has left a client waiting lately, and has not responded since. */
  readonly unanswered?: boolean;
  /** Bytes of the stored body, where all of it is stored. */
  readonly length?: number | undefined;
}

export function decide(request: RequestHead, found: Found, settings: Settings, now: number): Decision {
  const off = offReason(request, settings);
  if (off !== undefined) return { action: 'bypass', reasons: [off], forward: off.code === 'method' ? 'method' : 'bypass' };
  // --ttl sets the lifetime for everything, whatever messages state, those of requests too.
  const asked = settings.ttl === undefined ? requestDirectives(request.fields) : undefined;
  const passing = passReason(request, settings);
  const decision: Decision = passing === undefined ? withoutWaiting(decideStored(request, found, asked, settings, now), request, found, settings, now) : { action: 'bypass', reasons: [passing], forward: 'request' };
  // https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.1.7
  const needsOrigin = decision.action === 'revalidate' || decision.action === 'miss' || decision.action === 'bypass';
  if (needsOrigin && asked?.has('only-if-cached')) {
    return { action: 'unavailable', reasons: [{ code: 'only-if-cached', detail: 'request Cache-Control: only-if-cached' }, ...decision.reasons] };
  }
  return decision;
}

/** Why there is no cache for this request. */
function offReason(request: RequestHead, settings: Settings): Reason | undefined {
  if (!settings.cache) return { code: 'caching-off' };
  if (request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'QUERY') return { code: 'method', detail: request.method };
  if (settings.ttl === 0) return { code: 'ttl-zero' };
  return undefined;
}

/** Why only the origin can answer this request. */
function passReason(request: RequestHead, settings: Settings): Reason | undefined {
  // --ttl speaks of GET and HEAD alone.
  if (settings.ttl !== undefined && request.method === 'QUERY') return { code: 'method', detail: 'QUERY under --ttl' };
  if (request.hasBody) return { code: 'request-body' };
  if (isOriginConditional(request.fields)) return { code: 'origin-condition' };
  if (settings.ttl !== undefined && request.fields.has('authorization')) return { code: 'authorization', detail: 'request has Authorization' };
  return undefined;
}

function decideStored(request: RequestHead, { stored, mismatch, softPurged, length }: Found, asked: Directives | undefined, settings: Settings, now: number): Decision {
  if (stored === undefined) {
    if (mismatch === undefined) return { action: 'miss', reasons: [{ code: 'not-stored' }], forward: 'uri-miss' };
    const reason: Reason = mismatch === OTHER_HOST ? { code: 'other-host' } : { code: 'vary-mismatch', detail: mismatch };
    return { action: 'miss', reasons: [reason], forward: 'vary-miss' };
  }
  // "the request method associated with the stored response allows it to be used for the presented request"
  if (stored.method === 'HEAD' && request.method !== 'HEAD') return { action: 'miss', reasons: [{ code: 'head-only' }], forward: 'uri-miss' };

  const ranges = tooManyRanges(request, stored, stored.range?.length ?? length);
  if (ranges !== undefined) return { action: 'bypass', reasons: [ranges], forward: 'request' };

  // https://www.rfc-editor.org/rfc/rfc9111.html#section-3.3: a part serves only requests for bytes of it.
  if (stored.range !== undefined && !covers(request, stored, stored.range)) {
    return { action: 'miss', reasons: [{ code: 'partial-only', detail: `bytes ${stored.range.first}-${stored.range.last}` }], forward: 'partial' };
  }

  const governing = responseDirectives(stored.fields);
  const lifetime = freshnessLifetime(stored, settings, governing);
  const age = currentAge(stored, now);
  if (carriesPrivate(request) && !settings.letter && lifetime.implicit) {
    return { action: 'bypass', reasons: [{ code: 'private-in-play', detail: 'the stored response states no lifetime' }], forward: 'request' };
  }
  if (request.fields.has('authorization') && !allowsAuthorized(stored)) {
    return { action: 'miss', reasons: [{ code: 'authorization', detail: 'request has Authorization' }], forward: 'request' };
  }
  const used: Used = { age, lifetime, omit: settings.ttl === undefined ? qualifiedNames(governing.directives, 'no-cache') : [] };
  const again = (forward: ForwardReason, ...reasons: [Reason, ...Reason[]]): Decision =>
    isValidatable(stored) ? { action: 'revalidate', reasons, forward } : { action: 'miss', reasons, forward };

  // https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.2.4
  if (settings.ttl === undefined && forbids(governing.directives, 'no-cache')) return again('stale', { code: 'no-cache', detail: `${governing.field}: no-cache` });
  const isImmutable = governing.directives.has('immutable') && age < lifetime.seconds;
  const refused = asked === undefined ? undefined : requestRefuses(asked, age, lifetime.seconds, isImmutable);
  if (refused !== undefined) return again('request', refused);
  if (stored.invalidated) return again('stale', { code: 'invalidated' });
  if (softPurged === true && age < lifetime.seconds) {
    const forbidden = softForbidden(governing, asked, settings);
    const reasons: Reasons = [{ code: 'soft-purged' }, lifetime.reason];
    // Its lifetime has come to its end.
    if (forbidden === undefined) return { action: 'stale-while-revalidate', reasons, ...used, lifetime: { ...lifetime, seconds: age } };
    return again('stale', ...reasons, forbidden);
  }
  if (age < lifetime.seconds) return { action: 'hit', reasons: freshReasons(age, lifetime), ...used };

  const expired: Reason = { code: 'expired', detail: `age ${whole(age)} s over ${whole(lifetime.seconds)} s` };
  if (settings.ttl !== undefined) return again('stale', expired, lifetime.reason);
  const use = staleUse(governing, asked, age - lifetime.seconds, settings);
  if ('action' in use) return { action: use.action, reasons: [use.reason, lifetime.reason], ...used };
  return again('stale', expired, lifetime.reason, ...(use.forbidden === undefined ? [] : [use.forbidden]));
}

/** The origin may answer more ranges than a stored response does. */
function tooManyRanges(request: RequestHead, stored: StoredResponse, length: number | undefined): Reason | undefined {
  if (request.method !== 'GET' || length === undefined) return undefined;
  const answer = answerRange(request.fields, stored, length);
  return answer.kind === 'too-many' ? { code: 'too-many-ranges', detail: `${answer.count} ranges, at most ${MAX_RANGES}` } : undefined;
}

/** Where the origin does not respond, a stale response that may stand in for it is served at once; a request that asks for validation is made to wait. */
function withoutWaiting(decision: Decision, request: RequestHead, { stored, unanswered }: Found, settings: Settings, now: number): Decision {
  const waits = (decision.action === 'revalidate' || decision.action === 'miss') && decision.forward !== 'request';
  if (!waits || stored === undefined || unanswered !== true) return decision;
  const use = staleOnError(request, stored, 'no-response-yet', settings, now);
  if (use === undefined) return decision;
  const { reason, ...used } = use;
  return { action: 'stale-while-revalidate', reasons: [reason, ...decision.reasons], ...used };
}

/** What a hit rests on. */
export function freshReasons(age: number, lifetime: Lifetime): Reasons {
  return [{ code: 'fresh', detail: `age ${whole(age)} s of ${whole(lifetime.seconds)} s` }, lifetime.reason];
}

type StaleUse = { readonly action: 'stale' | 'stale-while-revalidate'; readonly reason: Reason } | { readonly forbidden: Reason | undefined };

/**
 * Whether a stale response may be served, because the request or the origin permits it and no directive
 * forbids it; where one does, it is told.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.2.4
 */
function staleUse(governing: ResponseDirectives, asked: Directives | undefined, staleness: number, settings: Settings): StaleUse {
  const detail = `stale for ${whole(staleness)} s`;
  const byRequest = asked !== undefined && acceptsStale(asked, staleness);
  let forbidden = byRequest ? staleForbidden(governing, settings) : undefined;
  if (byRequest && forbidden === undefined) return { action: 'stale', reason: { code: 'max-stale', detail } };
  // A client that speaks of max-age or max-stale accepts nothing staler: https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.1.1
  const refusedByRequest = asked !== undefined && !byRequest && (asked.has('max-age') || asked.has('max-stale'));
  if (!refusedByRequest && permits(governing.directives, 'stale-while-revalidate', staleness)) {
    forbidden = staleForbidden(governing, settings, true);
    if (forbidden === undefined) return { action: 'stale-while-revalidate', reason: { code: 'stale-while-revalidate', detail } };
  }
  return { forbidden };
}

/**
 * Why a response that a soft purge marked stale may not be used while it is validated. The purge permits
 * that as stale-while-revalidate does, and for no longer than the response would have been fresh.
 */
function softForbidden(governing: ResponseDirectives, asked: Directives | undefined, settings: Settings): Reason | undefined {
  // A client that speaks of max-age or min-fresh wants nothing stale, unless it speaks of max-stale too: https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.1.1
  const wanted = asked?.has('max-stale') === true ? undefined : (['max-age', 'min-fresh'] as const).find((name) => asked?.has(name));
  if (wanted !== undefined) return { code: 'stale-not-allowed', detail: `request Cache-Control: ${wanted}` };
  // "MUST NOT reuse that response to satisfy another request until it has been successfully validated": https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.2.2
  return staleForbidden(governing, settings, true);
}

/**
 * Directives of the request that rule out a stored response however fresh it is.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.1
 * @param isImmutable it is fresh, and stays the same until it is stale
 */
function requestRefuses(asked: Directives, age: number, lifetime: number, isImmutable: boolean): Reason | undefined {
  // A request knows no narrower no-cache: an argument does not count.
  if (asked.has('no-cache') || forbids(asked, 'no-cache')) return { code: 'request-no-cache', detail: 'request Cache-Control: no-cache' };
  const maxAge = asked.seconds('max-age');
  // max-stale speaks of the freshness lifetime alone, it does not widen max-age. "Proxies SHOULD skip conditionally
  // revalidating fresh responses containing the immutable extension": a max-age is a wish for a young response
  // (RFC 9111 §5.2.1.1: "prefers"), and not the signal that validation is necessary, as no-cache is.
  // https://www.rfc-editor.org/rfc/rfc8246.html#section-2
  if (typeof maxAge === 'number' && age > maxAge && !isImmutable) {
    return { code: 'request-max-age', detail: `request max-age=${maxAge}, age ${whole(age)} s` };
  }
  const minFresh = asked.seconds('min-fresh');
  if (typeof minFresh === 'number' && lifetime - age < minFresh) {
    return { code: 'request-min-fresh', detail: `request min-fresh=${minFresh}, fresh for ${whole(lifetime - age)} s` };
  }
  return undefined;
}

/** https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.1.2: without an argument, of any staleness. */
function acceptsStale(asked: Directives, staleness: number): boolean {
  if (!asked.has('max-stale')) return false;
  if (asked.value('max-stale') === undefined) return true;
  return permits(asked, 'max-stale', staleness);
}

function permits(directives: Directives, name: 'max-stale' | 'stale-while-revalidate' | 'stale-if-error', staleness: number): boolean {
  const seconds = directives.seconds(name);
  return typeof seconds === 'number' && staleness <= seconds;
}

/**
 * The directive that forbids using a response once it is stale. s-maxage does so too, but an origin that
 * names a time for stale use beside it (`byExtension`) has said otherwise, unless the letter is asked for.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.2.4
 */
function staleForbidden({ directives, field }: ResponseDirectives, settings: Settings, byExtension = false): Reason | undefined {
  for (const name of ['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage'] as const) {
    if (!directives.has(name) && !directives.malformedNames.has(name)) continue;
    if (name === 'no-cache' && !forbids(directives, 'no-cache')) continue;
    if (name === 's-maxage' && byExtension && !settings.letter) continue;
    return { code: 'stale-not-allowed', detail: `${field}: ${name}` };
  }
  return undefined;
}

/** How the origin failed: a 5xx it sent, no response at all, or none in the time that a client is made to wait for one. */
export type Failure = { readonly status: number } | 'no-response' | 'no-response-yet';

const WORDS = { 'no-response': 'no response', 'no-response-yet': 'no response in time' } as const;

/**
 * Whether a stale stored response may be served because the origin failed: a failure by stale-if-error
 * (https://www.rfc-editor.org/rfc/rfc5861.html#section-4), and no response at all also as a cache that
 * is disconnected (https://www.rfc-editor.org/rfc/rfc9111.html#section-4.2.4).
 */
export function staleOnError(request: RequestHead, stored: StoredResponse, failure: Failure, settings: Settings, now: number): (Used & { readonly reason: Reason }) | undefined {
  // "in need of a mandatory validation before they can be sent": https://www.rfc-editor.org/rfc/rfc9111.html#section-4.4
  if (stored.invalidated) return undefined;
  const isDisconnected = typeof failure === 'string';
  if (!isDisconnected && !isStaleIfError(failure.status)) return undefined;
  if (!serves(stored, request)) return undefined;
  if (request.fields.has('authorization') && !allowsAuthorized(stored)) return undefined;
  const governing = responseDirectives(stored.fields);
  const lifetime = freshnessLifetime(stored, settings, governing);
  const age = currentAge(stored, now);
  const staleness = Math.max(0, age - lifetime.seconds);
  const stated = permits(governing.directives, 'stale-if-error', staleness) || permits(requestDirectives(request.fields), 'stale-if-error', staleness);
  const used: Used = { age, lifetime, omit: qualifiedNames(governing.directives, 'no-cache') };
  const detail = `${isDisconnected ? WORDS[failure] : `status ${failure.status}`}, stale for ${whole(staleness)} s`;
  if (stated && staleForbidden(governing, settings, true) === undefined) return { ...used, reason: { code: 'stale-if-error', detail } };
  if (isDisconnected && staleness <= settings.staleIfUnreachable && staleForbidden(governing, settings) === undefined) {
    return { ...used, reason: { code: 'origin-unreachable', detail } };
  }
  return undefined;
}

/** The stored response is for requests with that method, and for the bytes that are asked for. */
function serves(stored: StoredResponse, request: RequestHead): boolean {
  if (stored.method === 'HEAD' && request.method !== 'HEAD') return false;
  return stored.range === undefined || covers(request, stored, stored.range);
}

function whole(seconds: number): number {
  return Math.floor(seconds);
}
