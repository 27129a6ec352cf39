import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ghost } from './ghost.ts';

describe('the ghost queue', () => {
  test('remembers a hash once', () => {
    const ghost = new Ghost();
    assert.equal(ghost.recall(5), false);
    ghost.remember(5, 100);
    assert.equal(ghost.recall(6), false);
    assert.equal(ghost.recall(5), true);
    assert.equal(ghost.recall(5), false);
  });

  test('takes any 32-bit hash', () => {
    for (const hash of [0, -1, 1, 0x7fffffff, -0x80000000]) {
      const ghost = new Ghost();
      assert.equal(ghost.recall(hash), false);
      ghost.remember(hash, 100);
      assert.equal(ghost.recall(hash), true);
    }
  });

  test('forgets those that are more than its length ago', () => {
    const ghost = new Ghost();
    for (let hash = 0; hash < 1000; hash++) ghost.remember(Math.imul(hash, 0x9e3779b1), 200);
    let remembered = 0;
    for (let hash = 0; hash < 800; hash++) if (ghost.recall(Math.imul(hash, 0x9e3779b1))) remembered++;
    assert.equal(remembered, 0);
    for (let hash = 800; hash < 1000; hash++) if (ghost.recall(Math.imul(hash, 0x9e3779b1))) remembered++;
    assert.ok(remembered > 180, `${remembered} of the last 200`);
  });
});
