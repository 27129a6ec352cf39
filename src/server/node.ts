/**
 * @module server/node
 * The general lane: every request node:http can parse, from its head to the engine and back.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Admin } from '../admin/api.ts';
import type { ServedHit } from '../cache/memo.ts';
import { type ErrorCode, MillraceError } from '../errors.ts';
import type { Admitted, AdmittedRequest, ProxyParts, ReceivedMessage } from '../proxy.ts';
import { type Exchange, Exchanges } from './exchanges.ts';
import { type Handed, withHanded } from './handed.ts';
import { type ParseError, answerPastParser, explainParseError } from './parse-error.ts';
import { NodeReply } from './node-reply.ts';
import { Pipeline } from './pipeline.ts';
import { bodyOf, received } from './received.ts';
import { type RequestBody, bodyLimits } from './request-body.ts';
import { checkRequest, isHost } from './request-check.ts';
import { type TunnelEnd, connect, lastReply, upgrade } from './tunnels.ts';

export interface LaneOptions {
  /** Undefined: its paths are the proxy's like any other. */
  readonly admin: Admin | undefined;
  /** Called for what should not happen. */
  readonly onError?: (error: unknown) => void;
  /** Called for each hit, for the fast lane to give the same answer. */
  readonly onHit?: (request: IncomingMessage, hit: ServedHit) => void;
}

/** A response under way, as far as what comes behind its request may concern it. */
export type Answering = Pick<NodeReply, 'requestComplete' | 'headSent' | 'closeAfter' | 'clientEnded'>;

/** After these nobody can be sure where the next request begins. */
const UNCLEAR: ReadonlySet<ErrorCode> = new Set(['ERR_BAD_REQUEST', 'ERR_BAD_TARGET', 'ERR_URI_TOO_LONG', 'ERR_EXPECTATION']);

export class NodeLane {
  readonly #proxy: ProxyParts;
  readonly #exchanges: Exchanges;
  readonly #onHit: LaneOptions['onHit'];
  /** Every connection, with the replies under way on it: not in a Set, see cache/flights. */
  readonly #connections = new Map<Duplex, Answering[]>();
  /** Connections whose further bytes are not looked at: https://www.rfc-editor.org/rfc/rfc9112.html#section-9.6 */
  readonly #ending = new WeakSet<Duplex>();
  /** The request that came last on each connection; a tunnel's, once it is one. */
  readonly #latest = new WeakMap<Duplex, IncomingMessage | 'tunnel'>();
  readonly #pipeline = new Pipeline((socket) => this.connection(socket));
  draining = false;

  constructor(proxy: ProxyParts, { admin, onError = () => undefined, onHit }: LaneOptions) {
    this.#proxy = proxy;
    this.#exchanges = new Exchanges(proxy, admin, onError);
    this.#onHit = onHit;
  }

