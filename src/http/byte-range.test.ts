import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { type ByteRangeSpec, type ContentRange, formatContentRange, parseContentRange, parseRange, resolveRanges } from './byte-range.ts';

const MAX = Number.MAX_SAFE_INTEGER;

describe('parseRange', () => {
  const cases: [value: string, specs: ByteRangeSpec[] | undefined][] = [
    // RFC 9110 §14.1.2
    ['bytes=0-499', [{ first: 0, last: 499 }]],
    ['bytes=500-999', [{ first: 500, last: 999 }]],
    ['bytes=-500', [{ suffix: 500 }]],
    ['bytes=9500-', [{ first: 9500, last: undefined }]],
    ['bytes=0-0,-1', [{ first: 0, last: 0 }, { suffix: 1 }]],
    ['bytes= 0-999, 4500-5499, -1000', [{ first: 0, last: 999 }, { first: 4500, last: 5499 }, { suffix: 1000 }]],
    ['Bytes=5-5', [{ first: 5, last: 5 }]],
    ['bytes=,1-2 ,,\t3-', [{ first: 1, last: 2 }, { first: 3, last: undefined }]],
    ['bytes=-0', [{ suffix: 0 }]],
    ['bytes=007-09', [{ first: 7, last: 9 }]],
    [`bytes=0-${'9'.repeat(400)}`, [{ first: 0, last: MAX }]],
    [`bytes=${'9'.repeat(400)}-`, [{ first: MAX, last: undefined }]],
    [`bytes=-${'9'.repeat(20)}`, [{ suffix: MAX }]],
    ...['', 'bytes', 'bytes=', 'bytes=,', 'bytes=-', 'bytes=--1', 'bytes=2-1', 'bytes=0-1,2-1', 'bytes=a-b', 'bytes=1', 'bytes=1-2-3',
      'bytes =0-1', 'bytes=0 -1', 'bytes=0- 1', 'bytes=0-1;2-3', 'bytes=+1-2', 'bytes=0x1-2', 'bytes=1.0-2', 'bytes=0-1 2-3', 'bytes=0-1\n',
      'items=0-1', 'seconds=-5', 'xbytes=0-1', 'bytes: 0-1', 'bytes="0-1"'].map((value): [string, undefined] => [value, undefined]),
  ];
  for (const [value, specs] of cases) {
    test(`reads ${JSON.stringify(value.slice(0, 40))}`, () => assert.deepEqual(parseRange(value), specs));
  }

  const integer = fc.nat({ max: MAX });
  const spec: fc.Arbitrary<ByteRangeSpec> = fc.oneof(
    integer.map((suffix) => ({ suffix })),
    integer.map((first) => ({ first, last: undefined })),
    fc.tuple(integer, integer).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) })),
  );

  test('what is printed is read back', () => {
    const print = (s: ByteRangeSpec): string => ('suffix' in s ? `-${s.suffix}` : `${s.first}-${s.last ?? ''}`);
    fc.assert(fc.property(fc.array(spec, { minLength: 1 }), (specs) => assert.deepEqual(parseRange(`bytes=${specs.map(print).join(', ')}`), specs)));
  });

  test('never throws', () => {
    const unit = fc.constantFrom('bytes', '=', '-', ',', ' ', '1', '99999999', '*', '/', '\n');
    fc.assert(fc.property(fc.oneof(anyText(), fc.string({ unit })), (text) => {
      parseRange(text);
      parseRange(`bytes=${text}`);
      parseContentRange(text);
      parseContentRange(`bytes ${text}`);
    }));
  });

  test('resolved ranges lie within the representation and within what was asked for', () => {
    fc.assert(
      fc.property(fc.array(spec), fc.oneof(integer, fc.nat({ max: 20 })), (specs, length) => {
        const ranges = resolveRanges(specs, length);
        assert.ok(ranges.length <= specs.length);
        for (const { first, last } of ranges) {
          assert.ok(first >= 0 && first <= last && last < length);
          assert.ok(specs.some((s) => ('suffix' in s ? last - first < s.suffix && last === length - 1 : first === s.first && last <= (s.last ?? last))));
        }
      }),
    );
  });
});

describe('resolveRanges', () => {
  const cases: [value: string, length: number, ranges: [first: number, last: number][]][] = [
    // RFC 9110 §14.1.2, a representation of 10000 bytes
    ['bytes=-500', 10000, [[9500, 9999]]],
    ['bytes=9500-', 10000, [[9500, 9999]]],
    ['bytes=0-0,-1', 10000, [[0, 0], [9999, 9999]]],
    ['bytes=500-600,601-999', 10000, [[500, 600], [601, 999]]],
    ['bytes=500-700,601-999', 10000, [[500, 700], [601, 999]]],
    ['bytes=5-,0-1', 10, [[5, 9], [0, 1]]],
    ['bytes=0-100', 10, [[0, 9]]],
    ['bytes=-100', 10, [[0, 9]]],
    ['bytes=9-9', 10, [[9, 9]]],
    ['bytes=10-', 10, []],
    ['bytes=10-20,-0', 10, []],
    ['bytes=10-20,3-4', 10, [[3, 4]]],
    ['bytes=0-,-1', 0, []],
  ];
  for (const [value, length, ranges] of cases) {
    test(`of ${value} in ${length}`, () =>
      assert.deepEqual(resolveRanges(parseRange(value)!, length), ranges.map(([first, last]) => ({ first, last }))));
  }
});

describe('Content-Range', () => {
  const cases: [value: string, range: ContentRange | undefined][] = [
    // RFC 9110 §14.4
    ['bytes 42-1233/1234', { first: 42, last: 1233, length: 1234 }],
    ['bytes 42-1233/*', { first: 42, last: 1233, length: undefined }],
    ['bytes */1234', { unsatisfied: 1234 }],
    ['BYTES 0-0/1', { first: 0, last: 0, length: 1 }],
    [`bytes 0-1/${MAX}`, { first: 0, last: 1, length: MAX }],
    ...['', 'bytes', 'bytes */*', 'bytes 5-4/10', 'bytes 0-10/10', 'bytes 0-9', 'bytes=0-9/10', 'bytes  0-9/10', 'bytes 0-9/', 'bytes -9/10', 'items 0-9/10',
      'bytes 0 - 9/10', 'bytes 0-9/10, bytes 0-9/10', 'bytes 0-9/9007199254740993', `bytes ${'9'.repeat(400)}-${'9'.repeat(400)}/*`].map(
      (value): [string, undefined] => [value, undefined]),
  ];
  for (const [value, range] of cases) {
    test(`reads ${JSON.stringify(value.slice(0, 40))}`, () => assert.deepEqual(parseContentRange(value), range));
  }

  test('what is printed is read back', () => {
    const integer = fc.nat({ max: MAX });
    const range: fc.Arbitrary<ContentRange> = fc.oneof(
      integer.map((unsatisfied) => ({ unsatisfied })),
      fc.tuple(integer, integer, integer, fc.boolean()).filter(([a, b, c]) => new Set([a, b, c]).size === 3).map(([a, b, c, known]) => {
        const [first, last, length] = [a, b, c].sort((x, y) => x - y) as [number, number, number];
        return { first, last, length: known ? length : undefined };
      }),
    );
    fc.assert(fc.property(range, (r) => assert.deepEqual(parseContentRange(formatContentRange(r)), r)));
  });
});
