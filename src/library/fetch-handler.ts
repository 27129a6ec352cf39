/**
 * @module library/fetch-handler
 * The lane of the Fetch standard: `(Request) => Promise<Response>`, as Hono, Next.js and others have it.
 */
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Admin } from '../admin/api.ts';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import type { ProxyParts, ReceivedMessage } from '../proxy.ts';
import { Exchanges } from '../server/exchanges.ts';
import { MAX_URI } from '../server/request-check.ts';
import { FetchReply } from './fetch-reply.ts';
import type { FetchContext } from './messages.ts';

export class FetchHandler {
  readonly #exchanges: Exchanges;

  /** @param onError called for what should not happen */
  constructor(proxy: ProxyParts, admin: Admin | undefined, onError: (error: unknown) => void) {
    this.#exchanges = new Exchanges(proxy, admin, onError);
  }

  /** Rejects with the reason of the request's signal, where that is aborted before there is a response. */
  fetch(request: Request, { clientAddress = '' }: FetchContext): Promise<Response> {
    const reply = new FetchReply(request.method === 'HEAD', request.signal);
    // To stream its body is to lock it.
    const isRead = request.bodyUsed || request.body?.locked === true;
    const message = messageOf(request, clientAddress, isRead);
    const exchange = { message, reply, startedAt: Date.now(), port: undefined, inTurn: (start: () => void): void => start() };
    const refused = isRead ? bodyRead() : checkUrl(message.requestTarget);
    if (refused === undefined) this.#exchanges.answer(exchange);
    else this.#exchanges.refuse(refused, exchange);
    return reply.response;
  }
}

function messageOf(request: Request, clientAddress: string, isRead: boolean): ReceivedMessage {
  const url = new URL(request.url);
  const fields = new Fields();
  if (!request.headers.has('host')) fields.append('Host', url.host);
  for (const [name, value] of request.headers) fields.append(name, value);
  const body = isRead || request.body === null ? undefined : readable(request.body as ReadableStream<Uint8Array>);
  // A length that was written by hand frames nothing here.
  if (body !== undefined && !/^\d+$/.test(fields.get('content-length') ?? '0')) fields.delete('content-length');
  return { method: request.method, requestTarget: url.pathname + url.search, fields, httpVersion: '1.1', scheme: url.protocol === 'https:' ? 'https' : 'http', clientAddress, body };
}

function readable(body: ReadableStream<Uint8Array>): Readable {
  const stream = Readable.fromWeb(body);
  // Who reads it hears of an error all the same.
  return stream.on('error', () => undefined);
}

function bodyRead(): MillraceError {
  return new MillraceError('ERR_BODY_READ', 'The body of this request was read before it came to the proxy. Hand the proxy a request.clone() that was made before, or do not read it.');
}

function checkUrl({ length }: string): MillraceError | undefined {
  return length <= MAX_URI ? undefined : new MillraceError('ERR_URI_TOO_LONG', `The URL is ${length} bytes long; at most ${MAX_URI} are taken.`);
}