  /** For the event 'connection': so that drain() knows the connections nothing was asked on. */
  connection(socket: Duplex): Answering[] {
    let replies = this.#connections.get(socket);
    if (replies === undefined) {
      replies = [];
      this.#connections.set(socket, replies);
      const underWay = replies;
      socket.once('end', () => {
        underWay.at(-1)?.closeAfter();
        for (const reply of underWay) reply.clientEnded();
      });
      socket.once('close', () => this.#connections.delete(socket));
    }
    return replies;
  }

  /** Whether the administration answers it. */
  isAdmin(requestTarget: string): boolean {
    return this.#exchanges.isAdmin(requestTarget);
  }

  /** For 'request'. */
  request(request: IncomingMessage, response: ServerResponse, handed?: Handed): void {
    if (!this.#ending.has(request.socket)) this.#answer(request, this.#reply(response), handed);
  }

  /** For 'checkContinue': the expectation goes on to the origin, and its 100 (Continue) comes back. */
  checkContinue(request: IncomingMessage, response: ServerResponse): void {
    if (this.#ending.has(request.socket)) return;
    // node:http looks for the word anywhere. Others would read what stands beside it otherwise.
    if (request.headers.expect!.toLowerCase() !== '100-continue') return this.checkExpectation(request, response);
    const reply = this.#reply(response);
    reply.expectContinue();
    this.#answer(request, reply);
  }

  /** For 'checkExpectation': https://www.rfc-editor.org/rfc/rfc9110.html#section-10.1.1 */
  checkExpectation(request: IncomingMessage, response: ServerResponse): void {
    if (this.#ending.has(request.socket)) return;
    const error = new MillraceError('ERR_EXPECTATION', `The expectation "${request.headers.expect}" cannot be met. Leave Expect out, or send 100-continue.`);
    this.#exchanges.refuse(error, this.#exchange(request, this.#reply(response)));
  }

  /** For 'upgrade'. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    void this.#tunnel(request, socket, (message, reply) => upgrade(this.#proxy, message, socket, head, reply));
  }

  /** For 'connect'. */
  connect(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    void this.#tunnel(request, socket, (message) => connect(this.#proxy, message, socket, head));
  }

  /** A connection on which a request did not come in time: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.9 */
  expire(socket: Duplex): void {
    this.clientError(Object.assign(new Error('The head of a request did not come.'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket as Socket);
  }

  /** For 'clientError': bytes that are no request, or not the rest of one. */
  clientError(error: ParseError, socket: Socket): void {
    // More bytes behind the bad ones are bad as well.
    if (this.#ending.has(socket)) return;
    this.#ending.add(socket);
    const replies = [...this.connection(socket)];
    const broken = replies.find((reply) => !reply.requestComplete);
    const explained = explainParseError(error);
    if (replies.length === 0 || (broken !== undefined && replies.length === 1 && !broken.headSent)) this.#endUnread(explained, socket);
    // Good requests came before: all of them are answered in turn, and the connection ends with the last one.
    else if (broken === undefined) {
      replies.at(-1)!.closeAfter();
      if (explained !== undefined) this.#reportUnread(explained, socket, Date.now(), 0);
    } else socket.destroy();
  }

  /** Answers bytes that no lane could read as a request, and ends the connection. */
  refuseUnread(error: MillraceError, socket: Socket): void {
    const startedAt = Date.now();
    this.#reportUnread(error, socket, startedAt, answerPastParser(error, socket));
  }

  /** What it asked for is not known, as "-" says in the common log format. @param bytes of the answer to it */
  #reportUnread(error: MillraceError, { remoteAddress: clientAddress = '' }: Socket, startedAt: number, bytes: number): void {
    this.#exchanges.report({ message: { method: '-', requestTarget: '-', clientAddress }, startedAt }, { status: error.kind.status, bytes, error });
  }

  /** Every request that has come on the connection is read to its end, and answered. */
  isResting(socket: Duplex): boolean {
    const latest = this.#latest.get(socket);
    return latest !== 'tunnel' && latest?.complete !== false && !this.#ending.has(socket) && this.#connections.get(socket)?.length === 0;
  }

  /**
   * What would be done with a plain GET or HEAD, where that is to bring it to the engine; undefined: this
   * lane answers it itself, or refuses it.
   * @param earlier what was admitted of the same client, with the very same fields
   */
  admitPlain(message: ReceivedMessage, earlier?: AdmittedRequest): AdmittedRequest | undefined {
    if (this.isAdmin(message.requestTarget)) return undefined;
    if (earlier === undefined) this.#exchanges.look(message, this.#proxy.port);
    try {
      const admitted = earlier === undefined ? this.#admitNew(message) : this.#proxy.admitAgain(message, earlier);
      return admitted?.kind === 'request' ? admitted : undefined;
    } catch {
      // It will be thrown here again.
      return undefined;
    }
  }

  #endUnread(error: MillraceError | undefined, socket: Socket): void {
    if (error === undefined || !socket.writable) socket.destroy();
    else this.refuseUnread(error, socket);
  }

  #admitNew(message: ReceivedMessage): Admitted | undefined {
    return isHost(message.fields.first('host')!) ? this.#proxy.admit(message) : undefined;
  }

  /** A response that is written past this lane, on a connection whose next requests have come meanwhile. */
  begin(socket: Duplex, reply: Answering): void {
    this.connection(socket).push(reply);
  }

  /** It is written, or never will be. */
  end(socket: Duplex & Pick<Socket, 'destroySoon'>, reply: Answering): void {
    // A connection that is closed has left the list.
    const replies = this.#connections.get(socket);
    replies?.splice(replies.indexOf(reply), 1);
    this.#pipeline.ended(socket, reply);
    // Its head may have been sent before that was known.
    if ((this.draining || this.#ending.has(socket)) && replies?.length === 0) socket.destroySoon();
  }

  /** From now on connections are closed after the response under way; those without one at once, tunnels too. */
  drain(): void {
    this.draining = true;
    for (const [socket, replies] of this.#connections) if (replies.length === 0) socket.destroy();
  }

  /** Ends every connection now. */
  cut(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #reply(response: ServerResponse): NodeReply {
    const { socket } = response.req;
    this.#latest.set(socket, response.req);
    const reply = new NodeReply(response, this);
    if (isOldToProxy(response.req)) reply.closeAfter();
    this.begin(socket, reply);
    response.on('close', () => this.end(socket, reply));
    return reply;
  }

  /** Refuses in this very turn, before the parser brings what follows on the connection. */
  #answer(request: IncomingMessage, reply: NodeReply, handed?: Handed): void {
    const refused = handed?.refused ?? checkRequest(request, this.#proxy.config.maxRequestFields);
    if (refused !== undefined) return this.#exchanges.refuse(refused, this.#exchange(request, reply, undefined, handed));
    if (asksToSwitch(request)) this.#endAfter(request, reply);
    this.#exchanges.answer(this.#exchange(request, reply, handed?.body === undefined ? bodyOf(request, reply, bodyLimits(this.#proxy.config)) : undefined, handed));
  }

  #exchange(request: IncomingMessage, reply: NodeReply, body?: RequestBody, handed?: Handed): Exchange {
    const onHit = this.#onHit;
    const message = received(request, body);
    const onFailure = handed?.onFailure;
    return {
      message: handed === undefined ? message : withHanded(message, handed),
      reply,
      startedAt: Date.now(),
      port: request.socket.localPort,
      inTurn: (start) => this.#pipeline.inTurn(request.socket, request.method!, reply, start),
      onHit: onHit && ((hit) => onHit(request, hit)),
      onRefusal: ({ code }) => {
        if (UNCLEAR.has(code)) this.#endAfter(request, reply);
      },
      onFailure: onFailure && ((error) => {
        if (UNCLEAR.has(error.code)) this.#endAfter(request, reply);
        onFailure(error);
      }),
    };
  }

  /** Never rejects. */
  async #tunnel(request: IncomingMessage, socket: Duplex, open: (message: ReceivedMessage, reply: () => NodeReply) => Promise<TunnelEnd>): Promise<void> {
    const startedAt = Date.now();
    const earlier = this.connection(socket);
    this.#latest.set(socket, 'tunnel');
    socket.on('error', ignore);
    // node:http lets go of the connection at once: responses to earlier requests could not be told from the tunnel.
    if (this.draining || this.#ending.has(socket) || earlier.length > 0) {
      socket.destroy();
      return;
    }
    let last: NodeReply | undefined;
    const reply = (): NodeReply => (last ??= lastReply(request, socket, this));
    try {
      const refused = checkRequest(request, this.#proxy.config.maxRequestFields);
      if (refused !== undefined) throw refused;
      const message = received(request, undefined);
      // What is answered here is not the origin's, whatever it asks to switch to.
      if (!mayPass(message.method) || this.#exchanges.isAdmin(message.requestTarget)) return this.#exchanges.answer({ ...this.#exchange(request, reply()), startedAt, inTurn: (start) => start() });
      if (message.method !== 'CONNECT') this.#exchanges.look(message, request.socket.localPort);
      this.#exchanges.report({ message, startedAt }, await open(message, reply));
    } catch (cause) {
      this.#exchanges.refuse(cause, { ...this.#exchange(request, reply()), startedAt });
    }
  }

  /** What comes behind the request is nobody's. */
  #endAfter(request: IncomingMessage, reply: NodeReply): void {
    this.#ending.add(request.socket);
    reply.closeAfter();
  }
}

/**
 * A client of HTTP/1.0 that knows that this is a proxy: it may ask others, that do not know Connection, to keep it alive.
 * Source: https://www.rfc-editor.org/rfc/rfc9112.html#section-9.3-8
 */
function isOldToProxy({ httpVersion, url }: IncomingMessage): boolean {
  return httpVersion === '1.0' && /^https?:/i.test(url!);
}

/** It is not followed, yet node drops what came behind it in one packet, and would read on in the middle of a message. */
function asksToSwitch({ headers }: IncomingMessage): boolean {
  return headers.upgrade !== undefined && /\bupgrade\b/i.test(headers.connection ?? '');
}

/** Whether a request by that method can go on to the origin past the exchanges; others end here, or may. */
function mayPass(method: string): boolean {
  return method !== 'PURGE' && method !== 'TRACE' && method !== 'OPTIONS';
}

function ignore(): void {}
