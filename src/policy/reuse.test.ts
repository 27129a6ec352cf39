import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FieldLines, LETTER, SAFE, STATED, TTL, after, httpDate, request, stored } from '../../test/kit/messages.ts';
import type { ForwardReason } from '../http/cache-status.ts';
import type { RequestHead, StoredResponse } from './message.ts';
import type { ReasonCode } from './reason.ts';
import { type Decision, type Failure, type Used, decide, staleOnError } from './reuse.ts';
import type { Settings } from './settings.ts';

interface Case {
  /** Fields of the request. */
  readonly asked?: FieldLines;
  readonly ask?: Partial<RequestHead>;
  readonly changes?: Partial<StoredResponse>;
  readonly softPurged?: boolean;
  readonly settings?: Settings;
  /** Seconds since the response was received. */
  readonly at?: number;
  readonly forward?: ForwardReason;
  readonly omit?: string[];
}
type Row = [rule: string, fields: FieldLines, codes: ReasonCode | ReasonCode[], more?: Case];

function run(fields: FieldLines, { asked, ask, changes, softPurged = false, settings = STATED, at = 0 }: Case): Decision {
  return decide(request(asked, ask), { stored: stored(fields, changes), mismatch: undefined, softPurged }, settings, after(at));
}

/** `codes`: the first reasons, in order. */
function table(action: Decision['action'], rows: readonly Row[]): void {
  describe(action, () => {
    for (const [rule, fields, codes, more = {}] of rows) {
      test(rule, () => {
        const decision = run(fields, more);
        const wanted = typeof codes === 'string' ? [codes] : codes;
        assert.deepEqual([decision.action, ...decision.reasons.slice(0, wanted.length).map(({ code }) => code)], [action, ...wanted]);
        if (more.forward !== undefined) assert.equal('forward' in decision && decision.forward, more.forward);
        if (more.omit !== undefined) assert.deepEqual('omit' in decision && decision.omit, more.omit);
      });
    }
  });
}

const cc = (value: string): FieldLines => ({ 'Cache-Control': value });
const tagged = (value: string): FieldLines => ({ 'Cache-Control': value, ETag: '"a"' });
const asking = (value: string, more: Case = {}): Case => ({ ...more, asked: cc(value) });
const cookie: FieldLines = { Cookie: 'a=b' };
const auth: FieldLines = { Authorization: 'Basic eA==' };
/** Bytes 0 to 9 of 20. */
const part: Partial<StoredResponse> = { range: { first: 0, last: 9, length: 20 } };
const AWAY: Settings = { ...STATED, staleIfUnreachable: 10 };

