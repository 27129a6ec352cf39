import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FieldLines, LETTER, RECEIVED, SAFE, STATED, TTL, after, httpDate, stored } from '../../test/kit/messages.ts';
import { type LifetimeSource, currentAge, dateValue, freshnessLifetime } from './freshness.ts';
import type { StoredResponse } from './message.ts';
import type { ReasonCode } from './reason.ts';
import type { Settings } from './settings.ts';

const DAY = 86_400;

describe('freshnessLifetime', () => {
  type Row = [rule: string, fields: FieldLines, seconds: number, source: LifetimeSource, code: ReasonCode, detail?: string];
  const stated: Row[] = [
    ['§5.2.2.1 max-age', { 'Cache-Control': 'max-age=60' }, 60, 'max-age', 'lifetime-max-age', 'Cache-Control: max-age=60'],
    ['§5.2.2.10 s-maxage overrides max-age', { 'Cache-Control': 'max-age=60, s-maxage=5' }, 5, 's-maxage', 'lifetime-s-maxage', 'Cache-Control: s-maxage=5'],
    ['§5.2.2.10 s-maxage overrides max-age, in any order', { 'Cache-Control': ['s-maxage=600', 'max-age=60'] }, 600, 's-maxage', 'lifetime-s-maxage'],
    ['§5.2.2.10 s-maxage overrides Expires', { 'Cache-Control': 's-maxage=5', Expires: httpDate(100) }, 5, 's-maxage', 'lifetime-s-maxage'],
    ['§5.3 max-age overrides Expires', { 'Cache-Control': 'max-age=5', Expires: httpDate(100) }, 5, 'max-age', 'lifetime-max-age'],
    ['§5.3 max-age=0 overrides Expires', { 'Cache-Control': 'max-age=0', Expires: httpDate(100) }, 0, 'max-age', 'lifetime-max-age'],
    ['§1.2.2 delta-seconds that overflow are 2^31', { 'Cache-Control': 'max-age=99999999999' }, 2_147_483_648, 'max-age', 'lifetime-max-age'],
    ['§5.2 the quoted form counts as well', { 'Cache-Control': 'max-age="60"' }, 60, 'max-age', 'lifetime-max-age'],
    ['§4.2.1 of two figures the lower', { 'Cache-Control': 'max-age=60, max-age=5' }, 5, 'max-age', 'lifetime-max-age'],
    ['§4.2.1 of two figures the lower, on two lines', { 'Cache-Control': ['max-age=5', 'max-age=60'] }, 5, 'max-age', 'lifetime-max-age'],
    ['§4.2.1 an invalid max-age is stale', { 'Cache-Control': 'max-age=1x' }, 0, 'max-age', 'lifetime-invalid', 'Cache-Control: max-age=1x'],
    ['§4.2.1 a max-age without figure is stale', { 'Cache-Control': 'max-age' }, 0, 'max-age', 'lifetime-invalid', 'Cache-Control: max-age='],
    ['§4.2.1 a negative max-age is stale', { 'Cache-Control': 'max-age=-1', Expires: httpDate(100) }, 0, 'max-age', 'lifetime-invalid'],
    ['§4.2.1 spaces around "=" are no syntax', { 'Cache-Control': 'max-age = 60' }, 0, 'max-age', 'lifetime-invalid'],
    ['§4.2.1 an invalid s-maxage is stale, whatever max-age says', { 'Cache-Control': 's-maxage=x, max-age=60' }, 0, 's-maxage', 'lifetime-invalid'],
    ['§4.2.1 one invalid figure of two is stale', { 'Cache-Control': 'max-age=60, max-age=x' }, 0, 'max-age', 'lifetime-invalid'],
    ['§5.3 Expires less Date', { Expires: httpDate(100) }, 100, 'expires', 'lifetime-expires', `Expires: ${httpDate(100)}`],
    ['§5.3 Expires less Date, the origin an hour behind', { Expires: httpDate(-3500), Date: httpDate(-3600) }, 100, 'expires', 'lifetime-expires'],
    ['§5.3 Expires less the time of arrival without Date', { Expires: httpDate(100), Date: [] }, 100, 'expires', 'lifetime-expires'],
    ['§5.3 Expires less the time of arrival with an invalid Date', { Expires: httpDate(100), Date: 'yesterday' }, 100, 'expires', 'lifetime-expires'],
    ['§5.3 an Expires at Date is stale', { Expires: httpDate() }, 0, 'expires', 'lifetime-expires'],
    ['§5.3 an Expires before Date is stale', { Expires: httpDate(-5) }, 0, 'expires', 'lifetime-expires'],
    ['§5.3 Expires: 0 is in the past', { Expires: '0' }, 0, 'expires', 'lifetime-invalid', 'Expires: 0'],
    ['§5.3 an invalid Expires is in the past', { Expires: '2999-01-01' }, 0, 'expires', 'lifetime-invalid'],
    ['§4.2.1 Expires twice is stale', { Expires: [httpDate(100), httpDate(200)] }, 0, 'expires', 'lifetime-invalid', `Expires: ${httpDate(100)}, ${httpDate(200)}`],
    ['§5.3 Expires rules out heuristics', { Expires: '0', 'Last-Modified': httpDate(-1000) }, 0, 'expires', 'lifetime-invalid'],
    ['§4.2.2 max-age rules out heuristics', { 'Cache-Control': 'max-age=0', 'Last-Modified': httpDate(-1000) }, 0, 'max-age', 'lifetime-max-age'],
    ['RFC 9213 §2.2 a targeted max-age', { 'CDN-Cache-Control': 'max-age=7', 'Cache-Control': 's-maxage=60' }, 7, 'max-age', 'lifetime-max-age', 'CDN-Cache-Control: max-age=7'],
    ['RFC 9213 §2.2 Expires does not count where a field is targeted', { 'CDN-Cache-Control': 'public', Expires: httpDate(100) }, 0, 'none', 'lifetime-none'],
    ['§4.2.2 a tenth of the time since Last-Modified', { 'Last-Modified': httpDate(-1000) }, 100, 'heuristic', 'lifetime-heuristic', '10 % of the time since Last-Modified: 100 s'],
    ['§4.2.2 the time since Last-Modified is up to Date', { 'Last-Modified': httpDate(-3700), Date: httpDate(-3600) }, 10, 'heuristic', 'lifetime-heuristic'],
    ['a guess is exact for long times', { 'Last-Modified': httpDate(-100_000) }, 10_000, 'heuristic', 'lifetime-heuristic'],
    ['a guess is in whole seconds', { 'Last-Modified': httpDate(-19) }, 1, 'heuristic', 'lifetime-heuristic'],
    ['a guess is a day at most', { 'Last-Modified': httpDate(-11 * DAY) }, DAY, 'heuristic', 'lifetime-heuristic'],
    ['a Last-Modified after Date gives nothing', { 'Last-Modified': httpDate(1000) }, 0, 'heuristic', 'lifetime-heuristic'],
    ['an invalid Last-Modified gives nothing', { 'Last-Modified': 'last week' }, 0, 'none', 'lifetime-none', 'no lifetime stated and no Last-Modified'],
    ['nothing gives nothing', {}, 0, 'none', 'lifetime-none', 'no lifetime stated and no Last-Modified'],
    ['a semicolon separates as a comma does', { 'Cache-Control': 'public; max-age=1' }, 1, 'max-age', 'lifetime-max-age', 'Cache-Control: max-age=1'],
    ['Pragma says nothing else in a response', { Pragma: 'max-age=60' }, 0, 'none', 'lifetime-none'],
  ];
  for (const [rule, fields, seconds, source, code, detail] of stated) {
    test(rule, () => {
      const lifetime = freshnessLifetime(stored(fields), STATED);
      assert.deepEqual([lifetime.seconds, lifetime.source, lifetime.reason.code], [seconds, source, code]);
      assert.equal(lifetime.implicit, ['none', 'heuristic', 'default-ttl'].includes(source));
      if (detail !== undefined) assert.equal(lifetime.reason.detail, detail);
    });
  }

  type SettingsRow = [rule: string, settings: Settings, fields: FieldLines, changes: Partial<StoredResponse>, seconds: number, code: ReasonCode];
  const lastModified: FieldLines = { 'Last-Modified': httpDate(-1000) };
  const bySettings: SettingsRow[] = [
    ['--default-ttl where nothing is stated', SAFE, {}, {}, 120, 'lifetime-default'],
    ['--default-ttl is the limit of half of the time since Last-Modified', SAFE, lastModified, {}, 120, 'lifetime-default'],
    ['--default-ttl where that half is as much', SAFE, { 'Last-Modified': httpDate(-240) }, {}, 120, 'lifetime-default'],
    ['half of the time since Last-Modified where that is less', SAFE, { 'Last-Modified': httpDate(-239) }, {}, 119, 'lifetime-heuristic'],
    ['nothing for what changed just now', SAFE, { 'Last-Modified': httpDate(-1) }, {}, 0, 'lifetime-heuristic'],
    ['nothing for what changes after Date', SAFE, { 'Last-Modified': httpDate(50) }, {}, 0, 'lifetime-heuristic'],
    ['half of the time up to Date', SAFE, { 'Last-Modified': httpDate(-3640), Date: httpDate(-3600) }, {}, 20, 'lifetime-heuristic'],
    ['half of the time for a 206', SAFE, { 'Last-Modified': httpDate(-20) }, { status: 206, range: { first: 0, last: 1, length: 9 } }, 10, 'lifetime-heuristic'],
    ['--default-ttl where Last-Modified is no date', SAFE, { 'Last-Modified': 'last week' }, {}, 120, 'lifetime-default'],
    ['§4.2.2 still a tenth under --default-ttl 0', STATED, { 'Last-Modified': httpDate(-20) }, {}, 2, 'lifetime-heuristic'],
    ['--default-ttl gives way to max-age', SAFE, { 'Cache-Control': 'max-age=0' }, {}, 0, 'lifetime-max-age'],
    ['--default-ttl gives way to an invalid max-age', SAFE, { 'Cache-Control': 'max-age=x' }, {}, 0, 'lifetime-invalid'],
    ['--default-ttl gives way to an invalid Expires', SAFE, { Expires: '-1' }, {}, 0, 'lifetime-invalid'],
    ['--default-ttl of a second', { ...SAFE, defaultTtl: 1 }, lastModified, {}, 1, 'lifetime-default'],
    ['--default-ttl for a HEAD', SAFE, {}, { method: 'HEAD' }, 120, 'lifetime-default'],
    ...[404, 405, 410, 414, 501].map((status): SettingsRow => [`ten seconds for a ${status}`, SAFE, {}, { status }, 10, 'lifetime-error']),
    ...[200, 203, 204, 300, 301, 308].map((status): SettingsRow => [`--default-ttl for a ${status}`, SAFE, {}, { status }, 120, 'lifetime-default']),
    ['ten seconds for a 404 that has not changed for long', SAFE, lastModified, { status: 404 }, 10, 'lifetime-error'],
    ['half of the time for a 404 that changed just now', SAFE, { 'Last-Modified': httpDate(-6) }, { status: 404 }, 3, 'lifetime-heuristic'],
    ['a shorter --default-ttl for a 404', { ...SAFE, defaultTtl: 4 }, {}, { status: 404 }, 4, 'lifetime-default'],
    ['ten seconds for a 404 by heuristics', STATED, lastModified, { status: 404 }, 10, 'lifetime-error'],
    ['what a 404 states', SAFE, { 'Cache-Control': 'max-age=300' }, { status: 404 }, 300, 'lifetime-max-age'],
    ['ten seconds for an error marked public', SAFE, { 'Cache-Control': 'public' }, { status: 500 }, 10, 'lifetime-error'],
    ['--default-ttl not for a 302', SAFE, {}, { status: 302 }, 0, 'lifetime-none'],
    ['--default-ttl not for a 500', SAFE, {}, { status: 500 }, 0, 'lifetime-none'],
    ['--default-ttl for a 302 marked public', SAFE, { 'Cache-Control': 'public' }, { status: 302 }, 120, 'lifetime-default'],
    ['--default-ttl not where something private is in play', SAFE, {}, { privateInPlay: true }, 0, 'private-in-play'],
    ['nor even where it is marked public', SAFE, { 'Cache-Control': 'public' }, { privateInPlay: true }, 0, 'private-in-play'],
    ['no guess where something private is in play', STATED, lastModified, { privateInPlay: true }, 0, 'private-in-play'],
    ['a stated lifetime where something private is in play', SAFE, { 'Cache-Control': 'max-age=9' }, { privateInPlay: true }, 9, 'lifetime-max-age'],
    ['the letter guesses even then', LETTER, lastModified, { privateInPlay: true }, 100, 'lifetime-heuristic'],
    ['§4.2.2 a guess not for a 302', LETTER, lastModified, { status: 302 }, 0, 'lifetime-none'],
    ['§4.2.2 a guess for a 302 marked public', LETTER, { ...lastModified, 'Cache-Control': 'public' }, { status: 302 }, 100, 'lifetime-heuristic'],
    ['no guess for a QUERY', LETTER, lastModified, { method: 'QUERY' }, 0, 'lifetime-none'],
    ['no --default-ttl for a POST', SAFE, {}, { method: 'POST' }, 0, 'lifetime-none'],
    ['something private in play with a QUERY', SAFE, {}, { method: 'QUERY', privateInPlay: true }, 0, 'private-in-play'],
    ['--ttl over max-age', TTL, { 'Cache-Control': 'max-age=5' }, {}, 60, 'lifetime-ttl'],
    ['--ttl over no-store and an invalid lifetime', TTL, { 'Cache-Control': 'no-store, max-age=x' }, {}, 60, 'lifetime-ttl'],
    ['--ttl where something private is in play', TTL, {}, { privateInPlay: true }, 60, 'lifetime-ttl'],
    ['--ttl for a HEAD', TTL, {}, { method: 'HEAD' }, 60, 'lifetime-ttl'],
    ['ten seconds of --ttl for a 404', TTL, {}, { status: 404 }, 10, 'lifetime-error'],
    ['ten seconds of --ttl for a 404 that forbids storing', TTL, { 'Cache-Control': 'no-store' }, { status: 404 }, 10, 'lifetime-error'],
    ['ten seconds of --ttl for a 404 that states less', TTL, { 'Cache-Control': 'max-age=3' }, { status: 404 }, 10, 'lifetime-error'],
    ['what a 404 states, where it is more', TTL, { 'Cache-Control': 'max-age=30' }, { status: 404 }, 30, 'lifetime-error'],
    ['--ttl where a 404 states more than that', TTL, { 'Cache-Control': 'max-age=300' }, { status: 404 }, 60, 'lifetime-ttl'],
    ['a shorter --ttl for a 404', { ...TTL, ttl: 4 }, {}, { status: 404 }, 4, 'lifetime-ttl'],
    ['--ttl is for GET and HEAD alone', TTL, { 'Cache-Control': 'max-age=5' }, { method: 'POST' }, 5, 'lifetime-max-age'],
    ['--ttl over --default-ttl', { ...SAFE, ttl: 7 }, {}, {}, 7, 'lifetime-ttl'],
  ];
  for (const [rule, settings, fields, changes, seconds, code] of bySettings) {
    test(rule, () => {
      const lifetime = freshnessLifetime(stored(fields, changes), settings);
      assert.deepEqual([lifetime.seconds, lifetime.reason.code], [seconds, code]);
      assert.equal(lifetime.source === 'ttl', settings.ttl !== undefined && changes.method !== 'POST');
      assert.equal(lifetime.implicit, ['none', 'default-ttl', 'heuristic'].includes(lifetime.source));
    });
  }

  test('the details say where it comes from', () => {
    const detail = (settings: Settings, status: number, fields: FieldLines = {}): string | undefined => freshnessLifetime(stored(fields, { status }), settings).reason.detail;
    assert.deepEqual([detail(SAFE, 200), detail(TTL, 200), detail(SAFE, 302)], ['--default-ttl 120 s', '--ttl 60 s', 'status 302']);
    assert.deepEqual([detail(SAFE, 404), detail(TTL, 404)], ['status 404: 10 s', 'status 404: 10 s of --ttl 60 s']);
    assert.equal(detail(SAFE, 200, { 'Last-Modified': httpDate(-30) }), 'half of the time since Last-Modified: 15 s');
  });
});

