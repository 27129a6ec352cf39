import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { S3Fifo } from './s3-fifo.ts';

/** A cache of that many objects of size 1 over the bookkeeping; the hash of a key is the key. */
class TestCache {
  readonly eviction: S3Fifo;
  readonly capacity: number;
  readonly slots = new Map<number, number>();
  readonly dropped: number[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
    this.eviction = new S3Fifo(capacity);
  }

  /** True when it was there; else it is now. */
  ask(key: number): boolean {
    const slot = this.slots.get(key);
    if (slot !== undefined) {
      this.eviction.access(slot);
      return true;
    }
    while (this.slots.size >= this.capacity) this.evict();
    this.slots.set(key, this.eviction.insert(key, 1));
    return false;
  }

  evict(): void {
    const victim = this.eviction.evict();
    const [key] = [...this.slots].find(([, slot]) => slot === victim)!;
    this.slots.delete(key);
    this.dropped.push(key);
  }
}

describe('S3-FIFO', () => {
  test('objects nobody asked for again leave in the order they came', () => {
    const cache = new TestCache(10);
    for (let key = 0; key < 20; key++) cache.ask(key);
    assert.deepEqual(cache.dropped, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('two accesses move an object from the small queue to the main one, one does not', () => {
    const cache = new TestCache(10);
    for (let key = 0; key < 10; key++) cache.ask(key);
    cache.ask(0);
    cache.ask(0);
    cache.ask(1);
    for (let key = 10; key < 30; key++) cache.ask(key);
    assert.ok(cache.slots.has(0));
    assert.equal(cache.dropped[0], 1);
  });

  test('an object that comes back soon goes to the main queue', () => {
    const cache = new TestCache(10);
    for (let key = 0; key < 11; key++) cache.ask(key);
    assert.deepEqual(cache.dropped, [0]);
    cache.ask(0);
    for (let key = 11; key < 60; key++) cache.ask(key);
    assert.ok(cache.slots.has(0), 'the ghost queue remembered it');
  });

  describe('in the main queue', () => {
    /** Four objects that went on from the small queue to the main one, in this order. */
    const fill = (eviction: S3Fifo): number[] => {
      const slots = [1, 2, 3, 4].map((hash) => eviction.insert(hash, 1));
      for (const [i, slot] of slots.entries()) for (let n = 0; n < 5 - i; n++) eviction.access(slot);
      const unpopular = eviction.insert(5, 1);
      assert.equal(eviction.evict(), unpopular);
      return slots;
    };
    const drain = (eviction: S3Fifo): number[] => Array.from({ length: eviction.count }, () => eviction.evict());

    test('the count of accesses begins anew', () => {
      const eviction = new S3Fifo(5);
      const slots = fill(eviction);
      assert.deepEqual(drain(eviction), slots);
    });

    test('each access gives one more round', () => {
      const eviction = new S3Fifo(5);
      const [a, b, c, d] = fill(eviction) as [number, number, number, number];
      for (const slot of [a, a, a, b, d, d]) eviction.access(slot);
      assert.deepEqual(drain(eviction), [c, b, d, a]);
    });

    test('accesses beyond three count for nothing', () => {
      const eviction = new S3Fifo(5);
      const slots = fill(eviction);
      for (const slot of slots) for (let n = 0; n < 3; n++) eviction.access(slot);
      for (let n = 0; n < 50; n++) eviction.access(slots[0]!);
      assert.deepEqual(drain(eviction), slots);
    });
  });

  test('the small queue gets a tenth by size, whatever the number of objects', () => {
    const eviction = new S3Fifo(1000);
    const main = Array.from({ length: 9 }, (_, i) => eviction.insert(i, 100));
    for (const slot of main) for (let i = 0; i < 3; i++) eviction.access(slot);
    const small = Array.from({ length: 20 }, (_, i) => eviction.insert(100 + i, 10));
    for (let i = 0; i < 10; i++) assert.equal(eviction.evict(), small[i]);
    assert.equal(eviction.evict(), main[0], 'at a tenth it is the turn of the main queue');
  });

  test('any sequence of operations keeps the books', () => {
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('insert' as const), hash: fc.nat(30), size: fc.integer({ min: 1, max: 200 }) }),
      fc.record({ kind: fc.constantFrom('access' as const, 'remove' as const), nth: fc.nat(20) }),
      fc.record({ kind: fc.constant('resize' as const), nth: fc.nat(20), size: fc.integer({ min: 1, max: 200 }) }),
      fc.record({ kind: fc.constant('evict' as const) }),
    );
    const property = fc.property(fc.array(operation, { size: 'large', maxLength: 300 }), (operations) => {
      const eviction = new S3Fifo(1000);
      const sizes = new Map<number, number>();
      for (const step of operations) {
        const slot = 'nth' in step ? [...sizes.keys()][step.nth] : undefined;
        if (step.kind === 'insert') {
          const inserted = eviction.insert(step.hash, step.size);
          assert.ok(!sizes.has(inserted), 'a slot is given out once');
          sizes.set(inserted, step.size);
        } else if (step.kind === 'evict') {
          const victim = eviction.evict();
          assert.equal(victim === -1, sizes.size === 0);
          if (victim !== -1) {
            assert.equal(eviction.sizeOf(victim), sizes.get(victim));
            assert.ok(sizes.delete(victim), 'what is dropped was there');
          }
        } else if (slot !== undefined && step.kind === 'access') {
          eviction.access(slot);
        } else if (slot !== undefined && step.kind === 'remove') {
          eviction.remove(slot);
          sizes.delete(slot);
        } else if (slot !== undefined && step.kind === 'resize') {
          eviction.resize(slot, step.size);
          sizes.set(slot, step.size);
        }
        assert.equal(eviction.count, sizes.size);
        assert.equal(eviction.size, [...sizes.values()].reduce((sum, size) => sum + size, 0));
        for (let i = eviction.firstSlot; i < eviction.endSlot; i++) assert.equal(eviction.has(i), sizes.has(i));
      }
      for (let left = sizes.size; left > 0; left--) assert.ok(sizes.delete(eviction.evict()));
      assert.equal(eviction.evict(), -1);
    });
    fc.assert(property, { numRuns: 200 });
  });

  test('more hits than LRU where some objects are popular and many are asked for once', () => {
    const random = seededRandom(7);
    const trace = Array.from({ length: 60_000 }, (_, i) => (random() < 0.4 ? 100_000 + i : zipf(random, 3000)));
    const fifo = new TestCache(300);
    const lru = new Set<number>();
    let hits = 0;
    let lruHits = 0;
    for (const key of trace) {
      if (fifo.ask(key)) hits++;
      if (lru.delete(key)) lruHits++;
      else if (lru.size >= 300) lru.delete(lru.values().next().value!);
      lru.add(key);
    }
    assert.ok(hits > 1.1 * lruHits, `${hits} hits, LRU ${lruHits}`);
  });
});

/** A linear congruential generator: the same trace each time. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A rank below `count`, with a probability about proportional to 1/rank. */
function zipf(random: () => number, count: number): number {
  return Math.floor(count ** random()) - 1;
}
