/**
 * @module conformance/report
 * The outcomes as a table for a person, and as data for a program.
 */
import { KINDS } from './cases.ts';
import type { Suite } from './cases.ts';
import { count, VERDICTS } from './outcome.ts';
import type { Outcome, Totals } from './outcome.ts';

const NAME_WIDTH = 20;
const CELL_WIDTH = 7;
const HEADS = { passed: 'passed', failed: 'failed', setup: 'set-up', dependency: 'dep.' } as const;

/** One line a suite and one in total: for each kind, how many passed, failed, could not be set up, lacked a dependency. */
export function table(suites: readonly Suite[], outcomes: readonly Outcome[]): string {
  const width = CELL_WIDTH * VERDICTS.length;
  const rows = [
    ''.padEnd(NAME_WIDTH) + KINDS.map((kind) => `  ${kind.padStart(width)}`).join(' |'),
    ''.padEnd(NAME_WIDTH) + KINDS.map(() => `  ${VERDICTS.map((verdict) => HEADS[verdict].padStart(CELL_WIDTH)).join('')}`).join(' |'),
  ];
  for (const suite of suites) {
    const own = outcomes.filter((outcome) => outcome.suite === suite.id);
    if (own.length > 0) rows.push(row(suite.id, count(own)));
  }
  rows.push(row('total', count(outcomes)));
  return rows.join('\n');
}

function row(name: string, totals: Totals): string {
  const cells = KINDS.map((kind) => `  ${VERDICTS.map((verdict) => String(totals[kind][verdict] || '·').padStart(CELL_WIDTH)).join('')}`);
  return name.padEnd(NAME_WIDTH) + cells.join(' |');
}

/** `required 160 of 160, optimal 105 of 105, check 80 of 100` */
export function summary(outcomes: readonly Outcome[]): string {
  const totals = count(outcomes);
  return KINDS.map((kind) => `${kind} ${totals[kind].passed} of ${VERDICTS.reduce((sum, verdict) => sum + totals[kind][verdict], 0)}`).join(', ');
}

/** One line for each case that did not pass. */
export function shortfalls(outcomes: readonly Outcome[]): string {
  return outcomes
    .filter(({ verdict }) => verdict !== 'passed')
    .map(({ kind, verdict, id, message }) => `${kind.padEnd(9)} ${HEADS[verdict].padEnd(7)} ${id}: ${message}`)
    .join('\n');
}

/** A case with every message that passed (`messages`, from the trace). */
export function exchange({ id, kind, name, verdict, message }: Outcome, messages: string): string {
  return `=== ${id} (${kind}): ${name}\n${messages}\n=== ${id}: ${verdict}${message && `: ${message}`}\n\n`;
}

/** For programs: totals, totals by suite, and every case. */
export function data(suites: readonly Suite[], outcomes: readonly Outcome[]): object {
  return {
    totals: count(outcomes),
    suites: suites.map(({ id, name }) => ({ id, name, totals: count(outcomes.filter((outcome) => outcome.suite === id)) })),
    cases: outcomes,
  };
}
