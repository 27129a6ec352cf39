import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { MOST_SUMMED, SUM, checksumOf } from './disk-checksum.ts';

const hex = (bytes: Uint8Array): string => checksumOf(bytes).toString('hex');

/** The same with plain numbers. */
function expected(bytes: Uint8Array): string {
  const words = new Uint32Array(Math.ceil(bytes.length / 128) * 32);
  new Uint8Array(words.buffer).set(bytes);
  const round = (state: number, value: number): number => {
    const sum = (state + Math.imul(value, 0x85ebca77)) >>> 0;
    return Math.imul((sum << 16) | (sum >>> 16), 0x9e3779b1) >>> 0;
  };
  const lanes = Array.from({ length: 32 }, (_, i) => Math.imul(i + 1, 0xc2b2ae3d) >>> 0);
  for (const [i, word] of words.entries()) lanes[i % 32] = round(lanes[i % 32]!, word);
  const sum = Buffer.alloc(SUM);
  for (let lane = 0; lane < 4; lane++) {
    let state = lanes[lane]!;
    for (let stream = 1; stream < 8; stream++) state = round(state, lanes[4 * stream + lane]!);
    sum.writeUInt32LE(state, lane * 4);
  }
  return sum.toString('hex');
}

test('is what the same rounds give with plain numbers', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2000, size: 'max' }), (bytes) => assert.equal(hex(bytes), expected(bytes))));
  for (const length of [0, 1, 127, 128, 129, 65_536, MOST_SUMMED - 1, MOST_SUMMED]) {
    const bytes = randomBytes(length);
    assert.equal(hex(bytes), expected(bytes), String(length));
  }
});

test('differs where any bit does, where bytes are missing, and where parts have changed places', () => {
  const bytes = randomBytes(1000);
  const sums = new Set([hex(bytes)]);
  for (let bit = 0; bit < 8000; bit++) {
    const other = Buffer.from(bytes);
    other[bit >> 3]! ^= 1 << (bit & 7);
    sums.add(hex(other));
  }
  assert.equal(sums.size, 8001);
  // Pairs of the highest bits of words that go into one number: what a sum alone would miss.
  for (let word = 1; word < 7; word++) {
    const other = Buffer.from(bytes);
    other[3]! ^= 0x80;
    other[128 * word + 3]! ^= 0x80;
    sums.add(hex(other));
  }
  assert.equal(sums.size, 8007);
  for (let first = 0; first < 32; first++) {
    for (let second = 0; second < 32; second++) {
      const other = Buffer.from(bytes);
      other[first >> 3]! ^= 1 << (first & 7);
      other[128 + (second >> 3)]! ^= 1 << (second & 7);
      sums.add(hex(other));
    }
  }
  assert.equal(sums.size, 8007 + 1023, 'one of these pairs was among those before');
  for (const size of [4, 16, 64, 128, 256]) sums.add(hex(Buffer.concat([bytes.subarray(size, 2 * size), bytes.subarray(0, size), bytes.subarray(2 * size)])));
  assert.equal(sums.size, 9035);
  sums.add(hex(bytes.subarray(0, 900)));
  sums.add(hex(Buffer.concat([bytes.subarray(0, 900), Buffer.alloc(100)])));
  assert.equal(sums.size, 9036, 'what is missing counts as zeros: the length is known from elsewhere');
});

test('what was there before does not matter', () => {
  const bytes = randomBytes(300);
  const first = hex(bytes);
  hex(randomBytes(MOST_SUMMED));
  assert.equal(hex(bytes), first);
});
