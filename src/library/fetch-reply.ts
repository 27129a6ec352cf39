/**
 * @module library/fetch-reply
 * Writes the response into a Response of the Fetch standard: its head settles the promise, its body
 * streams at the pace of whoever reads it.
 */
import type { Lender } from '../cache/ports.ts';
import type { Fields } from '../http/fields.ts';
import { Callbacks } from '../server/callbacks.ts';
import type { LaneReply } from '../server/exchanges.ts';
import { headLines, mayHaveBody } from '../server/head-lines.ts';
import { STALLED } from '../server/node-reply.ts';

/** Bytes that may wait to be read. */
const HIGH_WATER = 65_536;

export class FetchReply implements LaneReply {
  readonly response: Promise<Response>;
  readonly #settle: PromiseWithResolvers<Response>;
  readonly #isHead: boolean;
  readonly #signal: AbortSignal;
  readonly #onceDrained = new Callbacks();
  readonly #onceClosed = new Callbacks();
  /** Of the body, once the head is sent and where it has one. */
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #length: number | undefined;
  #mayHaveBody = true;
  #headSent = false;
  #bytes = 0;
  #ended = false;
  #closed = false;
  #stalled: NodeJS.Timeout | undefined;

  /** @param signal of the request: the client has left */
  constructor(isHead: boolean, signal: AbortSignal) {
    this.#isHead = isHead;
    this.#signal = signal;
    this.#settle = Promise.withResolvers<Response>();
    this.response = this.#settle.promise;
    if (signal.aborted) this.#leave();
    else signal.addEventListener('abort', this.#leave, { once: true });
  }

  get headSent(): boolean {
    return this.#headSent;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get bytesWritten(): number {
    return this.#bytes;
  }

  /** There is no place for it. */
  continue(): void {}

  /** There is no place for them. */
  informational(): void {}

  head(status: number, fields: Fields, length: number | undefined): void {
    if (this.#closed || this.#headSent) return;
    this.#headSent = true;
    // https://fetch.spec.whatwg.org/#null-body-status
    this.#mayHaveBody = mayHaveBody(this.#isHead, status) && status !== 205;
    this.#length = this.#mayHaveBody ? length : undefined;
    const headers = new Headers();
    const lines = headLines(this.#isHead, status, fields, status === 205 ? 0 : length, false);
    for (let i = 0; i < lines.length; i += 2) headers.append(lines[i]!, lines[i + 1]!);
    // A Response has no other status: https://fetch.spec.whatwg.org/#dom-response
    this.#settle.resolve(new Response(this.#mayHaveBody ? this.#stream() : null, { status: status > 599 ? 500 : status, headers }));
  }

  write(chunk: Buffer, lender?: Lender): boolean {
    if (this.#closed || this.#ended || !this.#mayHaveBody) return true;
    if (this.#length !== undefined && this.#bytes + chunk.length > this.#length) {
      this.abort();
      return true;
    }
    this.#bytes += chunk.length;
    // A copy: the chunk may be the store's own, and who reads the body may do with it what they like.
    this.#controller!.enqueue(new Uint8Array(chunk));
    lender?.giveBack(chunk);
    if (!this.#isFull) return true;
    clearTimeout(this.#stalled);
    this.#stalled = setTimeout(() => this.abort(), STALLED);
    return false;
  }

  onDrain(callback: () => void): void {
    if (this.#closed || !this.#isFull) queueMicrotask(callback);
    else this.#onceDrained.add(callback);
  }

  end(): void {
    if (this.#closed || this.#ended) return;
    if (this.#length !== undefined && this.#bytes !== this.#length) return this.abort();
    this.#ended = true;
    this.#rest();
    this.#onceClosed.drop();
    this.#controller?.close();
  }

  abort(): void {
    if (this.#closed || this.#ended) return;
    this.#gone(new Error('The response broke off.'));
  }

  onClose(callback: () => void): void {
    if (this.#closed) queueMicrotask(callback);
    else this.#onceClosed.add(callback);
  }

  get #isFull(): boolean {
    return (this.#controller?.desiredSize ?? 1) <= 0;
  }

  #stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => {
          clearTimeout(this.#stalled);
          this.#onceDrained.call();
        },
        cancel: () => this.#close(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER }),
    );
  }

  readonly #leave = (): void => this.#gone(this.#signal.reason);

  /** @param reason told to whoever waits for the response or reads it */
  #gone(reason: unknown): void {
    this.#settle.reject(reason);
    if (!this.#ended) this.#controller?.error(reason);
    this.#close();
  }

  #close(): void {
    if (this.#ended || this.#closed) return;
    this.#closed = true;
    this.#rest();
    this.#onceClosed.call();
    this.#onceDrained.call();
  }

  #rest(): void {
    clearTimeout(this.#stalled);
    this.#signal.removeEventListener('abort', this.#leave);
  }
}
