/**
 * @module origin/undici-pools
 * Requests without a body over undici's pools. A module of its own, because undici takes longer to
 * load than all the rest: it is loaded with the first request that needs it.
 */
import { Agent, Pool } from 'undici';
import type { OriginRequest } from '../cache/ports.ts';
import type { Connector } from './connector.ts';
import { LineClient } from './line.ts';
import { MAX_HEAD_BYTES, type ResponseLimits } from './response-head.ts';
import { type ExchangeCallbacks, UndiciExchange } from './undici-exchange.ts';

export interface UndiciPoolsOptions {
  readonly connector: Connector;
  readonly limits: ResponseLimits;
  /** Milliseconds a connection stays open unused, where the origin states none. */
  readonly keepAlive: number;
  /** Milliseconds at most, whatever an origin states. */
  readonly maxKeepAlive: number;
}

export class UndiciPools {
  readonly #limits: ResponseLimits;
  readonly #pools: Agent;

  constructor({ connector, limits, keepAlive, maxKeepAlive }: UndiciPoolsOptions) {
    this.#limits = limits;
    const milliseconds = Math.ceil(limits.timeout * 1000);
    this.#pools = new Agent({
      // No cap on connections: a request that waits in a queue for one would look like a slow origin.
      factory: (origin, options: Pool.Options) => new Pool(origin, { ...options, factory: (url, clientOptions) => new LineClient(url, clientOptions, connector) }),
      allowH2: false,
      pipelining: 1,
      headersTimeout: milliseconds,
      bodyTimeout: milliseconds,
      maxHeaderSize: MAX_HEAD_BYTES,
      keepAliveTimeout: keepAlive,
      keepAliveMaxTimeout: maxKeepAlive,
    });
  }

  fetch(request: OriginRequest, callbacks: ExchangeCallbacks): void {
    const { target, method, fields } = request;
    // Without a servername undici takes Host for it, and closes the connection where that changes.
    const options = { origin: `${target.scheme}://${target.authority}`, path: target.path, method, headers: fields.lines, servername: target.host };
    this.#pools.dispatch(options, new UndiciExchange(request, this.#limits, callbacks));
  }

  /** Ends every exchange that is still under way. */
  async destroy(): Promise<void> {
    await this.#pools.destroy();
  }
}