table('hit', [
  ['§4.2 fresh', cc('max-age=60'), ['fresh', 'lifetime-max-age'], { at: 59.9, omit: [] }],
  ['§4.2 fresh by Expires', { Expires: httpDate(60) }, ['fresh', 'lifetime-expires'], { at: 59 }],
  ['§4.2.2 fresh by a guess', { 'Last-Modified': httpDate(-1000) }, ['fresh', 'lifetime-heuristic'], { at: 99 }],
  ['a HEAD from a stored GET', cc('max-age=60'), 'fresh', { ask: { method: 'HEAD' } }],
  ['a HEAD from a stored HEAD', cc('max-age=60'), 'fresh', { ask: { method: 'HEAD' }, changes: { method: 'HEAD' } }],
  ['§5.2.1.1 as old as the request accepts', cc('max-age=60'), 'fresh', asking('max-age=10', { at: 10 })],
  ['§5.2.1.1 an unreadable max-age asks for nothing', cc('max-age=60'), 'fresh', asking('max-age=x', { at: 10 })],
  ['§5.2.1.3 fresh for as long as the request asks', cc('max-age=60'), 'fresh', asking('min-fresh=50', { at: 10 })],
  ['§5.2.1.3 an unreadable min-fresh asks for nothing', cc('max-age=60'), 'fresh', asking('min-fresh=-1', { at: 10 })],
  ['§5.2.1.2 max-stale does not mind a fresh one', cc('max-age=60'), 'fresh', asking('max-stale=5')],
  ['§5.2.1.5 no-store of the request does not forbid reuse', cc('max-age=60'), 'fresh', asking('no-store')],
  ['§5.2.1.7 only-if-cached', cc('max-age=60'), 'fresh', asking('only-if-cached')],
  ['§5.2.2.2 must-revalidate while it is fresh', cc('max-age=60, must-revalidate'), 'fresh'],
  ['§5.2.2.4 without the fields that no-cache names', cc('max-age=60, no-cache="Set-Cookie, X-User"'), 'fresh', { omit: ['set-cookie', 'x-user'] }],
  ['§5.4 Pragma gives way to Cache-Control', cc('max-age=60'), 'fresh', { asked: { ...cc('max-stale'), Pragma: 'no-cache' } }],
  ['§3.3 a part, for bytes of it', cc('max-age=60'), 'fresh', { changes: part, asked: { Range: 'bytes=2-9' } }],
  ['§3.3 a part, for several of its bytes', cc('max-age=60'), 'fresh', { changes: part, asked: { Range: 'bytes=0-0, 8-9' } }],
  ['RFC 10008 QUERY', cc('max-age=60'), 'fresh', { ask: { method: 'QUERY' }, changes: { method: 'QUERY' } }],
  ['RFC 9110 §9.3.3 a GET from the response to a POST', cc('max-age=60'), 'fresh', { changes: { method: 'POST' } }],
  ['RFC 8246 immutable says no more than fresh', cc('max-age=60, immutable'), 'fresh'],
  ['RFC 8246 §2 a reload does not validate what is immutable', cc('max-age=60, immutable'), 'fresh', { asked: { 'Cache-Control': 'max-age=0' }, at: 5 }],
  ['RFC 8246 §2 nor does a wish for a younger response', cc('max-age=60, immutable'), 'fresh', asking('max-age=5', { at: 30 })],
  ['RFC 9213 §2.2 a targeted field overrules no-cache', { ...cc('no-cache'), 'CDN-Cache-Control': 'max-age=60' }, 'fresh'],
  ['§3.5 credentials, and s-maxage', cc('s-maxage=60'), 'fresh', { asked: auth }],
  ['§3.5 credentials, and public', cc('public, max-age=60'), 'fresh', { asked: auth }],
  ['§3.5 credentials, and must-revalidate', cc('must-revalidate, max-age=60'), 'fresh', { asked: auth }],
  ['a cookie, and a stated lifetime', cc('max-age=60'), 'fresh', { asked: cookie, settings: SAFE }],
  ['a cookie, by the letter', { 'Last-Modified': httpDate(-1000) }, 'fresh', { asked: cookie, settings: LETTER }],
  ['--default-ttl', {}, ['fresh', 'lifetime-default'], { settings: SAFE, at: 119 }],
  ['--ttl over no-cache', cc('no-cache="a"'), ['fresh', 'lifetime-ttl'], { settings: TTL, at: 59, omit: [] }],
  ['--ttl over an unqualified no-cache', cc('no-cache'), 'fresh', { settings: TTL }],
  ['--ttl over what the request wants', cc('max-age=1'), 'fresh', asking('no-cache, max-age=0, min-fresh=900', { settings: TTL, at: 30 })],
  ['--ttl over Pragma', {}, 'fresh', { settings: TTL, asked: { Pragma: 'no-cache' } }],
  ['--ttl and a cookie', {}, 'fresh', { settings: TTL, asked: cookie }],
]);

table('stale', [
  ['§5.2.1.2 max-stale without an argument', cc('max-age=60'), ['max-stale', 'lifetime-max-age'], asking('max-stale', { at: 900 })],
  ['§5.2.1.2 as stale as max-stale says', cc('max-age=60'), 'max-stale', asking('max-stale=10', { at: 70, omit: [] })],
  ['§5.2.1.2 max-stale in quotes', cc('max-age=60'), 'max-stale', asking('max-stale="10"', { at: 70 })],
  ['§5.2.1.2 only-if-cached and max-stale', cc('max-age=60'), 'max-stale', asking('only-if-cached, max-stale', { at: 70 })],
  ['§5.2.1.1 no older than max-age, no staler than max-stale', cc('max-age=60'), 'max-stale', asking('max-age=80, max-stale=10', { at: 70 })],
  ['§5.2.1.2 max-stale before stale-while-revalidate', cc('max-age=60, stale-while-revalidate=60'), 'max-stale', asking('max-stale', { at: 70 })],
  ['§5.2.2.4 without the fields that no-cache names', cc('max-age=60, no-cache=x'), 'max-stale', asking('max-stale', { at: 70, omit: ['x'] })],
]);

