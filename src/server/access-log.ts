/**
 * @module server/access-log
 * One line per finished request: for a person on a terminal, as JSON for programs. Lines are
 * gathered for some milliseconds and written at once, and a reader who leaves is no error. Where one
 * is slower than the proxy, lines are dropped, and counted in a line of their own.
 */
import { styleText } from 'node:util';
import type { CacheResult, Outcome } from '../cache/outcome.ts';
import type { Config } from '../config.ts';
import { formatSize } from '../config/quantity.ts';
import { REASONS } from '../policy/reason.ts';
import type { Reason } from '../policy/reason.ts';
import { JsonLines } from './json-lines.ts';
import { printable } from './printable.ts';

/** What a log is written to: process.stdout, or a stand-in for it. */
export interface LogStream {
  readonly isTTY?: boolean;
  /** What waits for the reader, in bytes or characters. */
  readonly writableLength?: number;
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

interface Format {
  line(outcome: Outcome): string;
  /** Tells at what time, in ms since the epoch, how many lines were dropped by then. */
  dropped(lines: number, now: number): string;
}

/** Milliseconds for which lines are gathered: a write for each turn of the event loop would cost more than the lines. */
const DELAY = 10;
/** Characters that are written at once. */
const MOST_GATHERED = 64 * 1024;
/** So much may wait for the reader. */
const MAX_WAITING = 4 * 1024 * 1024;

export class AccessLog {
  readonly #stream: LogStream;
  readonly #format: Format | undefined;
  #waiting = '';
  /** Nothing fits any more until the reader has taken what waits. */
  #full = false;
  #dropped = 0;
  #isTimed = false;
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

  /** Lines that were dropped, and are not told of in the log yet. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whole lines that are in its form already. */
  append(lines: string): void {
    this.#look();
    if (this.#full) this.#dropped += count(lines);
    else this.#add(lines);
  }

  write(outcome: Outcome): void {
    if (this.#format === undefined) return;
    if (this.#waiting === '') this.#look();
    if (this.#full) this.#dropped++;
    else this.#add(`${this.#format.line(outcome)}\n`);
  }

  /** Writes what is waiting now; for the end of the process. */
  flush(): void {
    const text = this.#waiting;
    this.#waiting = '';
    if (text !== '' && !this.#broken) this.#stream.write(text);
  }

  #look(): void {
    this.#full = this.#broken || (this.#stream.writableLength ?? 0) > MAX_WAITING;
    if (this.#full || this.#dropped === 0) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (this.#format !== undefined) this.#add(`${this.#format.dropped(dropped, Date.now())}\n`);
  }

  #add(lines: string): void {
    if (!this.#isTimed) setTimeout(() => this.#onTime(), DELAY);
    this.#isTimed = true;
    this.#waiting += lines;
    if (this.#waiting.length > MOST_GATHERED) this.flush();
  }

  #onTime(): void {
    this.#isTimed = false;
    this.flush();
  }
}

function formatFor({ logFormat, verbose }: Pick<Config, 'logFormat' | 'verbose'>, stream: LogStream): Format | undefined {
  if (logFormat === 'off') return undefined;
  if (logFormat === 'json' || (logFormat === 'auto' && stream.isTTY !== true)) return new JsonLines();
  const colored = stream.isTTY === true && stream.hasColors?.() === true;
  const paint = (style: Style, text: string): string => (colored ? styleText(style, text, { validateStream: false }) : text);
  return {
    line: (outcome) => prettyLine(outcome, verbose, paint),
    dropped: (lines, now) => paint('yellow', `${clock(now)} ${lines} ${lines === 1 ? 'line' : 'lines'} dropped: whoever reads the log is too slow`),
  };
}

function count(lines: string): number {
  return lines.split('\n').length - 1;
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
