/**
 * @module server/node-reply
 * Writes the response to a client of node:http: the field lines as they come, in case, order and
 * number, the framing that fits the client's version, and never a byte more or less than announced.
 */
import { STATUS_CODES } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { Reply } from '../cache/exchange.ts';
import type { Lender } from '../cache/ports.ts';
import { Fields } from '../http/fields.ts';
import { Callbacks } from './callbacks.ts';
import { endToEndLines, headLines, mayHaveBody } from './head-lines.ts';

/** What all connections of a server have in common. */
export interface Draining {
  /** The server stops: connections are closed after the response under way. */
  readonly draining: boolean;
}

/** Milliseconds a client may take nothing of what waits for it: a response that nobody reads holds memory, and maybe the origin. */
export const STALLED = 60_000;

/**
 * Milliseconds for which nothing of a response that has begun may leave to a client that has ended its side.
 * It may wait for more, or have left: only what is written to it tells the two apart.
 */
export const HALF_CLOSED = 5_000;

export class NodeReply implements Reply {
  readonly #response: ServerResponse;
  readonly #state: Draining;
  readonly #isHead: boolean;
  readonly #isHttp10: boolean;
  readonly #acceptsTrailers: boolean;
  #awaitsContinue = false;
  #onEnd: (() => void) | undefined;
  #last = false;
  #isHalfClosed = false;
  #mayHaveBody = true;
  #length: number | undefined;
  #chunked = false;
  #trailersAnnounced = false;
  #bytes = 0;
  #flushed = false;
  #ended = false;
  #closed = false;
  readonly #onceDrained = new Callbacks();
  readonly #onceClosed = new Callbacks();