table('stale-while-revalidate', [
  ['RFC 5861 §3', cc('max-age=60, stale-while-revalidate=10'), ['stale-while-revalidate', 'lifetime-max-age'], { at: 60, omit: [] }],
  ['RFC 5861 §3 to the last second', cc('max-age=60, stale-while-revalidate=10'), 'stale-while-revalidate', { at: 70 }],
  ['beside s-maxage', cc('s-maxage=60, stale-while-revalidate=10'), 'stale-while-revalidate', { at: 65 }],
  ['RFC 9213 stated in a targeted field', { 'CDN-Cache-Control': 'max-age=60, stale-while-revalidate=10', ...cc('must-revalidate') }, 'stale-while-revalidate', { at: 65 }],
  ['s-maxage forbids max-stale, not what the origin itself states', cc('s-maxage=60, stale-while-revalidate=10'), 'stale-while-revalidate', asking('max-stale', { at: 65 })],
  ['a HEAD', cc('max-age=60, stale-while-revalidate=10'), 'stale-while-revalidate', { at: 65, ask: { method: 'HEAD' } }],
  ['purged softly while it is fresh, without a directive', cc('max-age=60'), ['soft-purged', 'lifetime-max-age'], { at: 59, omit: [], softPurged: true }],
  ['purged softly, beside s-maxage', cc('s-maxage=60'), ['soft-purged', 'lifetime-s-maxage'], { softPurged: true }],
  ['purged softly, for a client that takes what is stale', cc('max-age=60'), 'soft-purged', asking('max-age=30, max-stale', { at: 10, softPurged: true })],
  ['purged softly, without the fields that no-cache names', cc('max-age=60, no-cache=x'), 'soft-purged', { omit: ['x'], softPurged: true }],
  ['purged softly under --ttl', {}, ['soft-purged', 'lifetime-ttl'], asking('max-age=0', { settings: TTL, softPurged: true })],
  ['purged softly and past its lifetime: as any other', cc('max-age=60, stale-while-revalidate=10'), 'stale-while-revalidate', { at: 65, softPurged: true }],
]);

test('a soft purge ends the lifetime', () => {
  const decision = run(cc('max-age=60'), { at: 10, softPurged: true });
  assert.ok('lifetime' in decision);
  assert.deepEqual([decision.age, decision.lifetime.seconds], [10, 10]);
});

