/**
 * @module test/server/start-proxy
 * A whole proxy on a free port, with what it told about its requests.
 */
import { type Options, resolveConfig } from '../../src/config.ts';
import type { Outcome } from '../../src/cache/outcome.ts';
import { type RunningServer, startServer } from '../../src/server/main.ts';
import { FAST_LANE, overHttp2 } from '../kit/proxy.ts';

export interface TestProxy extends RunningServer {
  /** Of the requests that have finished, in that order. */
  readonly outcomes: readonly Outcome[];
  /** Settles with the outcome of the first finished request whose URL that is. */
  outcomeOf(url: string): Promise<Outcome>;
  /** What the server called unexpected; empty in any test that does not provoke it. */
  readonly errors: readonly unknown[];
}

export async function startProxy(options: Options): Promise<TestProxy> {
  const outcomes: Outcome[] = [];
  const errors: unknown[] = [];
  const watchers = new Set<() => void>();
  const running = await startServer(resolveConfig({ port: 0, shutdownTimeout: 1, fastLane: FAST_LANE, ...options }), {
    onOutcome: (outcome) => {
      outcomes.push(outcome);
      for (const look of watchers) look();
    },
    onError: (error) => errors.push(error),
  });
  overHttp2(running.port);
  const outcomeOf = (url: string): Promise<Outcome> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = outcomes.find((outcome) => outcome.url === url);
        if (found === undefined) return;
        watchers.delete(look);
        resolve(found);
      };
      watchers.add(look);
      look();
    });
  return { ...running, outcomes, outcomeOf, errors };
}
