/**
 * @module server/pretty-lines
 * Outcomes as lines for a person, in colours where the terminal has them.
 */
import { styleText } from 'node:util';
import type { CacheResult, Outcome } from '../cache/outcome.ts';
import { formatSize } from '../config/quantity.ts';
import { REASONS } from '../policy/reason.ts';
import type { Reason } from '../policy/reason.ts';
import type { AroundClient, LineFormat } from './line-format.ts';
import { printable } from './printable.ts';

type Style = Parameters<typeof styleText>[0];

const RESULT_STYLE: Record<CacheResult, Style> = { HIT: 'green', REVALIDATED: 'cyan', STALE: 'yellow', MISS: 'magenta', BYPASS: 'gray' };

export class PrettyLines implements LineFormat {
  readonly #verbose: boolean;
  readonly #colored: boolean;
  readonly reasonsOfHit = undefined;
  #second = Number.NaN;
  #beginning = '';

  /** @param verbose with every reason, and what the origin did */
  constructor(verbose: boolean, colored: boolean) {
    this.#verbose = verbose;
    this.#colored = colored;
  }

  beginning(milliseconds: number): string {
    const second = Math.floor(milliseconds / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#beginning = this.#paint('gray', clock(milliseconds));
    }
    return this.#beginning;
  }

  rest(outcome: Outcome): string {
    const { status, result, error } = outcome;
    const parts = [
      '',
      status < 400 ? String(status) : this.#paint(status < 500 ? 'yellow' : 'red', String(status)),
      this.#paint(RESULT_STYLE[result], result.padEnd(11)),
      formatSize(outcome.bytes).padStart(8),
      formatTime(outcome.duration).padStart(7),
      ` ${printable(outcome.method)} ${printable(outcome.url)}`,
    ];
    const why = error === undefined ? reasonWords(outcome, this.#verbose) : printable(error.message);
    if (why !== '') parts.push(this.#paint('gray', ` ${why}`));
    if (this.#verbose) parts.push(this.#paint('gray', ` [${details(outcome)}]`));
    return parts.join(' ');
  }

  /** Who wants to see all details does not ask for speed. */
  aroundClient(outcome: Outcome): AroundClient | undefined {
    return this.#verbose ? undefined : { before: this.rest(outcome), after: undefined };
  }

  dropped(lines: number, now: number): string {
    return this.#paint('yellow', `${clock(now)} ${lines} ${lines === 1 ? 'line' : 'lines'} dropped: whoever reads the log is too slow`);
  }

  #paint(style: Style, text: string): string {
    return this.#colored ? styleText(style, text, { validateStream: false }) : text;
  }
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
