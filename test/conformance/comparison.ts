/**
 * @module conformance/comparison
 * Where a whole run departs from what is held in expected.ts.
 */
import type { Expectations } from './expected.ts';
import type { Outcome, Verdict } from './outcome.ts';

/** One sentence for each departure; none where the run is as expected. */
export function departures(outcomes: readonly Outcome[], expected: Expectations): string[] {
  const differences = byCase(expected.differences);
  const checks = byCase(expected.checks);
  const found = outcomes.flatMap((outcome) => departure(outcome, outcome.kind === 'check' ? checks : differences));
  const played = new Set(outcomes.map((outcome) => outcome.id));
  for (const id of [...differences.keys(), ...checks.keys()]) {
    if (!played.has(id)) found.push(`${id} is listed, but there is no such case.`);
  }
  if (differences.size > expected.limit) found.push(`${differences.size} differences are listed, at most ${expected.limit} may be.`);
  return found;
}

function byCase(held: Expectations['checks']): Map<string, Verdict> {
  return new Map(held.flatMap(({ verdict, cases }) => cases.map((id) => [id, verdict] as const)));
}

function departure({ id, kind, verdict, message }: Outcome, held: ReadonlyMap<string, Verdict>): string[] {
  const wanted = held.get(id) ?? (kind === 'check' ? 'not listed' : 'passed');
  if (verdict === wanted) return [];
  return [`${id} (${kind}): ${verdict}, expected: ${wanted}.${message && ` ${message}`}`];
}
