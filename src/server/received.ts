/**
 * @module server/received
 * A request of node:http as the proxy takes it.
 */
import type { IncomingMessage } from 'node:http';
import { Fields } from '../http/fields.ts';
import type { ReceivedMessage } from '../proxy.ts';
import type { NodeReply } from './node-reply.ts';
import { type BodyLimits, type RequestBody, messageBody } from './request-body.ts';
import { hasBody } from './request-check.ts';

/** Undefined: it has none. */
export function bodyOf(request: IncomingMessage, reply: NodeReply, limits: BodyLimits): RequestBody | undefined {
  if (!hasBody(request)) return undefined;
  const body = messageBody(request, limits);
  reply.beforeEnd(() => body.answered());
  // What follows on the connection is the rest of it, or may be: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.9
  body.on('error', () => reply.closeAfter());
  return body;
}

export function received(request: IncomingMessage, body: RequestBody | undefined): ReceivedMessage {
  return {
    method: request.method!,
    requestTarget: request.url!,
    fields: new Fields(request.rawHeaders.slice()),
    httpVersion: request.httpVersion,
    scheme: 'encrypted' in request.socket ? 'https' : 'http',
    clientAddress: request.socket.remoteAddress ?? '',
    body,
    ...(body === undefined ? {} : { trailers: () => body.trailers() }),
  };
}
