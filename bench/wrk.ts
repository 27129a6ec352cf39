/**
 * @module bench/wrk
 * wrk, the load generator: how it is started, and what it prints.
 */
import { join } from 'node:path';
import { startChild } from './child.ts';

export interface Load {
  readonly url: string;
  readonly connections: number;
  /** Of wrk, 1 by default. */
  readonly threads?: number;
  readonly seconds: number;
  readonly cores: string | undefined;
  /** `Name: value`. */
  readonly fields: readonly string[];
  /** A script under bench/wrk/ and its arguments. */
  readonly script?: readonly string[] | undefined;
  /** Ends it sooner, when it settles. */
  readonly until?: Promise<unknown>;
}

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly bytes: number;
  /** Seconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Errors of sockets, and answers with an error status. */
  readonly failures: number;
}

/** Rejects where wrk fails, with what it printed. */
export async function runWrk({ url, connections, threads = 1, seconds, cores, fields, script, until }: Load): Promise<LoadResult> {
  const [file, ...args] = script ?? [];
  const child = startChild(
    [
      'wrk', '--threads', String(threads), '--connections', String(connections), '--latency', '--timeout', '30s',
      // wrk counts in whole seconds; a signal ends it sooner, and it still reports.
      '--duration', `${Math.ceil(seconds) + 5}s`,
      ...fields.flatMap((field) => ['--header', field]),
      ...(file !== undefined ? ['--script', join(import.meta.dirname, 'wrk', file)] : []),
      url,
      ...(args.length > 0 ? ['--', ...args] : []),
    ],
    { cores },
  );
  const timer = setTimeout(() => child.interrupt(), seconds * 1000);
  void until?.finally(() => child.interrupt());
  await child.end;
  clearTimeout(timer);
  return parseWrk(child.output());
}

const TIME_UNITS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };

/** @throws {Error} where the text is no report of wrk's */
export function parseWrk(text: string): LoadResult {
  const find = (pattern: RegExp): string[] => {
    const match = pattern.exec(text);
    if (match === null) throw new Error(`wrk printed no ${pattern.source}, but:\n${text.trim()}`);
    return match.slice(1);
  };
  const [requests, bytes] = find(/^\s*(\d+) requests in \S+, (\S+) read/mu);
  const errors = /^\s*Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/mu.exec(text)?.slice(1) ?? [];
  const refused = /^\s*Non-2xx or 3xx responses: (\d+)/mu.exec(text)?.[1] ?? '0';
  return {
    requests: Number(requests),
    perSecond: Number(find(/^Requests\/sec:\s*(\S+)/mu)[0]),
    bytes: quantity(bytes!, SIZE_UNITS),
    p50: quantity(find(/^\s*50%\s+(\S+)/mu)[0]!, TIME_UNITS),
    p99: quantity(find(/^\s*99%\s+(\S+)/mu)[0]!, TIME_UNITS),
    max: quantity(find(/^\s*Latency\s+\S+\s+\S+\s+(\S+)/mu)[0]!, TIME_UNITS),
    failures: [...errors, refused].reduce((sum, count) => sum + Number(count), 0),
  };
}

function quantity(text: string, units: Readonly<Record<string, number>>): number {
  const [, number, unit = ''] = /^([\d.]+)([a-zA-Z]+)$/u.exec(text) ?? [];
  const factor = units[unit];
  if (number === undefined || factor === undefined) throw new Error(`wrk printed ${text} where a quantity belongs.`);
  return Number(number) * factor;
}
