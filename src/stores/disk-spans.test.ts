import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCK, MOST_BLOCKS, giveBackSpan, isFree, takeSpan } from './disk-spans.ts';

test('a span is its taker\'s until it is given back, and then the next one\'s', () => {
  const first = takeSpan(2);
  const second = takeSpan(2);
  assert.notEqual(first.bytes.buffer, second.bytes.buffer);
  assert.equal(isFree(first.bytes), false);
  // By any part of it.
  giveBackSpan(first.bytes.subarray(100, 200));
  assert.equal(isFree(first.bytes), true);
  assert.equal(takeSpan(2), first);
  assert.equal(isFree(first.bytes), false);
  assert.notEqual(takeSpan(2), second, 'what nobody gave back is nobody else\'s');
});

test('what is given back twice is given out once', () => {
  const span = takeSpan(1);
  giveBackSpan(span.bytes);
  giveBackSpan(span.bytes);
  assert.equal(takeSpan(1), span);
  assert.notEqual(takeSpan(1), span);
});

test('bytes that are no span\'s are not taken', () => {
  const foreign = Buffer.alloc(BLOCK);
  giveBackSpan(foreign);
  assert.notEqual(takeSpan(1).bytes.buffer, foreign.buffer);
});

test('parts are the blocks in their order, each with room for its checksum outside of them', () => {
  const { bytes, parts } = takeSpan(MOST_BLOCKS);
  assert.equal(bytes.length, MOST_BLOCKS * BLOCK);
  bytes.fill(0);
  for (const [i, part] of parts.entries()) part.fill(i + 1);
  for (let block = 0; block < MOST_BLOCKS; block++) assert.ok(bytes.subarray(block * BLOCK, (block + 1) * BLOCK).every((byte) => byte === 2 * block + 1));
});
