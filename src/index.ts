/**
 * @module millrace
 * The library: the same proxy the command runs, to attach to a server of your own.
 *
 * ```ts
 * const proxy = createProxy({ origin: 'http://localhost:3000' });
 * const server = http.createServer(proxy.handler).on('upgrade', proxy.upgrade);
 * ```
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Admin } from './admin/api.ts';
import { Operations, type Purge } from './admin/operations.ts';
import type { Explanation } from './cache/explain.ts';
import type { Outcome } from './cache/outcome.ts';
import { type Options, resolveConfig } from './config.ts';
import { type ErrorCode, MillraceError } from './errors.ts';
import { ProxyParts, type ProxyStats } from './proxy.ts';
import { NodeLane } from './server/node.ts';

export { type Config, type Options, defineConfig } from './config.ts';
export { type ErrorCode, MillraceError };
export type { CounterStats, Timing } from './cache/counters.ts';
export type { CacheResult, Outcome } from './cache/outcome.ts';
export type { StoreStats } from './cache/ports.ts';
export type { Reason, ReasonCode } from './policy/reason.ts';
export { type RunningServer, type ServerHooks, startServer } from './server/main.ts';
export type { Explanation, ProxyStats, Purge };

export interface MillraceProxy {
  /** For `http.createServer(proxy.handler)`; answers every request. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** For `server.on('upgrade', proxy.upgrade)`: WebSockets pass through. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** For `server.on('connect', proxy.connect)`: tunnels, where `allowConnect` is set. */
  readonly connect: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Calls the listener once for each finished request; returns what ends that. */
  onOutcome(listener: (outcome: Outcome) => void): () => void;
  stats(): ProxyStats;
  /**
   * Removes what is stored, or with `soft` marks it stale; resolves when that is in force, to how many
   * objects it hit, or undefined where that is not counted (a tag, a host).
   * @throws {MillraceError} ERR_ADMIN_INPUT for a URL this proxy never serves
   */
  purge(what: Purge): Promise<number | undefined>;
  /**
   * What is stored for a URL, what a GET of it would do now, and why.
   * @throws {MillraceError} ERR_ADMIN_INPUT for a URL this proxy never serves
   */
  explain(url: string, fields?: Readonly<Record<string, string>>): Promise<Explanation>;
  /** Ends tunnels and connections to origins once what is under way is over; the server it is attached to is yours to close first. */
  close(): Promise<void>;
}

/**
 * A proxy without a server. Options are those of the command line, in camel case; `admin` is off
 * unless asked for, because this object says and does what the admin API would. Nothing is kept on
 * disk unless `cacheDir` names a directory; what is to be known of it comes as a warning of the
 * process, a `MillraceWarning`.
 * @throws {MillraceError} ERR_CONFIG; the message names the option. ERR_STORE where cacheDir cannot be used
 */
export function createProxy(options: Options): MillraceProxy {
  // The port is its server's; where it is named, explain and purge know its URLs.
  const config = resolveConfig({ admin: false, port: 0, ...options });
  if (config.origin === undefined && config.allowHost.length === 0) {
    throw new MillraceError('ERR_CONFIG', 'createProxy needs "origin" (the one server to stand in front of), or "allowHost" (the hosts that may be reached; "*" for any).');
  }
  if (config.tlsCert !== undefined) throw new MillraceError('ERR_CONFIG', 'createProxy takes no "tlsCert" and "tlsKey": the server is yours. Give them to https.createServer, or start one with startServer.');
  const proxy = new ProxyParts(config, undefined, (text) => process.emitWarning(text, 'MillraceWarning'));
  const operations = new Operations(proxy);
  const lane = new NodeLane(proxy, { admin: config.admin ? new Admin(operations, config) : undefined });
  return {
    handler: (request, response) => lane.request(request, response),
    upgrade: (request, socket, head) => lane.upgrade(request, socket, head),
    connect: (request, socket, head) => lane.connect(request, socket, head),
    onOutcome: (listener) => proxy.onOutcome(listener),
    stats: () => proxy.stats(),
    purge: (what) => operations.purge(what),
    explain: (url, fields = {}) => operations.explain(url, Object.entries(fields)),
    close: async () => {
      lane.drain();
      await proxy.close();
    },
  };
}
