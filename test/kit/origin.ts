/**
 * @module test/kit/origin
 * Scripted origins on free ports of 127.0.0.1: one on node:http for ordinary behaviour, which
 * records what it was asked, and a raw one that sends anything byte for byte. Both are slow only
 * where the test says so, by a gate.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type Socket, createServer as createRawServer } from 'node:net';
import { createServer as createRawTlsServer } from 'node:tls';
import { Fields } from '../../src/http/fields.ts';
import { localhostCertificate } from './certificate.ts';
import { headEnd, messageLength } from './framing.ts';
import { Arrivals, listen, type Listening } from './listening.ts';
import { RawConnection } from './raw-connection.ts';

/** A request as the origin saw it; `body`, `trailers` and `complete` fill up while it comes in. */
export interface SeenRequest {
  readonly method: string;
  /** The request target as it stood in the request line. */
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  readonly headers: Fields;
  readonly body: Buffer;
  readonly trailers: Fields;
  /** The whole body came. */
  readonly complete: boolean;
  /** The port at the connection's other end: two requests with the same one shared a connection. */
  readonly remotePort: number;
}

export interface OriginContext {
  /** 0 for the first request that this origin saw. */
  readonly index: number;
  readonly seen: SeenRequest;
  /** The whole body of the request; rejects where the request broke off. */
  readonly body: () => Promise<Buffer>;
}

export type OriginHandler = (request: IncomingMessage, response: ServerResponse, context: OriginContext) => void | Promise<void>;

export interface TestOrigin extends Listening {
  /** Every request seen, in order of arrival; one is here as soon as its head has come. */
  readonly requests: readonly SeenRequest[];
  /** For what is rarely needed, such as `upgrade` events. */
  readonly server: Server;
}

export interface RawOrigin extends Listening {
  /** The bytes of every request seen, in order of arrival. */
  readonly requests: readonly Buffer[];
}

/**
 * Starts an origin on node:http. An exception in the handler is not caught, and so fails the test.
 *
 * With `tls` it speaks https, for localhost and 127.0.0.1, under a certificate that nobody trusts
 * until it is added to the trusted ones (test/kit/certificate.ts).
 */
export async function startOrigin(handler: OriginHandler, options: { readonly tls?: boolean } = {}): Promise<TestOrigin> {
  const requests: SeenRequest[] = [];
  const arrivals = new Arrivals(requests);
  const server: Server = options.tls === true ? createSecureServer(localhostCertificate) : createServer();
  // The kit has no time limits of its own; a test that is stuck meets that of the test runner.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  server.on('request', (request, response) => {
    const { seen, body } = record(request);
    const index = requests.push(seen) - 1;
    arrivals.notify();
    void handler(request, response, { index, seen, body });
  });
  const listening = await listen(server, options.tls === true ? 'https://127.0.0.1' : 'http://127.0.0.1', arrivals);
  return Object.assign(listening, { requests, server });
}

/**
 * Starts an origin that is a bare socket. The handler is called with the bytes of each request
 * that has come whole, one after the other on each connection; what it sends is the test's affair.
 * A request with Expect: 100-continue is handed over with its head alone: read its body by
 * `connection.readBytes()`. With `tls` it speaks https, as startOrigin does.
 */
export async function startRawOrigin(handler: (connection: RawConnection, request: Buffer) => void | Promise<void>, { tls = false }: { readonly tls?: boolean } = {}): Promise<RawOrigin> {
  const requests: Buffer[] = [];
  const arrivals = new Arrivals(requests);
  const serve = async (connection: RawConnection): Promise<void> => {
    for (;;) {
      // A connection that closes between requests, or in one, is none of the handler's business.
      const request = await connection.read(requestLength).catch(() => undefined);
      if (request === undefined) break;
      requests.push(request);
      arrivals.notify();
      await handler(connection, request);
    }
    connection.end();
  };
  // Half-open, so that the origin can go on sending to a peer that has sent FIN.
  const take = (socket: Socket): void => void serve(new RawConnection(socket));
  const server = tls ? createRawTlsServer({ ...localhostCertificate, allowHalfOpen: true }, take) : createRawServer({ allowHalfOpen: true }, take);
  return Object.assign(await listen(server, tls ? 'https://127.0.0.1' : 'http://127.0.0.1', arrivals), { requests });
}

/** As messageLength, but to the end of the head where the client waits for 100 (Continue). */
function requestLength(unread: Buffer): number | undefined {
  const bodyStart = headEnd(unread);
  const waits = bodyStart !== undefined && /^expect:[ \t]*100-continue/im.test(unread.toString('latin1', 0, bodyStart));
  return waits ? bodyStart : messageLength(unread);
}

/** Follows a request as it comes in. */
function record(request: IncomingMessage): { seen: SeenRequest; body: () => Promise<Buffer> } {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  const whole = new Promise<Buffer>((resolve, reject) => {
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
  });
  // A request that breaks off is an error only for those who asked for its body.
  whole.catch(() => undefined);
  const seen: SeenRequest = {
    method: request.method!,
    url: request.url!,
    httpVersion: request.httpVersion,
    rawHeaders: request.rawHeaders,
    headers: new Fields(request.rawHeaders.slice()),
    get body() {
      return Buffer.concat(chunks);
    },
    get trailers() {
      return new Fields(request.rawTrailers.slice());
    },
    get complete() {
      return request.complete;
    },
    remotePort: request.socket.remotePort!,
  };
  return { seen, body: () => whole };
}
