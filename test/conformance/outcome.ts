/**
 * @module conformance/outcome
 * What became of each case, counted as the public suite counts: a case whose dependency did not
 * pass says nothing, whatever it showed itself.
 */
import { KINDS } from './cases.ts';
import type { Kind, Suite } from './cases.ts';
import { Failure } from './judge.ts';
import type { Play } from './player.ts';

/**
 * `setup`: the case could not be asked. `dependency`: a case it rests on did not pass. For a
 * `check` case, `passed` is yes to its question and `failed` is no.
 */
export type Verdict = 'passed' | 'failed' | 'setup' | 'dependency';
export const VERDICTS: readonly Verdict[] = ['passed', 'failed', 'setup', 'dependency'];

export interface Outcome {
  readonly id: string;
  readonly suite: string;
  readonly kind: Kind;
  readonly name: string;
  readonly verdict: Verdict;
  /** Why it did not pass; "" where it did. */
  readonly message: string;
}

export type Totals = Record<Kind, Record<Verdict, number>>;

/** In the order of the suites; a case that was not played has no outcome, and is no dependency of others. */
export function settle(suites: readonly Suite[], plays: readonly Play[]): Outcome[] {
  const played = new Map(plays.map((play) => [play.test.id, play]));
  const settled = new Map<string, Outcome['verdict']>();

  const verdictOf = (play: Play): Verdict => {
    const known = settled.get(play.test.id);
    if (known !== undefined) return known;
    const verdict = missing(play) === undefined ? own(play) : 'dependency';
    settled.set(play.test.id, verdict);
    return verdict;
  };
  const missing = (play: Play): string | undefined =>
    play.test.depends_on?.find((id) => {
      const needed = played.get(id);
      return needed !== undefined && verdictOf(needed) !== 'passed';
    });

  return suites.flatMap((suite) =>
    suite.tests.flatMap((test): Outcome[] => {
      const play = played.get(test.id);
      if (play === undefined) return [];
      const verdict = verdictOf(play);
      const message = verdict === 'dependency' ? `${missing(play)} did not pass` : (play.failure?.message ?? '');
      return [{ id: test.id, suite: suite.id, kind: test.kind ?? 'required', name: test.name, verdict, message }];
    }),
  );
}

function own({ failure }: Play): Verdict {
  if (failure === undefined) return 'passed';
  return failure instanceof Failure && failure.setup ? 'setup' : 'failed';
}

export function count(outcomes: readonly Outcome[]): Totals {
  const totals = Object.fromEntries(KINDS.map((kind) => [kind, Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0]))])) as Totals;
  for (const { kind, verdict } of outcomes) totals[kind][verdict] += 1;
  return totals;
}
