/**
 * @module test/kit/http2-client
 * A client of HTTP/2 for tests: what test/kit/client.ts is for HTTP/1.1, with many requests at once
 * on one connection.
 */
import { once } from 'node:events';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, type ClientSessionOptions, type SecureClientSessionOptions, connect, constants } from 'node:http2';
import { Fields } from '../../src/http/fields.ts';
import { type ClientResponse, type Informational, OpenResponse, type RequestOptions } from './client.ts';

/** Of HTTP/1.1, or what HTTP/2 says otherwise. */
const NOT_SENT: ReadonlySet<string> = new Set(['host', 'connection', 'keep-alive', 'transfer-encoding', 'content-length']);

export interface Http2Options extends Omit<RequestOptions, 'agent'> {
  /** In place of what the URL says. */
  readonly pseudo?: Readonly<Record<string, string>>;
}

/** One connection. `await using` closes it at the end of the block. */
export class Http2Client implements AsyncDisposable {
  readonly session: ClientHttp2Session;
  readonly #url: URL;

  private constructor(session: ClientHttp2Session, url: URL) {
    this.session = session;
    this.#url = url;
  }

  /** Rejects where no connection of HTTP/2 comes about. */
  static async connect(url: string, options: ClientSessionOptions | SecureClientSessionOptions = {}): Promise<Http2Client> {
    const session = connect(url, options);
    await Promise.all([once(session, 'connect'), once(session, 'remoteSettings')]);
    session.on('error', ignore);
    return new Http2Client(session, new URL(url));
  }

  /** Sends a request; for tests that look at the stream themselves. */
  send(path: string, { method = 'GET', headers = {}, body, trailers, pseudo, target }: Http2Options = {}): ClientHttp2Stream {
    const fields = isList(headers) ? new Fields(headers.slice()) : Fields.of(headers);
    const lines: [string, string][] = [[':method', method], [':scheme', this.#url.protocol.slice(0, -1)], [':authority', fields.first('host') ?? this.#url.host], [':path', target ?? path]];
    const sent: Record<string, string | string[]> = Object.fromEntries(lines.map(([name, value]) => [name, pseudo?.[name] ?? value]));
    for (const name of fields.names()) if (!NOT_SENT.has(name)) sent[name] = fields.all(name);
    const isWhole = typeof body === 'string' || body instanceof Uint8Array;
    if (isWhole && trailers === undefined) sent['content-length'] = String(Buffer.byteLength(body));
    const stream = this.session.request(sent, { endStream: body === undefined && trailers === undefined, waitForTrailers: trailers !== undefined });
    stream.on('error', ignore);
    if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(Object.fromEntries(Fields.of(trailers))));
    if (body === undefined || isWhole) stream.end(body);
    else body.pipe(stream);
    return stream;
  }

  /** Sends a request and waits for the head of the final response only. Rejects where none came. */
  open(path: string, options: Http2Options = {}): Promise<OpenResponse> {
    return opened(this.send(path, options));
  }

  /** Sends a request and waits for the whole response; see client.ts. */
  async request(path: string, options: Http2Options = {}): Promise<ClientResponse> {
    return (await this.open(path, options)).finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.session.destroyed) return;
    const closed = once(this.session, 'close');
    this.session.destroy();
    await closed;
  }
}

/** On a connection of its own. */
export async function openHttp2(url: string | URL, options: Http2Options = {}): Promise<OpenResponse> {
  const { origin, pathname, search } = new URL(url);
  const client = await Http2Client.connect(origin);
  const stream = client.send(pathname + search, options);
  stream.once('close', () => client.session.close());
  return opened(stream);
}

function opened(stream: ClientHttp2Stream): Promise<OpenResponse> {
  return new Promise((resolve, reject) => {
    const informational: Informational[] = [];
    const rawTrailers: string[] = [];
    stream.on('headers', (headers, _flags, lines) => informational.push({ status: headers[':status']!, headers: fieldsOf(lines) }));
    stream.on('trailers', (_headers, _flags, lines: string[]) => rawTrailers.push(...lines));
    stream.on('response', (headers, _flags, lines: string[]) => {
      const status = headers[':status']!;
      const isComplete = (): boolean => stream.rstCode === constants.NGHTTP2_NO_ERROR && stream.readableEnded && !stream.aborted;
      resolve(new OpenResponse(asMessage(stream, { statusCode: status, statusMessage: STATUS_CODES[status] ?? '', httpVersion: '2.0', rawHeaders: fieldsOf(lines).lines, rawTrailers }, isComplete), informational));
    });
    stream.on('close', () => reject(new Error(`The stream was closed with code ${stream.rstCode} before a response came.`)));
  });
}

/** As far as OpenResponse uses one. */
function asMessage(stream: ClientHttp2Stream, parts: Partial<IncomingMessage>, isComplete: () => boolean): IncomingMessage {
  const message = Object.assign(stream, parts);
  return Object.defineProperty(message, 'complete', { get: isComplete }) as unknown as IncomingMessage;
}

function fieldsOf(lines: readonly string[]): Fields {
  return new Fields(lines.filter((_, i) => !lines[i - (i % 2)]!.startsWith(':')));
}

function isList(headers: NonNullable<RequestOptions['headers']>): headers is readonly string[] {
  return Array.isArray(headers);
}

function ignore(): void {}
