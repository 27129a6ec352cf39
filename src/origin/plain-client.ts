/**
 * @module origin/plain-client
 * The shortest way to an origin, for requests without a body over plain TCP, which most misses are:
 * connections of net.Socket, requests written as one string, responses recognised where they stand.
 */
import type { OriginRequest } from '../cache/ports.ts';
import type { ConnectCallback, Connector } from './connector.ts';
import { closedClient } from './failure.ts';
import { PlainConnection } from './plain-connection.ts';
import type { ConnectionOwner } from './plain-connection.ts';
import { PlainExchange } from './plain-exchange.ts';
import type { ExchangeHost } from './plain-exchange.ts';
import type { ResponseLimits } from './response-head.ts';
import type { ExchangeCallbacks } from './undici-exchange.ts';

export interface PlainClientOptions {
  readonly connector: Connector;
  readonly limits: ResponseLimits;
  /** Milliseconds a connection stays open unused, where the origin states none, and at most. */
  readonly keepAlive: number;
  readonly maxKeepAlive: number;
}

/** Connections to one authority. */
interface Pool {
  /** The one used last stands last, and is used next. */
  readonly idle: PlainConnection[];
  /** All of them. */
  open: number;
}

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-9.2.2 */
export const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY']);

/** Milliseconds: a clock that all exchanges share may be so coarse. */
const MAX_TICK = 500;
const MIN_TICK = 5;
/** Ticks within the time an origin has. */
const TICKS = 8;

/** Seconds before the origin closes a connection at which it is not used any more: a request would meet the closing. */
const MARGIN = 1;

export class PlainClient implements ExchangeHost, ConnectionOwner {
  readonly limits: ResponseLimits;
  tick = 0;
  readonly #connector: Connector;
  readonly #tickLength: number;
  readonly #timeoutTicks: number;
  readonly #idleTicks: number;
  readonly #maxIdleTicks: number;
  readonly #pools = new Map<string, Pool>();
  readonly #connections = new Set<PlainConnection>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ connector, limits, keepAlive, maxKeepAlive }: PlainClientOptions) {
    this.#connector = connector;
    this.limits = limits;
    const milliseconds = limits.timeout * 1000;
    this.#tickLength = Math.min(MAX_TICK, Math.max(MIN_TICK, Math.floor(milliseconds / TICKS)));
    this.#timeoutTicks = Math.ceil(milliseconds / this.#tickLength);
    this.#idleTicks = Math.floor(keepAlive / this.#tickLength);
    this.#maxIdleTicks = Math.floor(maxKeepAlive / this.#tickLength);
  }

  /** @param text the head of the request; see plain-request */
  fetch(request: OriginRequest, text: string, callbacks: ExchangeCallbacks): void {
    const idle = this.#pools.get(request.target.authority)?.idle.pop();
    const exchange = new PlainExchange(request, this, idle === undefined ? callbacks : this.#again(request, text, callbacks));
    if (idle === undefined) this.#open(request, exchange, text);
    else exchange.start(idle, text);
  }

  release(connection: PlainConnection, seconds: number | undefined): void {
    connection.keptFor = seconds === undefined ? this.#idleTicks : Math.min(this.#maxIdleTicks, Math.floor(((seconds - MARGIN) * 1000) / this.#tickLength));
    connection.reader = undefined;
    if (connection.keptFor <= 0 || this.#closed) {
      connection.destroy();
      return;
    }
    connection.isReused = true;
    connection.usedAt = this.tick;
    this.#pools.get(connection.authority)!.idle.push(connection);
  }

  gone(connection: PlainConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    const pool = this.#pools.get(connection.authority)!;
    const index = connection.reader === undefined ? pool.idle.lastIndexOf(connection) : -1;
    if (index !== -1) pool.idle.splice(index, 1);
    if (--pool.open === 0) this.#pools.delete(connection.authority);
  }

  /** Ends every exchange that is still under way. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.end(closedClient());
  }

  /** The origin closed an idle connection as the request was on its way: it is asked again, once, on a new one. */
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-9.2.2
  #again(request: OriginRequest, text: string, callbacks: ExchangeCallbacks): ExchangeCallbacks {
    return {
      ...callbacks,
      onFailure: (failure) => {
        if (failure.stale && IDEMPOTENT.has(request.method)) this.#open(request, new PlainExchange(request, this, callbacks), text);
        else callbacks.onFailure(failure);
      },
    };
  }

  #open(request: OriginRequest, exchange: PlainExchange, text: string): void {
    const { target } = request;
    if (this.#closed) {
      exchange.fail(closedClient());
      return;
    }
    const connection = new PlainConnection(target.authority, this);
    const connected: ConnectCallback = (error, socket) => {
      if (error !== null) {
        exchange.fail(error);
        return;
      }
      if (this.#closed) {
        socket.destroy();
        exchange.fail(closedClient());
        return;
      }
      connection.open(socket);
      this.#add(connection);
      if (exchange.isDone) this.release(connection, undefined);
      else exchange.start(connection, text);
    };
    this.#connector.connect(target, connected, connection.onread);
  }

  #add(connection: PlainConnection): void {
    this.#connections.add(connection);
    const pool = this.#pools.get(connection.authority);
    if (pool === undefined) this.#pools.set(connection.authority, { idle: [], open: 1 });
    else pool.open++;
    this.#timer ??= setInterval(this.#onTick, this.#tickLength).unref();
  }

  readonly #onTick = (): void => {
    this.tick++;
    for (const connection of this.#connections) {
      const { reader } = connection;
      if (reader === undefined) {
        // Here and not at once: under load it is used again before that.
        connection.unref();
        if (this.tick - connection.usedAt >= connection.keptFor) connection.destroy();
      } else if (reader instanceof PlainExchange && this.tick - reader.movedAt > this.#timeoutTicks) reader.timeOut();
    }
  };
}
