/**
 * @module server/access-log
 * One line per finished request: for a person on a terminal, as JSON for programs. Lines are
 * gathered for some milliseconds and written at once, and a reader who leaves is no error. Where one
 * is slower than the proxy, lines are dropped, and counted in a line of their own.
 */
import { type AnsweredHit, outcomeOfHit } from '../cache/answered-hit.ts';
import type { Outcome } from '../cache/outcome.ts';
import type { Config } from '../config.ts';
import type { OutcomeLog } from '../proxy.ts';
import { HitLines, MOST_OF_LINE } from './hit-lines.ts';
import { JsonLines } from './json-lines.ts';
import type { LineFormat } from './line-format.ts';
import { PrettyLines } from './pretty-lines.ts';

/** What a log is written to: process.stdout, or a stand-in for it. */
export interface LogStream {
  readonly isTTY?: boolean;
  /** Bytes that wait for the reader. */
  readonly writableLength?: number;
  hasColors?(): boolean;
  /** The bytes are not changed until it calls back. */
  write(lines: Uint8Array, done: () => void): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** What a stream is to the log, as plain data: for the logs of workers, which write through the main thread. */
export interface LogLook {
  readonly isTerminal: boolean;
  readonly hasColors: boolean;
}

/** A stand-in for a stream that looks so. */
export function logStream({ isTerminal, hasColors }: LogLook, write: (lines: Uint8Array) => void): LogStream {
  return {
    isTTY: isTerminal,
    hasColors: () => hasColors,
    write: (lines, done) => {
      write(lines);
      done();
      return true;
    },
    on: () => undefined,
  };
}

/** Milliseconds for which lines are gathered: a write for each turn of the event loop would cost more than the lines. */
const DELAY = 10;
/** Bytes that are gathered. */
const MOST_GATHERED = 64 * 1024;
/** Bytes of UTF-8 for one code unit. */
const WIDEST = 3;
/** So much may wait for the reader. */
const MAX_WAITING = 4 * 1024 * 1024;
const NEWLINE = 10;

export class AccessLog implements OutcomeLog {
  readonly #stream: LogStream;
  readonly #format: LineFormat | undefined;
  readonly #hits: HitLines | undefined;
  #gathered: Buffer = Buffer.alloc(0);
  /** Bytes of it that are lines. */
  #length = 0;
  /** One that was written, to be used again. */
  #spare: Buffer | undefined;
  /** Nothing fits any more until the reader has taken what waits. */
  #full = false;
  #dropped = 0;
  #isTimed = false;
  #broken = false;

  /** `auto` is pretty on a terminal and JSON elsewhere; colours only on a terminal that has them (NO_COLOR is heeded). */
  /** @param onLost told once, where the lines can be written no more */
  constructor(config: Pick<Config, 'logFormat' | 'verbose'>, stream: LogStream, onLost?: (error: Error) => void) {
    this.#stream = stream;
    this.#format = formatFor(config, stream);
    if (this.#format !== undefined) {
      this.#hits = new HitLines(this.#format);
      this.#gathered = Buffer.allocUnsafeSlow(MOST_GATHERED);
    }
    // EPIPE, ENOSPC and the like: the proxy goes on without a log.
    stream.on('error', (error) => {
      if (!this.#broken && this.#format !== undefined) onLost?.(error);
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

  /** Whole lines that are in its form already, and stay as they are. */
  append(lines: Uint8Array): void {
    this.#look();
    this.flush();
    if (this.#full) this.#dropped += count(lines);
    else this.#stream.write(lines, () => undefined);
  }

  write(outcome: Outcome): void {
    if (this.#format === undefined) return;
    if (this.#length === 0) this.#look();
    if (this.#full) this.#dropped++;
    else this.#add(`${this.#format.beginning(outcome.startedAt)}${this.#format.rest(outcome)}\n`);
  }

  writeHit(answer: AnsweredHit, startedAt: number, clientAddress: string): void {
    const line = this.#hits?.find(answer, startedAt, clientAddress);
    if (line === undefined) return this.write(outcomeOfHit(answer, { startedAt, duration: 0, bytes: answer.bodyLength, clientAddress, error: undefined }));
    if (this.#length + MOST_OF_LINE > MOST_GATHERED) this.flush();
    if (this.#length === 0) this.#look();
    if (this.#full) {
      this.#dropped++;
      return;
    }
    this.#gathered.set(line.bytes, this.#length);
    this.#length += line.length;
    if (!this.#isTimed) this.#setTimer();
  }

  /** Writes what is waiting now; for the end of the process. */
  flush(): void {
    const bytes = this.#gathered;
    const length = this.#length;
    if (length === 0) return;
    this.#gathered = this.#spare ?? Buffer.allocUnsafeSlow(MOST_GATHERED);
    this.#spare = undefined;
    this.#length = 0;
    if (!this.#broken) this.#stream.write(bytes.subarray(0, length), () => (this.#spare = bytes));
  }

  #look(): void {
    this.#full = this.#broken || (this.#stream.writableLength ?? 0) > MAX_WAITING;
    if (this.#full || this.#dropped === 0) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (this.#format !== undefined) this.#add(`${this.#format.dropped(dropped, Date.now())}\n`);
  }

  #add(line: string): void {
    if (this.#length + line.length * WIDEST > MOST_GATHERED) this.flush();
    if (line.length * WIDEST > MOST_GATHERED) {
      if (!this.#broken) this.#stream.write(Buffer.from(line), () => undefined);
      return;
    }
    this.#length += this.#gathered.write(line, this.#length);
    if (!this.#isTimed) this.#setTimer();
  }

  #setTimer(): void {
    this.#isTimed = true;
    setTimeout(() => {
      this.#isTimed = false;
      this.flush();
    }, DELAY);
  }
}

function formatFor({ logFormat, verbose }: Pick<Config, 'logFormat' | 'verbose'>, stream: LogStream): LineFormat | undefined {
  if (logFormat === 'off') return undefined;
  if (logFormat === 'json' || (logFormat === 'auto' && stream.isTTY !== true)) return new JsonLines();
  return new PrettyLines(verbose, stream.isTTY === true && stream.hasColors?.() === true);
}

function count(lines: Uint8Array): number {
  let ends = 0;
  for (const byte of lines) if (byte === NEWLINE) ends++;
  return ends;
}
