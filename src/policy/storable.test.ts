import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FieldLines, LETTER, SAFE, STATED, TTL, after, httpDate, request, stored } from '../../test/kit/messages.ts';
import type { RequestHead, StoredResponse } from './message.ts';
import type { ReasonCode } from './reason.ts';
import type { Settings } from './settings.ts';
import { storable } from './storable.ts';

interface Case {
  readonly asked?: FieldLines;
  readonly ask?: Partial<RequestHead>;
  readonly changes?: Partial<StoredResponse>;
  readonly settings?: Settings;
}
type Row = [rule: string, fields: FieldLines, first: ReasonCode | [ReasonCode, detail: string], more?: Case];

function judge(fields: FieldLines, { asked, ask, changes, settings }: Case): ReturnType<typeof storable> {
  return storable(request(asked, ask), stored(fields, changes), settings ?? STATED);
}

function table(rows: readonly Row[], store: boolean): void {
  for (const [rule, fields, first, more = {}] of rows) {
    test(rule, () => {
      const verdict = judge(fields, more);
      assert.equal(verdict.store, store);
      const [code, detail] = typeof first === 'string' ? [first] : first;
      assert.equal(verdict.reasons[0]?.code, code);
      if (detail !== undefined) assert.equal(verdict.reasons[0]?.detail, detail);
    });
  }
}

const auth: Case = { asked: { Authorization: 'Basic eA==' } };
const post: Case = { ask: { method: 'POST' }, changes: { method: 'POST' } };
const partial: Partial<StoredResponse> = { status: 206, range: { first: 0, last: 1, length: 9 } };

describe('stored', () => {
  table([
    ['§3 max-age', { 'Cache-Control': 'max-age=60' }, 'lifetime-max-age'],
    ['§3 s-maxage', { 'Cache-Control': 's-maxage=60' }, 'lifetime-s-maxage'],
    ['§3 Expires', { Expires: httpDate(60) }, 'lifetime-expires'],
    ['§3 a final status, though unknown, with a stated lifetime', { 'Cache-Control': 'max-age=60' }, 'lifetime-max-age', { changes: { status: 299 } }],
    ['§3 an error with a stated lifetime', { 'Cache-Control': 'max-age=60' }, 'lifetime-max-age', { changes: { status: 503 } }],
    ['§3 no status at all rules it out when public', { 'Cache-Control': 'public', ETag: '"a"' }, 'lifetime-none', { changes: { status: 302 } }],
    ['RFC 9110 §9.3.3 POST with the target’s own representation', { 'Cache-Control': 'max-age=60', 'Content-Location': '/page' }, 'lifetime-max-age', post],
    ['RFC 10008 QUERY', { 'Cache-Control': 'max-age=60' }, 'lifetime-max-age', { ask: { method: 'QUERY' }, changes: { method: 'QUERY' } }],
    ['§3 HEAD', { 'Cache-Control': 'max-age=60' }, 'lifetime-max-age', { ask: { method: 'HEAD' }, changes: { method: 'HEAD' } }],
    ['§3 a status cacheable by default, with a validator', { ETag: '"a"' }, 'lifetime-none'],
    ['§3 a stale response with an entity tag', { 'Cache-Control': 'max-age=0', ETag: '"a"' }, 'lifetime-max-age'],
    ['§3 a stale response with Last-Modified', { Expires: '0', 'Last-Modified': httpDate(-60) }, 'lifetime-invalid'],
    ['§4.2.2 a guessed lifetime', { 'Last-Modified': httpDate(-1000) }, 'lifetime-heuristic'],
    ['§5.2.2.4 no-cache with a validator', { 'Cache-Control': 'no-cache, max-age=60', ETag: '"a"' }, 'lifetime-max-age'],
    ['§5.4 Pragma: no-cache with a validator', { Pragma: 'no-cache', ETag: '"a"' }, 'lifetime-default', { settings: SAFE }],
    ['§5.2.2.4 no-cache of some fields', { 'Cache-Control': 'no-cache="Set-Cookie", max-age=60' }, 'lifetime-max-age'],
    ['§5.2.2.7 private of some fields', { 'Cache-Control': 'private="Set-Cookie", max-age=60' }, 'lifetime-max-age'],
    ['§5.2.2.3 no-store gives way to must-understand', { 'Cache-Control': 'no-store, must-understand, max-age=60' }, 'lifetime-max-age'],
    ['§5.2.2.3 so does a malformed one', { 'Cache-Control': 'no-store=, must-understand, max-age=60' }, 'lifetime-max-age'],
    ['§3.3 a partial response whose range is known', { 'Cache-Control': 'max-age=60' }, 'lifetime-max-age', { changes: partial }],
    ['§3.5 Authorization and public', { 'Cache-Control': 'public, max-age=60' }, 'lifetime-max-age', auth],
    ['§3.5 Authorization and must-revalidate', { 'Cache-Control': 'must-revalidate, max-age=60' }, 'lifetime-max-age', auth],
    ['§3.5 Authorization and s-maxage', { 'Cache-Control': 's-maxage=60' }, 'lifetime-s-maxage', auth],
    ['§3.5 Authorization and a targeted public', { 'CDN-Cache-Control': 'public, max-age=60' }, 'lifetime-max-age', auth],
    ['RFC 9213 §2.2 a targeted field overrules no-store', { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'no-store' }, 'lifetime-max-age'],
    ['RFC 5861 §3 stale at once, of use while it is revalidated', { 'Cache-Control': 'max-age=0, stale-while-revalidate=5' }, 'lifetime-max-age'],
    ['RFC 5861 §4 stale at once, of use where the origin fails', { 'Cache-Control': 'max-age=0, stale-if-error=5' }, 'lifetime-max-age'],
    ['a cookie in play and a stated lifetime', { 'Cache-Control': 'max-age=60' }, 'lifetime-max-age', { changes: { privateInPlay: true }, settings: SAFE }],
    ['--default-ttl', {}, 'lifetime-default', { settings: SAFE }],
    ['--ttl over no-store', { 'Cache-Control': 'no-store' }, 'lifetime-ttl', { settings: TTL }],
    ['--ttl over private, no-cache and an invalid lifetime', { 'Cache-Control': 'private, no-cache, max-age=x' }, 'lifetime-ttl', { settings: TTL }],
    ['--ttl over no-store of the request', {}, 'lifetime-ttl', { settings: TTL, asked: { 'Cache-Control': 'no-store' } }],
    ['--ttl for a HEAD', { 'Cache-Control': 'no-store' }, 'lifetime-ttl', { settings: TTL, ask: { method: 'HEAD' }, changes: { method: 'HEAD' } }],
    ['--ttl for a 404', {}, 'lifetime-error', { settings: TTL, changes: { status: 404 } }],
    ['--ttl where a cookie is in play', {}, 'lifetime-ttl', { settings: TTL, changes: { privateInPlay: true } }],
  ], true);
});