const stale = { at: 70, forward: 'stale' } as const;
table('revalidate', [
  ['§4.2 stale at the very end of its lifetime', tagged('max-age=60'), ['expired', 'lifetime-max-age'], { at: 60, forward: 'stale' }],
  ['§4.3.1 with Last-Modified alone', { ...cc('max-age=60'), 'Last-Modified': httpDate(-5) }, 'expired', stale],
  ['§5.2.2.4 no-cache, however fresh', tagged('no-cache, max-age=60'), 'no-cache', { forward: 'stale' }],
  ['§5.4 Pragma: no-cache, however fresh', { Pragma: 'no-cache', ETag: '"a"' }, 'no-cache', { settings: SAFE, forward: 'stale' }],
  ['§5.2.2.4 a malformed no-cache', tagged('no-cache;, max-age=60'), 'no-cache'],
  ['§5.2.2.4 no-cache with and without names', tagged('no-cache="a", no-cache, max-age=60'), 'no-cache'],
  ['§5.2.2.4 no-cache is not for max-stale', tagged('no-cache, max-age=60'), 'no-cache', asking('max-stale', { at: 70 })],
  ['§5.2.1.4 no-cache of the request', tagged('max-age=60'), 'request-no-cache', asking('no-cache', { forward: 'request' })],
  ['§5.2.1.4 with an argument it does not have', tagged('max-age=60'), 'request-no-cache', asking('no-cache="a"', { forward: 'request' })],
  ['§5.2.1.4 malformed', tagged('max-age=60'), 'request-no-cache', asking('no-cache;')],
  ['§5.4 Pragma', tagged('max-age=60'), 'request-no-cache', { asked: { Pragma: 'no-cache' } }],
  ['RFC 8246 §2 no-cache of the request, even if immutable', tagged('max-age=60, immutable'), 'request-no-cache', asking('no-cache')],
  ['RFC 8246 §2 max-age of the request once it is stale, though immutable', tagged('max-age=60, immutable'), 'request-max-age', asking('max-age=0', { at: 70 })],
  ['RFC 8246 §2 min-fresh beside max-age, though immutable', tagged('max-age=60, immutable'), 'request-min-fresh', asking('max-age=0, min-fresh=50', { at: 30 })],
  ['§5.2.1.1 older than the request accepts', tagged('max-age=60'), 'request-max-age', asking('max-age=9', { at: 10, forward: 'request' })],
  ['§5.2.1.1 max-age=0', tagged('max-age=60'), 'request-max-age', asking('max-age=0', { at: 0.5 })],
  ['§5.2.1.1 max-stale does not widen max-age', tagged('max-age=60'), 'request-max-age', asking('max-age=9, max-stale=50', { at: 10 })],
  ['§5.2.1.1 nor for a stale response', tagged('max-age=60'), 'request-max-age', asking('max-age=69, max-stale=50', { at: 70 })],
  ['§5.2.1.1 Age counts', { ...tagged('max-age=3600'), Age: '1800' }, 'request-max-age', asking('max-age=600')],
  ['§5.2.1.3 not fresh for long enough', tagged('max-age=60'), 'request-min-fresh', asking('min-fresh=51', { at: 10, forward: 'request' })],
  ['§5.2.1.3 min-fresh does not go with max-stale', tagged('max-age=60'), 'request-min-fresh', asking('min-fresh=0, max-stale', { at: 61 })],
  ['§5.2.1.2 staler than max-stale says', tagged('max-age=60'), 'expired', asking('max-stale=9', stale)],
  ['§5.2.1.2 an unreadable max-stale', tagged('max-age=60'), 'expired', asking('max-stale=x', stale)],
  ['§5.2.1.2 a malformed max-stale', tagged('max-age=60'), 'expired', asking('max-stale=', stale)],
  ['§5.2.1.2 max-stale with and without a figure', tagged('max-age=60'), 'expired', asking('max-stale, max-stale=5', stale)],
  ...['must-revalidate', 'proxy-revalidate', 'must-revalidate=', 'proxy-revalidate;', 'must-revalidate=x'].flatMap((directive): Row[] => [
    [`§4.2.4 ${directive} forbids max-stale`, tagged(`max-age=60, ${directive}`), ['expired', 'lifetime-max-age', 'stale-not-allowed'], asking('max-stale', stale)],
    [`§4.2.4 ${directive} forbids stale-while-revalidate`, tagged(`max-age=60, stale-while-revalidate=60, ${directive}`), ['expired', 'lifetime-max-age', 'stale-not-allowed'], stale],
  ]),
  ['§5.2.2.10 s-maxage forbids max-stale', tagged('s-maxage=60'), ['expired', 'lifetime-s-maxage', 'stale-not-allowed'], asking('max-stale', stale)],
  ['§4.2.4 s-maxage forbids stale-while-revalidate by the letter', tagged('s-maxage=60, stale-while-revalidate=60'), ['expired', 'lifetime-s-maxage', 'stale-not-allowed'], { ...stale, settings: LETTER }],
  ['§4.2.4 an invalid s-maxage forbids all the same', tagged('s-maxage=x'), ['expired', 'lifetime-invalid', 'stale-not-allowed'], asking('max-stale', stale)],
  ['§4.2.4 so does a malformed one', tagged('s-maxage=, max-age=60'), ['expired', 'lifetime-invalid', 'stale-not-allowed'], asking('max-stale', stale)],
  ['RFC 5861 §3 a second too late', tagged('max-age=60, stale-while-revalidate=9'), 'expired', stale],
  ['RFC 5861 §3 an unreadable time', tagged('max-age=60, stale-while-revalidate=x'), 'expired', stale],
  ['§5.2.1.1 max-age without max-stale wants no stale response', tagged('max-age=60, stale-while-revalidate=60'), 'expired', asking('max-age=100', stale)],
  ['§5.2.1.2 nor does a lower max-stale want a staler one', tagged('max-age=60, stale-while-revalidate=60'), 'expired', asking('max-stale=9', stale)],
  ['§4.2.1 an invalid lifetime', tagged('max-age=x'), ['expired', 'lifetime-invalid']],
  ['no lifetime', { ETag: '"a"' }, ['expired', 'lifetime-none']],
  ...['must-revalidate', 'proxy-revalidate', 'must-revalidate='].map((directive): Row => [
    `§5.2.2 purged softly, and ${directive} forbids stale use`, tagged(`max-age=60, ${directive}`), ['soft-purged', 'lifetime-max-age', 'stale-not-allowed'], { forward: 'stale', softPurged: true },
  ]),
  ['§5.2.2.4 purged softly, and never used without validation', tagged('max-age=60, no-cache'), 'no-cache', { softPurged: true }],
  ['§5.2.2.10 purged softly, beside s-maxage by the letter', tagged('s-maxage=60'), ['soft-purged', 'lifetime-s-maxage', 'stale-not-allowed'], { settings: LETTER, softPurged: true }],
  ['§5.2.1.1 purged softly, for a client that speaks of max-age', tagged('max-age=60'), ['soft-purged', 'lifetime-max-age', 'stale-not-allowed'], asking('max-age=30', { at: 10, softPurged: true })],
  ['§5.2.1.3 purged softly, for a client that speaks of min-fresh', tagged('max-age=60'), 'soft-purged', asking('min-fresh=5', { at: 10, softPurged: true })],
  ['§5.2.1.4 purged softly, and no-cache of the request', tagged('max-age=60'), 'request-no-cache', asking('no-cache', { softPurged: true })],
  ['purged softly, and past its lifetime: no longer in use than without the purge', tagged('max-age=60'), 'expired', { ...stale, softPurged: true }],
  ['§4.4 invalidated goes before purged softly', tagged('max-age=60'), 'invalidated', { changes: { invalidated: true }, softPurged: true }],
  ['§4.4 invalidated, however fresh', tagged('max-age=60'), 'invalidated', { changes: { invalidated: true }, forward: 'stale' }],
  ['§4.4 invalidated is not for max-stale', tagged('max-age=60'), 'invalidated', asking('max-stale', { changes: { invalidated: true } })],
  ['§4.4 nor for stale-while-revalidate', tagged('max-age=60, stale-while-revalidate=60'), 'invalidated', { changes: { invalidated: true }, at: 70 }],
  ['invalidated under --ttl', { ETag: '"a"' }, 'invalidated', { changes: { invalidated: true }, settings: TTL }],
  ['--ttl is over', tagged('max-age=3600'), ['expired', 'lifetime-ttl'], { at: 60, forward: 'stale', settings: TTL }],
  ['--ttl is over, whatever the response and the request allow', tagged('max-age=3600, stale-while-revalidate=99'), ['expired', 'lifetime-ttl'], asking('max-stale', { at: 60, settings: TTL })],
  ['--default-ttl is over', { ETag: '"a"' }, ['expired', 'lifetime-default'], { at: 120, settings: SAFE }],
]);

