/**
 * @module origin/undici-exchange
 * One request without a body and its response, over undici.
 */
import type { Dispatcher } from 'undici';
import type { OriginRequest, OriginResponse } from '../cache/ports.ts';
import { Fields } from '../http/fields.ts';
import { endToEnd, endToEndTrailers } from '../http/hop-by-hop.ts';
import { bodyError, exchangeError, isClosed } from './failure.ts';
import { IncomingBody } from './incoming-body.ts';
import type { Line, LineHandler } from './line.ts';
import { type ResponseLimits, checkFieldCount, checkFraming, checkStatus } from './response-head.ts';

/** How an exchange that brought no response ended. */
export interface Failure {
  readonly error: Error;
  /** The origin had closed a reused connection and cannot have begun to answer. */
  readonly stale: boolean;
}

export interface ExchangeCallbacks {
  readonly onResponse: (response: OriginResponse) => void;
  readonly onFailure: (failure: Failure) => void;
  /** The body that came with a response has ended, or broken off. */
  readonly onOver?: () => void;
}

export class UndiciExchange implements LineHandler {
  line: Line | undefined;
  readonly #request: OriginRequest;
  readonly #limits: ResponseLimits;
  readonly #callbacks: ExchangeCallbacks;
  #controller: Dispatcher.DispatchController | undefined;
  #body: IncomingBody | undefined;
  #aborted: Error | undefined;

  /** @param limits undici keeps the time, which is here for messages */
  constructor(request: OriginRequest, limits: ResponseLimits, callbacks: ExchangeCallbacks) {
    this.#request = request;
    this.#limits = limits;
    this.#callbacks = callbacks;
    request.signal.addEventListener('abort', this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted !== undefined) controller.abort(this.#aborted);
    else this.line?.requestStarts();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const fields = decode(controller.rawHeaders);
    // What it throws, undici hands to onResponseError.
    checkStatus(status, this.#request.target, false);
    checkFieldCount(fields, this.#limits.maxFields, this.#request.target);
    if (status < 200) {
      this.#request.onInformational?.(status, endToEnd(fields));
      return;
    }
    const httpVersion = this.line?.httpVersion ?? '1.1';
    checkFraming(fields, httpVersion, this.line?.head, this.#request.target);
    this.#body = new IncomingBody(controller, this.#callbacks.onOver);
    this.#callbacks.onResponse({ status, fields: endToEnd(fields), httpVersion, body: this.#body });
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body?.push(chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#stopListening();
    const trailers = decode(controller.rawTrailers);
    try {
      checkFieldCount(trailers, this.#limits.maxFields, this.#request.target);
    } catch (error) {
      this.#body?.fail(error as Error);
      return;
    }
    this.#body?.finish(endToEndTrailers(trailers));
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#stopListening();
    const { target } = this.#request;
    if (this.#body !== undefined) this.#body.fail(this.#aborted ?? bodyError(error, target, this.#limits.timeout));
    else if (this.#aborted === undefined) this.#callbacks.onFailure({ error: exchangeError(error, target, this.#limits.timeout), stale: isClosed(error) && this.line?.wentStale === true });
  }

  readonly #onAbort = (): void => {
    this.#stopListening();
    this.#aborted = this.#request.signal.reason as Error;
    if (this.#body === undefined) this.#callbacks.onFailure({ error: this.#aborted, stale: false });
    else this.#body.fail(this.#aborted);
    // Where the request still waits for a connection, onRequestStart aborts it.
    this.#controller?.abort(this.#aborted);
  };

  #stopListening(): void {
    this.#request.signal.removeEventListener('abort', this.#onAbort);
  }
}

/** Raw field lines as undici gives them: latin1 bytes, so that any octet survives. */
function decode(raw: Dispatcher.DispatchController['rawHeaders']): Fields {
  if (!Array.isArray(raw)) return new Fields();
  return new Fields(raw.map((line: Buffer | string) => (typeof line === 'string' ? line : line.toString('latin1'))));
}
