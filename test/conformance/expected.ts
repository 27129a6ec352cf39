/**
 * @module conformance/expected
 * What the public suite is known to show of Millrace, and why; a whole run that shows anything else
 * fails. Where a case comes out better than is held here, take it off the list.
 */
import type { Verdict } from './outcome.ts';

/** `rfc9111`: --preset rfc9111. `safe`: the safe defaults, with --default-ttl 0. */
export type Mode = 'rfc9111' | 'safe';

/** Cases that come out alike for one reason. */
interface Held {
  readonly verdict: Verdict;
  readonly why: string;
  readonly cases: readonly string[];
}

export interface Expectations {
  /** How many differences there may be at most. It only ever goes down. */
  readonly limit: number;
  /** Required and optimal cases that do not pass. */
  readonly differences: readonly Held[];
  /** The answers chosen for the cases that only ask what a cache does: `passed` is yes, `failed` is no. */
  readonly checks: readonly Held[];
}

const DIFFERENCES: readonly Held[] = [
  {
    verdict: 'failed',
    why:
      'The case asks with a date fifty minutes before the Date of the stored response, which has no Last-Modified, and expects 304. ' +
      'RFC 9111 §4.3.2: "a cache SHOULD use the stored response\'s Date field value [...] to evaluate the conditional", and a later ' +
      'date is a modification (RFC 9110 §13.1.3): a 304 would call a copy current that is older than what is stored.',
    cases: ['conditional-lm-fresh-no-lm'],
  },
];

