/**
 * @module test/kit/proxy
 * Millrace itself on a free port of 127.0.0.1, in the process of the test.
 */
import type { Outcome } from '../../src/cache/outcome.ts';
import { type Options, resolveConfig } from '../../src/config.ts';
import { startServer } from '../../src/server/main.ts';
import { HTTP2_PORTS } from './client.ts';
import { Arrivals } from './listening.ts';

/** With MILLRACE_TEST_LANE=general every test that starts a proxy here runs without the fast lane. */
export const FAST_LANE: boolean = process.env['MILLRACE_TEST_LANE'] !== 'general';

/** With MILLRACE_TEST_CLIENT=http2 the client of the kit asks the proxy on that port over HTTP/2. */
export function overHttp2(port: number): void {
  if (process.env['MILLRACE_TEST_CLIENT'] === 'http2') HTTP2_PORTS.add(String(port));
}

/** `await using` closes it at the end of the block. */
export interface TestProxy extends AsyncDisposable {
  /** http://127.0.0.1:PORT, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Where /health and /__admin/ answer; undefined with `admin: false`. */
  readonly adminUrl: string | undefined;
  /** A token that it takes. */
  readonly adminSecret: string;
  /** One for each finished request, in the order they finished. A client may see the end of its response a little before. */
  readonly outcomes: readonly Outcome[];
  /** Settles when at least so many requests have finished. */
  finished(count: number): Promise<void>;
  /** Stops it; requests in flight are cut off at once, unless `shutdownTimeout` was given. */
  close(): Promise<void>;
}

/**
 * Starts a proxy with the defaults of the command line, but for the options given here. What the
 * proxy calls a defect of its own is thrown, where nothing catches it: the test fails.
 */
export async function startMillrace(options: Options = {}): Promise<TestProxy> {
  const outcomes: Outcome[] = [];
  const arrivals = new Arrivals(outcomes);
  const config = resolveConfig({ port: 0, shutdownTimeout: 0, fastLane: FAST_LANE, ...options });
  const server = await startServer(config, {
    onOutcome: (outcome) => {
      outcomes.push(outcome);
      arrivals.notify();
    },
    onError: (error) => {
      queueMicrotask(() => {
        throw error;
      });
    },
  });
  const { url, port, adminUrl, adminSecret } = server;
  overHttp2(port);
  const close = (): Promise<void> => server.close();
  return { url, port, adminUrl, adminSecret, outcomes, close, finished: (count) => arrivals.reach(count), [Symbol.asyncDispose]: close };
}
