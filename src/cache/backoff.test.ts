import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Backoff } from './backoff.ts';
import type { Target } from './ports.ts';

const A = 'http://a';
const URL = 'http://a/x';
/** Of the year 2026: 32 bits hold only a part of it. */
const NOW = 1_790_000_000_000;

const target = (host: string): Target => ({ scheme: 'http', host, port: 80, authority: host, path: '/' });

function two(): [Backoff, Backoff] {
  const memory = Backoff.memory();
  return [new Backoff(memory, 1), new Backoff(memory, 2)];
}

describe('what is known of origins that do not respond', () => {
  test('one worker finds out for all, and any response ends it', () => {
    const [one, other] = two();
    one.unanswered(A, NOW, NOW + 2000);
    assert.equal(other.isUnanswered(A, NOW + 2000), true);
    assert.equal(other.isUnanswered('http://b', NOW + 2000), false);
    other.answered(target('a'), NOW + 3000);
    assert.equal(one.isUnanswered(A, NOW + 3000), false);
  });

  test('a wait in vain does not count where others were answered meanwhile', () => {
    for (const start of [NOW, 2 ** 31 - 1000, 2 ** 32 - 1000]) {
      const [one, other] = two();
      other.answered(target('a'), start + 1000);
      one.unanswered(A, start, start + 2000);
      assert.equal(one.isUnanswered(A, start + 2000), false);
      one.unanswered(A, start + 1500, start + 3500);
      assert.equal(one.isUnanswered(A, start + 3500), true);
    }
  });

  test('origins that respond by turns are told apart', () => {
    const [one, other] = two();
    for (const [i, host] of ['a', 'b', 'a', 'b', 'a'].entries()) one.answered(target(host), NOW + i);
    for (const name of ['http://a', 'http://b']) other.unanswered(name, NOW + 10, NOW + 2000);
    one.answered(target('b'), NOW + 3000);
    assert.deepEqual([one.isUnanswered('http://a', NOW + 3000), one.isUnanswered('http://b', NOW + 3000)], [true, false]);
    one.answered(target('a'), NOW + 3000);
    assert.equal(other.isUnanswered('http://a', NOW + 3000), false);
  });

  test('it is forgotten a minute after the last attempt', () => {
    const [one] = two();
    one.unanswered(A, NOW, NOW + 2000);
    assert.equal(one.isUnanswered(A, NOW + 61_000), true);
    assert.equal(one.isUnanswered(A, NOW + 62_001), false);
  });

  test('there is one probe at a time, in all workers, and none in the pause', () => {
    const [one, other] = two();
    one.unanswered(A, NOW, NOW);
    const end = one.probe(A, NOW);
    assert.ok(end !== undefined);
    assert.equal(other.probe(A, NOW), undefined);
    assert.equal(one.probe(A, NOW), undefined);
    one.failed(A, false, NOW);
    end();
    assert.equal(other.probe(A, NOW + 999), undefined);
    assert.ok(other.probe(A, NOW + 1000) !== undefined);
    one.release(2);
    assert.ok(one.probe(A, NOW + 1000) !== undefined);
  });

  test('pauses double from 1 s to 30 s; a success ends them', () => {
    const [one] = two();
    let now = NOW;
    const pauses = Array.from({ length: 7 }, () => {
      one.failed(URL, true, now);
      const from = now;
      while (!one.mayTry(URL, now)) now += 500;
      return now - from;
    });
    assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    one.failed(URL, true, now);
    one.recovered(URL);
    assert.equal(one.mayTry(URL, now), true);
    one.failed(URL, true, now);
    assert.equal(one.mayTry(URL, now + 1000), true);
  });

  test('an error that came is a response', () => {
    const [one] = two();
    one.unanswered(URL, NOW, NOW);
    one.failed(URL, true, NOW);
    assert.equal(one.isUnanswered(URL, NOW), false);
    assert.equal(one.mayTry(URL, NOW), false);
  });
});
