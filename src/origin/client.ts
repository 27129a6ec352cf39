/**
 * @module origin/client
 * Sends requests to origins and streams their responses back. Requests without a body, nearly all
 * that a cache sends, go over connections of our own where they are plain (see plain-client), else
 * over undici's pools; the rest over node:http (see node-exchange).
 */
import type { Origin, OriginRequest, OriginResponse } from '../cache/ports.ts';
import type { AddressRules } from './address.ts';
import { Connector, type OriginTls } from './connector.ts';
import { ExchangeQueue } from './exchange-queue.ts';
import { ConnectorAgent, NodeExchange } from './node-exchange.ts';
import { IDEMPOTENT, PlainClient } from './plain-client.ts';
import { plainRequestHead } from './plain-request.ts';
import type { ResponseLimits } from './response-head.ts';
import type { ExchangeCallbacks, Failure } from './undici-exchange.ts';
import type { UndiciPools, UndiciPoolsOptions } from './undici-pools.ts';

export interface OriginClientOptions {
  /** Which otherwise refused addresses may be connected to: a FixedOrigin or HostRules. */
  readonly addresses: AddressRules;
  /** See ConnectorOptions. */
  readonly tls?: OriginTls | undefined;
  /** Seconds until a connection must stand. */
  readonly connectTimeout: number;
  /** Seconds the origin may take to the head of its response, and between two pieces of body. */
  readonly originTimeout: number;
  /** Field lines in a response, and in its trailers. */
  readonly maxResponseFields: number;
  /** Exchanges with one origin at once; as many more may wait for `connectTimeout`. */
  readonly maxOriginConnections: number;
}

/**
 * Milliseconds a connection stays open unused, where the origin states none. Short, because many
 * origins close after 5 s, and a request that meets the closing is lost. With its last connection
 * a pool goes too, so that origins of the past cost nothing.
 */
const KEEP_ALIVE = 4000;

/** Milliseconds at most, whatever an origin states. */
const MAX_KEEP_ALIVE = 60_000;

export class OriginClient implements Origin {
  readonly #limits: ResponseLimits;
  readonly #queue: ExchangeQueue;
  readonly #plain: PlainClient;
  readonly #poolsOptions: UndiciPoolsOptions;
  #pools: Promise<UndiciPools> | undefined;
  readonly #agents: Readonly<Record<'http' | 'https', ConnectorAgent>>;
  /** Every request on a connection of its own. */
  readonly #freshAgents: Readonly<Record<'http' | 'https', ConnectorAgent>>;

  constructor(options: OriginClientOptions) {
    const { originTimeout, maxResponseFields } = options;
    const connector = new Connector(options);
    this.#queue = new ExchangeQueue(options.maxOriginConnections, options.connectTimeout * 1000);
    this.#limits = { timeout: originTimeout, maxFields: maxResponseFields };
    this.#poolsOptions = { connector, limits: this.#limits, keepAlive: KEEP_ALIVE, maxKeepAlive: MAX_KEEP_ALIVE };
    this.#plain = new PlainClient(this.#poolsOptions);
    const agents = (keepAlive: boolean): Record<'http' | 'https', ConnectorAgent> => ({
      http: new ConnectorAgent(connector, 'http', { keepAlive, timeout: KEEP_ALIVE }),
      https: new ConnectorAgent(connector, 'https', { keepAlive, timeout: KEEP_ALIVE }),
    });
    this.#agents = agents(true);
    this.#freshAgents = agents(false);
  }

  fetch(request: OriginRequest): Promise<OriginResponse> {
    return new Promise((resolve, reject) => {
      if (request.signal.aborted) return reject(request.signal.reason);
      const head = plainRequestHead(request);
      const { authority } = request.target;
      const onOver = (): void => this.#queue.leave(authority);
      const callbacks: ExchangeCallbacks = {
        onResponse: resolve,
        onFailure: ({ error }) => {
          onOver();
          reject(error);
        },
        onOver,
      };
      this.#queue.enter(authority, request.signal, () => this.#start(request, head, callbacks), reject);
    });
  }

  /** Exchanges that are under way or wait. */
  get exchanges(): number {
    return this.#queue.size;
  }

  /** @param head of a request that is plain */
  #start(request: OriginRequest, head: string | undefined, callbacks: ExchangeCallbacks): void {
    if (head !== undefined) return this.#plain.fetch(request, head, callbacks);
    if (needsNode(request)) return this.#overNode(request, isIgnored(request) ? this.#freshAgents : this.#agents, callbacks);
    const onFailure = (failure: Failure): void => {
      // The origin closed an idle connection as the request was on its way: ask again, once, on a new one.
      // https://www.rfc-editor.org/rfc/rfc9110.html#section-9.2.2
      if (failure.stale && IDEMPOTENT.has(request.method)) this.#overNode(request, this.#freshAgents, callbacks);
      else callbacks.onFailure(failure);
    };
    const fail = (error: Error): void => callbacks.onFailure({ error, stale: false });
    this.#loadPools().then((pools) => {
      if (request.signal.aborted) fail(request.signal.reason as Error);
      else pools.fetch(request, { ...callbacks, onFailure });
    }, fail);
  }

  /** Ends every exchange that is still under way. */
  async close(): Promise<void> {
    for (const agent of [...Object.values(this.#agents), ...Object.values(this.#freshAgents)]) agent.destroy();
    this.#plain.close();
    await (await this.#pools)?.destroy();
  }

  #loadPools(): Promise<UndiciPools> {
    this.#pools ??= import('./undici-pools.ts').then(({ UndiciPools: Pools }) => new Pools(this.#poolsOptions));
    return this.#pools;
  }

  #overNode(request: OriginRequest, agents: Readonly<Record<'http' | 'https', ConnectorAgent>>, callbacks: ExchangeCallbacks): void {
    let exchange: NodeExchange;
    try {
      exchange = new NodeExchange(request, { connection: { agent: agents[request.target.scheme] }, ...this.#limits }, callbacks);
    } catch (error) {
      callbacks.onFailure({ error: error as Error, stale: false });
      return;
    }
    exchange.start();
  }
}

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-9.3: content has no meaning in requests with these methods. */
const METHODS_WITHOUT_CONTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/**
 * An origin that ignores content where it has no meaning takes it for the next request on its
 * connection, whose response would be another client's.
 */
function isIgnored({ body, method }: OriginRequest): boolean {
  return body !== undefined && METHODS_WITHOUT_CONTENT.has(method);
}

/** What undici cannot send, or a body, which it would destroy (see node-exchange). */
function needsNode({ body, trailers, target, fields }: OriginRequest): boolean {
  return body !== undefined || trailers !== undefined || target.path === '*' || fields.has('expect');
}
