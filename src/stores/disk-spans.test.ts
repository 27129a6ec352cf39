import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveBackSpan, isFree, takeSpan } from './disk-spans.ts';

const KB = 1024;

test('a span has the bytes asked for, in memory of one of a few sizes', () => {
  const spans = [1, 32 * KB, 32 * KB + 1, 64 * KB, 100 * KB, 256 * KB].map((bytes) => takeSpan(bytes));
  assert.deepEqual(spans.map(({ length }) => length), [1, 32 * KB, 32 * KB + 1, 64 * KB, 100 * KB, 256 * KB]);
  assert.deepEqual(spans.map(({ buffer }) => buffer.byteLength), [32, 32, 64, 64, 128, 256].map((size) => size * KB));
});

test('a span is its taker\'s until it is given back, and then the next one\'s', () => {
  const first = takeSpan(64 * KB);
  const second = takeSpan(64 * KB);
  assert.notEqual(first.buffer, second.buffer);
  assert.equal(isFree(first), false);
  // By any part of it.
  giveBackSpan(first.subarray(100, 200));
  assert.equal(isFree(first), true);
  assert.equal(takeSpan(50 * KB).buffer, first.buffer);
  assert.equal(isFree(first), true, 'it is another span in the same memory');
  assert.notEqual(takeSpan(64 * KB).buffer, second.buffer, 'what nobody gave back is nobody else\'s');
});

test('what is given back twice is given out once', () => {
  const span = takeSpan(32 * KB);
  giveBackSpan(span);
  giveBackSpan(span);
  assert.equal(takeSpan(32 * KB).buffer, span.buffer);
  assert.notEqual(takeSpan(32 * KB).buffer, span.buffer);
});

test('bytes that are no span\'s are not taken', () => {
  const foreign = Buffer.alloc(32 * KB);
  giveBackSpan(foreign);
  assert.notEqual(takeSpan(32 * KB).buffer, foreign.buffer);
});

test('of what is given back a megabyte is kept', () => {
  const spans = Array.from({ length: 100 }, () => takeSpan(128 * KB));
  const known = new Set(spans.map(({ buffer }) => buffer));
  for (const span of spans) giveBackSpan(span);
  const again = Array.from({ length: 100 }, () => takeSpan(128 * KB)).filter(({ buffer }) => known.has(buffer));
  assert.equal(again.length, 8);
});