describe('not stored', () => {
  const fresh: FieldLines = { 'Cache-Control': 'max-age=60' };
  table([
    ['--no-cache', fresh, 'caching-off', { settings: { ...STATED, cache: false } }],
    ['--no-cache before --ttl', fresh, 'caching-off', { settings: { ...TTL, cache: false } }],
    ['--ttl 0', fresh, 'ttl-zero', { settings: { ...TTL, ttl: 0 } }],
    ['RFC 9110 §9.3.3 POST for another URL', { ...fresh, 'Content-Location': '/other' }, ['method', 'POST'], post],
    ['RFC 9110 §9.3.3 POST for the same path elsewhere', { ...fresh, 'Content-Location': '//example.org/page' }, 'method', post],
    ['RFC 9110 §9.3.3 POST for no URL', { ...fresh, 'Content-Location': 'http://[' }, 'method', post],
    ['RFC 9110 §9.3.3 POST without a stated lifetime', { 'Content-Location': '/page', 'Last-Modified': httpDate(-1000) }, ['method', 'POST without a stated lifetime'], post],
    ['RFC 9110 §9.3.3 POST with --default-ttl alone', { 'Content-Location': '/page' }, 'method', { ...post, settings: SAFE }],
    ['RFC 9110 §9.3.3 POST that did not succeed', { ...fresh, 'Content-Location': '/page' }, 'method', { ...post, changes: { method: 'POST', status: 201 } }],
    ['§5.2.2.5 POST and no-store', { 'Cache-Control': 'no-store, max-age=60', 'Content-Location': '/page' }, 'no-store', post],
    ['--ttl is not for POST', { 'Content-Location': '/page' }, 'method', { ...post, settings: TTL }],
    ['--ttl is not for QUERY', {}, 'never-reusable', { ask: { method: 'QUERY' }, changes: { method: 'QUERY' }, settings: TTL }],
    ...['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'get'].map((method): Row => [`§3 ${method}`, fresh, ['method', method], { ask: { method }, changes: { method } }]),
    ['§3 an interim response', fresh, ['status-never', 'status 103'], { changes: { status: 103 } }],
    ['§3 the last interim status', fresh, 'status-never', { changes: { status: 199 } }],
    ['§4.3.4 a 304 describes another response', fresh, ['status-never', 'status 304'], { changes: { status: 304 } }],
    ['§3.3 a 206 without a range', fresh, ['partial', 'status 206 without a single Content-Range'], { changes: { status: 206 } }],
    ['§3.3 a 206 without a range under --ttl', fresh, 'partial', { changes: { status: 206 }, settings: TTL }],
    ...[412, 416].map((status): Row => [`${status}: what one request's condition refused`, fresh, ['status-never', `status ${status}`], { changes: { status } }]),
    ...[428, 429, 431, 511].map((status): Row => [`RFC 6585 ${status}`, { 'Cache-Control': 'public, max-age=60' }, 'status-never', { changes: { status } }]),
    ['§5.2.2.5 no-store', { 'Cache-Control': 'max-age=60, no-store' }, ['no-store', 'Cache-Control: no-store']],
    ['§5.2.2.5 no-store with an argument', { 'Cache-Control': 'max-age=60, no-store="x"' }, 'no-store'],
    ['§5.2.2.5 a malformed no-store', { 'Cache-Control': 'max-age=60, no-store;' }, 'no-store'],
    ['§5.2.2.5 no-store on a second line', { 'Cache-Control': ['max-age=60', 'No-Store'] }, 'no-store'],
    ['§5.2.2.5 no-store behind a quote that never ends', { 'Cache-Control': 'max-age=60, x="y, no-store' }, 'no-store'],
    ['RFC 9213 §2.2 a targeted no-store', { 'CDN-Cache-Control': 'no-store', 'Cache-Control': 'max-age=60' }, ['no-store', 'CDN-Cache-Control: no-store']],
    ['§5.2.1.5 no-store of the request', fresh, ['request-no-store', 'request Cache-Control: no-store'], { asked: { 'Cache-Control': 'no-store' } }],
    ['§5.2.1.5 a malformed no-store of the request', fresh, 'request-no-store', { asked: { 'Cache-Control': 'no-store=' } }],
    ['§5.2.1.5 even with must-understand', { 'Cache-Control': 'must-understand, no-store, max-age=60' }, 'request-no-store', { asked: { 'Cache-Control': 'no-store' } }],
    ['§5.2.2.7 private', { 'Cache-Control': 'private, max-age=60' }, ['private', 'Cache-Control: private']],
    ['§5.2.2.7 private beside public', { 'Cache-Control': 'public, private, max-age=60' }, 'private'],
    ['§5.2.2.7 private and s-maxage', { 'Cache-Control': 'private, s-maxage=60' }, 'private'],
    ['§5.2.2.7 private beside the form of some fields', { 'Cache-Control': 'private="X-User", private, max-age=60' }, 'private'],
    ['§5.2.2.7 a malformed private', { 'Cache-Control': 'max-age=60, private=' }, 'private'],
    ['§5.2.2.7 a private that lists no field names', { 'Cache-Control': 'max-age=60, private="a b"' }, 'private'],
    ['§5.2.2.7 must-understand leaves private be', { 'Cache-Control': 'must-understand, no-store, private, max-age=60' }, 'private'],
    ['§5.2.2.3 must-understand and an unknown status', { 'Cache-Control': 'must-understand, max-age=60' }, ['must-understand', 'status 299'], { changes: { status: 299 } }],
    ['§3.5 Authorization', { 'Cache-Control': 'max-age=60' }, ['authorization', 'request has Authorization'], auth],
    ['§3.5 Authorization and an invalid s-maxage', { 'Cache-Control': 's-maxage=x', ETag: '"a"' }, 'authorization', auth],
    ['§3.5 Authorization and proxy-revalidate', { 'Cache-Control': 'proxy-revalidate, max-age=60' }, 'authorization', auth],
    ['§3.5 public where a targeted field governs', { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'public' }, 'authorization', auth],
    ['§4.1 Vary: *', { ...fresh, Vary: '*' }, ['vary-star', 'Vary: *']],
    ['"*" in a Vary of the request', fresh, ['vary-star', 'request Vary: *'], { asked: { Vary: '*' } }],
    ['"*" in a Vary of the request under --ttl', {}, ['vary-star', 'request Vary: *'], { asked: { Vary: '*' }, settings: TTL }],
    ['§4.1 "*" in any member of Vary', { ...fresh, Vary: ['Accept', 'Accept-Language , *'] }, 'vary-star'],
    ['§3 a status not cacheable by default', { ETag: '"a"' }, ['status', 'status 302 is not cacheable by default and states no lifetime'], { changes: { status: 302 } }],
    ['§3 the same with --default-ttl', { ETag: '"a"' }, 'status', { changes: { status: 500 }, settings: SAFE }],
    ['no lifetime and no validator', {}, ['never-reusable', 'no validator']],
    ['stale at once and no validator', { 'Cache-Control': 'max-age=0' }, 'never-reusable'],
    ['older than its lifetime on arrival', { 'Cache-Control': 'max-age=60', Age: '60' }, 'never-reusable'],
    ['§5.4 Pragma: no-cache under --default-ttl', { Pragma: 'no-cache' }, 'never-reusable', { settings: SAFE }],
    ['§5.4 Pragma: no-cache and Expires', { Pragma: 'no-cache', Expires: httpDate(60) }, 'never-reusable'],
    ['no-cache without a validator', { 'Cache-Control': 'no-cache, max-age=60' }, 'never-reusable'],
    ['no-cache without a validator, of use neither when stale', { 'Cache-Control': 'no-cache, max-age=60, stale-if-error=9' }, 'never-reusable'],
    ['of use when stale, for a time that is invalid', { 'Cache-Control': 'max-age=0, stale-if-error=x' }, 'never-reusable'],
    ['--default-ttl where something private is in play', { ETag: '"a"' }, 'private-in-play', { changes: { privateInPlay: true }, settings: SAFE }],
    ['--ttl and Authorization', {}, ['authorization', 'request has Authorization'], { ...auth, settings: TTL }],
    ['--ttl and Authorization, though it is public', { 'Cache-Control': 'public, s-maxage=9' }, 'authorization', { ...auth, settings: TTL }],
    ...[400, 414, 501, 600].map((status): Row => [`--ttl and ${status}`, fresh, ['status-never', `status ${status}`], { changes: { status }, settings: TTL }]),
    ...[302, 403, 500, 503].map((status): Row => [`--ttl and ${status}`, fresh, ['status-under-ttl', `status ${status}`], { changes: { status }, settings: TTL }]),
    ['--ttl and Vary: *', { Vary: '*' }, ['vary-star', 'Vary: *'], { settings: TTL }],
  ], false);

  test('gives no detail where there is none', () => assert.deepEqual(judge({}, { settings: { ...STATED, cache: false } }).reasons, [{ code: 'caching-off' }]));

  test('says of what is never reusable which lifetime it has', () => {
    const verdict = judge({ 'Cache-Control': 'max-age=0' }, {});
    assert.deepEqual(verdict.reasons.map(({ code }) => code), ['never-reusable', 'lifetime-max-age']);
  });
});

describe('a lifetime just longer than the age on arrival', () => {
  test('is worth storing', () => assert.equal(judge({ 'Cache-Control': 'max-age=60', Age: '59' }, {}).store, true));
  test('is held against the age on arrival, response delay and all', () => {
    assert.equal(judge({ 'Cache-Control': 'max-age=60', Age: '59' }, { changes: { requestTime: after(-1) } }).store, false);
  });
});

describe('what is left out of the stored response', () => {
  const cases: [rule: string, fields: FieldLines, settings: Settings, omit: string[]][] = [
    ['nothing as a rule', {}, SAFE, []],
    ['Set-Cookie', { 'Set-Cookie': 'a=b' }, SAFE, ['set-cookie', 'set-cookie2']],
    ['Set-Cookie2', { 'Set-Cookie2': 'a=b' }, SAFE, ['set-cookie', 'set-cookie2']],
    ['not Set-Cookie by the letter', { 'Set-Cookie': 'a=b' }, LETTER, []],
    ['§5.2.2.7 the fields that private names', { 'Cache-Control': 'private="X-User, X-Id", max-age=60' }, SAFE, ['x-user', 'x-id']],
    ['§5.2.2.7 those also by the letter', { 'Cache-Control': 'private=x-user, max-age=60' }, LETTER, ['x-user']],
    ['both', { 'Cache-Control': 'private=x-user, max-age=60', 'Set-Cookie': 'a=b' }, SAFE, ['x-user', 'set-cookie', 'set-cookie2']],
    ['Set-Cookie under --ttl', {}, TTL, ['set-cookie', 'set-cookie2']],
    ['Set-Cookie under --ttl, even by the letter', { 'Set-Cookie': 'a=b' }, { ...TTL, letter: true }, ['set-cookie', 'set-cookie2']],
  ];
  for (const [rule, fields, settings, omit] of cases) {
    test(rule, () => {
      const verdict = judge({ 'Cache-Control': 'max-age=60', ...fields }, { settings });
      assert.ok(verdict.store);
      assert.deepEqual(verdict.omit, omit);
    });
  }
});
