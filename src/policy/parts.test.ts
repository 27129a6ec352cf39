import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { request, stored } from '../../test/kit/messages.ts';
import type { ByteRange } from '../http/byte-range.ts';
import { MAX_MERGED_BYTES, MAX_PARTS, MAX_PARTS_BYTES, coverOf, mergeable, placePart, runsOf } from './parts.ts';

const MB = 1024 ** 2;
const LENGTH = 60;
const range: fc.Arbitrary<ByteRange> = fc.tuple(fc.nat(LENGTH - 1), fc.nat(15)).map(([first, more]) => ({ first, last: Math.min(LENGTH - 1, first + more) }));
const parts = fc.array(range, { minLength: 1, maxLength: 8 });

const bytesOf = (ranges: readonly ByteRange[]): Set<number> => new Set(ranges.flatMap(({ first, last }) => Array.from({ length: last + 1 - first }, (_, i) => first + i)));
const has = (all: readonly ByteRange[], wanted: ByteRange): boolean => bytesOf([wanted]).isSubsetOf(bytesOf(all));
const at = (first: number, last: number): ByteRange => ({ first, last });

test('runs have the bytes of the parts, and gaps between them', () => {
  fc.assert(
    fc.property(parts, (all) => {
      const runs = runsOf(all);
      assert.deepEqual(bytesOf(runs), bytesOf(all));
      for (const [i, run] of runs.entries()) assert.ok(i === 0 || run.first > runs[i - 1]!.last + 1);
    }),
  );
});

test('a cover has every byte asked for where the parts have them, without a gap, in few parts', () => {
  fc.assert(
    fc.property(parts, range, (all, asked) => {
      const cover = coverOf(request({ Range: `bytes=${asked.first}-${asked.last}` }).fields, stored(), all, LENGTH)!;
      assert.deepEqual(bytesOf([cover.range]), bytesOf(cover.parts));
      assert.equal(has([cover.range], asked), has(all, asked));
      for (const one of cover.parts) assert.ok(!has(cover.parts.filter((part) => part !== one), cover.range) || cover.parts.length === 1);
    }),
  );
});

describe('coverOf', () => {
  const all = [at(10, 19), at(0, 4), at(5, 7), at(30, 39)];
  const covers = (asked: string | undefined, length: number | undefined = LENGTH): ByteRange => coverOf(request(asked === undefined ? {} : { Range: asked }).fields, stored(), all, length)!.range;
  test('without Range: from the first byte on', () => assert.deepEqual(covers(undefined), at(0, 7)));
  test('of one part', () => assert.deepEqual(covers('bytes=32-33'), at(30, 39)));
  test('of two that touch', () => assert.deepEqual(covers('bytes=4-5'), at(0, 7)));
  test('several ranges of one part', () => assert.deepEqual(covers('bytes=30-31,38-39'), at(30, 39)));
  test('several ranges with a gap between them', () => assert.deepEqual(covers('bytes=0-1,30-31'), at(0, 7)));
  test('what is not stored', () => assert.deepEqual(covers('bytes=18-22'), at(0, 7)));
  test('where the length of the whole is not known', () => assert.deepEqual(coverOf(request({ Range: 'bytes=30-31' }).fields, stored(), all, undefined)!.range, at(0, 7)));
});

describe('placePart', () => {
  test('no byte is lost, and none kept twice in a part that another one has', () => {
    fc.assert(
      fc.property(parts, range, ([first, ...others], newer) => {
        const placement = placePart(first!, others, newer);
        if (placement.kind === 'covered') return assert.ok(has([first!, ...others], newer));
        const kept = [placement.kind === 'first' ? newer : first!, ...placement.others];
        assert.deepEqual(bytesOf(kept), bytesOf([first!, ...others, newer]));
        assert.ok(kept.every((part) => part === newer || !has([newer], part)));
      }),
    );
  });

  test('the oldest go where they are too many', () => {
    const others = Array.from({ length: MAX_PARTS - 1 }, (_, i) => at(10 * i + 10, 10 * i + 12));
    const placement = placePart(at(0, 2), others, at(100_000, 100_001));
    assert.ok(placement.kind === 'other');
    assert.deepEqual(placement.others, [...others.slice(1), at(100_000, 100_001)]);
  });

  test('the oldest go where they are too large', () => {
    const third = Math.ceil(MAX_PARTS_BYTES / 3);
    const ranges = [0, 1, 2].map((i) => at(2 * i * third, 2 * i * third + third - 1));
    const placement = placePart(at(100 * third, 100 * third + 9), ranges.slice(0, 2), ranges[2]!);
    assert.ok(placement.kind === 'other');
    assert.deepEqual(placement.others, ranges.slice(1));
  });
});

describe('mergeable', () => {
  test('what becomes one touches, has the newest, and is no more than the bound', () => {
    fc.assert(
      fc.property(parts, fc.nat(7), (all, index) => {
        const newest = all[index % all.length]!;
        const cover = mergeable(all, newest, LENGTH);
        if (cover !== undefined) assert.ok(has(cover.parts, newest) && has(all, cover.range) && runsOf(cover.parts).length === 1);
      }),
    );
  });

  test('a large part is not copied for a small one', () => assert.equal(mergeable([at(0, 999), at(1000, 1009)], at(1000, 1009), undefined), undefined));
  test('but where that completes the whole', () => assert.deepEqual(mergeable([at(0, 999), at(1000, 1009)], at(1000, 1009), 1010)?.range, at(0, 1009)));
  test('nothing above the bound', () => {
    const half = MAX_MERGED_BYTES / 2;
    assert.equal(mergeable([at(0, half - 1), at(half, 2 * half)], at(half, 2 * half), 2 * half + 1), undefined);
  });
  test('parts that are apart stay so', () => assert.equal(mergeable([at(0, 9), at(11, 19)], at(11, 19), LENGTH), undefined));

  test('however many parts come one after the other, few are left, and each byte is copied a few times', () => {
    let all: ByteRange[] = [];
    let copied = 0;
    const count = 1200;
    const size = MB / 32;
    for (let i = 0; i < count; i++) {
      const newest = at(i * size, (i + 1) * size - 1);
      all.push(newest);
      const cover = mergeable(all, newest, undefined);
      if (cover === undefined) continue;
      copied += cover.range.last + 1 - cover.range.first;
      all = [...all.filter((part) => !cover.parts.includes(part)), cover.range];
    }
    assert.ok(all.length <= 12, `${all.length} parts are left`);
    assert.ok(copied <= 12 * count * size, `${copied / (count * size)} times`);
  });
});
