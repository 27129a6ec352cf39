import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type StoreName, costsIn, replay } from './replay.ts';
import { zipfTrace } from './trace.ts';

const STORES: readonly StoreName[] = ['memory', 'disk'];
/** In cells and outside, in rows and in segments; the long ones first. */
const LENGTHS = Int32Array.from([50_000, 10, 9000, 3500, 0, 20_000, 3000, 100_000, 5000, 4097, 12_000, 1]);

for (const name of STORES) {
  describe(`what objects take in ${name}`, () => {
    test('is more than their bodies, and the same whatever was measured before', async () => {
      const costs = await costsIn(name, LENGTHS);
      for (const [i, length] of LENGTHS.entries()) assert.ok(costs[i]! > length, `${length} bytes take ${costs[i]!}`);
      assert.deepEqual((await costsIn(name, LENGTHS.toReversed())).toReversed(), costs);
    });
  });

  test(`a replay by ${name} that can keep nothing fails, and prints no figure`, async () => {
    const trace = zipfTrace(10, 100);
    await assert.rejects(replay(name, trace, new Int32Array(trace.objects).fill(1000), 500, () => undefined), /kept nothing in 500 bytes/u);
  });
}
