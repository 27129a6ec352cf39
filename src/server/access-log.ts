/**
 * @module server/access-log
 * One line per finished request: for a person on a terminal, as JSON for programs. Lines are
 * gathered and written once a turn of the event loop, and a reader who leaves is no error.
 */
import { styleText } from 'node:util';
import type { CacheResult, Outcome } from '../cache/outcome.ts';
import type { Config } from '../config.ts';
import { formatSize } from '../config/quantity.ts';
import { REASONS } from '../policy/reason.ts';
import type { Reason } from '../policy/reason.ts';

/** What a log is written to: process.stdout, or a stand-in for it. */
export interface LogStream {
  readonly isTTY?: boolean;
  hasColors?(): boolean;
  write(text: string): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** What a stream is to the log, as plain data: for the logs of workers, which write through the main thread. */
export interface LogLook {
  readonly isTerminal: boolean;
  readonly hasColors: boolean;
}

/** A stand-in for a stream that looks so. */
export function logStream({ isTerminal, hasColors }: LogLook, write: (text: string) => void): LogStream {
  return {
    isTTY: isTerminal,
    hasColors: () => hasColors,
    write: (text) => {
      write(text);
      return true;
    },
    on: () => undefined,
  };
}

type Style = Parameters<typeof styleText>[0];
type Format = (outcome: Outcome) => string;

export class AccessLog {
  readonly #stream: LogStream;
  readonly #format: Format | undefined;
  #waiting = '';
  #broken = false;

  /** `auto` is pretty on a terminal and JSON elsewhere; colours only on a terminal that has them (NO_COLOR is heeded). */
  constructor(config: Pick<Config, 'logFormat' | 'verbose'>, stream: LogStream) {
    this.#stream = stream;
    this.#format = formatFor(config, stream);
    // EPIPE and the like: whoever read the log has left, and the proxy goes on without.
    stream.on('error', () => {
      this.#broken = true;
    });
  }

  /** Undefined: it writes nothing. */
  get look(): LogLook | undefined {
    if (this.#format === undefined) return undefined;
    const isTerminal = this.#stream.isTTY === true;
    return { isTerminal, hasColors: isTerminal && this.#stream.hasColors?.() === true };
  }

  /** Whole lines that are in its form already. */
  append(lines: string): void {
    if (!this.#broken) this.#stream.write(lines);
  }

  write(outcome: Outcome): void {
    if (this.#format === undefined || this.#broken) return;
    if (this.#waiting === '') setImmediate(() => this.flush());
    this.#waiting += `${this.#format(outcome)}\n`;
  }

  /** Writes what is waiting now; for the end of the process. */
  flush(): void {
    const text = this.#waiting;
    this.#waiting = '';
    if (text !== '' && !this.#broken) this.#stream.write(text);
  }
}

function formatFor({ logFormat, verbose }: Pick<Config, 'logFormat' | 'verbose'>, stream: LogStream): Format | undefined {
  if (logFormat === 'off') return undefined;
  if (logFormat === 'json' || (logFormat === 'auto' && stream.isTTY !== true)) return jsonLine;
  const colored = stream.isTTY === true && stream.hasColors?.() === true;
  const paint = (style: Style, text: string): string => (colored ? styleText(style, text, { validateStream: false }) : text);
  return (outcome) => prettyLine(outcome, verbose, paint);
}

const RESULT_STYLE: Record<CacheResult, Style> = { HIT: 'green', REVALIDATED: 'cyan', STALE: 'yellow', MISS: 'magenta', BYPASS: 'gray' };

function prettyLine(outcome: Outcome, verbose: boolean, paint: (style: Style, text: string) => string): string {
  const { status, result, error } = outcome;
  const parts = [
    paint('gray', clock(outcome.startedAt)),
    status < 400 ? String(status) : paint(status < 500 ? 'yellow' : 'red', String(status)),
    paint(RESULT_STYLE[result], result.padEnd(11)),
    formatSize(outcome.bytes).padStart(8),
    formatTime(outcome.duration).padStart(7),
    ` ${printable(outcome.method)} ${printable(outcome.url)}`,
  ];
  const why = error === undefined ? reasonWords(outcome, verbose) : printable(error.message);
  if (why !== '') parts.push(paint('gray', ` ${why}`));
  if (verbose) parts.push(paint('gray', ` [${details(outcome)}]`));
  return parts.join(' ');
}

/** A hit needs no words, unless somebody asks for every reason. */
function reasonWords({ result, reasons }: Outcome, verbose: boolean): string {
  if (verbose) return reasons.map(describe).join('; ');
  const first = reasons[0];
  return result === 'HIT' || first === undefined ? '' : describe(first);
}

function describe({ code, detail }: Reason): string {
  const { words } = REASONS[code];
  return detail === undefined ? words : `${words} (${printable(detail)})`;
}

function details(outcome: Outcome): string {
  const words = [`client ${printable(outcome.clientAddress)}`];
  if (outcome.originStatus !== undefined) words.push(`origin ${outcome.originStatus}`);
  if (outcome.originDuration !== undefined) words.push(`after ${formatTime(outcome.originDuration)}`);
  if (outcome.stored) words.push('stored');
  if (outcome.collapsed) words.push('collapsed');
  if (outcome.error !== undefined) words.push(outcome.error.code);
  return words.join(', ');
}

/** Milliseconds as 0.4ms, 12ms, 3.4s. */
function formatTime(milliseconds: number): string {
  if (milliseconds < 9.95) return `${milliseconds.toFixed(1)}ms`;
  return milliseconds < 999.5 ? `${Math.round(milliseconds)}ms` : `${(milliseconds / 1000).toFixed(1)}s`;
}

function clock(milliseconds: number): string {
  const at = new Date(milliseconds);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((figure) => String(figure).padStart(2, '0')).join(':');
}

function jsonLine(outcome: Outcome): string {
  const { startedAt, duration, originDuration, reasons, error, ...rest } = outcome;
  const line = JSON.stringify({
    time: new Date(startedAt).toISOString(),
    ...rest,
    durationMs: thousandths(duration),
    originDurationMs: originDuration === undefined ? undefined : thousandths(originDuration),
    reasons,
    error: error && { code: error.code, message: error.message },
  });
  // JSON.stringify escapes C0 alone.
  return printable(line);
}

function thousandths(figure: number): number {
  return Math.round(figure * 1000) / 1000;
}

/**
 * Text that came from outside, made safe to show: control characters (which could forge lines or
 * steer the terminal) and characters that reorder or hide text are written as JSON escapes them.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) =>
    Array.from({ length: character.length }, (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}
