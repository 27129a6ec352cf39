import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { copyOf, giveBack, leaveReadBuffer, lend, takeReadBuffer } from './read-buffers.ts';

const SIZES = [68 * 1024, 256 * 1024] as const;

describe('a buffer to read into', () => {
  for (const size of SIZES) {
    test(`of ${size} bytes is another's only when its chunk was given back, and then once`, () => {
      const buffer = takeReadBuffer(size);
      assert.equal(buffer.length, size);
      const chunk = lend(buffer, 1, size)!;
      assert.deepEqual([chunk.buffer, chunk.length], [buffer.buffer, size - 1]);
      assert.notEqual(takeReadBuffer(size), buffer);
      giveBack(chunk);
      giveBack(chunk);
      assert.equal(takeReadBuffer(size), buffer);
      assert.notEqual(takeReadBuffer(size), buffer);
      // A chunk of before is no chunk of what it is used for now.
      giveBack(chunk);
      assert.notEqual(takeReadBuffer(size), buffer);
    });

    test(`of ${size} bytes is not kept for less than half of it`, () => {
      const buffer = takeReadBuffer(size);
      assert.equal(lend(buffer, 0, size / 2 - 1), undefined);
      leaveReadBuffer(buffer);
      assert.equal(takeReadBuffer(size), buffer);
    });
  }

  test('is not what a part or a copy of its chunk stands for, nor a chunk of somebody else', () => {
    const buffer = takeReadBuffer(SIZES[0]);
    const chunk = lend(buffer, 0, SIZES[0])!;
    for (const other of [chunk.subarray(), Buffer.from(chunk), Buffer.from(chunk.buffer), buffer]) giveBack(other);
    assert.notEqual(takeReadBuffer(SIZES[0]), buffer);
  });

  test('is garbage beyond a few megabytes', () => {
    const taken = Array.from({ length: 100 }, () => takeReadBuffer(SIZES[0]));
    for (const buffer of taken) leaveReadBuffer(buffer);
    const kept = new Set(taken);
    let again = 0;
    while (kept.delete(takeReadBuffer(SIZES[0]))) again++;
    assert.equal(again, 61);
  });
});

test('a copy has the bytes, however many', () => {
  const bytes = Buffer.from(Array.from({ length: 400_000 }, (_, i) => i % 251));
  for (const length of [0, 1, 32_767, 32_768, 65_536, 65_537, 100_000, 131_072, 262_144, 262_145, 399_000]) {
    const copies = [0, 1].map(() => copyOf(bytes, 7, 7 + length));
    for (const copy of copies) assert.ok(copy.equals(bytes.subarray(7, 7 + length)), `${length}`);
    for (const copy of copies) giveBack(copy);
  }
});
