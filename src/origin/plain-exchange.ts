/**
 * @module origin/plain-exchange
 * One request of the plain client and its response. What is not plain about the response goes, with
 * all that has come of it, to llhttp, and the connection is not used again.
 */
import type { OriginRequest } from '../cache/ports.ts';
import { Fields } from '../http/fields.ts';
import { endToEnd } from '../http/hop-by-hop.ts';
import { bodyError, closedByPeer, exchangeError, isClosed, timeoutError } from './failure.ts';
import { IncomingBody } from './incoming-body.ts';
import type { Flow } from './incoming-body.ts';
import { NodeExchange } from './node-exchange.ts';
import { PlainChunks } from './plain-chunks.ts';
import type { ConnectionReader, PlainConnection } from './plain-connection.ts';
import { PlainHead } from './plain-head.ts';
import { CHUNKS_FOLLOW, Remainder } from './plain-remainder.ts';
import { copyOf } from './read-buffers.ts';
import { type ResponseLimits, isBodiless } from './response-head.ts';
import type { ExchangeCallbacks } from './undici-exchange.ts';

/** The client it belongs to. */
export interface ExchangeHost {
  /** Rises as time goes by. */
  readonly tick: number;
  readonly limits: ResponseLimits;
  /** The connection can be used again. @param seconds for which the origin said that it keeps it */
  release(connection: PlainConnection, seconds: number | undefined): void;
}

/** Reads in which a head may come before it is left to llhttp: what is read anew each time must not be much. */
const MAX_READS = 8;

const head = new PlainHead();

export class PlainExchange implements ConnectionReader, Flow {
  /** When something last moved. */
  movedAt: number;
  readonly #request: OriginRequest;
  readonly #host: ExchangeHost;
  readonly #callbacks: ExchangeCallbacks;
  /** Undefined before there is one, and once the exchange needs it no more. */
  #connection: PlainConnection | undefined;
  /** The beginning of a head. */
  #begun: Buffer | undefined;
  #reads = 0;
  #body: IncomingBody | undefined;
  /** Bytes of body to come; undefined: it comes in chunks. */
  #left: number | undefined = 0;
  #chunks: PlainChunks | undefined;
  #closes = false;
  #keepAlive: number | undefined;
  #paused = false;
  /** The rest of a body that llhttp reads. */
  #rest: { resume(): void; abort(reason: Error): void } | undefined;
  #done = false;

