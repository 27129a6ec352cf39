/**
 * @module bench/h2load
 * h2load, the load generator for HTTP/2: how it is started, and what it prints. It is given the URL
 * with http://, so that it speaks HTTP/2 from the first byte, without TLS.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from './child.ts';
import { fastDirectory } from './machine.ts';
import { percentile } from './statistics.ts';
import type { LoadResult } from './wrk.ts';

export interface Http2Load {
  readonly url: string;
  readonly connections: number;
  /** Requests at once on each connection. */
  readonly streams: number;
  readonly seconds: number;
  readonly cores: string | undefined;
  /** `Name: value`. */
  readonly fields: readonly string[];
}

/** Rejects where h2load fails, with what it printed. */
export async function runH2load({ url, connections, streams, seconds, cores, fields }: Http2Load): Promise<LoadResult> {
  const directory = mkdtempSync(join(fastDirectory(), 'millrace-bench-h2load-'));
  const log = join(directory, 'requests.tsv');
  try {
    const child = startChild(
      [
        'h2load', '--clients', String(connections), '--max-concurrent-streams', String(streams), '--threads', '1',
        '--duration', `${Math.round(seconds * 1000)}ms`, '--warm-up-time', '0s', '--log-file', log,
        ...fields.flatMap((field) => ['--header', field]),
        url,
      ],
      { cores },
    );
    await child.end;
    return parseH2load(child.output(), readFileSync(log, 'latin1'), seconds);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * @param text its report
 * @param log a line for each request: when it began, its status, and how long it took, in microseconds
 * @throws {Error} where the text is no report of h2load's
 */
export function parseH2load(text: string, log: string, seconds: number): LoadResult {
  const find = (pattern: RegExp): number[] => {
    const match = pattern.exec(text);
    if (match === null) throw new Error(`h2load printed no ${pattern.source}, but:\n${text.trim()}`);
    return match.slice(1).map(Number);
  };
  const [done = 0, succeeded = 0, failed = 0, errored = 0, timeouts = 0] = find(/^requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/mu);
  const [refused = 0, broken = 0] = find(/^status codes: \d+ 2xx, \d+ 3xx, (\d+) 4xx, (\d+) 5xx/mu);
  const [bytes = 0] = find(/, \S+ \((\d+)\) data$/mu);
  const times = Float64Array.from(log.matchAll(/^\d+\t\d+\t(\d+)$/gmu), ([, time]) => Number(time) / 1e6).sort();
  return {
    requests: succeeded,
    perSecond: succeeded / seconds,
    bytes,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    max: times.at(-1) ?? Number.NaN,
    // What it counts as failed are statuses that are no success, too.
    failures: Math.max(failed, refused + broken, done - succeeded) + errored + timeouts,
  };
}
