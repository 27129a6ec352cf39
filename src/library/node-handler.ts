/**
 * @module library/node-handler
 * Hands requests of a server of the program's to the lane they belong to, whichever framework they
 * came by.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Admin } from '../admin/api.ts';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import type { ProxyParts } from '../proxy.ts';
import type { Handed } from '../server/handed.ts';
import { Http2Compat } from '../server/http2-compat.ts';
import { NodeLane } from '../server/node.ts';
import { readHead } from '../server/http2-head.ts';
import { hasBody } from '../server/request-check.ts';
import type { NodeRequest, NodeResponse, NodeSocket, WrappedReply, WrappedRequest } from './messages.ts';
import { mountPathOf } from './mount-path.ts';
import { bodyAgain } from './parsed-body.ts';

type Message = IncomingMessage | Http2ServerRequest;

const REMEDY = 'Let the proxy have the request before a body parser, or leave its paths out of the parser.';

export class NodeHandler {
  readonly #proxy: ProxyParts;
  readonly #lane: NodeLane;
  readonly #http2: Http2Compat;

  /** @param onError called for what should not happen */
  constructor(proxy: ProxyParts, admin: Admin | undefined, onError: (error: unknown) => void) {
    this.#proxy = proxy;
    this.#lane = new NodeLane(proxy, { admin, onError });
    this.#http2 = new Http2Compat(proxy, admin, onError);
  }

  request(request: NodeRequest | WrappedRequest, response: NodeResponse | WrappedReply): void {
    if (!('raw' in request) || !('raw' in response)) return this.#answer(request as Message, response as ServerResponse, (request as { body?: unknown }).body);
    const { raw } = response;
    for (const [name, value] of Object.entries(response.getHeaders())) (raw as ServerResponse).setHeader(name, value as string);
    response.hijack();
    this.#answer(request.raw as Message, raw as ServerResponse, request.body);
  }

  /** @param next called with an error in place of an error page of ours, and with nothing for a path that names no host of the proxy's */
  middleware(request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void): void {
    const message = request as Message;
    if (!this.#proxy.serves({ method: message.method ?? '', requestTarget: message.url ?? '', fields: fieldsOf(message), mountPath: mountPathOf(message) })) return next();
    this.#answer(message, response as ServerResponse, (request as { body?: unknown }).body, next);
  }

  upgrade(request: NodeRequest, socket: NodeSocket, head: Uint8Array): void {
    this.#lane.upgrade(request as IncomingMessage, socket as Duplex, head as Buffer);
  }

  /** Over HTTP/2 it comes with a response in place of a connection. */
  connect(request: NodeRequest, socket: NodeSocket | NodeResponse, head?: Uint8Array): void {
    if (isHttp2(request as Message)) this.#http2.request(request as Http2ServerRequest, socket as unknown as Http2ServerResponse);
    else this.#lane.connect(request as IncomingMessage, socket as unknown as Duplex, head as Buffer);
  }

  drain(): void {
    this.#lane.drain();
  }

  /** @param parsed what somebody has made of the body who has read it */
  #answer(request: Message, response: ServerResponse | Http2ServerResponse, parsed: unknown, onFailure?: (error: MillraceError) => void): void {
    // Somebody else has answered it.
    if (response.headersSent || response.writableEnded) return;
    const handed: Handed = { ...bodyOf(request, parsed), mountPath: mountPathOf(request), onFailure };
    if (isHttp2(request)) this.#http2.request(request, response as Http2ServerResponse, handed);
    else this.#lane.request(request, response as ServerResponse, handed);
  }
}

function isHttp2(request: Message): request is Http2ServerRequest {
  return request.httpVersionMajor === 2;
}

function fieldsOf(request: Message): Fields {
  return isHttp2(request) ? readHead(request.rawHeaders).fields : new Fields(request.rawHeaders.slice());
}

/** Where the body has been read, it in another form, or why that cannot be. */
function bodyOf(request: Message, parsed: unknown): Pick<Handed, 'body' | 'refused'> {
  if (!request.readableDidRead) return {};
  const fields = fieldsOf(request);
  const comes = isHttp2(request) ? !request.stream.endAfterHeaders && fields.first('content-length') !== '0' : hasBody(request);
  if (!comes) return {};
  const body = bodyAgain(fields, parsed);
  if (body !== undefined) return { body };
  return { refused: new MillraceError('ERR_BODY_READ', `The body of this request was read before it came to the proxy, and cannot be made again from request.body. ${REMEDY}`) };
}