  constructor(request: OriginRequest, host: ExchangeHost, callbacks: ExchangeCallbacks) {
    this.#request = request;
    this.#host = host;
    this.#callbacks = callbacks;
    this.movedAt = host.tick;
    request.signal.addEventListener('abort', this.#onAbort);
  }

  /** It failed, or its response is complete, or somebody else reads that. */
  get isDone(): boolean {
    return this.#done;
  }

  /** @param text the head of the request */
  start(connection: PlainConnection, text: string): void {
    this.#connection = connection;
    this.movedAt = this.#host.tick;
    connection.reader = this;
    connection.send(text);
  }

  /** There is no connection for it, or no time. */
  fail(error: Error): void {
    if (this.#done) return;
    const stale = this.#connection?.isReused === true && this.#reads === 0 && isClosed(error);
    this.#stop();
    this.#connection?.destroy();
    this.#connection = undefined;
    const { target } = this.#request;
    if (this.#body === undefined) this.#callbacks.onFailure({ error: this.#isReason(error) ? error : exchangeError(error, target, this.#host.limits.timeout), stale });
    else this.#body.fail(this.#isReason(error) ? error : bodyError(error, target, this.#host.limits.timeout));
  }

  /** Nothing moved for longer than the origin may take. */
  timeOut(): void {
    // While it is paused, the next move is not the origin's.
    if (!this.#paused) this.fail(timeoutError(this.#request.target, this.#host.limits.timeout));
  }

  ended(error: Error | undefined): void {
    this.fail(error ?? closedByPeer());
  }

  read(bytes: Buffer, length: number): boolean {
    this.movedAt = this.#host.tick;
    this.#reads++;
    if (this.#body !== undefined) this.#content(bytes, 0, length);
    else if (this.#begun === undefined) this.#head(bytes, length);
    else {
      const joined = Buffer.concat([this.#begun, bytes.subarray(0, length)]);
      this.#begun = undefined;
      this.#head(joined, joined.length);
    }
    // A connection that another may have by now must go on, whatever the sink says to the last bytes.
    return this.#done || !this.#paused;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.movedAt = this.#host.tick;
    if (this.#rest !== undefined) this.#rest.resume();
    else this.#connection?.resume();
  }

  /** The body has failed already. */
  abort(reason: Error): void {
    this.#rest?.abort(reason);
    if (this.#done) return;
    this.#stop();
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  #head(bytes: Buffer, end: number): void {
    for (let start = 0; !this.#done; ) {
      const recognised = head.recognise(bytes, start, end);
      const isInterim = head.status < 200;
      if (recognised === 'incomplete' && this.#reads < MAX_READS) {
        this.#begun = copyOf(bytes, start, end);
        return;
      }
      if (recognised !== 'plain' || (isInterim && (head.isChunked || head.closes || head.length !== undefined))) {
        this.#handOver(copyOf(bytes, start, end));
        return;
      }
      if (!isInterim) {
        const { status, length } = head;
        const isEmpty = isBodiless(this.#request.method, status);
        // Its end is that of the connection, or it has a body where none may be.
        if (isEmpty ? status === 204 && (head.isChunked || (length ?? 0) > 0) : length === undefined && !head.isChunked) this.#handOver(copyOf(bytes, start, end));
        else this.#respond(bytes, end, isEmpty ? 0 : length);
        return;
      }
      start = head.end;
      this.#request.onInformational?.(head.status, this.#fields());
    }
  }

  #fields(): Fields {
    const fields = new Fields(head.lines);
    return head.hasHopByHop ? endToEnd(fields) : fields;
  }

  /** @param length undefined: the body comes in chunks */
  #respond(bytes: Buffer, end: number, length: number | undefined): void {
    const at = head.end;
    this.#left = length;
    // Some origins send a body where none may be; its bytes must not meet the next request.
    this.#closes = head.closes || this.#request.method === 'HEAD';
    this.#keepAlive = head.keepAlive;
    const body = new IncomingBody(this, this.#callbacks.onOver);
    this.#body = body;
    this.#callbacks.onResponse({ status: head.status, fields: this.#fields(), httpVersion: '1.1', body });
    if (length === 0) {
      this.#complete(at < end);
      body.finish(undefined);
    } else if (at < end) this.#content(bytes, at, end);
  }

  #content(bytes: Buffer, at: number, end: number): void {
    const body = this.#body!;
    if (this.#left === undefined) {
      this.#chunked(body, bytes, at, end);
      return;
    }
    const taken = Math.min(this.#left, end - at);
    this.#left -= taken;
    const content = this.#connection!.take(bytes, at, at + taken, this.#left);
    if (this.#left > 0) {
      body.push(content);
      return;
    }
    this.#complete(at + taken < end);
    body.push(content);
    body.finish(undefined);
  }

  #chunked(body: IncomingBody, bytes: Buffer, from: number, end: number): void {
    const chunks = (this.#chunks ??= new PlainChunks());
    chunks.at = from;
    while (!this.#done) {
      switch (chunks.next(bytes, end)) {
        case 'content':
          body.push(copyOf(bytes, chunks.from, chunks.at));
          break;
        case 'more':
          return;
        case 'end':
          this.#complete(chunks.at < end);
          body.finish(undefined);
          return;
        case 'other':
          this.#handOverChunks(body, Buffer.concat([Buffer.from(CHUNKS_FOLLOW + chunks.line), bytes.subarray(chunks.at, end)]));
          return;
        case 'broken':
          this.fail(new Error('a chunk has not the length that it says'));
          return;
      }
    }
  }

  /** @param excess more came than the response */
  #complete(excess: boolean): void {
    this.#stop();
    const connection = this.#connection!;
    this.#connection = undefined;
    if (excess || this.#closes || !connection.isFlushed) connection.destroy();
    else this.#host.release(connection, this.#keepAlive);
  }

  #handOver(bytes: Buffer): void {
    this.#readByNode(bytes, this.#callbacks);
  }

  #handOverChunks(body: IncomingBody, bytes: Buffer): void {
    const remainder = this.#readByNode(bytes, {
      onResponse: ({ body: rest }) => {
        this.#rest = rest;
        rest.pipe({
          data: (chunk) => {
            body.push(chunk);
            return !this.#paused;
          },
          end: (trailers) => body.finish(trailers),
          error: (error) => body.fail(error),
        });
      },
      onFailure: ({ error }) => body.fail(error),
    });
    this.#rest ??= { resume: () => {}, abort: () => remainder.destroy() };
  }

  #readByNode(begin: Buffer, callbacks: ExchangeCallbacks): Remainder {
    this.#stop();
    const connection = this.#connection!;
    this.#connection = undefined;
    const remainder = new Remainder(connection, begin);
    connection.reader = {
      read: (bytes, length) => remainder.push(copyOf(bytes, 0, length)),
      ended: (error) => (error === undefined ? void remainder.push(null) : remainder.destroy(error)),
    };
    new NodeExchange(this.#request, { connection: { createConnection: () => remainder }, ...this.#host.limits }, callbacks).start();
    return remainder;
  }

  readonly #onAbort = (): void => this.fail(this.#request.signal.reason as Error);

  #isReason(error: Error): boolean {
    return this.#request.signal.aborted && error === this.#request.signal.reason;
  }

  #stop(): void {
    this.#done = true;
    this.#request.signal.removeEventListener('abort', this.#onAbort);
  }
}
