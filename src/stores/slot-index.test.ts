import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { KeyHash } from './key-hash.ts';
import { SlotIndex } from './slot-index.ts';

function slotsOf(index: SlotIndex, hash: number): Set<number> {
  const slots = new Set<number>();
  for (let slot = index.first(hash); slot !== -1; slot = index.next(slot)) {
    assert.ok(!slots.has(slot), 'no slot comes twice');
    slots.add(slot);
  }
  return slots;
}

describe('the index of slots', () => {
  test('finds exactly the slots of a hash, after any additions and removals', () => {
    const hash = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer());
    const toggle = fc.record({ slot: fc.nat(200), hash });
    const property = fc.property(fc.array(toggle, { size: 'max', maxLength: 400 }), (steps) => {
      const index = new SlotIndex();
      const hashes = new Map<number, number>();
      for (const step of steps) {
        if (hashes.has(step.slot)) {
          index.remove(step.slot);
          hashes.delete(step.slot);
        } else {
          index.add(step.slot, step.hash);
          hashes.set(step.slot, step.hash);
        }
      }
      for (const wanted of new Set([...steps.map((step) => step.hash), 0, 12345])) {
        const expected = [...hashes].filter(([, its]) => its === wanted).map(([slot]) => slot);
        assert.deepEqual(slotsOf(index, wanted), new Set(expected));
      }
    });
    fc.assert(property, { numRuns: 200 });
  });
});

describe('the hash of keys', () => {
  test('is the same for equal keys, and another one in another instance', () => {
    const one = new KeyHash();
    const keys = ['', 'a', 'ab', 'abc', '\0', '\0\0', '日本', 'x'.repeat(1000)];
    for (const key of keys) assert.equal(one.of(key), one.of(`${key} `.slice(0, -1)));
    const other = new KeyHash();
    assert.ok(keys.some((key) => one.of(key) !== other.of(key)));
  });

  test('spreads keys that differ little', () => {
    const hash = new KeyHash();
    const count = 1 << 14;
    const buckets = new Uint16Array(count);
    for (let i = 0; i < count; i++) {
      const bucket = hash.of(`GET|http://origin.example|/${i}`) & (count - 1);
      buckets[bucket] = buckets[bucket]! + 1;
    }
    // With a random function, a bucket of 12 comes about once in 100 000 runs.
    assert.ok(Math.max(...buckets) < 12);
    const empty = buckets.filter((size) => size === 0).length / count;
    assert.ok(Math.abs(empty - 1 / Math.E) < 0.03, `${empty} of the buckets are empty`);
  });
});
