import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { median, percentile, ratioSpread } from './statistics.ts';

const numbers = fc.array(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 40 });

describe('median', () => {
  test('is the middle one, or the mean of the two', () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([10, 1, 4, 2]), 3);
    assert.equal(median([7]), 7);
    assert.ok(Number.isNaN(median([])));
  });

  test('orders by value, not as text, and leaves its argument alone', () => {
    const values = [100, 20, 3];
    assert.equal(median(values), 20);
    assert.deepEqual(values, [100, 20, 3]);
  });

  test('as many stand below as above', () => {
    fc.assert(fc.property(numbers, (values) => {
      const middle = median(values);
      assert.ok(values.filter((value) => value < middle).length <= values.length / 2);
      assert.ok(values.filter((value) => value > middle).length <= values.length / 2);
    }));
  });
});

describe('the ratio of rounds', () => {
  test('compares each round with the one that ran beside it', () => {
    // The machine was ten times slower in the second round: the ratio does not notice.
    assert.deepEqual(ratioSpread([100, 10, 120], [50, 5, 100]), { median: 2, min: 1.2, max: 2 });
  });

  test('of a rival to itself is one', () => {
    fc.assert(fc.property(numbers, (values) => assert.deepEqual(ratioSpread(values, values), { median: 1, min: 1, max: 1 })));
  });

  test('needs as many of both', () => {
    assert.throws(() => ratioSpread([1, 2], [1]), RangeError);
  });
});

describe('percentile', () => {
  test('is the least value that so many do not exceed', () => {
    const hundred = Array.from({ length: 100 }, (_, at) => at + 1);
    assert.equal(percentile(hundred, 0.5), 50);
    assert.equal(percentile(hundred, 0.99), 99);
    assert.equal(percentile(hundred, 1), 100);
    assert.equal(percentile([4], 0.01), 4);
    assert.ok(Number.isNaN(percentile([], 0.5)));
  });
});
