/**
 * @module conformance/comparison
 * Where a whole run departs from what is held in expected.ts.
 */
import type { Expectations } from './expected.ts';
import type { Outcome } from './outcome.ts';

/** One sentence for each departure; none where the run is as expected. */
export function departures(outcomes: readonly Outcome[], expected: Expectations): string[] {
  const found = outcomes.flatMap((outcome) => departure(outcome, expected));
  const played = new Map(outcomes.map((outcome) => [outcome.id, outcome]));
  for (const id of [...Object.keys(expected.differences), ...Object.keys(expected.checks)]) {
    if (!played.has(id)) found.push(`${id} is held as expected, but there is no such case.`);
  }
  const listed = Object.keys(expected.differences).length;
  if (expected.limit !== undefined && listed > expected.limit) {
    found.push(`${listed} differences are listed, at most ${expected.limit} may be.`);
  }
  return found;
}

function departure({ id, kind, verdict, message }: Outcome, expected: Expectations): string[] {
  if (kind === 'check') {
    const held = expected.checks[id]?.[0];
    if (held === verdict) return [];
    return [held === undefined ? `${id} (check) shows ${verdict}; no answer is held for it.` : `${id} (check) shows ${verdict}, not ${held}: ${message || 'it passes'}`];
  }
  const listed = id in expected.differences;
  if (listed && verdict === 'passed') return [`${id} (${kind}) passes, but is listed as a difference.`];
  if (!listed && verdict !== 'passed') return [`${id} (${kind}) does not pass (${verdict}): ${message}`];
  return [];
}