const CHECKS: readonly Held[] = [
  {
    verdict: 'passed',
    why: 'Nothing says how long it is fresh, and no default lifetime is set.',
    cases: ['freshness-none'],
  },
  {
    verdict: 'passed',
    why: 'An old Date makes a response as old as it says: apparent_age (RFC 9111 §4.2.3).',
    cases: ['freshness-max-age-date'],
  },
  {
    verdict: 'failed',
    why: 'Of two lifetimes the shorter is believed; RFC 9111 §4.2.1 lets a cache take the first or call the response stale.',
    cases: [
      'freshness-max-age-two-fresh-stale-sameline',
      'freshness-max-age-two-fresh-stale-sepline',
      'freshness-max-age-two-stale-fresh-sameline',
      'freshness-max-age-two-stale-fresh-sepline',
    ],
  },
  {
    verdict: 'passed',
    why: 'Both forms of an argument, token and quoted string, are read (RFC 9111 §5.2).',
    cases: ['freshness-max-age-quoted'],
  },
  {
    verdict: 'passed',
    why: 'White space around "=" is not in the grammar, so there is no valid lifetime.',
    cases: ['freshness-max-age-space-before-equals', 'freshness-max-age-space-after-equals', 'cdn-max-age-space-before-equals', 'cdn-max-age-space-after-equals'],
  },
  {
    verdict: 'failed',
    why: 'A lifetime that is not a whole number of seconds is invalid, and the response is stale (RFC 9111 §4.2.1).',
    cases: ['freshness-max-age-decimal-zero', 'freshness-max-age-decimal-five', 'freshness-max-age-a100', 'freshness-max-age-100a'],
  },
  {
    verdict: 'failed',
    why: 'An invalid Age is ignored (RFC 9111 §5.1).',
    cases: ['age-parse-parameter', 'age-parse-numeric-parameter'],
  },
  {
    verdict: 'passed',
    why: 'A field named in no-cache is not sent without validation (RFC 9111 §5.2.2.4).',
    cases: ['headers-omit-headers-listed-in-Cache-Control-no-cache-single', 'headers-omit-headers-listed-in-Cache-Control-no-cache'],
  },
  {
    verdict: 'passed',
    why: 'Where the origin cannot be reached, a stale response that nothing forbids to use is better than none (RFC 9111 §4.2.4).',
    cases: ['stale-close'],
  },
  {
    verdict: 'failed',
    why: 'A 503 is the word of an origin that was reached; only stale-if-error puts a stale response in its place (RFC 5861 §4).',
    cases: ['stale-503'],
  },
  {
    verdict: 'passed',
    why: 'stale-if-error permits it (RFC 5861 §4).',
    cases: ['stale-sie-close', 'stale-sie-503'],
  },
  {
    verdict: 'failed',
    why: 'Warning is obsolete (RFC 9111 §5.5); Age and Cache-Status say that a response is stale.',
    cases: ['stale-warning-stored', 'stale-warning-become'],
  },
  {
    verdict: 'failed',
    why: 'A tenth of the time since Last-Modified (RFC 9111 §4.2.2) is less than the three seconds that passed.',
    cases: ['heuristic-delta-5', 'heuristic-delta-10', 'heuristic-delta-30'],
  },
  {
    verdict: 'passed',
    why: 'A tenth of the time since Last-Modified (RFC 9111 §4.2.2) is more than the three seconds that passed.',
    cases: [
      'heuristic-delta-60',
      'heuristic-delta-300',
      'heuristic-delta-600',
      'heuristic-delta-1200',
      'heuristic-delta-1800',
      'heuristic-delta-3600',
      'heuristic-delta-43200',
      'heuristic-delta-86400',
    ],
  },
  {
    verdict: 'passed',
    why: 'What a request asks for in Cache-Control is honoured (RFC 9111 §5.2.1).',
    cases: [
      'ccreq-ma0',
      'ccreq-ma1',
      'ccreq-magreaterage',
      'ccreq-max-stale',
      'ccreq-min-fresh',
      'ccreq-min-fresh-age',
      'ccreq-no-cache',
      'ccreq-no-cache-lm',
      'ccreq-no-cache-etag',
      'ccreq-oic',
    ],
  },
  {
    verdict: 'failed',
    why: 'A response that is stale when it arrives and has no validator is not stored, so max-stale finds nothing.',
    cases: ['ccreq-max-stale-age'],
  },
  {
    verdict: 'failed',
    why: 'no-store in a request forbids storing what comes of it, not using what is stored (RFC 9111 §5.2.1.5).',
    cases: ['ccreq-no-store'],
  },
  {
    verdict: 'passed',
    why: 'Pragma says nothing where Cache-Control is present (RFC 9111 §5.4).',
    cases: ['pragma-request-no-cache', 'pragma-request-extension', 'pragma-response-no-cache', 'pragma-response-extension'],
  },
  {
    verdict: 'failed',
    why: 'An origin that sends Pragma: no-cache and nothing else means Cache-Control: no-cache. Its response gets no heuristic lifetime, which RFC 9111 §4.2.2 leaves to the cache.',
    cases: ['pragma-response-no-cache-heuristic'],
  },
  {
    verdict: 'failed',
    why: 'Entity tags that are not written alike do not match (RFC 9110 §8.8.3.2), and none is rewritten.',
    cases: [
      'conditional-etag-quoted-respond-unquoted',
      'conditional-etag-unquoted-respond-quoted',
      'conditional-etag-weak-respond-lowercase',
      'conditional-etag-weak-respond-backslash',
      'conditional-etag-weak-respond-omit-slash',
      'conditional-etag-strong-generate-unquoted',
    ],
  },
  {
    verdict: 'failed',
    why: 'An entity tag with bytes above 127 is not matched.',
    cases: ['conditional-etag-strong-respond-obs-text'],
  },
  {
    verdict: 'passed',
    why: 'An entity tag without quotes is not valid, but written alike on both sides it can mean only one thing.',
    cases: ['conditional-etag-unquoted-respond-unquoted'],
  },
  {
    verdict: 'failed',
    why: 'A variant for other request fields is not validated; the request goes to the origin as it is.',
    cases: ['conditional-etag-vary-headers-mismatch'],
  },
  {
    verdict: 'failed',
    why: 'Where nothing is stored, the whole response is fetched, so that it can be.',
    cases: ['conditional-etag-forward'],
  },
  { verdict: 'dependency', why: 'Rests on conditional-etag-forward.', cases: ['conditional-etag-forward-unquoted'] },
  {
    verdict: 'passed',
    why: 'Fields of a 304 replace those stored (RFC 9111 §3.2).',
    cases: [
      '304-etag-update-response-Content-Location',
      '304-etag-update-response-Content-Security-Policy',
      '304-etag-update-response-Content-Type',
      '304-etag-update-response-Clear-Site-Data',
      '304-etag-update-response-Expires',
      '304-etag-update-response-Public-Key-Pins',
      '304-etag-update-response-X-Frame-Options',
      '304-etag-update-response-X-XSS-Protection',
    ],
  },
  {
    verdict: 'failed',
    why: 'Fields that describe the stored bytes are not replaced by a 304 (RFC 9111 §3.2).',
    cases: ['304-etag-update-response-Content-Encoding', '304-etag-update-response-Content-MD5', '304-etag-update-response-Content-Range'],
  },
  {
    verdict: 'setup',
    why: 'A 304 with another strong validator than was asked for selects nothing stored (RFC 9111 §4.3.4), so the request is made again without a condition.',
    cases: ['304-etag-update-response-ETag'],
  },
  {
    verdict: 'passed',
    why: 'A HEAD for a stale response goes to the origin, and its response freshens the stored one (RFC 9111 §4.3.5).',
    cases: ['head-writethrough', 'head-200-freshness-update', 'head-200-update'],
  },
  {
    verdict: 'failed',
    why: 'The response to HEAD is passed on as it came; fields it lacks are not added from what is stored.',
    cases: ['head-200-retain'],
  },
  {
    verdict: 'setup',
    why: 'Only a 200 to HEAD freshens what is stored (RFC 9111 §4.3.5).',
    cases: ['head-410-update'],
  },
  {
    verdict: 'passed',
    why: 'The URLs in Location and Content-Location of the same origin are invalidated as well (RFC 9111 §4.4).',
    cases: ['POST', 'PUT', 'DELETE', 'M-SEARCH'].flatMap((method) => [`invalidate-${method}-location`, `invalidate-${method}-cl`]),
  },
  {
    verdict: 'failed',
    why: 'A response that comes straight from the origin carries no Age: it was just made.',
    cases: ['other-age-delay'],
  },
  {
    verdict: 'passed',
    why: 'Date, Expires and Age are those of the origin and of the time that passed, whatever lifetime was used (RFC 9213 §2).',
    cases: ['other-date-update-expires-update', 'cdn-remove-age-exceed', 'cdn-date-update-exceed', 'cdn-expires-update-exceed'],
  },
  {
    verdict: 'passed',
    why: 'Content-Disposition says nothing of caching.',
    cases: ['other-heuristic-content-disposition-attachment', 'other-fresh-content-disposition-attachment'],
  },
  {
    verdict: 'failed',
    why: 'CDN-Cache-Control is a structured field, whose keys are lower case (RFC 9213 §2.1, RFC 9651 §3.1.2).',
    cases: ['cdn-max-age-case-insensitive'],
  },
  {
    verdict: 'passed',
    why: 'CDN-Cache-Control is passed on, for caches between here and the client (RFC 9213 §3.1).',
    cases: ['cdn-remove-header'],
  },
];

