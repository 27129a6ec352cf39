/**
 * @module server/json-lines
 * Outcomes as lines of JSON, put together from strings: at full speed a library's way would cost
 * more than the answers do.
 */
import type { Outcome } from '../cache/outcome.ts';
import type { Reason } from '../policy/reason.ts';
import { printable } from './printable.ts';

/** What of a line stays the same as long as an answer is given again: all but when, to whom, and how long it took. */
interface Frame {
  readonly of: Outcome;
  readonly untilClient: string;
  readonly untilDuration: string;
  readonly rest: string;
  /** All of it with the client and the duration of the last line. */
  client: string;
  duration: number;
  whole: string;
}

/** Frames of the last answers; those of prepared ones come again with the same list of reasons, for a second. */
const MAX_FRAMES = 1000;
/** Characters of a URL with which a frame is kept: written, each may take six. */
const MAX_URL = 1000;

export class JsonLines {
  readonly #frames = new Map<readonly Reason[], Frame>();
  #second = Number.NaN;
  #secondText = '';
  #millisecond = Number.NaN;
  #timeText = '';

  /** Without its end. */
  line(outcome: Outcome): string {
    const frame = this.#frame(outcome);
    const { clientAddress, duration } = outcome;
    if (clientAddress !== frame.client || duration !== frame.duration) {
      frame.client = clientAddress;
      frame.duration = duration;
      frame.whole = `${frame.untilClient}${quoted(clientAddress)}${frame.untilDuration}${thousandths(duration)}${frame.rest}`;
    }
    return this.#time(outcome.startedAt) + frame.whole;
  }

  /** Tells at what time how many lines were dropped by then. */
  dropped(lines: number, now: number): string {
    return `${this.#time(now)},"dropped":${lines}}`;
  }

  #frame(outcome: Outcome): Frame {
    const known = this.#frames.get(outcome.reasons);
    if (known !== undefined && isAlike(known.of, outcome)) return known;
    const frame = makeFrame(outcome);
    // No other comes again; and clients choose what stands in them.
    if (outcome.result !== 'HIT' || outcome.url.length > MAX_URL) return frame;
    if (this.#frames.size === MAX_FRAMES) this.#frames.clear();
    this.#frames.set(outcome.reasons, frame);
    return frame;
  }

  #time(milliseconds: number): string {
    if (milliseconds === this.#millisecond) return this.#timeText;
    const second = Math.floor(milliseconds / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1000).toISOString().slice(0, -4);
    }
    this.#millisecond = milliseconds;
    this.#timeText = `{"time":"${this.#secondText}${String(Math.floor(milliseconds - second * 1000)).padStart(3, '0')}Z"`;
    return this.#timeText;
  }
}

function isAlike(a: Outcome, b: Outcome): boolean {
  return a.method === b.method && a.url === b.url && a.status === b.status && a.result === b.result && a.bytes === b.bytes && a.originDuration === b.originDuration &&
    a.originStatus === b.originStatus && a.stored === b.stored && a.collapsed === b.collapsed && a.error === b.error;
}

function makeFrame(outcome: Outcome): Frame {
  const { method, url, status, result, bytes, originStatus, originDuration, stored, collapsed, reasons, error } = outcome;
  const ofOrigin = originStatus === undefined ? '' : `,"originStatus":${originStatus}`;
  const origin = originDuration === undefined ? '' : `,"originDurationMs":${thousandths(originDuration)}`;
  const failed = error === undefined ? '' : `,"error":{"code":${quoted(error.code)},"message":${quoted(error.message)}}`;
  return {
    of: outcome,
    untilClient: `,"method":${quoted(method)},"url":${quoted(url)},"clientAddress":`,
    untilDuration: `,"status":${status},"result":"${result}","bytes":${bytes}${ofOrigin},"stored":${stored},"collapsed":${collapsed},"durationMs":`,
    rest: `${origin},"reasons":[${reasons.map(reasonText).join()}]${failed}}`,
    client: '',
    duration: Number.NaN,
    whole: '',
  };
}

function reasonText({ code, detail }: Reason): string {
  return detail === undefined ? `{"code":"${code}"}` : `{"code":"${code}","detail":${quoted(detail)}}`;
}

/** JSON.stringify escapes C0 alone. */
function quoted(text: string): string {
  return /^[ !#-[\]-~]*$/.test(text) ? `"${text}"` : printable(JSON.stringify(text));
}

function thousandths(figure: number): number {
  return Math.round(figure * 1000) / 1000;
}
