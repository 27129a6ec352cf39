/**
 * @module origin/request-body
 * Moves a client's request body to the origin at the origin's pace, and keeps to the length that
 * was announced. The stream stays the client's: it is read, paused and left, never destroyed.
 */
import type { ClientRequest } from 'node:http';
import type { Readable } from 'node:stream';
import type { OriginRequest } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import { endToEndTrailers } from '../http/hop-by-hop.ts';

/** Called with what became of it; not after stop(). */
export interface RequestBodyCallbacks {
  readonly onProgress: () => void;
  readonly onError: (error: MillraceError) => void;
}

export class RequestBody {
  readonly #request: OriginRequest;
  readonly #source: Readable;
  readonly #outgoing: ClientRequest;
  readonly #callbacks: RequestBodyCallbacks;
  /** Undefined: sent chunked. */
  readonly #length: number | undefined;
  #sent = 0;

  constructor(request: OriginRequest, source: Readable, outgoing: ClientRequest, callbacks: RequestBodyCallbacks) {
    this.#request = request;
    this.#source = source;
    this.#outgoing = outgoing;
    this.#callbacks = callbacks;
    const length = request.fields.first('content-length');
    this.#length = length === undefined ? undefined : Number(length);
    if (source.readableEnded) this.#onEnd();
    else if (source.destroyed) queueMicrotask(() => this.#onBroken(source.errored));
    else {
      source.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onBroken).on('close', this.#onClose);
      outgoing.on('drain', this.#onDrain);
      source.resume();
    }
  }

  stop(): void {
    this.#outgoing.off('drain', this.#onDrain);
    this.#source.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onBroken).off('close', this.#onClose).pause();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#sent += chunk.length;
    this.#callbacks.onProgress();
    if (this.#length !== undefined && this.#sent > this.#length) this.#onMismatch();
    else if (!this.#outgoing.write(chunk)) this.#source.pause();
  };

  readonly #onDrain = (): void => {
    this.#callbacks.onProgress();
    this.#source.resume();
  };

  readonly #onEnd = (): void => {
    this.#source.off('close', this.#onClose);
    if (this.#length !== undefined && this.#sent !== this.#length) return this.#onMismatch();
    // Only a chunked body has a place for them. https://www.rfc-editor.org/rfc/rfc9112.html#section-7.1.2
    const trailers = this.#length === undefined ? endToEndTrailers(this.#request.trailers?.() ?? new Fields()) : undefined;
    if (trailers !== undefined) this.#outgoing.addTrailers([...trailers]);
    this.#callbacks.onProgress();
    this.#outgoing.end();
  };

  readonly #onClose = (): void => this.#onBroken(null);

  /** Whoever reads from the client knows why: it may be silent, and not gone. */
  readonly #onBroken = (cause: Error | null): void => {
    this.#callbacks.onError(cause instanceof MillraceError ? cause : new MillraceError('ERR_CLIENT_GONE', `The request's body broke off after ${this.#sent} bytes.`));
  };

  #onMismatch(): void {
    this.#callbacks.onError(new MillraceError('ERR_BAD_REQUEST', `The request's body is not as long as its Content-Length (${this.#length} bytes) says.`));
  }
}

const WITHOUT_CONTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** The fields of a request with those that frame its body: a length where known, else chunked. */
// https://www.rfc-editor.org/rfc/rfc9112.html#section-6
export function framed(request: OriginRequest): Fields {
  const fields = request.fields.clone();
  if (request.body === undefined) {
    fields.delete('content-length');
    // No trailers will follow; node:http throws where it is announced that they do.
    fields.delete('trailer');
    // https://www.rfc-editor.org/rfc/rfc9110.html#section-8.6
    if (!WITHOUT_CONTENT.has(request.method)) fields.append('Content-Length', '0');
  } else if (fields.has('content-length')) {
    // No trailers will follow.
    fields.delete('trailer');
  } else {
    fields.append('Transfer-Encoding', 'chunked');
  }
  return fields;
}