describe('dateValue', () => {
  const cases: [rule: string, date: string | string[], expected: number][] = [
    ['Date', httpDate(-5), after(-5)],
    ['Date in the future', httpDate(5), after(5)],
    ['absent: when it was received', [], RECEIVED],
    ['invalid: when it was received', 'soon', RECEIVED],
    ['RFC 9110 §5.6.7: the obsolete forms', 'Friday, 31-Oct-25 23:59:55 GMT', after(-5)],
    ['repeated alike', [httpDate(-5), httpDate(-5)], after(-5)],
    ['repeated alike in two forms', [httpDate(-5), 'Fri Oct 31 23:59:55 2025'], after(-5)],
    ['repeated differently: when it was received', [httpDate(-5), httpDate(-500)], RECEIVED],
    ['repeated, once invalid: when it was received', [httpDate(-5), 'x'], RECEIVED],
    ['a list of dates is none', `${httpDate(-5)}, ${httpDate(-5)}`, RECEIVED],
  ];
  for (const [rule, date, expected] of cases) test(rule, () => assert.equal(dateValue(stored({ Date: date })), expected));
});

describe('currentAge', () => {
  type Row = [rule: string, fields: FieldLines, changes: Partial<StoredResponse>, passed: number, age: number];
  const cases: Row[] = [
    ['§4.2.3 resident time', {}, {}, 30, 30],
    ['§4.2.3 fractions of a second count', {}, {}, 0.25, 0.25],
    ['§4.2.3 Age adds to it', { Age: '100' }, {}, 30, 130],
    ['§4.2.3 apparent age adds to it', { Date: httpDate(-50) }, {}, 30, 80],
    ['§4.2.3 the higher of Age and apparent age', { Date: httpDate(-50), Age: '100' }, {}, 0, 100],
    ['§4.2.3 the higher of apparent age and Age', { Date: httpDate(-500), Age: '100' }, {}, 0, 500],
    ['§4.2.3 a Date in the future makes nothing younger', { Date: httpDate(500), Age: '7' }, {}, 1, 8],
    ['§4.2.3 response delay corrects Age', { Age: '100' }, { requestTime: after(-4) }, 0, 104],
    ['§4.2.3 response delay without Age', {}, { requestTime: after(-4) }, 0, 4],
    ['§4.2.3 response delay does not add to the apparent age', { Date: httpDate(-50) }, { requestTime: after(-4) }, 0, 50],
    ['a clock set back while the origin answered', { Age: '3' }, { requestTime: after(60) }, 0, 3],
    ['a clock set back since', { Age: '3' }, {}, -60, 3],
    ['§5.1 an invalid Age is ignored', { Age: 'old' }, {}, 5, 5],
    ['§5.1 a negative Age is ignored', { Age: '-100' }, {}, 5, 5],
    ['§5.1 a fractional Age is ignored', { Age: '1.5' }, {}, 5, 5],
    ['§5.1 a signed Age is ignored', { Age: '+7' }, {}, 5, 5],
    ['§5.1 an Age with parameters is ignored', { Age: '7;foo=bar' }, {}, 5, 5],
    ['§5.1 an empty Age is ignored', { Age: '' }, {}, 5, 5],
    ['§5.1 the first member of a list', { Age: '7, 100' }, {}, 0, 7],
    ['§5.1 the first of several lines', { Age: ['7', '100'] }, {}, 0, 7],
    ['§5.1 the first of several lines, though it is invalid', { Age: ['x', '100'] }, {}, 0, 0],
    ['§5.1 white space is no part of it', { Age: ' 7 ' }, {}, 0, 7],
    ['§1.2.2 an Age that overflows is 2^31', { Age: '9'.repeat(400) }, {}, 0, 2_147_483_648],
    ['an invalid Date counts as the arrival', { Date: 'x', Age: '7' }, {}, 1, 8],
  ];
  for (const [rule, fields, changes, passed, age] of cases) test(rule, () => assert.equal(currentAge(stored(fields, changes), after(passed)), age));
});
