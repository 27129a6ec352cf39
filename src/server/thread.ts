/**
 * @module server/thread
 * A proxy in one thread: listens, and stops so that nobody in the middle of a response is cut off.
 */
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { type AccessMemory, accessMemory, openGate } from '../admin/access.ts';
import { Admin } from '../admin/api.ts';
import { Operations } from '../admin/operations.ts';
import type { Config } from '../config.ts';
import { defaultMaxConnections, descriptorLimit } from '../config/descriptors.ts';
import type { Certificate } from '../config/pem.ts';
import { ProxyParts, type Shared } from '../proxy.ts';
import { createAdminServer } from './admin-answer.ts';
import { ConnectionLimits } from './connection-limits.ts';
import { Door } from './door.ts';
import { Keeper } from './fast/keeper.ts';
import { FastLane } from './fast/lane.ts';
import { PlainHead } from './fast/plain-head.ts';
import { Http2Lane } from './http2.ts';
import { listen, portOf, urlOf } from './listening.ts';
import { createNodeServer } from './node-server.ts';
import { KEEP_ALIVE_TIMEOUT } from './timeouts.ts';
import { NodeLane } from './node.ts';
import type { RunningServer, ServerHooks } from './running-server.ts';
import { TlsDoor, readCertificate } from './tls.ts';

/** Connections to the port of the administration. */
const MAX_ADMIN_CONNECTIONS = 32;

export interface ThreadServer extends RunningServer {
  readonly proxy: ProxyParts;
}

/**
 * @param shared what it has in common with other threads, which listen on the same ports
 * @param access the same, of the administration
 * @throws {MillraceError} ERR_LISTEN where the port cannot be had, ERR_CONFIG, ERR_STORE, ERR_CERTIFICATE
 */
export async function startThread(config: Config, hooks: ServerHooks, shared?: Shared, access: AccessMemory = accessMemory()): Promise<ThreadServer> {
  const certificate = readCertificate(config);
  const onNotice = (text: string): void => (shared === undefined ? hooks.onNotice?.(text) : shared.notice(text));
  const proxy = new ProxyParts(config, shared, onNotice);
  const { log } = hooks;
  if (hooks.onOutcome !== undefined) proxy.onOutcome((outcome) => hooks.onOutcome?.(outcome));
  if (log?.look !== undefined) proxy.logTo(log);
  const onError = (error: unknown): void => hooks.onError?.(error);
  const operations = new Operations(proxy);
  const admin = config.admin ? new Admin(operations, openGate(config, access, onNotice)) : undefined;
  const separate = config.adminPort !== undefined;
  const lanes = openLanes(proxy, separate ? undefined : admin, onError, certificate);
  const { server, general } = lanes;
  const limits = new ConnectionLimits({
    total: Math.max(1, Math.floor((config.maxConnections ?? defaultMaxConnections(descriptorLimit(), config.workers)) / config.workers)),
    perAddress: config.maxConnectionsPerAddress,
    trustProxy: config.trustProxy,
    isTls: certificate !== undefined,
    onRefused: () => proxy.countRefusedConnection(),
    onNotice,
  });
  limits.limit(server);
  const adminServer = admin !== undefined && separate ? createAdminServer(admin, general, onError, certificate, config.maxRequestFields) : undefined;
  if (adminServer !== undefined) adminServer.maxConnections = MAX_ADMIN_CONNECTIONS;
  const { host } = config;
  const reusePort = shared !== undefined;
  try {
    await listen(server, { port: config.port, host, reusePort }, '--port');
    if (adminServer !== undefined) await listen(adminServer, { port: config.adminPort!, host, reusePort }, '--admin-port');
  } catch (error) {
    server.close();
    await proxy.close();
    throw error;
  }
  proxy.listensOn(server.address() as AddressInfo, ...(adminServer === undefined ? [] : [adminServer.address() as AddressInfo]));
  const url = urlOf(server, proxy.scheme);
  return {
    proxy,
    url,
    adminUrl: adminServer !== undefined ? urlOf(adminServer, proxy.scheme) : admin !== undefined ? url : undefined,
    port: portOf(server),
    adminSecret: access.secret,
    stats: () => operations.stats(),
    purge: (what) => operations.purge(what),
    explain: (of, headers) => operations.explain(of, headers),
    close: once(() => stop(lanes, adminServer, proxy, config.shutdownTimeout)),
  };
}

/** What has connections, which end when the server does. */
interface Keeping {
  /** Connections end when what is under way on them is over; those on which nothing is, at once. */
  drain(): void;
  /** Ends every connection now. */
  cut(): void;
}

interface Lanes {
  readonly general: NodeLane;
  readonly keeping: readonly Keeping[];
  /** That of the main port. */
  readonly server: Server;
}

function openLanes(proxy: ProxyParts, admin: Admin | undefined, onError: (error: unknown) => void, certificate: Certificate | undefined): Lanes {
  const { config, engine } = proxy;
  const { memo } = engine;
  const head = new PlainHead({ embedsHosts: config.origin === undefined, trustsProxies: config.trustProxy.length > 0, maxFields: config.maxRequestFields });
  const hits = memo && { memo, head, keeper: new Keeper(memo, head, KEEP_ALIVE_TIMEOUT) };
  const http2 = new Http2Lane(proxy, admin, onError, hits);
  // The fast lane reads the sockets itself, where there is nothing to decipher.
  if (hits === undefined || certificate !== undefined) {
    const general = new NodeLane(proxy, { admin, onError });
    const http = createNodeServer(general);
    const door = certificate === undefined ? new Door(general, http, http2) : new TlsDoor(certificate, general, http, http2);
    return { general, keeping: [general, http2, door], server: door.server };
  }
  const general = new NodeLane(proxy, { admin, onError, onHit: (request, hit) => hits.keeper.keep(request, hit) });
  const fast = new FastLane({ proxy, general, http: createNodeServer(general), http2, ...hits });
  return { general, keeping: [general, http2, fast], server: fast.server };
}

async function stop({ server, keeping }: Lanes, adminServer: HttpServer | undefined, proxy: ProxyParts, timeout: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  adminServer?.close();
  adminServer?.closeAllConnections();
  for (const one of keeping) one.drain();
  const cut = setTimeout(() => {
    proxy.engine.cut();
    for (const one of keeping) one.cut();
  }, timeout * 1000);
  await closed;
  clearTimeout(cut);
  await proxy.close();
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
