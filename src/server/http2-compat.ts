/**
 * @module server/http2-compat
 * Requests of a node:http2 server of the program's, which come as the objects of its compatibility API.
 * The stream behind them is answered as in the lane of HTTP/2.
 */
import type { Http2ServerRequest, Http2ServerResponse, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Admin } from '../admin/api.ts';
import type { ProxyParts } from '../proxy.ts';
import { Exchanges } from './exchanges.ts';
import { type Handed, withHanded } from './handed.ts';
import { bodyOf, checkConnect, exchangeOf } from './http2.ts';
import { checkHead, readHead } from './http2-head.ts';
import { Http2Reply } from './http2-reply.ts';
import { bodyLimits } from './request-body.ts';

export class Http2Compat {
  readonly #proxy: ProxyParts;
  readonly #exchanges: Exchanges;

  /** @param onError called for what should not happen */
  constructor(proxy: ProxyParts, admin: Admin | undefined, onError: (error: unknown) => void) {
    this.#proxy = proxy;
    this.#exchanges = new Exchanges(proxy, admin, onError);
  }

  request(request: Http2ServerRequest, response: Http2ServerResponse, handed: Handed = {}): void {
    const { stream } = request;
    // What breaks the stream is told to both, and would end the process where nobody listens.
    stream.on('error', ignore);
    request.on('error', ignore);
    if (stream.destroyed || stream.session === undefined) return;
    // Node's response would send trailers of its own, in place of ours.
    stream.removeAllListeners('wantTrailers');
    if (request.method === 'HEAD') tellEnd(stream, response);
    const received = readHead(request.rawHeaders);
    // A framework takes the path off where the proxy is mounted.
    const head = { ...received, requestTarget: request.url ?? received.requestTarget };
    const { config } = this.#proxy;
    const body = handed.body === undefined ? bodyOf(stream, head.fields, bodyLimits(config)) : undefined;
    const { socket, encrypted } = stream.session;
    const peer = { clientAddress: socket.remoteAddress ?? '', port: socket.localPort, scheme: encrypted === true ? 'https' : 'http' } as const;
    const { message, ...exchange } = exchangeOf(peer, head, body, new Http2Reply(stream, head.method, head.fields, (fields) => complete(response, fields)));
    const whole = { ...exchange, message: withHanded(message, handed), onFailure: handed.onFailure };
    const refused = handed.refused ?? checkHead(head, body !== undefined, config.maxRequestFields) ?? checkConnect(this.#proxy, head);
    if (refused === undefined) this.#exchanges.answer(whole);
    else this.#exchanges.refuse(refused, whole);
  }
}

/** What a framework has set on the response goes along, and what it reads there is true. */
function complete(response: Http2ServerResponse, head: OutgoingHttpHeaders): void {
  for (const [name, value] of Object.entries(response.getHeaders())) if (!name.startsWith(':')) head[name] ??= value;
  response.statusCode = head[':status'] as unknown as number;
}

/** Node tells the end of a response to HEAD only where the response object has written it. */
function tellEnd(stream: ServerHttp2Stream, response: Http2ServerResponse): void {
  let isTold = false;
  response.once('close', () => (isTold = true));
  stream.once('close', () => {
    if (!isTold) for (const event of ['finish', 'close']) response.emit(event);
  });
}

function ignore(): void {}
