/**
 * @module server/admin-answer
 * Carries a request of node:http to the administration and its answer back; and the server of
 * --admin-port, where nothing else answers.
 */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type Admin, MethodRefused } from '../admin/api.ts';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import { problem } from '../http/problem.ts';
import { NodeReply } from './node-reply.ts';
import { send } from './own-response.ts';
import { RequestBody } from './request-body.ts';
import { MAX_HEAD } from './request-check.ts';

/** Answers by `reply`, always. */
export async function answerAdmin(admin: Admin, request: IncomingMessage, reply: NodeReply, onError: (error: unknown) => void): Promise<void> {
  reply.continue();
  const body = new RequestBody(request);
  reply.beforeEnd(() => body.answered());
  const fields = new Fields(request.rawHeaders);
  try {
    const { remoteAddress: address, localPort: port } = request.socket;
    send(reply, await admin.handle({ method: request.method!, url: request.url!, fields, body, address, port, secure: 'encrypted' in request.socket }));
  } catch (cause) {
    const error = MillraceError.from(cause);
    if (error.code === 'ERR_INTERNAL') onError(cause);
    const answer = problem(error, fields.get('accept'));
    if (error instanceof MethodRefused) answer.fields.append('Allow', error.allow);
    send(reply, answer);
  }
  body.destroy();
}

/** @param state of the proxy's own server, with which it stops */
export function createAdminServer(admin: Admin, state: { readonly draining: boolean }, onError: (error: unknown) => void): Server {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    void answerAdmin(admin, request, new NodeReply(response, state), onError);
  };
  return createServer({ maxHeaderSize: MAX_HEAD, insecureHTTPParser: false }, answer);
}
