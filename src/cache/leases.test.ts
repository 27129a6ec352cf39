import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { until } from '../../test/kit/until.ts';
import { Leases, type Lease } from './leases.ts';

function pair(): [Leases, Leases] {
  const memory = Leases.memory();
  return [new Leases(memory, 1), new Leases(memory, 2)];
}

function take(leases: Leases, name: string): Lease {
  const lease = leases.take(name, leases.ended);
  assert.ok(typeof lease === 'object');
  return lease;
}

/** Whether a promise has settled. A wait that nothing ends would take a minute. */
function stateOf(promise: Promise<unknown>): { readonly isOver: boolean } {
  const state = { isOver: false };
  void promise.then(() => (state.isOver = true));
  return state;
}

describe('a lease', () => {
  test('is held by one worker until it ends it', () => {
    const [one, two] = pair();
    const lease = take(one, 'a');
    assert.equal(two.take('a', two.ended), 'elsewhere');
    lease.landed(100);
    assert.equal(two.take('a', two.ended), 'elsewhere');
    lease.end();
    take(two, 'a');
    // What is over stays over.
    lease.end();
    assert.equal(one.take('a', one.ended), 'elsewhere');
  });

  test('is not taken by who looked before another ended', () => {
    const [one, two] = pair();
    const before = two.ended;
    take(one, 'a').end();
    assert.equal(two.take('a', before), 'ended');
    take(two, 'a');
  });

  test('is nothing to wait for in the worker that holds it', () => {
    const [one] = pair();
    take(one, 'a');
    assert.equal(one.take('a', one.ended), undefined);
  });

  test('keeps nobody waiting for something else in its cell', () => {
    const [one, two] = pair();
    take(one, 'name 0');
    let shared = 0;
    // 65,536 cells: among so many names some meet in its cell.
    for (let i = 1; i < 500_000; i++) {
      const lease = two.take(`name ${i}`, two.ended);
      assert.notEqual(lease, 'elsewhere');
      if (lease === undefined) shared++;
      else (lease as Lease).end();
    }
    assert.ok(shared > 0);
  });

  test('of a worker that is no more can be given back', async () => {
    const [one, two] = pair();
    take(one, 'a');
    take(two, 'b');
    const waited = stateOf(two.wait('a'));
    two.release(1);
    await until('the wait is over', () => waited.isOver);
    take(two, 'a');
    assert.equal(one.take('b', one.ended), 'elsewhere');
  });
});

describe('waiting', () => {
  test('ends when the lease does, not when the head comes', async () => {
    const [one, two] = pair();
    const lease = take(one, 'a');
    const waited = stateOf(two.wait('a'));
    lease.landed(100);
    await nextTurn();
    assert.equal(waited.isOver, false);
    lease.end();
    await until('the wait is over', () => waited.isOver);
  });

  test('ends with the head where the body is long', async () => {
    const [one, two] = pair();
    const lease = take(one, 'a');
    const waited = stateOf(two.wait('a'));
    await nextTurn();
    assert.equal(waited.isOver, false);
    lease.landed(2 ** 30);
    await until('the wait is over', () => waited.isOver);
    take(two, 'a');
  });

  test('has an end where the body does not come', async () => {
    const [one, two] = pair();
    take(one, 'a').landed(undefined);
    await two.wait('a');
    assert.equal(two.take('a', two.ended), 'elsewhere');
  });

  test('is over at once where nobody fetches', async () => {
    const [one] = pair();
    const waited = stateOf(one.wait('a'));
    await nextTurn();
    assert.equal(waited.isOver, true);
  });
});
