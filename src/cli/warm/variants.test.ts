import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { variantsOf } from './variants.ts';

describe('variants', () => {
  const cases: [given: string[], variants: string[][][]][] = [
    [[], [[]]],
    [['Accept-Encoding: br'], [[['Accept-Encoding', 'br']]]],
    [['A: 1', 'B:2'], [[['A', '1'], ['B', '2']]]],
    [['A: 1', 'a: 2 ', 'B: 3'], [[['A', '1'], ['B', '3']], [['a', '2'], ['B', '3']]]],
    [['A: 1', 'A:', 'B: 3', 'B: x: y'], [[['A', '1'], ['B', '3']], [['A', '1'], ['B', 'x: y']], [['B', '3']], [['B', 'x: y']]]],
  ];
  for (const [given, variants] of cases) test(JSON.stringify(given), () => assert.deepEqual(variantsOf(given), variants));

  for (const given of [['nonsense'], [': a'], ['a b: c'], ['A: b\r\nC: d'], ['Connection: close'], ['content-length: 5'], Array.from({ length: 33 }, (_, i) => `A: ${i}`)]) {
    test(`${JSON.stringify(given.slice(0, 2))} is refused`, () => assert.throws(() => variantsOf(given), { code: 'ERR_USAGE' }));
  }
});