table('miss', [
  ['§4.2 stale, and nothing to validate with', cc('max-age=60'), ['expired', 'lifetime-max-age'], { at: 60, forward: 'stale' }],
  ['§5.2.2.4 no-cache, and nothing to validate with', cc('no-cache, max-age=60'), 'no-cache', { forward: 'stale' }],
  ['§5.2.1.4 no-cache of the request, and nothing to validate with', cc('max-age=60'), 'request-no-cache', asking('no-cache', { forward: 'request' })],
  ['§4 a GET where only a head is stored', tagged('max-age=60'), 'head-only', { changes: { method: 'HEAD' }, forward: 'uri-miss' }],
  ...([
    ['the whole', {}],
    ['bytes after it', { Range: 'bytes=5-10' }],
    ['all bytes from one of it', { Range: 'bytes=5-' }],
    ['its bytes and others', { Range: 'bytes=0-1, 15-16' }],
    ['its bytes, of another representation', { Range: 'bytes=0-1', 'If-Range': '"b"' }],
  ] as const).map(([what, asked]): Row => [`§3.3 a part, for ${what}`, tagged('max-age=60'), 'partial-only', { changes: part, asked, forward: 'partial' }]),
  ['§3.3 bytes before a part', tagged('max-age=60'), 'partial-only', { changes: { range: { first: 5, last: 9, length: 20 } }, asked: { Range: 'bytes=4-9' } }],
  ['§3.3 a part of unknown length', tagged('max-age=60'), 'partial-only', { changes: { range: { first: 0, last: 9, length: undefined } }, asked: { Range: 'bytes=0-1' } }],
  ['§3.3 a HEAD for a part', tagged('max-age=60'), 'partial-only', { changes: part, ask: { method: 'HEAD' }, asked: { Range: 'bytes=0-1' } }],
  ['§3.5 credentials, and nothing that allows it', tagged('max-age=60'), 'authorization', { asked: auth, forward: 'request' }],
  ['§3.5 credentials, and an invalid s-maxage', tagged('s-maxage=x'), 'authorization', { asked: auth }],
  ['§3.5 credentials, by the letter', tagged('max-age=60'), 'authorization', { asked: auth, settings: LETTER }],
]);

