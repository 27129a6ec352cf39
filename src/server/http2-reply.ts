/**
 * @module server/http2-reply
 * Writes the response on a stream of HTTP/2: the field lines as they come but for the case of their
 * names, and never a byte more or less than announced.
 */
import { type OutgoingHttpHeaders, type ServerHttp2Stream, constants } from 'node:http2';
import type { Fields } from '../http/fields.ts';
import { Callbacks } from './callbacks.ts';
import type { LaneReply } from './exchanges.ts';
import { endToEndLines, headLines, mayHaveBody } from './head-lines.ts';
import { addLine, noHeaders } from './http2-fields.ts';
import { STALLED } from './node-reply.ts';

/** Frames that wait in a session, above which no 1xx response is added to them. */
const MANY_FRAMES = 64;
/** 1xx responses for one request: node:http2 keeps them all. */
const MAX_INFORMATIONAL = 100;

export class Http2Reply implements LaneReply {
  readonly #stream: ServerHttp2Stream;
  readonly #isHead: boolean;
  readonly #acceptsTrailers: boolean;
  readonly #onHead: ((head: OutgoingHttpHeaders) => void) | undefined;
  #awaitsContinue: boolean;
  /** What was not written yet. */
  #head: OutgoingHttpHeaders | undefined;
  #headSent = false;
  #mayHaveBody = true;
  #length: number | undefined;
  #mayHaveTrailers = false;
  #trailers: Fields | undefined;
  #bytes = 0;
  #isLimited = false;
  #informed = 0;
  #ended = false;
  #closed = false;
  readonly #onceDrained = new Callbacks();
  readonly #onceClosed = new Callbacks();

