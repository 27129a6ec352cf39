import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ByteRangeSpec, resolveRanges } from '../http/byte-range.ts';
import { Fields } from '../http/fields.ts';
import { type RequestedRange, contains, isFromStart, requestedRange } from './requested-range.ts';

const asked = (method: string, range?: string): RequestedRange => requestedRange({ method, fields: Fields.of(range === undefined ? {} : { Range: range }), hasBody: false, url: 'http://a/' });

describe('the range a request asks for', () => {
  test('of GET', () => {
    assert.equal(asked('GET'), 'whole');
    assert.deepEqual(asked('GET', 'bytes=0-'), { first: 0, last: undefined });
    assert.deepEqual(asked('GET', 'bytes=5-9'), { first: 5, last: 9 });
    assert.deepEqual(asked('GET', 'bytes=-9'), { suffix: 9 });
    for (const range of ['bytes=0-1,3-4', 'items=0-1', 'bytes=x', 'bytes=9-5']) assert.equal(asked('GET', range), 'other', range);
  });
  test('of other methods', () => {
    assert.equal(asked('HEAD', 'bytes=0-1'), 'whole');
    assert.equal(asked('QUERY', 'bytes=0-1'), 'other');
  });
});

const spec = fc.oneof(
  fc.record({ first: fc.nat(30), last: fc.option(fc.nat(30), { nil: undefined }) }).filter(({ first, last }) => last === undefined || last >= first),
  fc.record({ suffix: fc.integer({ min: 1, max: 30 }) }),
) as fc.Arbitrary<ByteRangeSpec>;

describe('a range that contains another', () => {
  test('has all its bytes, however long the representation is', () => {
    fc.assert(
      fc.property(spec, spec, fc.integer({ min: 1, max: 40 }), (outer, inner, length) => {
        if (!contains(outer, inner)) return;
        const [has] = resolveRanges([outer], length);
        const [wanted] = resolveRanges([inner], length);
        if (wanted !== undefined) assert.ok(has !== undefined && has.first <= wanted.first && has.last >= wanted.last);
      }),
    );
  });
  test('contains itself, and the whole contains each', () => {
    fc.assert(
      fc.property(spec, (range) => {
        assert.ok(contains(range, range));
        assert.ok(contains('whole', range));
        assert.equal(contains(range, 'whole'), isFromStart(range));
        assert.equal(contains(range, 'other') || contains('other', range), false);
      }),
    );
  });
});
