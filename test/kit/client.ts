/**
 * @module test/kit/client
 * Clients for tests: one on node:http that reports everything about a response, broken ones too,
 * and a raw one that sends and receives any bytes.
 */
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import { Fields } from '../../src/http/fields.ts';
import { messageLength } from './framing.ts';
import { RawConnection } from './raw-connection.ts';

type HeaderRecord = Readonly<Record<string, string | readonly string[]>>;

export interface RequestOptions {
  /** GET by default. */
  readonly method?: string;
  /** A record, or a raw list: name, value, name, value … Host is added where it is missing. */
  readonly headers?: HeaderRecord | readonly string[];
  /** A stream is sent chunked, unless the headers give its length. */
  readonly body?: string | Uint8Array | Readable;
  /** Sent after the body, which is then chunked. */
  readonly trailers?: HeaderRecord;
  /** The request target where it shall differ from the URL's path and query, e.g. one in absolute form. */
  readonly target?: string;
  /** By default each request has a connection of its own, closed after it. */
  readonly agent?: Agent;
}

export interface Informational {
  readonly status: number;
  readonly headers: Fields;
}

export interface ClientResponse {
  readonly status: number;
  /** Reason phrase. */
  readonly statusText: string;
  readonly httpVersion: string;
  readonly headers: Fields;
  readonly rawHeaders: readonly string[];
  /** What came of it, also where the message broke off. */
  readonly body: Buffer;
  readonly trailers: Fields;
  /** The 1xx responses before this one. */
  readonly informational: readonly Informational[];
  /** False: the connection ended before the message did. */
  readonly complete: boolean;
}

/** A response whose head has come, and whose body may still be on its way. */
export class OpenResponse {
  readonly status: number;
  readonly headers: Fields;
  /** For what is rarely needed: pause() and resume(). */
  readonly message: IncomingMessage;
  readonly #informational: readonly Informational[];
  readonly #closed: Promise<void>;
  #chunks: Buffer[] = [];
  #ended = false;
  /** Called whenever there is more to see. */
  #watchers: (() => void)[] = [];

  constructor(message: IncomingMessage, informational: readonly Informational[]) {
    this.message = message;
    this.status = message.statusCode!;
    this.headers = new Fields(message.rawHeaders.slice());
    this.#informational = informational;
    message.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#progress();
    });
    // A message that broke off; finish() reports it.
    message.on('error', () => undefined);
    this.#closed = new Promise((resolve) => {
      message.on('close', () => {
        this.#ended = true;
        this.#progress();
        resolve();
      });
    });
  }

  /** The body as far as it has come. */
  get body(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** Settles when the body contains the text, or has so many bytes; rejects when it ends before. */
  received(wanted: string | number): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (typeof wanted === 'number' ? this.body.length >= wanted : this.body.includes(wanted)) resolve();
        else if (this.#ended) reject(new Error(`The body ended after ${this.body.length} bytes, before ${JSON.stringify(wanted)} was received.`));
        else this.#watchers.push(look);
      };
      look();
    });
  }

  /** The whole response, complete or broken off. */
  async finish(): Promise<ClientResponse> {
    await this.#closed;
    const { message } = this;
    return {
      status: this.status,
      statusText: message.statusMessage!,
      httpVersion: message.httpVersion,
      headers: this.headers,
      rawHeaders: message.rawHeaders,
      body: this.body,
      trailers: new Fields(message.rawTrailers.slice()),
      informational: this.#informational,
      complete: message.complete,
    };
  }

  /** The client goes away: the connection is reset. An ordinary close could mean that its own side alone has ended. */
  abort(): void {
    const { socket } = this.message;
    if (socket instanceof Socket && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
    this.message.destroy();
  }

  #progress(): void {
    for (const look of this.#watchers.splice(0)) look();
  }
}

/**
 * Sends a request and waits for the whole response. A message that breaks off is reported by
 * `complete: false`; rejects only where not even a head came.
 */