  /**
   * @param request its end-to-end and hop-by-hop fields
   * @param onHead called with the head of the final response before it is sent, and may change it
   */
  constructor(stream: ServerHttp2Stream, method: string, request: Fields, onHead?: (head: OutgoingHttpHeaders) => void) {
    this.#stream = stream;
    this.#onHead = onHead;
    this.#isHead = method === 'HEAD';
    this.#acceptsTrailers = request.get('te')?.toLowerCase() === 'trailers';
    this.#awaitsContinue = request.get('expect')?.toLowerCase() === '100-continue';
    stream.on('drain', this.#onDrain);
    stream.on('close', this.#onClose);
  }

  get headSent(): boolean {
    return this.#headSent;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get unsent(): number {
    return this.#stream.writableLength;
  }

  onSent(callback: () => void): void {
    if (this.#stream.closed) callback();
    else this.#stream.once('close', callback);
  }

  get bytesWritten(): number {
    return this.#bytes;
  }

  /** The client has left, though that may not have been told yet: nothing can be written. */
  get #isGone(): boolean {
    return this.#closed || this.#stream.closed || this.#stream.destroyed;
  }

  continue(): void {
    if (!this.#awaitsContinue || this.#isGone || this.#headSent) return;
    this.#awaitsContinue = false;
    // A server of the program's may have sent it.
    if (this.#stream.sentInfoHeaders?.some((head) => head[':status'] === 100) === true) return;
    this.#stream.additionalHeaders({ ':status': 100 });
  }

  informational(status: number, fields: Fields): void {
    // https://www.rfc-editor.org/rfc/rfc9113.html#section-8.6: there is no 101.
    if (this.#isGone || this.#headSent || status === 101) return;
    if (status === 100) return this.continue();
    // Nobody depends on it; an origin that sends them without end would fill the memory behind a client that does not read.
    if (++this.#informed > MAX_INFORMATIONAL || (this.#stream.session?.state.outboundQueueSize ?? 0) > MANY_FRAMES) return;
    this.#stream.additionalHeaders({ ':status': status, ...record(endToEndLines(fields)) });
  }

  head(status: number, fields: Fields, length: number | undefined): void {
    if (this.#closed || this.#headSent) return;
    this.#headSent = true;
    // https://www.rfc-editor.org/rfc/rfc9110.html#section-15.3.6: node:http2 holds 205 to it.
    this.#mayHaveBody = mayHaveBody(this.#isHead, status) && status !== 205;
    const streams = this.#mayHaveBody && length === undefined;
    this.#length = this.#mayHaveBody ? length : undefined;
    this.#mayHaveTrailers = streams && (this.#acceptsTrailers || fields.has('trailer'));
    this.#head = record(headLines(this.#isHead, status, fields, status === 205 ? 0 : length, streams));
    // As a client would take it, to which node:http2 sends no such status: https://www.rfc-editor.org/rfc/rfc9110.html#section-15
    this.#head[':status'] = status > 599 ? 500 : status;
    this.#onHead?.(this.#head);
    setImmediate(this.#flush);
  }

  write(chunk: Buffer): boolean {
    if (this.#isGone || this.#ended || !this.#mayHaveBody) return true;
    if (this.#length !== undefined && this.#bytes + chunk.length > this.#length) {
      this.abort();
      return true;
    }
    this.#bytes += chunk.length;
    this.#respond(false);
    // The last one says that it is: one frame, not two.
    if (this.#bytes === this.#length) return this.#finish(chunk);
    const more = this.#stream.write(chunk);
    // Node refreshes it as long as bytes leave.
    if (!more) this.#limitWait();
    return more;
  }

  onDrain(callback: () => void): void {
    if (this.#closed || !this.#stream.writableNeedDrain) queueMicrotask(callback);
    else this.#onceDrained.add(callback);
  }

  end(trailers?: Fields): void {
    if (this.#isGone || this.#ended) return;
    if (this.#length !== undefined && this.#bytes !== this.#length) return this.abort();
    this.#trailers = trailers;
    this.#respond(this.#bytes === 0 && !this.#mayHaveTrailers);
    this.#finish();
  }

  abort(): void {
    if (this.#closed || this.#stream.writableFinished) return;
    this.#closed = true;
    // What is already written leaves in this turn of the loop; the client sees how far it came.
    // Not by close(), which would end the message first.
    setImmediate(() => this.#stream.destroy(new Error('The response broke off.')));
  }

  onClose(callback: () => void): void {
    if (this.#closed) queueMicrotask(callback);
    else this.#onceClosed.add(callback);
  }

  /** Sends the head where no body came along with it: the client of an event stream waits for it. */
  readonly #flush = (): void => {
    if (!this.#isGone) this.#respond(false);
  };

  /** @param isAll there is no body */
  #respond(isAll: boolean): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#head = undefined;
    this.#stream.respond(head, { endStream: isAll, waitForTrailers: this.#mayHaveTrailers });
    if (this.#mayHaveTrailers) this.#stream.once('wantTrailers', () => this.#stream.sendTrailers(this.#trailers === undefined ? {} : record(endToEndLines(this.#trailers))));
  }

  #finish(last?: Buffer): true {
    this.#ended = true;
    this.#onceClosed.drop();
    const stream = this.#stream;
    // The rest of a request that nobody reads any more is not to come: https://www.rfc-editor.org/rfc/rfc9113.html#section-8.1
    if (stream.readableDidRead && !stream.readableEnded) {
      if (this.#mayHaveTrailers) this.#limitWait();
      else stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
    }
    if (last !== undefined) stream.end(last);
    // That of a HEAD request is ended from the start, and of a response without a body with its head.
    else if (!stream.writableEnded) stream.end();
    return true;
  }

  #limitWait(): void {
    if (!this.#isLimited) this.#stream.on('timeout', this.#stalled);
    this.#isLimited = true;
    this.#stream.setTimeout(STALLED);
  }

  readonly #stalled = (): void => void this.#stream.destroy(new Error('The client takes nothing.'));

  readonly #onDrain = (): void => {
    if (this.#isLimited) this.#stream.setTimeout(0);
    this.#onceDrained.call();
  };

  readonly #onClose = (): void => {
    const left = !this.#ended;
    this.#closed ||= left;
    if (!left) return this.#onceClosed.drop();
    this.#onceClosed.call();
    this.#onDrain();
  };
}

function record(lines: readonly string[]): OutgoingHttpHeaders {
  const headers = noHeaders();
  for (let i = 0; i < lines.length; i += 2) addLine(headers, lines[i]!.toLowerCase(), lines[i + 1]!);
  return headers;
}
