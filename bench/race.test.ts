import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../test/kit/port.ts';
import { CASES } from './cases.ts';
import type { Case } from './cases.ts';
import { type Child, startChild, untilListening } from './child.ts';
import { findProgram } from './machine.ts';
import { race } from './race.ts';
import type { Entrant, Pace } from './race.ts';
import { report, standings } from './report.ts';
import type { Rival } from './rivals.ts';

const PACE: Pace = { rounds: 2, seconds: 0.5, warmUp: 0.5 };
const START = CASES.find(({ measures }) => measures === 'start')!;
const HITS = CASES.find(({ name }) => name === 'hit-1k')!;
const MISSES = CASES.find(({ name }) => name === 'miss-1k')!;

function fake(name: string, defect = '', script = 'fake.ts'): Rival {
  const args = ({ port, originPort }: { port: number; originPort: number }): string[] => [join(import.meta.dirname, script), String(port), String(originPort), defect];
  return { peer: { name, program: process.execPath, versionArgs: ['--version'], args }, program: process.execPath, version: '1' };
}

describe('a race', () => {
  let origin: Child;
  let originPort: number;

  before(async () => {
    originPort = await freePort();
    origin = startChild([process.execPath, join(import.meta.dirname, 'origin.ts'), String(originPort)]);
    await untilListening(origin, originPort);
  });
  after(() => origin.stop());

  const run = (one: Case, ...rivals: Rival[]): Promise<Entrant[]> => race(one, rivals, PACE, originPort, () => undefined);

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

  test('leaves out who breaks under load, and measures the others', { skip: findProgram('wrk') === undefined && 'wrk is not installed' }, async () => {
    const [ours, breaks, limit] = await run(HITS, fake('millrace'), fake('breaks', 'breaks'), fake('bare', '', 'bare.ts'));
    assert.deepEqual([ours!.fault, ours!.rounds.length, limit!.fault, limit!.rounds.length], [undefined, 2, undefined, 2]);
    assert.ok(breaks!.fault !== undefined && breaks!.fault.length > 0);
    for (const { requests, perSecond, bytes, p50, p99, cpu, memory } of ours!.rounds) {
      assert.ok(requests > 0 && perSecond > 0 && bytes > requests * 1024 && p50 > 0 && p99 >= p50 && cpu! > 0 && memory! > 1e6);
    }
  });

  test('compares Millrace with itself, with and without a log', { skip: findProgram('wrk') === undefined && 'wrk is not installed' }, async () => {
    const one: Case = { ...HITS, logs: ['json', 'pretty'], limit: false };
    const found = standings(one, await run(one, fake('millrace'), fake('nginx')), 'millrace');
    assert.deepEqual(found.map(({ name, log, fault }) => [name, log, fault]), [['millrace', undefined, undefined], ['json log', 'json', undefined], ['pretty log', 'pretty', undefined]]);
    assert.ok(found[0]!.logCost === undefined && found[1]!.logCost!.median > 0);
    assert.match(report(one, found, 'millrace'), /\nCPU\/req with a log ÷ without: json \d\.\d\d \(.*\), pretty \d\.\d\d \(/u);
  });

  test('compares crews of workers on the same cores', { skip: findProgram('wrk') === undefined && 'wrk is not installed' }, async () => {
    const one = { ...HITS, workers: 2, besideWorkers: 1, limit: false };
    const found = standings(one, await run(one, fake('millrace')), 'millrace');
    assert.deepEqual(found.map(({ workers, fault }) => [workers, fault]), [[2, undefined], [1, undefined]]);
    // The fake has one thread, whatever it is given.
    assert.ok(found[0]!.scaling!.median > 1 && found[1]!.scaling === undefined);
    assert.match(report(one, found, 'millrace'), /, 1 worker, .* 32 connections\n[^]*, 2 workers, .* 64 connections\n[^]*\nWhat 2 workers can do ÷ what 1 can \(.*\): millrace \d\.\d\d \(/u);
  });
});
