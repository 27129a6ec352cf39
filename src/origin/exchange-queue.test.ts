import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ExchangeQueue } from './exchange-queue.ts';

const never = new AbortController().signal;

function code(error: Error): unknown {
  return (error as { code?: unknown }).code;
}

describe('exchanges with one origin', () => {
  test('begin at once up to the limit, then in order as others end', () => {
    const queue = new ExchangeQueue(2, 10_000);
    const begun: number[] = [];
    const enter = (n: number): void => queue.enter('a', never, () => begun.push(n), assert.fail);
    for (let n = 1; n <= 4; n++) enter(n);
    assert.deepEqual(begun, [1, 2]);
    queue.enter('b', never, () => begun.push(9), assert.fail);
    assert.deepEqual(begun, [1, 2, 9], 'another origin has a queue of its own');
    queue.leave('a');
    assert.deepEqual(begun, [1, 2, 9, 3]);
    for (let i = 0; i < 3; i++) queue.leave('a');
    queue.leave('b');
    assert.deepEqual(begun, [1, 2, 9, 3, 4]);
    assert.equal(queue.size, 0);
  });

  test('are refused where as many wait as are under way', () => {
    const queue = new ExchangeQueue(1, 10_000);
    const refused: Error[] = [];
    let begun = 0;
    for (let i = 0; i < 3; i++) queue.enter('a', never, () => begun++, (error) => refused.push(error));
    assert.deepEqual([begun, refused.map(code)], [1, ['ERR_OVERLOADED']]);
    assert.match(refused[0]!.message, /^1 requests? .* a,.*--max-origin-connections/);
    queue.leave('a');
    queue.leave('a');
    assert.equal(queue.size, 0);
  });

  test('are refused that have waited too long, and those whose client has left', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const queue = new ExchangeQueue(2, 5000);
    const refused: Error[] = [];
    const client = new AbortController();
    for (let i = 0; i < 2; i++) queue.enter('a', never, () => {}, assert.fail);
    queue.enter('a', client.signal, assert.fail, (error) => refused.push(error));
    queue.enter('a', never, assert.fail, (error) => refused.push(error));
    client.abort(new Error('it left'));
    assert.deepEqual(refused.map(({ message }) => message), ['it left']);
    t.mock.timers.tick(5000);
    assert.deepEqual(refused.map(code), [undefined, 'ERR_OVERLOADED']);
    queue.leave('a');
    queue.leave('a');
    assert.equal(queue.size, 0);
  });
});
