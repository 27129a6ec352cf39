import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { formatHttpDate, parseFormatted, parseHttpDate } from './date.ts';

const NOW = Date.UTC(2026, 0, 15, 12);

describe('parseHttpDate', () => {
  const valid: [text: string, expected: number][] = [
    // The examples of RFC 9110 §5.6.7.
    ['Sun, 06 Nov 1994 08:49:37 GMT', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['Sunday, 06-Nov-94 08:49:37 GMT', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['Sun Nov  6 08:49:37 1994', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['Sun Nov 16 08:49:37 1994', Date.UTC(1994, 10, 16, 8, 49, 37)],
    [' \tSun, 06 Nov 1994 08:49:37 GMT \t', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['SUN, 06 NOV 1994 08:49:37 gMT', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['wednesday, 06-nov-94 08:49:37 gmt', Date.UTC(1994, 10, 6, 8, 49, 37)],
    // The day of the week is not checked against the date.
    ['Mon, 06 Nov 1994 08:49:37 GMT', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['Tue, 19 Jan 2038 14:14:08 GMT', Date.UTC(2038, 0, 19, 14, 14, 8)],
    ['Sun, 21 Nov 2286 04:46:39 GMT', Date.UTC(2286, 10, 21, 4, 46, 39)],
    ['Thursday, 18-Aug-50 02:01:18 GMT', Date.UTC(2050, 7, 18, 2, 1, 18)],
    ['Thu Aug  8 02:01:18 2050', Date.UTC(2050, 7, 8, 2, 1, 18)],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Wed, 31 Dec 1969 23:59:59 GMT', -1000],
    ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
  ];
  for (const [text, expected] of valid) {
    test(`reads ${JSON.stringify(text)}`, () => assert.equal(parseHttpDate(text, NOW), expected));
  }

  const invalid = [
    '', '0', '-1', 'now', 'Sun', '1994-11-06T08:49:37Z', '784111777',
    'Thu, 18 Aug 2050 02:01:18 UTC', 'Thu, 18 Aug 2050 02:01:18 AEST', 'Thu, 18 Aug 2050 02:01:18', 'Thu, 18 Aug 2050 02:01:18 +0000',
    'Thu, 18 Aug 50 02:01:18 GMT', 'Thu, 18 Aug 02050 02:01:18 GMT', 'Thu 18 Aug 2050 02:01:18 GMT', 'Thu,18 Aug 2050 02:01:18 GMT',
    'Thu, 18  Aug  2050 02:01:18 GMT', 'Thu,  18 Aug 2050 02:01:18 GMT', 'Thu, 18-Aug-2050 02:01:18 GMT', 'Thu, 18 Aug 2050 02.01.18 GMT',
    'Thu, 18 Aug 2050 2:01:18 GMT', 'Thu, 8 Aug 2050 02:01:18 GMT', 'Thu, 18 August 2050 02:01:18 GMT', 'Thursday, 18 Aug 2050 02:01:18 GMT',
    'Thu, 18-Aug-50 02:01:18 GMT', 'Thursday, 18-Aug-2050 02:01:18 GMT', 'Xyz, 18 Aug 2050 02:01:18 GMT', 'Thu, 18 Foo 2050 02:01:18 GMT',
    'Thu Aug 8 02:01:18 2050', 'Thu Aug  8 02:01:18 2050 GMT', 'Thu Aug  8 02:01:18 50', 'Thu, Aug  8 02:01:18 2050',
    'Thu, 30 Feb 2050 02:01:18 GMT', 'Wed, 29 Feb 2023 00:00:00 GMT', 'Thu, 00 Aug 2050 02:01:18 GMT', 'Thu, 32 Aug 2050 02:01:18 GMT',
    'Thu, 18 Aug 2050 24:00:00 GMT', 'Thu, 18 Aug 2050 02:60:18 GMT', 'Thu, 18 Aug 2050 02:01:61 GMT',
    'Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT', 'Thu, 18 Aug 2050 02:01:18 GMT\n', '\u00a0Thu, 18 Aug 2050 02:01:18 GMT',
  ];
  for (const text of invalid) {
    test(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseHttpDate(text, NOW), undefined));
  }

  test('puts a two-digit year at most 50 years in the future', () => {
    const read = (text: string, now = NOW): number => new Date(parseHttpDate(text, now)!).getUTCFullYear();
    assert.equal(read('Monday, 14-Jan-76 00:00:00 GMT'), 2076);
    assert.equal(read('Monday, 16-Jan-76 00:00:00 GMT'), 1976);
    assert.equal(read('Monday, 01-Jan-77 00:00:00 GMT'), 1977);
    assert.equal(read('Monday, 01-Jan-00 00:00:00 GMT'), 2000);
    assert.equal(read('Monday, 01-Jan-10 00:00:00 GMT', Date.UTC(2080, 0, 1)), 2110);
    assert.equal(read('Monday, 01-Jan-99 00:00:00 GMT', Date.UTC(1999, 5, 1)), 1999);
    assert.equal(read('Monday, 01-Jan-30 00:00:00 GMT', Date.UTC(1999, 5, 1)), 2030);
  });

  test('reads 29 February by the century it falls into', () => {
    assert.equal(parseHttpDate('Monday, 29-Feb-00 00:00:00 GMT', NOW), Date.UTC(2000, 1, 29));
    // 2100 is no leap year.
    assert.equal(parseHttpDate('Monday, 29-Feb-00 00:00:00 GMT', Date.UTC(2080, 0, 1)), undefined);
  });

  test('never throws', () => {
    const nearly = fc.stringMatching(/^(Sun|Sunday),? \d{1,2}[ -](Nov|Feb)[ -]\d{2,4} \d\d:\d\d:\d\d( GMT)?$/);
    fc.assert(
      fc.property(fc.oneof(anyText(), nearly), fc.integer({ min: 0, max: 8e15 }), (text, now) => {
        const time = parseHttpDate(text, now);
        assert.ok(time === undefined || Number.isInteger(time));
      }),
    );
  });
});

describe('formatHttpDate', () => {
  test('writes IMF-fixdate', () => {
    assert.equal(formatHttpDate(784111777_999), 'Sun, 06 Nov 1994 08:49:37 GMT');
    assert.equal(formatHttpDate(0), 'Thu, 01 Jan 1970 00:00:00 GMT');
    assert.equal(formatHttpDate(-1), 'Wed, 31 Dec 1969 23:59:59 GMT');
  });

  test('what is written is read back, to the second', () => {
    const years0to9999 = fc.integer({ min: Date.UTC(0, 0, 1) - 1900 * 31556952000, max: Date.UTC(9999, 11, 31) });
    fc.assert(
      fc.property(years0to9999, (ms) => {
        const text = formatHttpDate(ms);
        assert.equal(text, new Date(ms).toUTCString());
        assert.equal(parseHttpDate(text, NOW), Math.floor(ms / 1000) * 1000);
        assert.equal(parseFormatted(text), Math.floor(ms / 1000) * 1000);
      }),
    );
  });

  test('no other text is taken for one that was written', () => {
    formatHttpDate(784111777_999);
    for (const text of ['', 'Sun, 06 Nov 1994 08:49:60 GMT', 'Sun, 06 Nov 1994 24:00:00 GMT', 'Sun, 06 Nov 1994 8:49:37 GMT', 'Sun, 06 Nov 1994 08:49:37 gmt', 'Mon, 06 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 1e:00:00 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT']) {
      assert.equal(parseFormatted(text), undefined, text);
    }
  });
});