table('bypass', [
  ['--no-cache', cc('max-age=60'), 'caching-off', { settings: { ...SAFE, cache: false }, forward: 'bypass' }],
  ['--no-cache, for any method', cc('max-age=60'), 'caching-off', { settings: { ...SAFE, cache: false }, ask: { method: 'POST' }, forward: 'bypass' }],
  ['--no-cache, even where the request wants the cache alone', cc('max-age=60'), 'caching-off', asking('only-if-cached', { settings: { ...SAFE, cache: false } })],
  ['--ttl 0', cc('max-age=60'), 'ttl-zero', { settings: { ...TTL, ttl: 0 }, forward: 'bypass' }],
  ...['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'get'].map((method): Row => [`§4 ${method}`, cc('max-age=60'), 'method', { ask: { method }, forward: 'method' }]),
  ['§4 a method in vain under --ttl 0', {}, 'method', { ask: { method: 'POST' }, settings: { ...TTL, ttl: 0 } }],
  ['--ttl and QUERY', {}, 'method', { ask: { method: 'QUERY' }, settings: TTL, forward: 'request' }],
  ['RFC 9110 §9.3.1 a GET with content', cc('max-age=60'), 'request-body', { ask: { hasBody: true }, forward: 'request' }],
  ['§4.3.2 If-Match', cc('max-age=60'), 'origin-condition', { asked: { 'If-Match': '"a"' }, forward: 'request' }],
  ['§4.3.2 If-Unmodified-Since', cc('max-age=60'), 'origin-condition', { asked: { 'If-Unmodified-Since': httpDate() } }],
  ['--ttl and credentials', cc('public'), 'authorization', { asked: auth, settings: TTL, forward: 'request' }],
  ['--default-ttl and a cookie', tagged('public'), 'private-in-play', { asked: cookie, settings: SAFE, forward: 'request' }],
  ['--default-ttl and credentials', tagged('public'), 'private-in-play', { asked: auth, settings: SAFE }],
  ['§4.2.2 a guess and a cookie', { 'Last-Modified': httpDate(-1000) }, 'private-in-play', { asked: cookie }],
  ['--ttl does not heed only-if-cached', {}, 'authorization', { asked: { ...auth, ...cc('only-if-cached') }, settings: TTL }],
]);

table('unavailable', [
  ['§5.2.1.7 stale', tagged('max-age=60'), ['only-if-cached', 'expired'], asking('only-if-cached', { at: 60 })],
  ['§5.2.1.7 stale, and nothing to validate with', cc('max-age=60'), ['only-if-cached', 'expired'], asking('only-if-cached', { at: 60 })],
  ['§5.2.1.7 no-cache', tagged('no-cache'), ['only-if-cached', 'no-cache'], asking('only-if-cached')],
  ['§5.2.1.7 and too old', tagged('max-age=60'), ['only-if-cached', 'request-max-age'], asking('only-if-cached, max-age=5', { at: 6 })],
  ['§5.2.1.7 a request that only the origin can answer', cc('max-age=60'), ['only-if-cached', 'origin-condition'], { asked: { ...cc('only-if-cached'), 'If-Match': '"a"' } }],
  ['§5.2.1.7 a request with content', cc('max-age=60'), ['only-if-cached', 'request-body'], asking('only-if-cached', { ask: { hasBody: true } })],
  ['§5.2.1.7 with a cookie in play', {}, ['only-if-cached', 'private-in-play'], { asked: { ...cc('only-if-cached'), ...cookie }, settings: SAFE }],
]);

describe('nothing that matches is stored', () => {
  const nothing = (asked: FieldLines, mismatch?: string, settings = STATED): Decision => decide(request(asked), { stored: undefined, mismatch }, settings, after(0));
  test('nothing at all', () => assert.deepEqual(nothing({}), { action: 'miss', reasons: [{ code: 'not-stored' }], forward: 'uri-miss' }));
  test('§4.1 other variants', () => assert.deepEqual(nothing({}, 'accept'), { action: 'miss', reasons: [{ code: 'vary-mismatch', detail: 'accept' }], forward: 'vary-miss' }));
  test('§5.2.1.7 and the request wants the cache alone', () => {
    const only = { code: 'only-if-cached', detail: 'request Cache-Control: only-if-cached' };
    assert.deepEqual(nothing(cc('only-if-cached')), { action: 'unavailable', reasons: [only, { code: 'not-stored' }] });
    assert.equal(nothing(cc('only-if-cached'), undefined, TTL).action, 'miss');
  });
});

test('what decided is told in figures', () => {
  const details = (decision: Decision): unknown[] => decision.reasons.map(({ detail }) => detail);
  const old = { at: 70.9 };
  assert.deepEqual(details(run(cc('max-age=60'), { at: 1.9 })), ['age 1 s of 60 s', 'Cache-Control: max-age=60']);
  assert.deepEqual(details(run(tagged('max-age=60'), old)), ['age 70 s over 60 s', 'Cache-Control: max-age=60']);
  assert.deepEqual(details(run(tagged('max-age=60, must-revalidate'), asking('max-stale', old)))[2], 'Cache-Control: must-revalidate');
  assert.deepEqual(details(run(cc('max-age=60'), asking('max-stale', old)))[0], 'stale for 10 s');
  assert.deepEqual(details(run(cc('max-age=60, stale-while-revalidate=99'), old))[0], 'stale for 10 s');
  assert.deepEqual(details(run(cc('max-age=60'), asking('max-age=5', old))), ['request max-age=5, age 70 s']);
  assert.deepEqual(details(run(cc('max-age=60'), asking('min-fresh=50', { at: 20.5 }))), ['request min-fresh=50, fresh for 39 s']);
  assert.deepEqual(details(run({ 'CDN-Cache-Control': 'no-cache' }, {})), ['CDN-Cache-Control: no-cache']);
  assert.deepEqual(details(run({}, { ask: { method: 'PUT' } })), ['PUT']);
});

test('so is what stood in the way', () => {
  const first = (fields: FieldLines, more: Case): unknown => run(fields, more).reasons[0]?.detail;
  assert.equal(first({}, { ask: { method: 'QUERY' }, settings: TTL }), 'QUERY under --ttl');
  assert.equal(first({}, { asked: auth, settings: TTL }), 'request has Authorization');
  assert.equal(first(cc('max-age=60'), { asked: auth }), 'request has Authorization');
  assert.equal(first(cc('max-age=60'), { changes: part }), 'bytes 0-9');
  assert.equal(first({}, { asked: cookie, settings: SAFE }), 'the stored response states no lifetime');
  assert.equal(first(cc('max-age=60'), asking('no-cache')), 'request Cache-Control: no-cache');
});

test('what forbids stale use is told only where there was a wish for it', () => {
  for (const directive of ['must-revalidate', 's-maxage=60']) {
    assert.deepEqual(run(tagged(`max-age=60, ${directive}`), { at: 70 }).reasons.map(({ code }) => code), ['expired', directive === 's-maxage=60' ? 'lifetime-s-maxage' : 'lifetime-max-age']);
  }
});

test('a decision to serve tells age and lifetime', () => {
  const decision = run({ ...cc('max-age=60, stale-while-revalidate=99'), Age: '50' }, { at: 20 });
  assert.ok('age' in decision);
  assert.deepEqual([decision.age, decision.lifetime.seconds, decision.lifetime.source], [70, 60, 'max-age']);
});

describe('where the origin does not respond', () => {
  const allowing = cc('max-age=60, stale-if-error=10');
  const cases: [rule: string, fields: FieldLines, action: Decision['action'], code: ReasonCode, more?: Case][] = [
    ['RFC 5861 §4 what is stale is served at once, and validated', allowing, 'stale-while-revalidate', 'stale-if-error'],
    ['§4.2.4 so for as long as is set', cc('max-age=60'), 'stale-while-revalidate', 'origin-unreachable', { settings: AWAY }],
    ['§4.2.4 and no longer', cc('max-age=60'), 'miss', 'expired', { settings: AWAY, at: 71 }],
    ['§5.2.1.7 only-if-cached is served too', allowing, 'stale-while-revalidate', 'stale-if-error', asking('only-if-cached')],
    ['what is fresh is a hit', allowing, 'hit', 'fresh', { at: 5 }],
    ['without permission it is asked for', cc('max-age=60'), 'miss', 'expired'],
    ['§5.2.2.2 must-revalidate', tagged('max-age=60, stale-if-error=10, must-revalidate'), 'revalidate', 'expired'],
    ['§5.2.2.4 no-cache', tagged('no-cache, stale-if-error=10'), 'revalidate', 'no-cache'],
    ['§5.2.1.4 a request that wants it validated', allowing, 'miss', 'request-no-cache', asking('no-cache')],
    ['§5.2.1.1 a request that wants a younger one', allowing, 'miss', 'request-max-age', asking('max-age=5')],
    ['§4.4 marked stale', allowing, 'miss', 'invalidated', { changes: { invalidated: true } }],
    ['§3.3 a part, for other bytes', allowing, 'miss', 'partial-only', { changes: part, asked: { Range: 'bytes=5-10' } }],
    ['§9.3 another method', allowing, 'bypass', 'method', { ask: { method: 'POST' } }],
  ];
  for (const [rule, fields, action, code, { asked, ask, changes, settings = STATED, at = 70 } = {}] of cases) {
    test(rule, () => {
      const decision = decide(request(asked, ask), { stored: stored(fields, changes), mismatch: undefined, unanswered: true }, settings, after(at));
      assert.deepEqual([decision.action, decision.reasons[0].code], [action, code]);
    });
  }
});

describe('staleOnError', () => {
  type Found = (Used & { readonly reason: { readonly code: ReasonCode; readonly detail?: string } }) | undefined;
  const serve = (fields: FieldLines, { asked, ask, changes, settings = STATED, at = 70 }: Case = {}, failure: Failure = 'no-response'): Found =>
    staleOnError(request(asked, ask), stored(fields, changes), failure, settings, after(at));
  const allowing = cc('max-age=60, stale-if-error=10');

  const cases: [rule: string, fields: FieldLines, served: boolean, more?: Case, failure?: Failure][] = [
    ['RFC 5861 §4 no response', allowing, true],
    ...[500, 502, 503, 504].map((status): [string, FieldLines, boolean, Case, Failure] => [`RFC 5861 §4 status ${status}`, allowing, true, {}, { status }]),
    ...[501, 505, 404, 200, 499, 599].map((status): [string, FieldLines, boolean, Case, Failure] => [`RFC 5861 §4 not for status ${status}`, allowing, false, {}, { status }]),
    ['RFC 5861 §4 a second too late', allowing, false, { at: 71 }],
    ['RFC 5861 §4 permitted by the request', cc('max-age=60'), true, asking('stale-if-error=10')],
    ['RFC 5861 §4 not long enough by the request', cc('max-age=60'), false, asking('stale-if-error=9')],
    ['RFC 5861 §4 by either of them', allowing, true, asking('stale-if-error=1')],
    ['§4.2.4 not without permission', cc('max-age=60'), false],
    ['§4.2.4 stale-while-revalidate is no permission for it', cc('max-age=60, stale-while-revalidate=99'), false],
    ['an unreadable time is no permission', cc('max-age=60, stale-if-error=x'), false],
    ['a fresh response that the request wanted validated', allowing, true, { at: 5 }],
    ['a fresh response that the request wanted validated, and no response', cc('max-age=60'), true, { at: 5 }],
    ['§4.4 marked stale, though it is fresh', allowing, false, { at: 5, changes: { invalidated: true } }],
    ['§4.2.4 disconnected, for as long as is set', cc('max-age=60'), true, { settings: AWAY }],
    ['§4.2.4 disconnected for longer than is set', cc('max-age=60'), false, { settings: AWAY, at: 71 }],
    ['§4.2.4 a 503 is no disconnection', cc('max-age=60'), false, { settings: AWAY }, { status: 503 }],
    ['§4.2.4 disconnected, and must-revalidate', cc('max-age=60, must-revalidate'), false, { settings: AWAY }],
    ['§4.2.4 disconnected, and no-cache', cc('max-age=60, no-cache'), false, { settings: AWAY }],
    ['§4.2.4 disconnected, and s-maxage', cc('s-maxage=60'), false, { settings: AWAY }],
    ['§4.2.4 disconnected, and marked stale', cc('max-age=60'), false, { settings: AWAY, changes: { invalidated: true } }],
    ['§3.3 a part, for a request for bytes of it', allowing, true, { changes: part, asked: { Range: 'bytes=5-9' } }],
    ['§3.3 a part, for other bytes', allowing, false, { changes: part, asked: { Range: 'bytes=5-10' } }],
    ['§3.3 a part, for the whole', allowing, false, { changes: part }],
    ['§5.2.2.2 must-revalidate', cc('max-age=60, stale-if-error=10, must-revalidate'), false],
    ['§5.2.2.8 proxy-revalidate', cc('max-age=60, stale-if-error=10, proxy-revalidate'), false],
    ['§5.2.2.4 no-cache', cc('max-age=60, stale-if-error=10, no-cache'), false],
    ['§5.2.2.4 no-cache of some fields', cc('max-age=60, stale-if-error=10, no-cache=x'), true],
    ['beside s-maxage', cc('s-maxage=60, stale-if-error=10'), true],
    ['§5.2.2.10 beside s-maxage by the letter', cc('s-maxage=60, stale-if-error=10'), false, { settings: LETTER }],
    ['§3.5 credentials', allowing, false, { asked: auth }],
    ['§3.5 credentials, and public', cc('public, max-age=60, stale-if-error=10'), true, { asked: auth }],
    ['a head where the whole is asked for', allowing, false, { changes: { method: 'HEAD' } }],
    ['a head where a head is asked for', allowing, true, { changes: { method: 'HEAD' }, ask: { method: 'HEAD' } }],
    ['RFC 9213 §2.2 in a targeted field', { ...cc('must-revalidate'), 'CDN-Cache-Control': 'max-age=60, stale-if-error=10' }, true],
  ];
  for (const [rule, fields, served, more, failure] of cases) test(rule, () => assert.equal(serve(fields, more, failure) !== undefined, served));

  test('tells what failed, the age, and what is left out', () => {
    const used = serve(cc('max-age=60, stale-if-error=10, no-cache=x'), { at: 65.5 }, { status: 503 });
    assert.deepEqual(used?.reason, { code: 'stale-if-error', detail: 'status 503, stale for 5 s' });
    assert.deepEqual([used.age, used.lifetime.seconds, used.omit], [65.5, 60, ['x']]);
    assert.equal(serve(allowing, { at: 5 })?.reason.detail, 'no response, stale for 0 s');
    assert.deepEqual(serve(cc('max-age=60'), { settings: AWAY })?.reason, { code: 'origin-unreachable', detail: 'no response, stale for 10 s' });
  });
});
