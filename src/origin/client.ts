/**
 * @module origin/client
 * Sends requests to origins and streams their responses back. Requests without a body, nearly all
 * that a cache sends, go over connections of our own where they are plain (see plain-client), else
 * over undici's pools; the rest over node:http (see node-exchange).
 */
import { Agent, Pool } from 'undici';
import type { Origin, OriginRequest, OriginResponse } from '../cache/ports.ts';
import type { AddressRules } from './address.ts';
import { Connector } from './connector.ts';
import { LineClient } from './line.ts';
import { ConnectorAgent, NodeExchange } from './node-exchange.ts';
import { IDEMPOTENT, PlainClient } from './plain-client.ts';
import { plainRequestHead } from './plain-request.ts';
import { MAX_RESPONSE_FIELDS } from './response-head.ts';
import { UndiciExchange } from './undici-exchange.ts';
import type { Failure } from './undici-exchange.ts';

export interface OriginClientOptions {
  /** Which otherwise refused addresses may be connected to: a FixedOrigin or HostRules. */
  readonly addresses: AddressRules;
  /** Seconds until a connection must stand. */
  readonly connectTimeout: number;
  /** Seconds the origin may take to the head of its response, and between two pieces of body. */
  readonly originTimeout: number;
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
  readonly #timeout: number;
  readonly #plain: PlainClient;
  readonly #pools: Agent;
  readonly #agents: Readonly<Record<'http' | 'https', ConnectorAgent>>;
  /** Every request on a connection of its own. */
  readonly #freshAgents: Readonly<Record<'http' | 'https', ConnectorAgent>>;

  constructor({ addresses, connectTimeout, originTimeout }: OriginClientOptions) {
    const connector = new Connector({ addresses, connectTimeout });
    const milliseconds = Math.ceil(originTimeout * 1000);
    this.#timeout = originTimeout;
    this.#plain = new PlainClient({ connector, originTimeout, keepAlive: KEEP_ALIVE, maxKeepAlive: MAX_KEEP_ALIVE });
    this.#pools = new Agent({
      // No cap on connections: a request that waits in a queue for one would look like a slow origin.
      factory: (origin, options: Pool.Options) => new Pool(origin, { ...options, factory: (url, clientOptions) => new LineClient(url, clientOptions, connector) }),
      allowH2: false,
      pipelining: 1,
      headersTimeout: milliseconds,
      bodyTimeout: milliseconds,
      maxHeaderSize: MAX_RESPONSE_FIELDS,
      keepAliveTimeout: KEEP_ALIVE,
      keepAliveMaxTimeout: MAX_KEEP_ALIVE,
    });
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
      if (head !== undefined) return this.#plain.fetch(request, head, { onResponse: resolve, onFailure: ({ error }) => reject(error) });
      if (needsNode(request)) return this.#overNode(request, this.#agents, resolve, reject);
      const onFailure = ({ error, stale }: Failure): void => {
        // The origin closed an idle connection as the request was on its way: ask again, once, on a new one.
        // https://www.rfc-editor.org/rfc/rfc9110.html#section-9.2.2
        if (stale && IDEMPOTENT.has(request.method)) this.#overNode(request, this.#freshAgents, resolve, reject);
        else reject(error);
      };
      const { target, method, fields } = request;
      // Without a servername undici takes Host for it, and closes the connection where that changes.
      const options = { origin: `${target.scheme}://${target.authority}`, path: target.path, method, headers: fields.lines, servername: target.host };
      this.#pools.dispatch(options, new UndiciExchange(request, this.#timeout, { onResponse: resolve, onFailure }));
    });
  }

  /** Ends every exchange that is still under way. */
  async close(): Promise<void> {
    for (const agent of [...Object.values(this.#agents), ...Object.values(this.#freshAgents)]) agent.destroy();
    this.#plain.close();
    await this.#pools.destroy();
  }

  #overNode(request: OriginRequest, agents: Readonly<Record<'http' | 'https', ConnectorAgent>>, resolve: (response: OriginResponse) => void, reject: (error: Error) => void): void {
    new NodeExchange(request, { connection: { agent: agents[request.target.scheme] }, timeout: this.#timeout }, { onResponse: resolve, onFailure: ({ error }) => reject(error) }).start();
  }
}

/** What undici cannot send, or a body, which it would destroy (see node-exchange). */
function needsNode({ body, trailers, target, fields }: OriginRequest): boolean {
  return body !== undefined || trailers !== undefined || target.path === '*' || fields.has('expect');
}