const SET_COOKIE: readonly string[] = ['304-etag-update-response-Set-Cookie', '304-etag-update-response-Set-Cookie2'];

export const EXPECTED: Readonly<Record<Mode, Expectations>> = {
  rfc9111: {
    limit: 2,
    differences: DIFFERENCES,
    checks: [...CHECKS, { verdict: 'passed', why: 'Set-Cookie is a field like any other here.', cases: SET_COOKIE }],
  },
  safe: {
    limit: 11,
    differences: [
      ...DIFFERENCES,
      {
        verdict: 'failed',
        why: 'A stored response is replayed without its Set-Cookie, which was meant for one client.',
        cases: ['headers-store-Set-Cookie', 'headers-store-Set-Cookie2'],
      },
      {
        verdict: 'failed',
        why: 'The Content-Range of these cases announces the last six bytes of ten and five come, so that where the representation ends is not known.',
        cases: ['partial-store-partial-reuse-partial', 'partial-store-partial-reuse-partial-absent', 'partial-store-partial-reuse-partial-suffix'],
      },
      {
        verdict: 'failed',
        why: 'Without a strong validator a rest could not be joined with what is stored (RFC 9110 §15.3.7.3), so the whole is fetched at once.',
        cases: ['partial-store-partial-complete'],
      },
      {
        verdict: 'failed',
        why: 'These statuses speak of how one client has asked, and are not for others.',
        cases: ['status-400-fresh', 'heuristic-414-cached', 'heuristic-501-cached'],
      },
      { verdict: 'dependency', why: 'status-400-fresh is not stored.', cases: ['status-400-stale'] },
    ],
    checks: [...CHECKS, { verdict: 'failed', why: 'A stored response is replayed without its Set-Cookie, which was meant for one client.', cases: SET_COOKIE }],
  },
};
