import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FieldLines, LETTER, STATED, stored } from '../../test/kit/messages.ts';
import { Fields } from '../http/fields.ts';
import type { StoredRange } from './message.ts';
import { announcedRange, completion, isWhole, joins, receivedRange } from './partial.ts';

const range = (first: number, last: number, length: number | undefined = 20): StoredRange => ({ first, last, length });

describe('announcedRange', () => {
  const cases: [rule: string, value: string[], status: number, expected: StoredRange | undefined][] = [
    ['one range', ['bytes 0-9/20'], 206, range(0, 9)],
    ['of unknown length', ['bytes 0-9/*'], 206, { first: 0, last: 9, length: undefined }],
    ['none', [], 206, undefined],
    ['twice', ['bytes 0-9/20', 'bytes 0-9/20'], 206, undefined],
    ['invalid', ['bytes 9-0/20'], 206, undefined],
    ['another unit', ['lines 0-9/20'], 206, undefined],
    ['not satisfied', ['bytes */20'], 206, undefined],
    ['RFC 9110 §14.4 says nothing in a 200', ['bytes 0-9/20'], 200, undefined],
  ];
  for (const [rule, value, status, expected] of cases) {
    test(rule, () => assert.deepEqual(announcedRange({ status, fields: Fields.of({ 'Content-Range': value }) }), expected));
  }
});

describe('receivedRange', () => {
  const cases: [rule: string, announced: StoredRange, length: number, expected: StoredRange | undefined, letter?: StoredRange][] = [
    ['as announced', range(5, 9), 5, range(5, 9)],
    ['less than announced', range(5, 9), 3, range(5, 7)],
    ['more than announced', range(5, 9), 6, undefined],
    ['nothing', range(5, 9), 0, undefined],
    ['as announced, to the end', range(5, 19), 15, range(5, 19)],
    ['less than announced, to the end', range(5, 19), 10, range(5, 14), range(5, 14, 15)],
    ['of unknown length', { first: 5, last: 9, length: undefined }, 5, { first: 5, last: 9, length: undefined }],
  ];
  for (const [rule, announced, length, expected, letter = expected] of cases) {
    test(rule, () => {
      assert.deepEqual(receivedRange(announced, length, STATED), expected);
      assert.deepEqual(receivedRange(announced, length, LETTER), letter);
    });
  }
});

test('isWhole', () => {
  assert.deepEqual([range(0, 19), range(1, 19), range(0, 18), { first: 0, last: 19, length: undefined }].map(isWhole), [true, false, false, false]);
});

describe('completion', () => {
  const strong: FieldLines = { ETag: '"a"' };
  type Wanted = ReturnType<typeof completion>;
  const rest: Wanted = { range: 'bytes=10-', ifRange: '"a"' };
  const blind: Wanted = { range: 'bytes=10-', ifRange: undefined };
  const cases: [rule: string, fields: FieldLines, range: StoredRange | undefined, expected: Wanted, letter?: Wanted][] = [
    ['§3.4 what is missing after a beginning', strong, range(0, 9), rest],
    ['a weak validator', { ETag: 'W/"a"' }, range(0, 9), undefined, blind],
    ['no validator', {}, range(0, 9), undefined, blind],
    ['an unreadable validator', { ETag: 'a b' }, range(0, 9), undefined, blind],
    ['not from the beginning', strong, range(1, 9), undefined],
    ['of unknown length', strong, { first: 0, last: 9, length: undefined }, undefined],
    ['nothing is missing', strong, range(0, 19), undefined],
    ['one byte is missing', strong, range(0, 18), { range: 'bytes=19-', ifRange: '"a"' }],
    ['the whole is stored', strong, undefined, undefined],
  ];
  for (const [rule, fields, own, expected, letter = expected] of cases) {
    test(rule, () => {
      assert.deepEqual(completion(stored(fields, { range: own }), STATED), expected);
      assert.deepEqual(completion(stored(fields, { range: own }), LETTER), letter);
    });
  }
});

describe('joins', () => {
  const cases: [rule: string, own: StoredRange | undefined, newer: StoredRange, tags: [own: string | undefined, newer: string | undefined], expected: boolean][] = [
    ['neighbours', range(0, 9), range(10, 19), ['"a"', '"a"'], true],
    ['neighbours, the newer before', range(10, 19), range(0, 9), ['"a"', '"a"'], true],
    ['overlapping', range(0, 9), range(5, 14), ['"a"', '"a"'], true],
    ['one within the other', range(0, 9), range(2, 3), ['"a"', '"a"'], true],
    ['a gap', range(0, 9), range(11, 19), ['"a"', '"a"'], false],
    ['a gap, the newer before', range(11, 19), range(0, 9), ['"a"', '"a"'], false],
    ['another length', range(0, 9), range(10, 19, 21), ['"a"', '"a"'], false],
    ['a length that only one knows', range(0, 9), { first: 10, last: 19, length: undefined }, ['"a"', '"a"'], false],
    ['RFC 9110 §15.3.7.3 another strong validator', range(0, 9), range(10, 19), ['"a"', '"b"'], false],
    ['RFC 9110 §15.3.7.3 weak validators', range(0, 9), range(10, 19), ['W/"a"', 'W/"a"'], false],
    ['RFC 9110 §15.3.7.3 one weak validator', range(0, 9), range(10, 19), ['"a"', 'W/"a"'], false],
    ['RFC 9110 §15.3.7.3 one validator missing', range(0, 9), range(10, 19), ['"a"', undefined], false],
    ['RFC 9110 §15.3.7.3 no validators', range(0, 9), range(10, 19), [undefined, undefined], false],
    ['the whole is stored', undefined, range(10, 19), ['"a"', '"a"'], false],
  ];
  for (const [rule, own, newer, tags, expected] of cases) {
    test(rule, () => {
      const [ownFields, newerFields] = tags.map((tag): FieldLines => (tag === undefined ? {} : { ETag: tag })) as [FieldLines, FieldLines];
      assert.equal(joins(stored(ownFields, { range: own }), { status: 206, fields: Fields.of(newerFields) }, newer), expected);
    });
  }
});
