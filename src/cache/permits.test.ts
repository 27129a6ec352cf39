import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Permits } from './permits.ts';

test('there are as many as there are, for all workers together', () => {
  const memory = Permits.memory(3);
  const [one, two] = [new Permits(memory, 1), new Permits(memory, 2)];
  const taken = [one.take(), two.take(), one.take()];
  assert.ok(taken.every((giveBack) => giveBack !== undefined));
  assert.deepEqual([one.take(), two.take()], [undefined, undefined]);
  taken[1]!();
  const again = one.take();
  assert.ok(again !== undefined);
  assert.equal(two.take(), undefined);
  again();
  // Given back once, it may be another's.
  const others = two.take();
  assert.ok(others !== undefined);
  again();
  assert.equal(one.take(), undefined);
});

test('those of a worker that ended can be had again', () => {
  const memory = Permits.memory(2);
  const [one, two] = [new Permits(memory, 1), new Permits(memory, 2)];
  one.take();
  two.take();
  new Permits(memory, 3).release(1);
  assert.ok(two.take() !== undefined);
  assert.equal(two.take(), undefined);
});
