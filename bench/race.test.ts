import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CASES } from './cases.ts';
import { HITS, fake, racing, skipWithoutWrk } from './race-fixture.ts';
import { report, standings } from './report.ts';

const START = CASES.find(({ measures }) => measures === 'start')!;
const MISSES = CASES.find(({ name }) => name === 'miss-1k')!;

describe('a race', () => {
  const run = racing();

  test('leaves out by name who does not start, or answers wrongly, and goes on', async () => {
    const absent = { ...fake('absent'), program: '/nowhere/at/all' };
    const found = await run(START, fake('millrace'), fake('ends', 'ends'), absent, fake('status', 'status'), fake('short', 'short'), fake('bytes', 'bytes'), fake('forgetful', 'forgetful'), fake('last'));
    const faults = Object.fromEntries(found.map(({ name, fault }) => [name, fault?.replaceAll('\n', ' ')]));
    assert.equal(faults['millrace'], undefined);
    assert.match(faults['ends']!, /it ended before it listened, and printed: no such option/u);
    assert.match(faults['absent']!, /it ended before it listened/u);
    assert.match(faults['status']!, /it answers 500 where 200 is right/u);
    assert.match(faults['short']!, /it sends 1023 bytes where 1024 are right/u);
    assert.match(faults['bytes']!, /it sends other bytes than the origin/u);
    assert.match(faults['forgetful']!, /it still asks the origin after 50 requests/u);
    assert.equal(faults['last'], undefined);
    assert.deepEqual(found.map(({ rounds }) => rounds.length > 0), [true, false, false, false, false, false, false, true]);
    const table = report(START, standings(START, found, 'millrace'), 'millrace');
    assert.match(table, /^status +left out: it answers 500/mu);
    assert.match(table, /^last .*\d\.\d\d \(/mu);
  });

  test('leaves out who keeps what must not be kept', async () => {
    const [greedy] = await run(MISSES, fake('greedy', 'greedy'));
    assert.equal(greedy!.fault, 'it keeps what must not be kept');
  });

  test('leaves out who breaks under load, and measures the others', { skip: skipWithoutWrk }, async () => {
    const [ours, breaks, limit] = await run(HITS, fake('millrace'), fake('breaks', 'breaks'), fake('bare', '', 'bare.ts'));
    assert.deepEqual([ours!.fault, ours!.rounds.length, limit!.fault, limit!.rounds.length], [undefined, 2, undefined, 2]);
    assert.ok(breaks!.fault !== undefined && breaks!.fault.length > 0);
    for (const { requests, perSecond, bytes, p50, p99, cpu, memory } of ours!.rounds) {
      assert.ok(requests > 0 && perSecond > 0 && bytes > requests * 1024 && p50 > 0 && p99 >= p50 && cpu! > 0 && memory! > 1e6);
    }
  });
});
