/**
 * @module server/main
 * A running proxy: listens, and stops so that nobody in the middle of a response is cut off.
 */
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { isIPv6 } from 'node:net';
import { Admin } from '../admin/api.ts';
import { Operations } from '../admin/operations.ts';
import type { Outcome } from '../cache/outcome.ts';
import type { Config } from '../config.ts';
import { MillraceError } from '../errors.ts';
import { ProxyParts } from '../proxy.ts';
import { createAdminServer } from './admin-answer.ts';
import { Keeper } from './fast/keeper.ts';
import { FastLane } from './fast/lane.ts';
import { PlainHead } from './fast/plain-head.ts';
import { KEEP_ALIVE_TIMEOUT, NodeLane, createNodeServer } from './node.ts';

export interface ServerHooks {
  /** Called once for each finished request. */
  onOutcome?(outcome: Outcome): void;
  /** Called for what should not happen: a defect of ours that cost one request. */
  onError?(error: unknown): void;
}

export interface RunningServer {
  /** `http://host:port` as a client on this machine writes it. */
  readonly url: string;
  /** Where /health and /__admin/ answer; undefined with --no-admin. */
  readonly adminUrl: string | undefined;
  readonly port: number;
  /** Stops listening, lets requests in flight finish for up to `shutdownTimeout`, then cuts them. */
  close(): Promise<void>;
}

/** @throws {MillraceError} ERR_LISTEN where the port cannot be had, ERR_CONFIG */
export async function startServer(config: Config, hooks: ServerHooks = {}): Promise<RunningServer> {
  const proxy = new ProxyParts(config);
  if (hooks.onOutcome !== undefined) proxy.onOutcome((outcome) => hooks.onOutcome?.(outcome));
  const onError = (error: unknown): void => hooks.onError?.(error);
  const admin = config.admin ? new Admin(new Operations(proxy), config) : undefined;
  const separate = config.adminPort !== undefined;
  const lanes = openLanes(proxy, separate ? undefined : admin, onError);
  const { server, general } = lanes;
  const adminServer = admin !== undefined && separate ? createAdminServer(admin, general, onError) : undefined;
  try {
    await listen(server, config.port, config.host, '--port');
    if (adminServer !== undefined) await listen(adminServer, config.adminPort!, config.host, '--admin-port');
  } catch (error) {
    server.close();
    await proxy.close();
    throw error;
  }
  proxy.listensOn(portOf(server));
  const url = urlOf(server);
  return {
    url,
    adminUrl: adminServer !== undefined ? urlOf(adminServer) : admin !== undefined ? url : undefined,
    port: portOf(server),
    close: once(() => stop(lanes, adminServer, proxy, config.shutdownTimeout)),
  };
}

interface Lanes {
  readonly general: NodeLane;
  readonly fast: FastLane | undefined;
  /** That of the main port. */
  readonly server: Server;
}

function openLanes(proxy: ProxyParts, admin: Admin | undefined, onError: (error: unknown) => void): Lanes {
  const { config, engine } = proxy;
  const { memo } = engine;
  if (memo === undefined) {
    const general = new NodeLane(proxy, { admin, onError });
    return { general, fast: undefined, server: createNodeServer(general) };
  }
  const head = new PlainHead({ refererDecides: config.origin === undefined, trustsProxies: config.trustProxy.length > 0 });
  const keeper = new Keeper(memo, head, KEEP_ALIVE_TIMEOUT);
  const general = new NodeLane(proxy, { admin, onError, onHit: (request, hit) => keeper.keep(request, hit) });
  const fast = new FastLane({ proxy, memo, general, http: createNodeServer(general), head });
  return { general, fast, server: fast.server };
}

async function stop({ server, general, fast }: Lanes, adminServer: HttpServer | undefined, proxy: ProxyParts, timeout: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  adminServer?.close();
  adminServer?.closeAllConnections();
  general.drain();
  fast?.drain();
  const cut = setTimeout(() => {
    general.cut();
    fast?.cut();
  }, timeout * 1000);
  await closed;
  clearTimeout(cut);
  await proxy.close();
}

function listen(server: Server, port: number, host: string, option: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, port, host, option));
    server.once('error', onError);
    server.listen({ port, host }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function listenError(cause: NodeJS.ErrnoException, port: number, host: string, option: string): MillraceError {
  return new MillraceError('ERR_LISTEN', listenMessage(cause, port, host, option), { cause });
}

function listenMessage(cause: NodeJS.ErrnoException, port: number, host: string, option: string): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is taken by another program. Stop that one, or choose another port with ${option} (0 takes a free one).`;
    case 'EACCES':
      return `Port ${port} may not be used without more rights. Choose one of 1024 or above with ${option}.`;
    case 'EADDRNOTAVAIL':
      return `This machine has no address ${host}. Name one of its own with --host (127.0.0.1 for this machine alone, 0.0.0.0 for all its addresses).`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The name ${host} has no address. Name an address of this machine with --host, such as 127.0.0.1.`;
    default:
      return `Cannot listen on ${host} port ${port}: ${cause.message}. Choose another port with ${option} or another address with --host.`;
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function urlOf(server: Server): string {
  const { address, port } = server.address() as AddressInfo;
  // "Every address" is none a client can ask for.
  const host = address === '0.0.0.0' || address === '::' ? 'localhost' : isIPv6(address) ? `[${address}]` : address;
  return `http://${host}:${port}`;
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
