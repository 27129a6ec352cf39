/**
 * @module policy/storable
 * Whether a response may be stored, and what of it.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-3
 */
import { type ResponseDirectives, forbids, qualifiedNames, requestDirectives, responseDirectives } from './cache-control.ts';
import { type Lifetime, currentAge, freshnessLifetime } from './freshness.ts';
import { type RequestHead, type StoredResponse, headSize } from './message.ts';
import type { Reason } from './reason.ts';
import type { Settings } from './settings.ts';
import { isHeuristicallyCacheable, isNeverStored, isUnderstood } from './status.ts';
import { streamSign } from './streams.ts';
import { selectingNames, varyDetail } from './vary.ts';

export type Storable =
  | {
      readonly store: true;
      readonly lifetime: Lifetime;
      readonly reasons: readonly Reason[];
      /** Field names, in lower case, that are not stored. */
      readonly omit: readonly string[];
    }
  | { readonly store: false; readonly reasons: readonly [Reason, ...Reason[]] };

/**
 * Bytes of a request head that origins usually take: Tomcat and Jetty 8 KB in all, Apache httpd and nginx 8 KB
 * for a line, Node.js 16 KB in all. An error after a larger one may speak of it, whatever its status.
 */
const USUAL_HEAD = 8000;

/**
 * `response` is described as it would be stored; its times and `privateInPlay` are those of the exchange.
 */
export function storable(request: RequestHead, response: StoredResponse, settings: Settings): Storable {
  const refuse = (code: Reason['code'], detail?: string): Storable => ({ store: false, reasons: [detail === undefined ? { code } : { code, detail }] });

  if (!settings.cache) return refuse('caching-off');
  if (settings.ttl === 0) return refuse('ttl-zero');
  // "the request method is understood by the cache"
  if (!isStorableMethod(request.method) || (request.method === 'POST' && !describesTarget(request, response))) return refuse('method', request.method);
  // "the response status code is final"; a 304 describes another response and is never stored itself.
  if (response.status < 200 || response.status === 304) return refuse('status-never', `status ${response.status}`);
  // https://www.rfc-editor.org/rfc/rfc9111.html#section-3.3: an incomplete response needs its range to be known.
  if (response.status === 206 && response.range === undefined) return refuse('partial', 'status 206 without a single Content-Range');
  if (!settings.letter && response.status >= 400 && headSize(request) > USUAL_HEAD) return refuse('large-request-head', `status ${response.status}, ${headSize(request)} bytes`);
  if (isNeverStored(response.status, settings.letter)) return refuse('status-never', `status ${response.status}`);
  if (settings.ttl !== undefined && (request.method === 'GET' || request.method === 'HEAD')) return storableByTtl(request, response, settings);

  const governing = responseDirectives(response.fields);
  const { directives, field } = governing;
  // https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.2.3
  const mustUnderstand = directives.has('must-understand');
  if (mustUnderstand && !isUnderstood(response.status)) return refuse('must-understand', `status ${response.status}`);
  if (forbids(directives, 'no-store') && !mustUnderstand) return refuse('no-store', `${field}: no-store`);
  // https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.1.5
  if (forbids(requestDirectives(request.fields), 'no-store')) return refuse('request-no-store', 'request Cache-Control: no-store');
  // https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.2.7
  if (forbids(directives, 'private')) return refuse('private', `${field}: private`);
  if (request.fields.has('authorization') && !allowsAuthorized(response)) return refuse('authorization', 'request has Authorization');
  if (selectingNames(request.fields, response.fields) === '*') return refuse('vary-star', varyDetail(request.fields, response.fields));

  const lifetime = freshnessLifetime(response, settings, governing);
  if (lifetime.source === 'none' && !isHeuristicallyCacheable(response.status) && !directives.has('public')) {
    return refuse('status', `status ${response.status} is not cacheable by default and states no lifetime`);
  }
  // --ttl speaks of GET, and would overrule what a POST stated for its answer.
  if (settings.ttl !== undefined && request.method === 'POST') return refuse('method', 'POST under --ttl');
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-9.3.3: "only … when they include explicit freshness information".
  if (lifetime.implicit && request.method === 'POST') return refuse('method', 'POST without a stated lifetime');
  const isReusable = !lifetime.implicit && lifetime.seconds > 0 && !forbids(directives, 'no-cache');
  const stream = isReusable ? undefined : streamSign(response);
  if (stream !== undefined) return refuse('stream', stream);
  if (lifetime.reason.code === 'private-in-play') return { store: false, reasons: [lifetime.reason] };
  if (!isValidatable(response) && !isUsefulUnvalidated(response, lifetime, governing)) {
    return { store: false, reasons: [{ code: 'never-reusable', detail: 'no validator' }, lifetime.reason] };
  }
  return { store: true, lifetime, reasons: [lifetime.reason], omit: omitted(response, qualifiedNames(directives, 'private'), settings) };
}

