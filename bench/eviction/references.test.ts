import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { REFERENCES } from './references.ts';
import { readTrace, zipfTrace } from './trace.ts';

const count = (hits: Uint8Array): number => hits.reduce((sum, hit) => sum + hit, 0);

/** The most hits that any choice of what to drop, or not to keep at all, comes to. */
function best(requests: readonly number[], capacity: number, at = 0, stored: readonly number[] = []): number {
  const object = requests[at];
  if (object === undefined) return 0;
  if (stored.includes(object)) return 1 + best(requests, capacity, at + 1, stored);
  const choices = stored.length < capacity ? [[...stored, object]] : [stored, ...stored.map((dropped) => [...stored.filter((each) => each !== dropped), object])];
  return Math.max(...choices.map((choice) => best(requests, capacity, at + 1, choice)));
}

/** The same in plain words, with arrays that are searched. */
function plain(requests: readonly number[], costs: readonly number[], capacity: number, renews: boolean): number[] {
  let stored: number[] = [];
  return requests.map((object) => {
    const isHit = stored.includes(object);
    if (isHit && !renews) return 1;
    stored = stored.filter((each) => each !== object);
    if (costs[object]! > capacity) return 0;
    stored.push(object);
    while (stored.reduce((sum, each) => sum + costs[each]!, 0) > capacity) stored.shift();
    return isHit ? 1 : 0;
  });
}

describe('the references', () => {
  test("Belady's optimum has the hits of the best of all choices", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4), { maxLength: 9 }), fc.integer({ min: 1, max: 3 }), (requests, capacity) => {
        assert.equal(count(REFERENCES.Belady(Int32Array.from(requests), new Float64Array(5).fill(1), capacity)), best(requests, capacity));
      }),
    );
  });

  for (const [name, renews] of [['FIFO', false], ['LRU', true]] as const) {
    test(`${name} hits where the plain one does, whatever the sizes`, () => {
      fc.assert(
        fc.property(fc.array(fc.nat(7), { maxLength: 60 }), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 8, maxLength: 8 }), fc.integer({ min: 1, max: 30 }), (requests, costs, capacity) => {
          assert.deepEqual([...REFERENCES[name](Int32Array.from(requests), Float64Array.from(costs), capacity)], plain(requests, costs, capacity, renews));
        }),
      );
    });
  }

  test('of a long trace, nothing beats the optimum', () => {
    const { requests, objects } = zipfTrace(2000, 50_000);
    const costs = new Float64Array(objects).fill(1);
    for (const capacity of [20, 200, 500]) {
      const [fifo, lru, optimum] = (['FIFO', 'LRU', 'Belady'] as const).map((name) => count(REFERENCES[name](requests, costs, capacity)));
      assert.ok(fifo! < lru! && lru! < optimum!, `${fifo}, ${lru}, ${optimum} at ${capacity}`);
    }
  });
});

describe('a trace', () => {
  const lines = async function* (...texts: string[]): AsyncGenerator<string> {
    yield* texts;
  };

  test('is keys, one a line, blank ones left out', async () => {
    assert.deepEqual(await readTrace(lines('/a', '', '/b', '/a', '   ')), { requests: Int32Array.from([0, 1, 0]), sizes: undefined, objects: 2 });
  });

  test('may have sizes, after blanks or a comma', async () => {
    assert.deepEqual(await readTrace(lines('/a 10', '/b,20', '/a 10', '/c\t30')), { requests: Int32Array.from([0, 1, 0, 2]), sizes: Float64Array.from([10, 20, 30]), objects: 3 });
  });

  test('that cannot be read is refused with the line', async () => {
    await assert.rejects(() => readTrace(lines('a 1', 'b x')), /line 2 has "x" where a size/u);
    await assert.rejects(() => readTrace(lines('a 1 2')), /line 1 has more than a key and a size/u);
    await assert.rejects(() => readTrace(lines('a 1', 'b')), /line 2 has no size, others have/u);
    await assert.rejects(() => readTrace(lines('a', 'b 1')), /line 2/u);
  });
});
