/**
 * @module cli/progress-bar
 * How far something has come, in one line that is written again and again, where somebody is watching.
 */
/** Milliseconds between two looks. */
const TURN = 100;

/** What the bar is drawn on: process.stderr, or a stand-in for it. */
export interface BarStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
}

export class ProgressBar {
  readonly #what: string;
  readonly #total: number;
  readonly #stream: BarStream;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout | undefined;
  #done = 0;
  #failed = 0;

  constructor(what: string, total: number, stream: BarStream) {
    this.#what = what;
    this.#total = total;
    this.#stream = stream;
    if (stream.isTTY === true) this.#timer = setInterval(() => this.#draw(), TURN);
  }

  advance(failed: boolean): void {
    this.#done++;
    if (failed) this.#failed++;
  }

  /** Leaves nothing of it behind. */
  end(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#stream.write('\r\u001B[K');
  }

  #draw(): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    // A terminal that does not know its width says 0.
    this.#stream.write(`\r${barText(this.#what, { done: this.#done, total: this.#total, failed: this.#failed, seconds }, this.#stream.columns || 80)}\u001B[K`);
  }
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  /** Since it began. */
  readonly seconds: number;
}

/** One line that is shorter than the terminal is wide; what has no room is left out, the bar first. */
export function barText(what: string, { done, total, failed, seconds }: Progress, columns: number): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const parts = [`${done} of ${total}`, `${total === 0 ? 100 : Math.floor((done / total) * 100)} %`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (rate > 0) parts.push(`${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s`);
  if (rate > 0 && done < total) parts.push(`${Math.ceil((total - done) / rate)}s left`);
  const words = parts.join('  ');
  const room = Math.min(40, columns - what.length - words.length - 4);
  const filled = total === 0 ? room : Math.floor((done / total) * room);
  return (room < 5 ? `${what}  ${words}` : `${what} ${'█'.repeat(filled)}${'░'.repeat(room - filled)} ${words}`).slice(0, Math.max(0, columns - 1));
}
