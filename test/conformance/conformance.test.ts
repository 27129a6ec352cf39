/** The public caching suite against Millrace, in each mode, compared with what expected.ts holds. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { absence, DEFAULT_CASES, loadSuites } from './cases.ts';
import { departures } from './comparison.ts';
import { EXPECTED } from './expected.ts';
import type { Mode } from './expected.ts';
import { ScriptedOrigin } from './origin.ts';
import { settle } from './outcome.ts';
import { Player } from './player.ts';
import { summary } from './report.ts';
import { startSelf } from './self.ts';

const suites = await loadSuites(DEFAULT_CASES);

describe('the public caching suite', { concurrency: true }, () => {
  for (const mode of Object.keys(EXPECTED) as Mode[]) {
    test(`mode ${mode}`, { skip: suites === undefined && absence(DEFAULT_CASES) }, async (context) => {
      const defects: unknown[] = [];
      const origin = new ScriptedOrigin();
      const cache = await startSelf(mode, await origin.listen(0), (error) => defects.push(error));
      const player = new Player(cache.url, 'strict');
      context.after(async () => {
        player.close();
        await cache.close();
        await origin.close();
      });
      const outcomes = settle(suites!, await player.playAll(suites!.flatMap((suite) => suite.tests)));
      context.diagnostic(`${mode}: ${summary(outcomes)}`);
      assert.deepEqual(departures(outcomes, EXPECTED[mode]), []);
      assert.deepEqual(defects, []);
    });
  }
});