/** What has no validator is worth storing only where it can be fresh, or be of use when it is stale. */
function isUsefulUnvalidated(response: StoredResponse, lifetime: Lifetime, { directives }: ResponseDirectives): boolean {
  if (forbids(directives, 'no-cache')) return false;
  if (lifetime.seconds > currentAge(response, response.responseTime)) return true;
  return ['stale-while-revalidate', 'stale-if-error'].some((name) => typeof directives.seconds(name) === 'number');
}

/** --ttl overrides what a response states, but never keeps what is meant for one person, most errors, or what is live. */
function storableByTtl(request: RequestHead, response: StoredResponse, settings: Settings): Storable {
  if (request.fields.has('authorization')) return { store: false, reasons: [{ code: 'authorization', detail: 'request has Authorization' }] };
  if (response.status >= 500 || !isHeuristicallyCacheable(response.status)) {
    return { store: false, reasons: [{ code: 'status-under-ttl', detail: `status ${response.status}` }] };
  }
  if (selectingNames(request.fields, response.fields) === '*') return { store: false, reasons: [{ code: 'vary-star', detail: varyDetail(request.fields, response.fields) }] };
  // A client that joined a stream would get its past: it is kept only where the response itself allows that, and states a lifetime.
  if (streamSign(response) !== undefined) {
    const stated = storable(request, response, { ...settings, ttl: undefined });
    if (!stated.store) return stated;
  }
  const lifetime = freshnessLifetime(response, settings);
  return { store: true, lifetime, reasons: [lifetime.reason], omit: ['set-cookie', 'set-cookie2'] };
}

/**
 * Whether a shared cache may use a response to a request with Authorization for other requests.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-3.5
 */
export function allowsAuthorized(response: StoredResponse): boolean {
  const { directives } = responseDirectives(response.fields);
  return directives.has('public') || directives.has('must-revalidate') || typeof directives.seconds('s-maxage') === 'number';
}

/** It can be the subject of a conditional request: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.3.1 */
export function isValidatable(response: StoredResponse): boolean {
  return response.fields.has('etag') || response.fields.has('last-modified');
}

/** QUERY: https://www.rfc-editor.org/rfc/rfc10008.html */
function isStorableMethod(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'QUERY' || method === 'POST';
}

/**
 * A response to POST that is the target's own representation, by Content-Location, serves later GETs.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-9.3.3
 */
function describesTarget(request: RequestHead, response: StoredResponse): boolean {
  const location = response.fields.first('content-location');
  return response.status === 200 && location !== undefined && URL.canParse(location, request.url) && new URL(location, request.url).href === new URL(request.url).href;
}

/** A stored response is replayed without the cookie that was set for one client, unless the letter is asked for. */
function omitted(response: StoredResponse, byPrivate: readonly string[], settings: Settings): string[] {
  const names = [...byPrivate];
  if (!settings.letter && (response.fields.has('set-cookie') || response.fields.has('set-cookie2'))) names.push('set-cookie', 'set-cookie2');
  return names;
}
