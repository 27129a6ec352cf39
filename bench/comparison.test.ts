import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { comparison } from './comparison.ts';
import type { Standing } from './report.ts';
import type { Bench, CaseResult } from './result.ts';

const values = { perSecond: 100_000.4, p50: 0.0002, p99: 0.001, max: 0.0123, cpu: 6e-6, busy: 1, memory: 5e7 };
const ours: Standing = { name: 'millrace', version: '0.1.0, compiled', workers: 1, median: values, rounds: [] };
const theirs = (name: string, median: number): Standing => ({ name, version: '1.2', workers: 1, median: values, ratio: { median, min: 1, max: 2 }, rounds: [] });
const result = (name: string, more: Partial<CaseResult>): CaseResult => ({ case: name, title: `Title of ${name}`, measures: 'speed', connections: 32, workers: 1, standings: [ours], ...more });

const bench = (results: CaseResult[], more: Partial<Bench> = {}): Bench => ({
  started: '2026-01-01T00:00:00.000Z',
  command: 'npm run bench',
  machine: { cpu: 'A CPU', cores: 2, memoryBytes: 8e9, system: 'Linux 6', node: 'v26.9.0', commit: 'abc1234', changed: false },
  loadBefore: 0.1,
  pace: { rounds: 5, seconds: 2, warmUp: 1 },
  pinned: { server: '0', load: '1', origin: '1', note: 'server on core 0' },
  results,
  ...more,
});

describe('the comparison in the README', () => {
  test('claims nothing where nothing was measured', () => {
    assert.match(comparison([]), /^No figures are published/u);
  });

  test('has ratios with their spread, and times apart from speeds', () => {
    const text = comparison([bench([
      result('fast', { standings: [ours, theirs('nginx', 1.28), theirs('bare', 0.97)] }),
      result('late', { measures: 'rate', standings: [ours, theirs('nginx', 0.8)] }),
      result('fill', { measures: 'fill' }),
      result('start', { measures: 'start' }),
    ])]);
    assert.ok(text.includes('| Requests a second: Millrace ÷ it | Millrace | nginx | bare socket |\n| --- | --- | --- | --- |\n| Title of fast, 32 connections | 100,000/s | 1.28 (1.00–2.00) | 0.97 (1.00–2.00) |\n| Title of fill, 32 connections | 100,000/s | – | – |\n'), text);
    assert.ok(text.includes('| Times, less is better: Millrace ÷ it | Millrace | nginx |\n| --- | --- | --- |\n| Title of late, 32 connections | p99 1.00 ms at 100,000/s, longest 12.3 ms | 0.80 (1.00–2.00) |\n| Title of start | 200 µs | – |'), text);
    assert.match(text, /^Commit abc1234 on A CPU, 2 cores, Linux 6, Node v26\.9\.0, beside nginx 1\.2; server on core 0\. Medians of 5 rounds of 2 s/u);
    assert.match(text, /`npm run bench`/u);
    assert.doesNotMatch(text, /at work/u);
  });

  test('names who was left out, and why', () => {
    const text = comparison([bench([result('fast', { standings: [ours, { name: 'squid', version: '5', workers: 1, fault: 'it answers 500\nand more', rounds: [] }] })])]);
    assert.ok(text.includes('| 100,000/s | – |'), text);
    assert.ok(text.includes('- Left out of Title of fast: Squid (it answers 500).'), text);
    assert.ok(comparison([bench([result('fast', { standings: [{ name: 'millrace', version: '1', workers: 1, fault: 'it ended', rounds: [] }] })])]).includes('| failed |'));
  });

  test('has workers and memory where they were measured', () => {
    const scaling = { median: 1.9, min: 1.8, max: 2 };
    const text = comparison([bench([
      result('crew', { workers: 2, standings: [{ ...ours, workers: 2, scaling }, { ...theirs('nginx', 1.3), workers: 2, scaling }, ours, theirs('nginx', 9)] }),
      result('many', { standings: [{ ...ours, objectMemory: 1512.4 }] }),
    ])]);
    assert.ok(text.includes('| Title of crew, 32 connections, 2 workers, cores shared with the load | 100,000/s | 1.30 (1.00–2.00) |'), text);
    assert.match(text, /^- 2 workers .*: Millrace 1\.90 \(1\.80–2\.00\), nginx 1\.90 /mu);
    assert.match(text, /^- Memory for each object, its own bytes among them, Title of many: Millrace 1512 bytes\.$/mu);
  });

  test('has what an access log costs, and no row for it', () => {
    const logged: Standing = { ...theirs('json log', 1.04), log: 'json', logCost: { median: 1.05, min: 1.02, max: 1.08 } };
    const text = comparison([bench([result('fast', {}), result('log', { standings: [ours, logged] })])]);
    assert.match(text, /^- Title of log: .*: json 1\.05 \(1\.02–1\.08\)\.$/mu);
    assert.ok(!text.includes('| Title of log'), text);
  });

  test('takes each case from the last run that has it, and says of all what was unlike the rest', () => {
    const later = bench([result('fast', { title: 'Later' })], { command: 'npm run bench -- --only fast', loadBefore: 3, machine: { ...bench([]).machine, commit: 'def5678', changed: true } });
    const text = comparison([bench([result('fast', {}), result('other', {})]), later]);
    assert.ok(text.includes('| Later,') && text.includes('| Title of other,') && !text.includes('Title of fast'), text);
    assert.match(text, /^Commit abc1234, def5678 with changes on /u);
    assert.match(text, /Other programs were at work on the machine \(load 3\.0\)\./u);
    assert.match(text, /`npm run bench`, `npm run bench -- --only fast`/u);
  });
});
