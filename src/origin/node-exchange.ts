/**
 * @module origin/node-exchange
 * One request and its response over node:http, for what undici cannot do: request trailers,
 * Expect: 100-continue, `OPTIONS *`, Upgrade, a 100 nobody asked for, and a request body that is
 * left alone when the origin answers early (undici destroys it, and the client's connection with it).
 */
import { Agent, request as startRequest } from 'node:http';
import type { AgentOptions, ClientRequest, ClientRequestArgs, IncomingMessage, InformationEvent, RequestOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { OriginRequest } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import { endToEnd, endToEndTrailers } from '../http/hop-by-hop.ts';
import type { Connector } from './connector.ts';
import { bodyError, exchangeError, timeoutError } from './failure.ts';
import { HeadWatch } from './head-watch.ts';
import { IncomingBody } from './incoming-body.ts';
import { framed, RequestBody } from './request-body.ts';
import { checkFieldCount, checkFraming, checkStatus, isBodiless, MAX_HEAD_BYTES, type ResponseLimits } from './response-head.ts';
import type { ExchangeCallbacks } from './undici-exchange.ts';

/** Connections of node:http, opened through the connector. */
export class ConnectorAgent extends Agent {
  readonly #connector: Connector;
  readonly #scheme: 'http' | 'https';

  constructor(connector: Connector, scheme: 'http' | 'https', options: AgentOptions) {
    super(options);
    this.#connector = connector;
    this.#scheme = scheme;
  }

  override createConnection(options: ClientRequestArgs, callback: (error: Error | null, socket: Duplex) => void): undefined {
    this.#connector.connect({ scheme: this.#scheme, host: options.host!, port: Number(options.port) }, (error, socket) => callback(error, socket!));
  }
}

/**
 * node:http writes a method in upper case, which makes another one of it. What is set before the head
 * is written stays as it is; the lines of one field then stand together.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-9.1
 */
function startAsSpelled(where: RequestOptions, method: string, fields: Fields): ClientRequest {
  const outgoing = startRequest(where);
  outgoing.method = method;
  try {
    for (const name of fields.names()) outgoing.setHeader(name, fields.all(name));
  } catch (error) {
    outgoing.on('error', () => {}).destroy();
    throw error;
  }
  return outgoing;
}

export interface NodeExchangeOptions extends ResponseLimits {
  /** Where its connection comes from: an agent, or one there is already. */
  readonly connection: Pick<RequestOptions, 'agent'> | Pick<RequestOptions, 'createConnection'>;
  /** Asks to switch to this protocol (the value of Upgrade). */
  readonly upgrade?: { readonly protocol: string; readonly onUpgrade: (response: IncomingMessage, socket: Socket, head: Buffer) => void };
}

export class NodeExchange {
  readonly #request: OriginRequest;
  readonly #options: NodeExchangeOptions;
  readonly #callbacks: ExchangeCallbacks;
  readonly #outgoing: ClientRequest;
  readonly #idle: NodeJS.Timeout;
  #requestBody: RequestBody | undefined;
  #response: IncomingMessage | undefined;
  #body: IncomingBody | undefined;
  readonly #head = new HeadWatch();
  /** The origin answered before it can have read the whole request. */
  #isEarly = false;
  #done = false;

  /** Throws MillraceError ERR_BAD_REQUEST for fields that cannot be sent. */
  constructor(request: OriginRequest, options: NodeExchangeOptions, callbacks: ExchangeCallbacks) {
    this.#request = request;
    this.#options = options;
    this.#callbacks = callbacks;
    const { target, method } = request;
    const fields = framed(request);
    if (options.upgrade !== undefined) fields.append('Connection', 'Upgrade').append('Upgrade', options.upgrade.protocol);
    try {
      const where = { host: target.host, port: target.port, method, path: target.path, maxHeaderSize: MAX_HEAD_BYTES, ...options.connection };
      this.#outgoing = method === method.toUpperCase() ? startRequest({ ...where, headers: fields.lines }) : startAsSpelled(where, method, fields);
    } catch (error) {
      throw exchangeError(error as Error, target, options.timeout);
    }
    this.#idle = setInterval(this.#onIdle, Math.ceil(options.timeout * 1000));
  }

  /** Once, right after it was made. */
  start(): void {
    const { target, signal, body } = this.#request;
    const { timeout } = this.#options;
    signal.addEventListener('abort', this.#onAbort);
    this.#outgoing
      .on('socket', (socket: Socket) => {
        this.#idle.refresh();
        socket.prependListener('data', this.#watch);
      })
      .on('information', (info) => this.#onInformation(info))
      .on('response', (response) => this.#onResponse(response))
      .on('upgrade', (response, socket, head) => this.#onUpgrade(response, socket, head))
      .on('error', (error) => this.#fail(this.#body === undefined ? exchangeError(error, target, timeout) : bodyError(error, target, timeout)));
    if (body === undefined) {
      try {
        this.#outgoing.end();
      } catch (error) {
        // The head is made here, of fields that node:http may refuse only now.
        this.#fail(exchangeError(error as Error, target, timeout));
      }
    } else {
      this.#requestBody = new RequestBody(this.#request, body, this.#outgoing, { onProgress: () => this.#idle.refresh(), onError: (error) => this.#fail(error) });
      setImmediate(this.#flush);
    }
  }

  /** Sends the head where no content came along with it: the client may wait with that for an answer. */
  readonly #flush = (): void => {
    if (!this.#done && !this.#outgoing.writableEnded) this.#outgoing.flushHeaders();
  };

  #onInformation(info: InformationEvent): void {
    this.#idle.refresh();
    const fields = new Fields(info.rawHeaders.slice());
    try {
      checkStatus(info.statusCode, this.#request.target, false);
      checkFieldCount(fields, this.#options.maxFields, this.#request.target);
    } catch (error) {
      this.#fail(error as MillraceError);
      return;
    }
    this.#request.onInformational?.(info.statusCode, endToEnd(fields));
  }

  #onUpgrade(response: IncomingMessage, socket: Socket, head: Buffer): void {
    const { upgrade } = this.#options;
    if (upgrade === undefined) {
      const { host, port } = this.#request.target;
      this.#fail(new MillraceError('ERR_ORIGIN_RESPONSE', `${host}:${port} switched protocols without being asked. Correct the origin.`));
      socket.destroy();
      return;
    }
    this.#stop();
    upgrade.onUpgrade(response, socket, head);
  }

  #onResponse(response: IncomingMessage): void {
    const fields = new Fields(response.rawHeaders.slice());
    const status = response.statusCode!;
    const { target, method } = this.#request;
    try {
      checkStatus(status, target, true);
      checkFieldCount(fields, this.#options.maxFields, target);
      checkFraming(fields, response.httpVersion, this.#head, target);
    } catch (error) {
      this.#fail(error as MillraceError);
      return;
    }
    const body = new IncomingBody({
      pause: () => response.pause(),
      resume: () => {
        this.#idle.refresh();
        response.resume();
      },
      abort: (reason) => this.#fail(reason),
    }, this.#callbacks.onOver);
    this.#body = body;
    this.#response = response;
    this.#isEarly = !this.#outgoing.writableFinished;
    response.pause();
    response
      .on('data', (chunk: Buffer) => {
        this.#idle.refresh();
        body.push(chunk);
      })
      .on('end', () => {
        const trailers = new Fields(response.rawTrailers.slice());
        try {
          checkFieldCount(trailers, this.#options.maxFields, target);
        } catch (error) {
          return this.#fail(error as MillraceError);
        }
        this.#finish();
        body.finish(endToEndTrailers(trailers));
      })
      .on('error', (error) => this.#fail(bodyError(error, target, this.#options.timeout)));
    // Without a body the connection is free at once, whether or not the response is looked at.
    if (isBodiless(method, status)) response.resume();
    this.#callbacks.onResponse({ status, fields: endToEnd(fields), httpVersion: response.httpVersion, body });
  }

  /** Nothing moved for a while: the origin's fault only where the next move is the origin's. */
  readonly #onIdle = (): void => {
    const sent = this.#outgoing.writableEnded || this.#outgoing.writableNeedDrain;
    // Until there is a socket, the connector keeps the time.
    const originsTurn = this.#response === undefined ? this.#outgoing.socket !== null && sent : !this.#response.isPaused();
    if (originsTurn) this.#fail(timeoutError(this.#request.target, this.#options.timeout));
  };

  readonly #onAbort = (): void => this.#fail(this.#request.signal.reason as Error);

  /**
   * The response is complete. A request body still under way has no reader any more. Nor is the connection used
   * again where the origin answered without all of it: it may take the rest for the next request.
   * Source: https://www.rfc-editor.org/rfc/rfc9112.html#section-9.3
   */
  #finish(): void {
    this.#stop();
    if (this.#isEarly) this.#outgoing.destroy();
  }

  #fail(error: Error): void {
    if (this.#done) return;
    this.#stop();
    this.#outgoing.on('error', () => {}).destroy();
    if (this.#body !== undefined) this.#body.fail(error);
    else this.#callbacks.onFailure({ error, stale: false });
  }

  readonly #watch = (chunk: Buffer): void => this.#head.push(chunk);

  #stop(): void {
    this.#done = true;
    clearInterval(this.#idle);
    this.#outgoing.socket?.off('data', this.#watch);
    this.#request.signal.removeEventListener('abort', this.#onAbort);
    this.#requestBody?.stop();
  }
}
