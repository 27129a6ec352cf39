import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Random } from '../../test/kit/random.ts';
import { MOST_SUMMED, SUM, SUM_KEYS, checksumOf } from './disk-checksum.ts';

/** Always the same bytes: among others some may have the same sum by chance. */
const random = new Random(1);

const hex = (bytes: Uint8Array): string => checksumOf(bytes).toString('hex');

/** The same with plain numbers. */
function expected(bytes: Uint8Array): string {
  const rounds = Math.ceil(bytes.length / 2048);
  const numbers = new Int16Array(rounds * 1024);
  new Uint8Array(numbers.buffer).set(bytes);
  const round = (state: number, value: number): number => {
    const sum = (state + Math.imul(value, 0x85ebca77)) >>> 0;
    return Math.imul((sum << 16) | (sum >>> 16), 0x9e3779b1) >>> 0;
  };
  const lanes = Array.from({ length: 32 }, (_, i) => Math.imul(i + 1, 0xc2b2ae3d) >>> 0);
  for (let first = 0; first < numbers.length; first += 1024) {
    for (const [lane, state] of lanes.entries()) {
      let sum = 0;
      for (const [i, key] of SUM_KEYS.entries()) sum = (sum + key * numbers[first + 64 * (i >> 1) + 2 * lane + (i & 1)]!) | 0;
      lanes[lane] = round(state, sum);
    }
  }
  const sum = Buffer.alloc(SUM);
  for (let lane = 0; lane < 4; lane++) {
    let state = lanes[lane]!;
    for (let stream = 1; stream < 8; stream++) state = round(state, lanes[4 * stream + lane]!);
    sum.writeUInt32LE(state, lane * 4);
  }
  return sum.toString('hex');
}

test('keys are odd, and no two are the same', () => {
  assert.equal(new Set(SUM_KEYS).size, 32);
  assert.ok(SUM_KEYS.every((key) => key % 2 === 1 && key > 0 && key < 2 ** 15));
});

test('is what the same rounds give with plain numbers', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 5000, size: 'max' }), (bytes) => assert.equal(hex(bytes), expected(bytes))));
  for (const length of [0, 1, 127, 128, 129, 2047, 2048, 2049, 6144, 65_536, MOST_SUMMED - 1, MOST_SUMMED]) {
    const bytes = random.bytes(length);
    assert.equal(hex(bytes), expected(bytes), String(length));
  }
});

test('differs where any bit does, or any two', () => {
  const bytes = random.bytes(5000);
  const sum = hex(bytes);
  const changed = (...bits: readonly number[]): string => {
    const other = Buffer.from(bytes);
    for (const bit of bits) other[bit >> 3]! ^= 1 << (bit & 7);
    return hex(other);
  };
  for (let bit = 0; bit < 8 * bytes.length; bit++) assert.notEqual(changed(bit), sum, `bit ${bit}`);
  // In what goes into the same number, of the same 2 KB and of different ones.
  for (const [first, second] of [[0, 2], [0, 128], [2, 1922], [130, 256], [1920, 2048], [4, 4228]] as const) {
    for (let one = 0; one < 16; one++) {
      for (let other = 0; other < 16; other++) assert.notEqual(changed(8 * first + one, 8 * second + other), sum, `bits ${one} of ${first}, ${other} of ${second}`);
    }
  }
});

test('differs where bytes are others, are missing, or have changed places', () => {
  const bytes = random.bytes(10_000);
  const others = [bytes];
  for (const size of [4, 16, 64, 128, 256, 2048, 4096]) others.push(Buffer.concat([bytes.subarray(size, 2 * size), bytes.subarray(0, size), bytes.subarray(2 * size)]));
  for (const length of [9999, 9000, 8192, 4096]) others.push(bytes.subarray(0, length), Buffer.concat([bytes.subarray(10_000 - length), bytes.subarray(0, 10_000 - length)]));
  for (let i = 0; i < 1000; i++) {
    const other = Buffer.from(bytes);
    other.fill(i % 2 === 0 ? random.bytes(1) : 0, i * 9, i * 9 + 1 + (i % 700));
    others.push(other);
  }
  assert.equal(new Set(others.map((each) => hex(each))).size, others.length);
  assert.equal(hex(bytes.subarray(0, 9000)), hex(Buffer.concat([bytes.subarray(0, 9000), Buffer.alloc(1000)])), 'what is missing counts as zeros: the length is known from elsewhere');
});

test('what was there before does not matter', () => {
  const bytes = random.bytes(300);
  const first = hex(bytes);
  hex(random.bytes(MOST_SUMMED));
  assert.equal(hex(bytes), first);
});
