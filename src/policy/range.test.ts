import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FieldLines, RECEIVED, httpDate, request, stored } from '../../test/kit/messages.ts';
import type { StoredResponse } from './message.ts';
import { answerRange } from './range.ts';

type Answer = 'whole' | 'unsatisfiable' | 'too-many' | [first: number, last: number][];

function answer(asked: FieldLines, fields: FieldLines = {}, changes: Partial<StoredResponse> = {}, length = 100): Answer {
  const result = answerRange(request(asked).fields, stored(fields, changes), length);
  return result.kind === 'parts' ? result.spans.map(({ first, last }) => [first, last]) : result.kind;
}

describe('answerRange', () => {
  const spread = (count: number): string => `bytes=${Array.from({ length: count }, (_, i) => `${i * 2}-${i * 2}`).join(',')}`;
  const cases: [rule: string, range: string | string[] | undefined, expected: Answer, length?: number][] = [
    ['no Range', undefined, 'whole'],
    ['one range', 'bytes=0-9', [[0, 9]]],
    ['a suffix', 'bytes=-1', [[99, 99]]],
    ['beyond the end, as far as it goes', 'bytes=90-1000', [[90, 99]]],
    ['several, in the order asked for', 'bytes=20-29, 0-9', [[20, 29], [0, 9]]],
    ['neighbours do not overlap', 'bytes=0-9, 10-19', [[0, 9], [10, 19]]],
    ['those that are satisfiable', 'bytes=500-, 5-6', [[5, 6]]],
    ['RFC 9110 §14.2 none satisfiable', 'bytes=100-', 'unsatisfiable'],
    ['RFC 9110 §14.2 a suffix of nothing', 'bytes=-0', 'unsatisfiable'],
    ['RFC 9110 §14.2 an unknown unit is ignored', 'lines=0-9', 'whole'],
    ['RFC 9110 §14.2 an invalid Range is ignored', 'bytes=9-0', 'whole'],
    ['two Range lines are no valid one', ['bytes=0-1', 'bytes=3-4'], 'whole'],
    ['RFC 9110 §14.2 two that overlap', 'bytes=5-20, 0-5', [[5, 20], [0, 5]]],
    ['RFC 9110 §14.2 three that overlap one another', 'bytes=0-9, 9-10, 8-12', [[0, 9], [9, 10], [8, 12]]],
    ['RFC 9110 §14.2 more that overlap', 'bytes=0-9, 9-10, 10-11, 11-12', 'whole'],
    ['more that overlap one long range', 'bytes=0-9, 1-1, 3-3, 5-5', 'whole'],
    ['more bytes than the representation has', 'bytes=0-, 0-0', 'whole'],
    ['as many bytes as the representation has', 'bytes=50-, 0-49', [[50, 99], [0, 49]]],
    ['256 ranges', spread(256), Array.from({ length: 256 }, (_, i) => [i * 2, i * 2]), 1000],
    ['more than 256 ranges', spread(257), 'too-many', 1000],
    ['more than 256 ranges, of which no more are satisfiable', spread(257), Array.from({ length: 256 }, (_, i) => [i * 2, i * 2]), 512],
    ['more than 256 ranges that overlap', `bytes=${Array.from({ length: 300 }, (_, i) => `${i}-${i + 1}`).join(',')}`, 'whole', 1000],
    ['a range of an empty representation', 'bytes=0-', 'whole', 0],
    ['RFC 9110 §14.1.2 a suffix of an empty representation is the whole', 'bytes=-5', 'whole', 0],
    ['of one byte', 'bytes=0-', [[0, 0]], 1],
  ];
  for (const [rule, range, expected, length] of cases) test(rule, () => assert.deepEqual(answer(range === undefined ? {} : { Range: range }, {}, {}, length), expected));

  for (const status of [206, 404, 301]) {
    test(`RFC 9110 §14.2 Range counts where the answer were 200, not ${status}`, () => assert.equal(answer({ Range: 'bytes=0-9' }, {}, { status }), 'whole'));
  }
});

describe('If-Range', () => {
  const tag: FieldLines = { ETag: '"a"' };
  const old: FieldLines = { 'Last-Modified': httpDate(-60) };
  const cases: [rule: string, ifRange: string | string[], fields: FieldLines, holds: boolean][] = [
    ['the same strong tag', '"a"', tag, true],
    ['another tag', '"b"', tag, false],
    ['RFC 9110 §13.1.5 a weak tag in the request', 'W/"a"', tag, false],
    ['RFC 9110 §13.1.5 a weak tag in the response', '"a"', { ETag: 'W/"a"' }, false],
    ['RFC 9110 §13.1.5 weak on both sides', 'W/"a"', { ETag: 'W/"a"' }, false],
    ['no tag stored', '"a"', old, false],
    ['an unreadable tag stored', '"a"', { ETag: '"a" "a"' }, false],
    ['a list of tags is no valid If-Range', '"a", "b"', tag, false],
    ['two lines are no valid If-Range', ['"a"', '"a"'], tag, false],
    ['RFC 9110 §13.1.5 exactly Last-Modified', httpDate(-60), old, true],
    ['RFC 9110 §13.1.5 an earlier date', httpDate(-61), old, false],
    ['RFC 9110 §13.1.5 a later date', httpDate(-59), old, false],
    ['a date where no Last-Modified is stored', httpDate(-60), tag, false],
    ['a date where an invalid Last-Modified is stored', httpDate(-60), { 'Last-Modified': 'x' }, false],
    ['RFC 9110 §8.8.2.2 a date is strong a second after', httpDate(-1), { 'Last-Modified': httpDate(-1) }, true],
    ['RFC 9110 §8.8.2.2 a date is weak in the same second', httpDate(), { 'Last-Modified': httpDate() }, false],
    ['neither tag nor date', 'not valid', { ...tag, ...old }, false],
  ];
  for (const [rule, ifRange, fields, holds] of cases) {
    test(rule, () => assert.deepEqual(answer({ Range: 'bytes=0-9', 'If-Range': ifRange }, fields), holds ? [[0, 9]] : 'whole'));
  }

  test('RFC 9110 §8.8.2.2 without Date, a date is strong a second before the arrival', () => {
    const at = (ms: number): Answer => answer({ Range: 'bytes=0-9', 'If-Range': httpDate() }, { 'Last-Modified': httpDate(), Date: [] }, { responseTime: RECEIVED + ms });
    assert.deepEqual([at(999), at(1000)], ['whole', [[0, 9]]]);
  });
  test('says nothing without Range', () => assert.equal(answer({ 'If-Range': '"a"' }, tag), 'whole'));
  test('that does not hold makes an unsatisfiable range harmless', () => assert.equal(answer({ Range: 'bytes=500-', 'If-Range': '"b"' }, tag), 'whole'));
});
