/**
 * @module server/fast/keeper
 * Prepares an answer of the general lane for the fast one: describes the request as the fast lane
 * would have seen it, and splits the head, which both lanes write of the same lines, around Age and ttl.
 */
import { STATUS_CODES } from 'node:http';
import type { Memo, ServedHit, SplitHead } from '../../cache/memo.ts';
import type { Answer } from '../../cache/prepared-answer.ts';
import { formatCacheStatus } from '../../http/cache-status.ts';
import { isFromProxies } from '../../http/proxy-fields.ts';
import { headLines, mayHaveBody } from '../head-lines.ts';
import type { PlainHead } from './plain-head.ts';

/** How a head ends after which the connection does. */
const CLOSE = 'Connection: close\r\n\r\n';

/** A request as a lane received it; what node:http tells of one, too. */
export interface SeenRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  /** Name, value, name, value … */
  readonly rawHeaders: readonly string[];
}

export class Keeper {
  readonly #memo: Memo;
  readonly #head: PlainHead;
  /** How node:http ends a head after which the connection stays. */
  readonly keepAliveLines: string;

  /** @param keepAlive milliseconds an idle connection is kept */
  constructor(memo: Memo, head: PlainHead, keepAlive: number) {
    this.#memo = memo;
    this.#head = head;
    this.keepAliveLines = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAlive / 1000)}\r\n`;
  }

  keep(request: SeenRequest, hit: ServedHit): void {
    if (request.httpVersion !== '1.1' && request.httpVersion !== '1.0') return;
    const bytes = bytesOf(request);
    if (this.#head.recognise(bytes, 0, bytes.length)) this.prepare(hit);
  }

  /** Prepares the answer to the request that was recognised last, and keeps it; undefined where that cannot be done. */
  prepare(hit: ServedHit): Answer | undefined {
    // These the general lane changes, in ways that depend on the client's address and version.
    if (hit.selecting.some((name) => name === 'via' || isFromProxies(name.replaceAll('_', '-')))) return undefined;
    const head = this.#split(this.#head.isHead, hit);
    return head && this.#memo.keep(this.#head, hit, head);
  }

  /** Head and body in one piece, as closing() has the head. */
  closingWhole(whole: Buffer, bodyLength: number): Buffer {
    const body = whole.length - bodyLength;
    const kept = body - this.keepAliveLines.length - 2;
    const piece = Buffer.allocUnsafe(kept + CLOSE.length + bodyLength);
    piece.set(whole.subarray(0, kept));
    piece.write(CLOSE, kept, 'latin1');
    piece.set(whole.subarray(body), kept + CLOSE.length);
    return piece;
  }

  /** The head of a prepared answer after which the connection ends. */
  closing(head: string): string {
    return `${head.slice(0, head.length - this.keepAliveLines.length - 2)}${CLOSE}`;
  }

  #split(isHead: boolean, { status, fields, length, age, lifetime }: ServedHit): SplitHead | undefined {
    if (length === undefined && mayHaveBody(isHead, status)) return undefined;
    const lines = headLines(isHead, status, fields, length, false);
    const ageAt = indexOf(lines, (name) => name === 'age');
    const ttl = String(Math.floor(lifetime.seconds - age));
    const member = formatCacheStatus({ hit: true, ttl: Number(ttl) });
    const statusAt = indexOf(lines, (name, value) => name === 'cache-status' && value === member);
    // node:http adds a Date where there is none.
    if (ageAt === -1 || statusAt < ageAt || indexOf(lines, (name) => name === 'date') === -1) return undefined;
    return {
      untilAge: `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${text(lines, 0, ageAt)}${lines[ageAt]!}: `,
      untilTtl: `\r\n${text(lines, ageAt + 2, statusAt)}${lines[statusAt]!}: ${member.slice(0, -ttl.length)}`,
      rest: `\r\n${text(lines, statusAt + 2, lines.length)}${this.keepAliveLines}\r\n`,
    };
  }
}

/** As it would come over HTTP/1.1. */
export function bytesOf({ method, url, rawHeaders }: Omit<SeenRequest, 'httpVersion'>): Buffer {
  return Buffer.from(`${method!} ${url!} HTTP/1.1\r\n${text(rawHeaders, 0, rawHeaders.length)}\r\n`, 'latin1');
}

function text(lines: readonly string[], start: number, end: number): string {
  let written = '';
  for (let i = start; i < end; i += 2) written += `${lines[i]!}: ${lines[i + 1]!}\r\n`;
  return written;
}

/** The last line of which that is true. */
function indexOf(lines: readonly string[], wanted: (lowerName: string, value: string) => boolean): number {
  for (let i = lines.length - 2; i >= 0; i -= 2) if (wanted(lines[i]!.toLowerCase(), lines[i + 1]!)) return i;
  return -1;
}
