import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MillraceError } from '../errors.ts';
import { Counters } from './counters.ts';
import type { Outcome } from './outcome.ts';

function outcome(changes: Partial<Outcome>): Outcome {
  return {
    startedAt: 0,
    duration: 1,
    method: 'GET',
    url: '/',
    clientAddress: '127.0.0.1',
    status: 200,
    result: 'HIT',
    reasons: [{ code: 'fresh' }],
    bytes: 10,
    originDuration: undefined,
    originStatus: undefined,
    stored: false,
    collapsed: false,
    error: undefined,
    ...changes,
  };
}

describe('counters', () => {
  test('begin at nothing, without dividing by it', () => {
    const stats = new Counters(1000).stats(3500);
    assert.equal(stats.uptime, 2.5);
    assert.equal(stats.hitRatio, 0);
    assert.deepEqual(stats.origin, { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, max: 0 });
  });

  test('sum what outcomes tell', () => {
    const counters = new Counters(0);
    counters.record(outcome({}));
    counters.record(outcome({ result: 'STALE', reasons: [{ code: 'stale-while-revalidate' }, { code: 'fresh' }], bytes: 5 }));
    counters.record(outcome({ result: 'MISS', reasons: [{ code: 'not-stored' }], stored: true, originDuration: 20, originStatus: 200 }));
    counters.record(outcome({ result: 'MISS', reasons: [{ code: 'collapsed' }], collapsed: true, status: 206 }));
    counters.record(outcome({ result: 'REVALIDATED', reasons: [{ code: 'validated' }], originDuration: 10, originStatus: 304 }));
    counters.record(outcome({ result: 'BYPASS', reasons: [], status: 502, error: new MillraceError('ERR_CONNECTION_REFUSED', 'refused') }));
    const stats = counters.stats(1000);
    assert.deepEqual(
      [stats.requests, stats.hits, stats.misses, stats.hitRatio, stats.bytes, stats.bytesFromCache, stats.collapsed, stats.stored],
      [6, 2, 3, 0.4, 55, 15, 1, 1],
    );
    assert.deepEqual(stats.byResult, { HIT: 1, MISS: 2, STALE: 1, REVALIDATED: 1, BYPASS: 1 });
    // The first reason decided; those after it only explain.
    assert.deepEqual(stats.byReason, { fresh: 1, 'stale-while-revalidate': 1, 'not-stored': 1, collapsed: 1, validated: 1 });
    assert.deepEqual(stats.byStatus, { '2xx': 5, '5xx': 1 });
    assert.deepEqual(stats.errors, { ERR_CONNECTION_REFUSED: 1 });
    assert.deepEqual([stats.origin.count, stats.origin.mean, stats.origin.max], [2, 15, 20]);
  });

  test('percentiles are never below what was measured, nor above the next bound or the largest', () => {
    const counters = new Counters(0);
    for (let i = 1; i <= 1000; i++) counters.record(outcome({ originDuration: i, originStatus: 200 }));
    const { p50, p90, p99, max } = counters.stats(0).origin;
    assert.deepEqual([p50, p90, p99, max], [500, 1000, 1000, 1000]);
  });

  test('a duration beyond every bound counts as the largest seen', () => {
    const counters = new Counters(0);
    counters.record(outcome({ originDuration: 3_600_000 }));
    assert.equal(counters.stats(0).origin.p50, 3_600_000);
  });
});

test('what several counted adds up to what one would have counted', () => {
  const outcomes = [
    outcome({}),
    outcome({ result: 'MISS', reasons: [{ code: 'not-stored' }], bytes: 5, originDuration: 40, originStatus: 200, stored: true }),
    outcome({ result: 'STALE', status: 502, bytes: 7, originDuration: 9000, collapsed: true, error: new MillraceError('ERR_CONNECTION_RESET', 'gone') }),
    outcome({ result: 'REVALIDATED', reasons: [], originDuration: 0.5 }),
  ];
  const one = new Counters(0);
  const several = [new Counters(0), new Counters(500)];
  outcomes.forEach((each, i) => {
    one.record(each);
    several[i % 2]!.record(each);
  });
  one.recordHit(200, 100, undefined);
  several[1]!.recordHit(200, 100, undefined);
  const sum = new Counters(0);
  for (const counters of several) sum.add(structuredClone(counters.tally()));
  assert.deepEqual(sum.stats(1000), one.stats(1000));
  assert.equal(sum.stats(1000).requests, 5);
});
