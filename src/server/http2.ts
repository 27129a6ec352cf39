/**
 * @module server/http2
 * The lane of HTTP/2: every stream of node:http2, from its head to the engine and back. nghttp2
 * judges the frames, and what no request may be; what a proxy must not let pass beside that is
 * refused here. Every stream is an exchange like those of the other lanes.
 */
import { type Http2Server, type ServerHttp2Session, type ServerHttp2Stream, createServer } from 'node:http2';
import type { Socket } from 'node:net';
import type { Admin } from '../admin/api.ts';
import { MillraceError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import type { ProxyParts, ReceivedMessage } from '../proxy.ts';
import { type Exchange, Exchanges } from './exchanges.ts';
import { type Http2Head, checkHead, readHead } from './http2-head.ts';
import { type HitsParts, Http2Hits } from './http2-hits.ts';
import { Http2Reply } from './http2-reply.ts';
import { StalledStreams } from './http2-stalled.ts';
import { Http2Watch, type Watched } from './http2-watch.ts';
import { HEAD_TIMEOUT, KEEP_ALIVE_TIMEOUT } from './timeouts.ts';
import { type BodyLimits, RequestBody, bodyLimits } from './request-body.ts';
import { MAX_HEAD } from './request-check.ts';

/** https://www.rfc-editor.org/rfc/rfc9113.html#section-6.5.2: 100 is what it recommends at least. */
const MAX_STREAMS = 128;
/** MB of one connection: heads that come, and bodies that wait for their client, mostly the store's own. */
const MAX_SESSION = 64;
/** Each field counts 32 bytes more than it has: https://www.rfc-editor.org/rfc/rfc9113.html#section-10.5.1 */
const MAX_HEADER_LIST = 2 * MAX_HEAD;
const MAX_LINES = MAX_HEADER_LIST / 32;
/**
 * Streams that a client may reset at once, and then each second: it may change its mind, but not make
 * the origin work for nothing. https://www.cve.org/CVERecord?id=CVE-2023-44487
 */
const RESETS = { streamResetBurst: 500, streamResetRate: 33 };

interface PeerAddress {
  readonly clientAddress: string;
  /** The port that it connected to. */
  readonly port: number | undefined;
  readonly scheme: 'http' | 'https';
}

/** A connection. What is known of its socket is asked once: Node gives it by way of a proxy object. */
interface Peer extends PeerAddress {
  /** Under way. */
  readonly streams: Set<ServerHttp2Stream>;
  readonly watched: Watched;
  hasAsked: boolean;
}

export class Http2Lane {
  readonly #exchanges: Exchanges;
  readonly #proxy: ProxyParts;
  readonly #hits: Http2Hits | undefined;
  /** Does not listen itself. */
  readonly #server: Http2Server;
  readonly #sessions = new Map<ServerHttp2Session, Peer>();
  readonly #watch = new Http2Watch();
  /** That a session is about to begin on. */
  #accepted: Socket | undefined;
  readonly #stalled = new StalledStreams();
  #draining = false;

  /**
   * @param onError called for what should not happen
   * @param hits where answers are prepared
   */
  constructor(proxy: ProxyParts, admin: Admin | undefined, onError: (error: unknown) => void, hits?: HitsParts) {
    this.#proxy = proxy;
    this.#exchanges = new Exchanges(proxy, admin, onError);
    this.#hits = hits && new Http2Hits(proxy, hits);
    this.#server = createServer({
      maxSessionMemory: MAX_SESSION,
      maxHeaderListPairs: MAX_LINES,
      settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: MAX_HEADER_LIST },
      // An origin's fields are sent as it sent them.
      strictSingleValueFields: false,
      // Fields with white space around the value come through, and are refused: else they would be lost without a word.
      strictFieldWhitespaceValidation: false,
      ...RESETS,
    });
    this.#server.on('session', (session) => this.#begin(session));
  }

  /** Takes over a connection that speaks HTTP/2. What was read of it is put back (unshift) or still to be read. */
  take(socket: Socket): void {
    if (this.#draining) {
      socket.destroy();
      return;
    }
    this.#accepted = socket;
    // A client that ends its side of an HTTP/2 connection has left: https://www.rfc-editor.org/rfc/rfc9113.html#section-9.1
    socket.allowHalfOpen = false;
    this.#server.emit('connection', socket);
    // It was paused, so that nothing is read past the session.
    process.nextTick(() => socket.resume());
  }

  /** From now on no new streams are taken, and connections are closed when those under way are over. */
  drain(): void {
    this.#draining = true;
    for (const session of this.#sessions.keys()) session.close();
  }

  /** Ends every connection now. */
  cut(): void {
    for (const session of this.#sessions.keys()) session.destroy();
  }

  #begin(session: ServerHttp2Session): void {
    const { remoteAddress = '', localPort } = session.socket;
    const watched: Watched = { session, socket: this.#accepted!, taken: 0, onCut: (wasted) => this.#reportCut(remoteAddress, wasted) };
    this.#watch.add(watched);
    const peer: Peer = { clientAddress: remoteAddress, port: localPort, scheme: session.encrypted === true ? 'https' : 'http', streams: new Set(), watched, hasAsked: false };
    this.#stalled.add(session, peer.streams);
    this.#sessions.set(session, peer);
    session.once('close', () => this.#sessions.delete(session));
    session.on('stream', (stream, _headers, _flags, lines) => {
      // A second beyond what is announced elsewhere, as in the general lane; Node begins anew with all that moves.
      if (!peer.hasAsked) session.setTimeout(KEEP_ALIVE_TIMEOUT + 1_000);
      peer.hasAsked = true;
      this.#answer(peer, stream, lines);
    });
    session.on('timeout', () => {
      if (peer.streams.size === 0) session.close();
      // Nothing has moved: who is answered takes nothing of it.
      for (const stream of peer.streams) if (stream.writableEnded && stream.headersSent) stream.destroy(new Error('The client takes nothing.'));
    });
    session.setTimeout(HEAD_TIMEOUT);
  }

  #answer(peer: Peer, stream: ServerHttp2Stream, lines: readonly string[]): void {
    // What breaks a connection is told to each of its streams, and would end the process where nobody listens.
    stream.on('error', ignore);
    // It was reset before it came here.
    if (stream.destroyed) return;
    peer.streams.add(stream);
    stream.once('close', () => peer.streams.delete(stream));
    const head = readHead(lines);
    const { maxRequestFields } = this.#proxy.config;
    const body = bodyOf(stream, head.fields, bodyLimits(this.#proxy.config));
    const refused = checkHead(head, body !== undefined, maxRequestFields) ?? checkConnect(this.#proxy, head);
    if (refused?.code !== 'ERR_FIELDS_TOO_LARGE') peer.watched.taken++;
    const hits = this.#hits;
    if (refused === undefined && body === undefined && hits?.answer(stream, head, peer.clientAddress) === true) return;
    const exchange: Exchange = { ...exchangeOf(peer, head, body, new Http2Reply(stream, head.method, head.fields)), onHit: hits && ((hit) => hits.keep(head, hit)) };
    if (refused === undefined) this.#exchanges.answer(exchange);
    else this.#exchanges.refuse(refused, exchange);
  }

  #reportCut(clientAddress: string, wasted: number): void {
    const error = new MillraceError('ERR_FIELDS_TOO_LARGE', `The client sent ${wasted} requests over one HTTP/2 connection whose header fields are malformed or larger than ${MAX_HEAD} bytes. The connection was closed.`);
    this.#exchanges.report({ message: { method: '-', requestTarget: '-', clientAddress }, startedAt: Date.now() }, { status: error.status, bytes: 0, error });
  }
}

/** The error to answer a CONNECT with; undefined for another request. */
export function checkConnect(proxy: ProxyParts, { method, requestTarget }: Http2Head): MillraceError | undefined {
  if (method !== 'CONNECT') return undefined;
  try {
    proxy.admitConnect(requestTarget);
  } catch (error) {
    return MillraceError.from(error);
  }
  return new MillraceError('ERR_CONNECT_DENIED', `CONNECT to ${requestTarget} is refused: over HTTP/2 there are no tunnels here. Use HTTP/1.1.`);
}

export function exchangeOf({ clientAddress, port, scheme }: PeerAddress, { method, requestTarget, fields }: Http2Head, body: RequestBody | undefined, reply: Http2Reply): Exchange {
  const message: ReceivedMessage = { method, requestTarget, fields, httpVersion: '2.0', scheme, clientAddress, body };
  return {
    message: body === undefined ? message : { ...message, trailers: () => body.trailers() },
    reply,
    startedAt: Date.now(),
    port,
    inTurn: (start) => start(),
  };
}

/** Undefined: the request has none. */
export function bodyOf(stream: ServerHttp2Stream, fields: Fields, limits: BodyLimits): RequestBody | undefined {
  if (stream.endAfterHeaders || fields.first('content-length') === '0') return undefined;
  let trailers: readonly string[] = [];
  stream.once('trailers', (_headers: unknown, _flags: unknown, lines: readonly string[]) => (trailers = lines));
  return new RequestBody({
    stream,
    // It ends, too, where the client resets it without an error.
    isComplete: () => stream.readableEnded && !stream.aborted,
    trailers: () => trailers,
    // The reply does what there is to do.
    discard: () => undefined,
  }, limits);
}

function ignore(): void {}
