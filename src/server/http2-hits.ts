/**
 * @module server/http2-hits
 * Gives prepared answers to streams of HTTP/2: those that the fast lane has for the same request,
 * looked up by the bytes it would have come in over HTTP/1.1.
 */
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Memo, ServedHit } from '../cache/memo.ts';
import { memoryReclaimed } from '../cache/reply-body.ts';
import { STUCK_MS } from '../cache/unread-bytes.ts';
import type { ProxyParts } from '../proxy.ts';
import { type Keeper, bytesOf } from './fast/keeper.ts';
import type { PlainHead } from './fast/plain-head.ts';
import { addLine, noHeaders } from './http2-fields.ts';
import type { Http2Head } from './http2-head.ts';
import { STALLED } from './node-reply.ts';

/** Bytes of body, all of which wait with the stream; of larger ones the engine sends a part at a time. */
const MAX_BODY = 256 * 1024;
/** Bytes of body that may wait for a client without a look at the time. */
const FEW = 16 * 1024;

/** Of the head of an answer: they are for HTTP/1.1. */
const NOT_SENT: ReadonlySet<string> = new Set(['connection', 'keep-alive']);

export interface HitsParts {
  readonly memo: Memo;
  readonly head: PlainHead;
  readonly keeper: Keeper;
}

export class Http2Hits {
  readonly #proxy: ProxyParts;
  readonly #memo: Memo;
  readonly #head: PlainHead;
  readonly #keeper: Keeper;

  constructor(proxy: ProxyParts, { memo, head, keeper }: HitsParts) {
    this.#proxy = proxy;
    this.#memo = memo;
    this.#head = head;
    this.#keeper = keeper;
  }

  /** Whether there was an answer; if so, it is given. @param request is good, and has no body */
  answer(stream: ServerHttp2Stream, { method, requestTarget, fields }: Http2Head, clientAddress: string): boolean {
    if (method !== 'GET' && method !== 'HEAD') return false;
    const bytes = bytesOf({ method, url: requestTarget, rawHeaders: fields.lines });
    const now = Date.now();
    const answer = this.#head.recognise(bytes, 0, bytes.length) ? this.#memo.find(this.#head, now) : undefined;
    // What is yet to be read from disk may turn out to be damaged: the engine breaks off where it does.
    if (answer === undefined || answer.bodyLength > MAX_BODY || answer.lender !== undefined) return false;
    // The stream sends them when it can.
    answer.hold();
    const isEmpty = answer.bodyLength === 0;
    stream.respond(headersOf(answer.head(now), answer.status), { endStream: isEmpty });
    if (!isEmpty) writeAll(stream, answer.chunks());
    if (answer.bodyLength > FEW) {
      const reader = { cutIfStuck: () => now + STUCK_MS < Date.now() && stream.destroy(memoryReclaimed()) };
      const body = answer.pin(reader);
      if (body !== undefined) stream.once('close', () => body.unpin!(reader));
      stream.on('timeout', () => stream.destroy(new Error('The client takes nothing.')));
      // Node refreshes it as long as bytes leave.
      stream.setTimeout(STALLED);
    }
    this.#proxy.countHit(answer.status, answer.bodyLength);
    if (this.#proxy.isObserved) this.#proxy.tellHit(answer, now, clientAddress);
    return true;
  }

  /** Prepares an answer that the engine has given. */
  keep({ method, requestTarget, fields }: Http2Head, hit: ServedHit): void {
    if ((hit.length ?? 0) > MAX_BODY) return;
    this.#keeper.keep({ method, url: requestTarget, httpVersion: '1.1', rawHeaders: fields.lines }, hit);
  }
}

/** @param text a head of HTTP/1.1 */
function headersOf(text: string, status: number): OutgoingHttpHeaders {
  const headers = noHeaders();
  headers[':status'] = status;
  for (let at = text.indexOf('\r\n') + 2, end = text.indexOf('\r\n', at); end > at; at = end + 2, end = text.indexOf('\r\n', at)) {
    const colon = text.indexOf(': ', at);
    const name = text.slice(at, colon).toLowerCase();
    if (NOT_SENT.has(name)) continue;
    addLine(headers, name, text.slice(colon + 2, end));
  }
  return headers;
}

/** The last chunk says that it is the last. */
function writeAll(stream: ServerHttp2Stream, chunks: Iterator<Buffer>): void {
  let chunk = chunks.next();
  while (chunk.done !== true) {
    const next = chunks.next();
    if (next.done === true) stream.end(chunk.value);
    else stream.write(chunk.value);
    chunk = next;
  }
}
