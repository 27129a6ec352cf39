/**
 * @module policy/reason
 * Every reason a decision can rest on, in one table: the words a person reads, and where the rule stands.
 * A reason is data: explain, logs, Cache-Status and counters show the same value.
 */
interface ReasonKind {
  /** Completes "because …". */
  readonly words: string;
  /** URL of the section of the RFC; undefined where the rule is Millrace's own. */
  readonly source?: string;
  /** What single change would turn it into a hit, for someone who runs the origin or the cache. */
  readonly remedy?: string;
}

const rfc9111 = (section: string): string => `https://www.rfc-editor.org/rfc/rfc9111.html#section-${section}`;
const rfc9110 = (section: string): string => `https://www.rfc-editor.org/rfc/rfc9110.html#section-${section}`;
const rfc5861 = (section: string): string => `https://www.rfc-editor.org/rfc/rfc5861.html#section-${section}`;

export const REASONS = {
  // What a reuse rests on
  fresh: { words: 'a fresh response is stored', source: rfc9111('4.2') },
  'stale-while-revalidate': { words: 'the stored response is stale but may be used while it is validated in the background', source: rfc5861('3') },
  'validation-deferred': { words: 'the stored response is stale and may be used; it is validated later, as the origin is asked for as much at once as it may be (--max-origin-concurrency)', remedy: 'Raise --max-origin-concurrency where the origin can bear more.' },
  'validation-paused': { words: 'the stored response is stale and may be used; it is validated later, as the last attempt failed or is still without a response', remedy: 'Ask again later: once the origin answers, the next attempt refreshes it.' },
  'stale-if-error': { words: 'the origin failed and the stored response may be used in its place', source: rfc5861('4') },
  'origin-unreachable': { words: 'the origin gave no response and the stored one may be used while it is away', source: rfc9111('4.2.4') },
  'max-stale': { words: 'the request accepts a stale response', source: rfc9111('5.2.1.2') },
  validated: { words: 'the origin confirmed the stored response with 304', source: rfc9111('4.3.4') },
  collapsed: { words: 'another request for it was already under way, and its response serves this one too', source: rfc9111('4') },

  // Why the origin was asked
  'not-stored': { words: 'nothing is stored for this URL', source: rfc9111('4'), remedy: 'Ask again: if the response may be stored, the next request is a hit.' },
  'vary-mismatch': { words: 'what is stored was selected by other request fields', source: rfc9111('4.1'), remedy: 'Send the same value of the field, or have the origin leave it out of Vary (Accept-Encoding counts wherever the response has a Content-Encoding).' },
  'other-host': { words: 'what is stored was made for clients that know this proxy by another host name or scheme', remedy: 'Ask by the same host name: the origin is told it, and may answer otherwise.' },
  'head-only': { words: 'only the head of a response is stored', source: rfc9111('4'), remedy: 'Ask again: this request stores the whole response.' },
  'partial-only': { words: 'only a part of the representation is stored', source: rfc9111('3.3'), remedy: 'Ask for the stored part, or for the whole.' },
  expired: { words: 'the stored response is stale', source: rfc9111('4.2'), remedy: 'Have the origin state a longer max-age or s-maxage.' },
  invalidated: { words: 'the origin has answered otherwise since the response was stored', source: rfc9111('4.4'), remedy: 'Ask again: a confirmed or replaced response is a hit.' },
  'soft-purged': { words: 'a soft purge marked the stored response as stale; it may be used while it is validated in the background', remedy: 'Ask again: a confirmed or replaced response is a hit.' },
  'no-cache': { words: 'the response may only be used once it is validated', source: rfc9111('5.2.2.4'), remedy: 'Have the origin state a max-age in place of no-cache.' },
  'request-no-cache': { words: 'the request asks for a validated response', source: rfc9111('5.2.1.4'), remedy: 'Leave Cache-Control: no-cache (a forced reload) out of the request.' },
  'request-max-age': { words: 'the stored response is older than the request accepts', source: rfc9111('5.2.1.1'), remedy: 'Leave max-age (a reload) out of the request, or ask for a higher one.' },
  'request-min-fresh': { words: 'the stored response stays fresh for less time than the request asks for', source: rfc9111('5.2.1.3'), remedy: 'Leave min-fresh out of the request, or ask for a lower one.' },
  'only-if-cached': { words: 'the request wants an answer from the cache alone, and there is none', source: rfc9111('5.2.1.7'), remedy: 'Leave only-if-cached out of the request.' },
  'stale-not-allowed': { words: 'a directive forbids the use of the stored response once it is stale', source: rfc9111('4.2.4'), remedy: 'Have the origin leave out must-revalidate, proxy-revalidate or s-maxage.' },

  // Why it passed by the cache
  'caching-off': { words: 'caching is off (--no-cache)', remedy: 'Start without --no-cache.' },
  'ttl-zero': { words: 'the lifetime for everything is set to 0', remedy: 'Start with a stale_time or --ttl above 0.' },
  method: { words: 'responses to this method are not cached', source: rfc9111('3'), remedy: 'Use GET or HEAD.' },
  'request-body': { words: 'a GET or HEAD with content passes by the cache: its content is no part of the key', source: rfc9110('9.3.1'), remedy: 'Send GET without content.' },
  'origin-condition': { words: 'If-Match and If-Unmodified-Since are for the origin to evaluate', source: rfc9111('4.3.2'), remedy: 'Leave the condition out of the request.' },
  'too-many-ranges': { words: 'the request asks for more ranges than a stored response answers', source: rfc9110('14.2'), remedy: 'Ask for fewer ranges in one request.' },
  'private-in-play': { words: 'a cookie or credentials are in play and the response states no lifetime', remedy: 'Have the origin state a lifetime (Cache-Control: max-age or s-maxage) where the response is the same for everyone.' },
  authorization: { words: 'the request has credentials and the response does not allow their use for others', source: rfc9111('3.5'), remedy: 'Have the origin state public or s-maxage where the response is the same for everyone.' },

  // Why it was not stored
  'no-store': { words: 'the response forbids storing', source: rfc9111('5.2.2.5'), remedy: 'Have the origin leave out no-store.' },
  'request-no-store': { words: 'the request forbids storing its response', source: rfc9111('5.2.1.5'), remedy: 'Leave no-store out of the request.' },
  private: { words: 'the response is for one user only', source: rfc9111('5.2.2.7'), remedy: 'Have the origin leave out private where the response is the same for everyone.' },
  'must-understand': { words: 'the response may be stored only by a cache that knows its status code', source: rfc9111('5.2.2.3'), remedy: 'Have the origin use a registered status code, or leave out must-understand.' },
  status: { words: 'a response with this status is not stored', source: rfc9111('3'), remedy: 'Have the origin state a lifetime (Cache-Control: max-age).' },
  'status-never': { words: 'a response with this status speaks of one request alone, and is never stored', source: rfc9111('3') },
  'large-request-head': { words: 'the origin answered with an error to a request head that is larger than many origins take; it may speak of that request alone', remedy: 'Send fewer or shorter fields (mostly cookies), or have the origin take larger heads.' },
  'status-under-ttl': { words: 'an error or a redirect is not kept by --ttl', remedy: 'Leave --ttl out, and have the origin state a lifetime (Cache-Control: max-age).' },
  partial: { words: 'a partial response without one known range is not stored', source: rfc9111('3.3'), remedy: 'Ask for the whole, or for one range.' },
  'vary-star': { words: 'Vary is *, is no list of field names, or names more than 64: no later request can be known to match', source: rfc9111('4.1'), remedy: 'Have the origin name the few fields it selects by.' },
  'never-reusable': { words: 'the response could not be reused: it is never fresh and cannot be validated', source: rfc9111('3'), remedy: 'Have the origin state a lifetime (Cache-Control: max-age) or send an ETag.' },
  stream: { words: 'the response is a stream of events, records or live media, and states no lifetime', remedy: 'Have the origin state a lifetime (Cache-Control: max-age) where later clients may get it from its first byte.' },
  'too-large': { words: 'the response is larger than the store keeps (--max-object)', remedy: 'Raise --max-object.' },
  'origin-failed': { words: 'the origin did not send a complete response', source: rfc9111('3.3'), remedy: 'Ask again once the origin answers: its log says what failed.' },

  // Where a lifetime comes from
  'lifetime-s-maxage': { words: 's-maxage states the lifetime for shared caches', source: rfc9111('5.2.2.10') },
  'lifetime-max-age': { words: 'max-age states the lifetime', source: rfc9111('5.2.2.1') },
  'lifetime-expires': { words: 'Expires states the lifetime', source: rfc9111('5.3') },
  'lifetime-heuristic': { words: 'no lifetime is stated; one is taken from Last-Modified', source: rfc9111('4.2.2') },
  'lifetime-default': { words: 'no lifetime is stated; the default applies', source: rfc9111('4.2.2') },
  'lifetime-error': { words: 'an error whose lifetime the response does not state is kept for a few seconds', source: rfc9111('4.2.2') },
  'lifetime-ttl': { words: 'the configured lifetime overrides what the response states' },
  'lifetime-invalid': { words: 'the lifetime it states is not valid, so it counts as stale', source: rfc9111('4.2.1'), remedy: 'Have the origin state a valid max-age.' },
  'lifetime-none': { words: 'it states no lifetime', source: rfc9111('4.2.2'), remedy: 'Have the origin state a lifetime (Cache-Control: max-age), or set --default-ttl.' },
} as const satisfies Record<string, ReasonKind>;

export type ReasonCode = keyof typeof REASONS;

export interface Reason {
  readonly code: ReasonCode;
  /** The header field or figure that decided, as text: `Cache-Control: no-store`, `age 70 s over 60 s`. */
  readonly detail?: string;
}

/** The table's row, with its optional columns visible. */
export function reasonKind(code: ReasonCode): ReasonKind {
  return REASONS[code];
}
