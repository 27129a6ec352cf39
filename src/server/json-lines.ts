/**
 * @module server/json-lines
 * Outcomes as lines of JSON.
 */
import type { Outcome } from '../cache/outcome.ts';
import type { Reason } from '../policy/reason.ts';
import type { AroundClient, LineFormat } from './line-format.ts';
import { printable } from './printable.ts';

export class JsonLines implements LineFormat {
  #second = Number.NaN;
  #secondText = '';

  beginning(milliseconds: number): string {
    const second = Math.floor(milliseconds / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1000).toISOString().slice(0, -4);
    }
    return `{"time":"${this.#secondText}${String(Math.floor(milliseconds - second * 1000)).padStart(3, '0')}Z"`;
  }

  rest(outcome: Outcome): string {
    const { clientAddress, reasons, error } = outcome;
    const { before, after } = this.aroundClient(outcome);
    const failed = error === undefined ? '' : `,"error":{"code":${quoted(error.code)},"message":${quoted(error.message)}}`;
    return `${before}${quoted(clientAddress).slice(1, -1)}${after}${reasonsText(reasons)}${failed}}`;
  }

  aroundClient({ method, url, status, result, bytes, duration, originStatus, originDuration, stored, collapsed }: Outcome): Required<AroundClient> {
    const ofOrigin = originStatus === undefined ? '' : `,"originStatus":${originStatus}`;
    const origin = originDuration === undefined ? '' : `,"originDurationMs":${thousandths(originDuration)}`;
    return {
      before: `,"method":${quoted(method)},"url":${quoted(url)},"clientAddress":"`,
      after: `","status":${status},"result":"${result}","bytes":${bytes}${ofOrigin},"stored":${stored},"collapsed":${collapsed},"durationMs":${thousandths(duration)}${origin}`,
    };
  }

  reasonsOfHit(reasons: readonly Reason[]): string {
    return `${reasonsText(reasons)}}`;
  }

  dropped(lines: number, now: number): string {
    return `${this.beginning(now)},"dropped":${lines}}`;
  }
}

function reasonsText(reasons: readonly Reason[]): string {
  return `,"reasons":[${reasons.map(reasonText).join()}]`;
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