  constructor(response: ServerResponse, state: Draining) {
    this.#response = response;
    this.#state = state;
    const request = response.req;
    this.#isHead = request.method === 'HEAD';
    this.#isHttp10 = request.httpVersion !== '1.1';
    this.#acceptsTrailers = /(?:^|[,\s])trailers(?:$|[,;\s])/i.test(request.headersDistinct.te?.join() ?? '');
    response.on('drain', this.#onDrain);
    response.on('close', this.#onClose);
    response.on('error', ignore);
  }

  get headSent(): boolean {
    return this.#response.headersSent;
  }

  /** The whole request has come. */
  get requestComplete(): boolean {
    return this.#response.req.complete;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get bytesWritten(): number {
    return this.#bytes;
  }

  /** The client waits with its body for 100 (Continue). */
  expectContinue(): void {
    this.#awaitsContinue = true;
  }

  /** Sends the 100 (Continue) that the client waits for, once; else nothing. */
  continue(): void {
    if (!this.#awaitsContinue || this.#closed || this.#response.headersSent) return;
    this.#awaitsContinue = false;
    this.#response.writeContinue();
  }

  /** Closes the connection after this response, because what follows on it cannot be told apart. */
  closeAfter(): void {
    this.#last = true;
    // Where somebody else writes it.
    this.#response.shouldKeepAlive = false;
  }

  /** The client has ended its side of the connection, and may still read. */
  clientEnded(): void {
    this.#isHalfClosed = true;
    if (this.headSent) this.#limitSilence();
  }

  /** Called when the response is complete, before the connection goes on to the next request. */
  beforeEnd(callback: () => void): void {
    this.#onEnd = callback;
  }

  informational(status: number, fields: Fields): void {
    // https://www.rfc-editor.org/rfc/rfc9110.html#section-15.2: a 1xx must not be sent to an HTTP/1.0 client.
    if (this.#isHttp10 || this.#closed || this.#response.headersSent || status === 101) return;
    if (status === 100) {
      this.continue();
      return;
    }
    const { writableLength, writableHighWaterMark } = this.#response;
    // Nobody depends on it; an origin that sends them without end would fill the memory behind a client that does not read.
    if (writableLength > writableHighWaterMark) return;
    writeInformation(this.#response, status, endToEndLines(fields));
  }

  head(status: number, fields: Fields, length: number | undefined): void {
    if (this.#closed || this.#response.headersSent) return;
    const response = this.#response;
    this.#mayHaveBody = mayHaveBody(this.#isHead, status);
    this.#chunked = this.#mayHaveBody && length === undefined && !this.#isHttp10;
    this.#length = this.#mayHaveBody ? length : undefined;
    this.#trailersAnnounced = fields.has('trailer');
    const lines = headLines(this.#isHead, status, fields, length, this.#chunked);
    // https://www.rfc-editor.org/rfc/rfc9112.html#section-6.3: for HTTP/1.0 the end of the connection ends the body.
    const endsWithConnection = this.#isHttp10 && this.#mayHaveBody && length === undefined;
    if (this.#last || this.#state.draining || endsWithConnection) lines.push('Connection', 'close');
    // Else node sends chunked to an HTTP/1.0 client that says TE: chunked.
    if (!this.#chunked) response.removeHeader('transfer-encoding');
    response.writeHead(status, STATUS_CODES[status] ?? '', lines);
    if (this.#isHalfClosed) this.#limitSilence();
    setImmediate(this.#flush);
  }

  write(chunk: Buffer, lender?: Lender): boolean {
    if (this.#closed || this.#ended || !this.#mayHaveBody) return true;
    if (this.#length !== undefined && this.#bytes + chunk.length > this.#length) {
      this.abort();
      return true;
    }
    this.#bytes += chunk.length;
    this.#flushed = true;
    const onTaken = lender && ((error?: Error | null) => {
      if (!error) lender.giveBack(chunk);
    });
    const more = this.#response.write(chunk, onTaken);
    // Node refreshes it as long as bytes leave, and closes the connection where none do.
    if (!more) this.#response.socket?.setTimeout(STALLED);
    return more;
  }

  onDrain(callback: () => void): void {
    if (this.#closed || !this.#response.writableNeedDrain) queueMicrotask(callback);
    else this.#onceDrained.add(callback);
  }

  end(trailers?: Fields): void {
    if (this.#closed || this.#ended) return;
    if (this.#length !== undefined && this.#bytes !== this.#length) {
      this.abort();
      return;
    }
    this.#ended = true;
    this.#flushed = true;
    if (trailers !== undefined && this.#chunked && (this.#acceptsTrailers || this.#trailersAnnounced)) {
      this.#response.addTrailers(pairs(endToEndLines(trailers)));
    }
    this.#onEnd?.();
    if (this.#isHalfClosed) this.#response.socket?.setTimeout(STALLED);
    this.#response.end();
  }

  abort(): void {
    if (this.#closed || this.#response.writableFinished) return;
    this.#closed = true;
    const socket = this.#response.req.socket;
    // What is already written leaves in this turn of the loop; the client sees how far it came.
    setImmediate(() => {
      // Where the end of the connection would read as the end of the body, only a reset says otherwise.
      // TLS says so by itself.
      if (this.#isHttp10 && this.#length === undefined && !('encrypted' in socket)) socket.resetAndDestroy();
      else socket.destroy();
    });
  }

  onClose(callback: () => void): void {
    if (this.#closed) queueMicrotask(callback);
    else this.#onceClosed.add(callback);
  }

  /** Sends the head where no body came along with it: the client of an event stream waits for it. */
  readonly #flush = (): void => {
    if (this.#flushed || this.#closed) return;
    this.#flushed = true;
    this.#response.flushHeaders();
  };

  readonly #onDrain = (): void => {
    // After the response node keeps the time of the idle connection.
    if (!this.#ended) this.#limitSilence();
    this.#onceDrained.call();
  };

  /** Node refreshes it as long as bytes leave, and closes the connection where none do. */
  #limitSilence(): void {
    this.#response.socket?.setTimeout(this.#isHalfClosed ? HALF_CLOSED : 0);
  }

  readonly #onClose = (): void => {
    const left = !this.#ended;
    this.#closed ||= left;
    if (!left) return this.#onceClosed.drop();
    this.#onceClosed.call();
    this.#onDrain();
  };
}

function writeInformation(response: ServerResponse, status: number, lines: string[]): void {
  // Node 24 can write only 102, and 103 with a Link.
  if ('writeInformation' in response) response.writeInformation(status, lines);
  else writeKnownInformation(response, status, new Fields(lines));
}

function writeKnownInformation(response: Pick<ServerResponse, 'writeProcessing' | 'writeEarlyHints'>, status: number, fields: Fields): void {
  if (status === 102) response.writeProcessing();
  if (status !== 103 || !fields.has('link')) return;
  const hints: Record<string, string | string[]> = {};
  for (const name of fields.names()) hints[name] = fields.all(name);
  response.writeEarlyHints(hints);
}

function pairs(lines: readonly string[]): [string, string][] {
  const paired: [string, string][] = [];
  for (let i = 0; i < lines.length; i += 2) paired.push([lines[i]!, lines[i + 1]!]);
  return paired;
}

function ignore(): void {}
