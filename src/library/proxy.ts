/**
 * @module library/proxy
 * The proxy without a server of its own, to attach to one of the program's.
 */
import { Admin } from '../admin/api.ts';
import { Gate } from '../admin/gate.ts';
import { Operations } from '../admin/operations.ts';
import type { Purge } from '../admin/purge.ts';
import type { Explanation } from '../cache/explanation.ts';
import type { Outcome } from '../cache/outcome.ts';
import { type Config, type Options, resolveConfig } from '../config.ts';
import { MillraceError } from '../errors.ts';
import { ProxyParts } from '../proxy.ts';
import type { ProxyStats } from '../proxy/stats.ts';
import { FetchHandler } from './fetch-handler.ts';
import type { FetchContext, NodeRequest, NodeResponse, NodeSocket, WebRequest, WebResponse, WrappedReply, WrappedRequest } from './messages.ts';
import { NodeHandler } from './node-handler.ts';
import { warnOfDefect, warnProcess } from './warnings.ts';

export interface MillraceProxy {
  /**
   * Answers every request: for `createServer(proxy.handler)` of node:http, node:https and node:http2, and
   * as a route of Fastify, whose parsers may run before it.
   */
  readonly handler: (request: NodeRequest | WrappedRequest, response: NodeResponse | WrappedReply) => void;
  /**
   * For `app.use(proxy.middleware)` or `app.use('/api', proxy.middleware)` of Express and Connect. Errors
   * for which `handler` would answer with a page of its own go to `next`, as a MillraceError with a
   * `status`. Without `origin`, requests whose path names no host that may be reached are left to `next`.
   */
  readonly middleware: (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => void;
  /**
   * Answers a Request of the Fetch standard with a Response: in Hono, in route handlers of Next.js and the
   * like. Bodies stream both ways. Where the request's signal is aborted before there is a response, it
   * rejects with the reason of that; else never. 1xx responses and trailers have no place there.
   */
  readonly fetch: (request: WebRequest, context?: FetchContext) => Promise<WebResponse>;
  /** For `server.on('upgrade', proxy.upgrade)`: WebSockets pass through. */
  readonly upgrade: (request: NodeRequest, socket: NodeSocket, head: Uint8Array) => void;
  /** For `server.on('connect', proxy.connect)`: tunnels, where `allowConnect` is set. */
  readonly connect: (request: NodeRequest, socket: NodeSocket | NodeResponse, head?: Uint8Array) => void;
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
 * unless asked for, because this object says and does what the admin API would, and then takes
 * requests with the `adminToken` alone. Nothing is kept on
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
  const proxy = new ProxyParts(config, undefined, warnProcess);
  // At which addresses is the server's to say.
  if (config.port !== 0) proxy.listensOn({ address: '::', port: config.port });
  const operations = new Operations(proxy);
  const admin = config.admin ? new Admin(operations, guardedGate(config)) : undefined;
  const node = new NodeHandler(proxy, admin, warnOfDefect);
  const web = new FetchHandler(proxy, admin, warnOfDefect);
  return {
    handler: (request, response) => node.request(request, response),
    middleware: (request, response, next) => node.middleware(request, response, next),
    fetch: (request, context = {}) => web.fetch(request, context),
    upgrade: (request, socket, head) => node.upgrade(request, socket, head),
    connect: (request, socket, head) => node.connect(request, socket, head),
    onOutcome: (listener) => proxy.onOutcome(listener),
    stats: () => proxy.stats(),
    purge: (what) => operations.purge(what),
    explain: (url, fields = {}) => operations.explain(url, Object.entries(fields)),
    close: async () => {
      node.drain();
      await proxy.close();
    },
  };
}

/** Which server requests come by, and what stands in front of it, is not known here. */
function guardedGate({ adminToken, origin }: Config): Gate {
  return new Gate({ tokens: adminToken === undefined ? [] : [adminToken], why: 'the server is the program\'s own, and who can reach it is not known (the option adminToken sets one)', anyHost: origin === undefined, isOwnPort: false });
}