export async function request(url: string | URL, options: RequestOptions = {}): Promise<ClientResponse> {
  return (await open(url, options)).finish();
}

/** The ports of proxies that are asked over HTTP/2 here; see test/kit/proxy.ts. */
export const HTTP2_PORTS: Set<string> = new Set();

/** Sends a request and waits for the head of the final response only. Rejects where none came. */
export async function open(url: string | URL, options: RequestOptions = {}): Promise<OpenResponse> {
  if (HTTP2_PORTS.has(new URL(url).port) && isForHttp2(options)) return (await import('./http2-client.ts')).openHttp2(url, options);
  return openHttp1(url, options);
}

/** It does not ask for what only HTTP/1.1 has. */
function isForHttp2({ agent, target = '/', headers = {} }: RequestOptions): boolean {
  const fields = isList(headers) ? new Fields(headers.slice()) : Fields.of(headers);
  return agent === undefined && target.startsWith('/') && !fields.has('upgrade');
}

function openHttp1(url: string | URL, options: RequestOptions): Promise<OpenResponse> {
  const { protocol, hostname, port, host, pathname, search } = new URL(url);
  const secure = protocol === 'https:';
  const agent = options.agent ?? new (secure ? SecureAgent : Agent)({ keepAlive: true });
  const release = (): void => {
    if (options.agent === undefined) agent.destroy();
  };
  return new Promise((resolve, reject) => {
    const message = (secure ? httpsRequest : httpRequest)({
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: options.target ?? pathname + search,
      method: options.method ?? 'GET',
      headers: headerLines(options, host),
      agent,
    });
    const informational: Informational[] = [];
    message.on('information', ({ statusCode, rawHeaders }) => {
      informational.push({ status: statusCode, headers: new Fields(rawHeaders.slice()) });
    });
    message.on('response', (response) => resolve(new OpenResponse(response, informational)));
    // Once the response has begun, its own 'close' tells what became of it.
    message.on('error', reject);
    message.on('close', release);
    if (options.trailers !== undefined) message.addTrailers([...Fields.of(options.trailers)]);
    const { body } = options;
    if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) message.end(body);
    else body.pipe(message);
  });
}

/** Name, value … as they are sent, with Host and the framing that the options need. */
function headerLines({ headers = {}, body, trailers }: RequestOptions, host: string): string[] {
  const fields = isList(headers) ? new Fields(headers.slice()) : Fields.of(headers);
  const lines = fields.has('host') ? [] : ['Host', host];
  if (!fields.has('content-length') && !fields.has('transfer-encoding')) {
    const whole = typeof body === 'string' || body instanceof Uint8Array;
    if (whole && trailers === undefined) lines.push('Content-Length', String(Buffer.byteLength(body)));
    else if (body !== undefined || trailers !== undefined) lines.push('Transfer-Encoding', 'chunked');
  }
  return [...lines, ...fields.lines];
}

function isList(headers: HeaderRecord | readonly string[]): headers is readonly string[] {
  return Array.isArray(headers);
}

/** Opens a connection to 127.0.0.1, to send and receive any bytes on it. Rejects where it is refused. */
export async function openRaw(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  return new RawConnection(socket);
}

/**
 * Sends the bytes on a connection of their own and reads until `until` is there (see
 * RawConnection.readUntil; by default one whole response), or until the server closes: the bytes
 * received so far, whichever it was.
 */
export async function rawRequest(
  port: number,
  bytes: string | Uint8Array,
  options: { readonly until?: string | ((received: Buffer) => boolean) } = {},
): Promise<Buffer> {
  const connection = await openRaw(port);
  void connection.send(bytes);
  const { until = (received: Buffer): boolean => messageLength(received) !== undefined } = options;
  const received = await connection.readUntil(until).catch(() => connection.readAll());
  connection.reset();
  return received;
}
