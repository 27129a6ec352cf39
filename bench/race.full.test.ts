import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Case } from './cases.ts';
import { HITS, fake, racing, skipWithoutWrk } from './race-fixture.ts';
import { report, standings } from './report.ts';

describe('a race', () => {
  const run = racing();

  test('compares Millrace with itself, with and without a log', { skip: skipWithoutWrk }, async () => {
    const one: Case = { ...HITS, logs: ['json', 'pretty'], limit: false };
    const found = standings(one, await run(one, fake('millrace'), fake('nginx')), 'millrace');
    assert.deepEqual(found.map(({ name, log, fault }) => [name, log, fault]), [['millrace', undefined, undefined], ['json log', 'json', undefined], ['pretty log', 'pretty', undefined]]);
    assert.ok(found[0]!.logCost === undefined && found[1]!.logCost!.median > 0);
    assert.match(report(one, found, 'millrace'), /\nCPU\/req with a log ÷ without: json \d\.\d\d \(.*\), pretty \d\.\d\d \(/u);
  });

  test('compares crews of workers on the same cores', { skip: skipWithoutWrk }, async () => {
    const one = { ...HITS, workers: 2, besideWorkers: 1, limit: false };
    const found = standings(one, await run(one, fake('millrace')), 'millrace');
    assert.deepEqual(found.map(({ workers, fault }) => [workers, fault]), [[2, undefined], [1, undefined]]);
    // The fake has one thread, whatever it is given.
    assert.ok(found[0]!.scaling!.median > 1 && found[1]!.scaling === undefined);
    assert.match(report(one, found, 'millrace'), /, 1 worker, .* 32 connections\n[^]*, 2 workers, .* 64 connections\n[^]*\nWhat 2 workers can do ÷ what 1 can \(.*\): millrace \d\.\d\d \(/u);
  });
});
