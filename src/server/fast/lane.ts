/**
 * @module server/fast/lane
 * The fast lane: takes the connections of the main port, and hands what it does not answer itself
 * to node:http.
 */
import type { Server as HttpServer } from 'node:http';
import { type Server, createServer } from 'node:net';
import type { Memo } from '../../cache/memo.ts';
import type { ProxyParts } from '../../proxy.ts';
import type { Http2Lane } from '../http2.ts';
import { HEAD_TIMEOUT } from '../timeouts.ts';
import type { NodeLane } from '../node.ts';
import { Connection } from './connection.ts';
import { IDLE } from './general-side.ts';
import type { Keeper } from './keeper.ts';
import type { PlainHead } from './plain-head.ts';
import type { PlainReply, ReplyLane } from './plain-reply.ts';

export interface FastLaneParts {
  readonly proxy: ProxyParts;
  readonly memo: Memo;
  readonly general: NodeLane;
  /** A server of node:http that does not listen itself. */
  readonly http: HttpServer;
  readonly http2: Http2Lane;
  readonly head: PlainHead;
  readonly keeper: Keeper;
}

/** Milliseconds between two looks for idle connections. */
const TURN = 5_000;

export class FastLane implements FastLaneParts, ReplyLane {
  readonly proxy: ProxyParts;
  readonly memo: Memo;
  readonly general: NodeLane;
  readonly http: HttpServer;
  readonly http2: Http2Lane;
  readonly head: PlainHead;
  readonly keeper: Keeper;
  /** Listens in place of the one of node:http. */
  readonly server: Server;
  /** Counts the looks for idle connections: the lane's clock. */
  turn = 0;
  readonly #connections = new Set<Connection>();
  readonly #timer: NodeJS.Timeout;
  #unflushed: PlainReply[] = [];

  constructor({ proxy, memo, general, http, http2, head, keeper }: FastLaneParts) {
    this.proxy = proxy;
    this.memo = memo;
    this.general = general;
    this.http = http;
    this.http2 = http2;
    this.head = head;
    this.keeper = keeper;
    this.server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (accepted) => this.#connections.add(new Connection(this, accepted)));
    // With it node:http begins to look for heads that take too long; this one is told in place of a server that listens.
    this.server.once('listening', () => http.emit('listening'));
    this.server.once('close', () => this.#stop());
    this.#timer = setInterval(() => this.#look(), TURN).unref();
  }

  get draining(): boolean {
    return this.general.draining;
  }

  get keepAliveLines(): string {
    return this.keeper.keepAliveLines;
  }

  /** One look for all replies of a turn of the loop: a timer for each would cost more than writing it. */
  flushLater(reply: PlainReply): void {
    if (this.#unflushed.push(reply) === 1) setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const replies = this.#unflushed;
    this.#unflushed = [];
    for (const reply of replies) reply.flush();
  };

  forget(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** Ends connections that wait for requests; those in the middle of a response, after it. */
  drain(): void {
    for (const connection of this.#connections) connection.drain();
  }

  /** Ends every connection now. */
  cut(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  #look(): void {
    this.turn++;
    for (const connection of this.#connections) {
      const idle = connection.idleSince();
      if (idle === undefined) continue;
      const time = (this.turn - idle.turn) * TURN;
      if (idle.hasAsked && time > IDLE) connection.destroy();
      else if (!idle.hasAsked && time > HEAD_TIMEOUT) connection.expire();
    }
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.http.close();
  }
}
