/**
 * @module server/admin-answer
 * Carries a request to the administration and its answer back; and the server of
 * --admin-port, where nothing else answers.
 */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type Admin, MethodRefused } from '../admin/api.ts';
import type { Certificate } from '../config/pem.ts';
import { MillraceError } from '../errors.ts';
import { problem } from '../http/problem.ts';
import type { Exchange } from './exchanges.ts';
import { HEAD_TIMEOUT } from './timeouts.ts';
import { NodeReply } from './node-reply.ts';
import { send } from './own-response.ts';
import { bodyOf, received } from './received.ts';
import { MAX_HEAD, checkRequest } from './request-check.ts';

/** Answers by the reply, always. */
export async function answerAdmin(admin: Admin, { message, reply, port }: Pick<Exchange, 'message' | 'reply' | 'port'>, onError: (error: unknown) => void): Promise<void> {
  reply.continue();
  const { method, requestTarget: url, fields, body, clientAddress: address, scheme, httpVersion } = message;
  try {
    send(reply, await admin.handle({ method, url, fields, body, address, port, httpVersion, secure: scheme === 'https' }));
  } catch (cause) {
    const error = MillraceError.from(cause);
    if (error.code === 'ERR_INTERNAL') onError(cause);
    const answer = problem(error, fields.get('accept'), address);
    if (error instanceof MethodRefused) answer.fields.append('Allow', error.allow);
    send(reply, answer);
  }
  body?.destroy();
}

/**
 * @param state of the proxy's own server, with which it stops
 * @param certificate for it to serve https
 * @param maxFields that a request may have
 */
export function createAdminServer(admin: Admin, state: { readonly draining: boolean }, onError: (error: unknown) => void, certificate: Certificate | undefined, maxFields: number): Server {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const reply = new NodeReply(response, state);
    const refused = checkRequest(request, maxFields);
    if (refused !== undefined) {
      reply.closeAfter();
      return send(reply, problem(refused, request.headers.accept, request.socket.remoteAddress));
    }
    const message = received(request, bodyOf(request, reply, { maxTrailers: maxFields, minRate: 100 }));
    void answerAdmin(admin, { message, reply, port: request.socket.localPort }, onError);
  };
  const options = { maxHeaderSize: MAX_HEAD, insecureHTTPParser: false };
  return certificate === undefined ? createServer(options, answer) : createSecureServer({ ...options, ...certificate, handshakeTimeout: HEAD_TIMEOUT }, answer);
}
