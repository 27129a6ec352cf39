import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReasonCode } from '../policy/reason.ts';
import { type NotStored, Verdicts } from './verdicts.ts';

const told = (cause: NotStored['cause'], askedAt: number, code: ReasonCode = 'status'): NotStored => ({ reasons: [{ code }], cause, askedAt });

describe('verdicts', () => {
  test('a resource that forbids storing lets requests pass for a minute, and each response renews that', () => {
    const verdicts = new Verdicts();
    verdicts.set('a', told('resource', 0, 'no-store'), 10);
    assert.equal(verdicts.passes('a', 60_000), true);
    verdicts.set('a', told('resource', 59_000, 'no-store'), 60_000);
    assert.equal(verdicts.passes('a', 119_000), true);
    assert.equal(verdicts.passes('a', 121_000), false);
    assert.equal(verdicts.passes('b', 0), false);
  });

  test('failures never let requests pass, and are told for a minute', () => {
    const verdicts = new Verdicts();
    for (let now = 0; now < 100_000; now += 500) {
      verdicts.set('a', told('failure', now - 100), now);
      assert.equal(verdicts.passes('a', now), false);
    }
    assert.equal(verdicts.get('a', 101_000)?.reasons[0]?.code, 'status');
    assert.equal(verdicts.get('a', 170_000), undefined);
  });

  test('a failure leaves what is known of the resource', () => {
    const verdicts = new Verdicts();
    verdicts.set('a', told('resource', 0, 'no-store'), 0);
    verdicts.set('a', told('failure', 5000), 5000);
    assert.equal(verdicts.passes('a', 5001), true);
    assert.equal(verdicts.passes('a', 60_001), false);
  });

  test('one redirect lets nothing pass; redirects in a row do for 1 s, then twice as long each time, up to a minute', () => {
    const verdicts = new Verdicts();
    let now = 0;
    const next = (): number => {
      const from = now;
      verdicts.set('a', told('answer', now), (now += 10));
      while (verdicts.passes('a', now)) now += 10;
      return now - from - 10;
    };
    assert.deepEqual([next(), next(), next(), next()], [0, 1000, 2000, 4000]);
    for (let i = 0; i < 6; i++) next();
    assert.ok(next() <= 60_010);
  });

  test('redirects that were asked for together count as one', () => {
    const verdicts = new Verdicts();
    verdicts.set('a', told('answer', 0), 100);
    for (let i = 0; i < 20; i++) verdicts.set('a', told('answer', 50), 110 + i);
    assert.equal(verdicts.passes('a', 130), false);
  });

  test('a stored response ends the row', () => {
    const verdicts = new Verdicts();
    verdicts.set('a', told('answer', 0), 10);
    verdicts.delete('a');
    verdicts.set('a', told('answer', 20), 30);
    assert.equal(verdicts.passes('a', 31), false);
  });
});
