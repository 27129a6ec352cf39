/**
 * @module library/server
 * The proxy with a server of its own, as the command starts it.
 */
import type { Purge } from '../admin/purge.ts';
import type { Explanation } from '../cache/explanation.ts';
import type { Outcome } from '../cache/outcome.ts';
import { type Options, resolveConfig } from '../config.ts';
import type { ProxyStats } from '../proxy/stats.ts';
import { AccessLog } from '../server/access-log.ts';
import { startServer as start } from '../server/main.ts';
import { warnOfDefect, warnProcess } from './warnings.ts';

export interface ServerListeners {
  /** Called once for each finished request, of all workers. */
  readonly onOutcome?: (outcome: Outcome) => void;
  /** Called with what an operator should know, in a sentence. Default: a warning of the process, a `MillraceWarning`. */
  readonly onNotice?: (text: string) => void;
  /** Called with what should not happen: a defect that cost one request. Default: as onNotice. */
  readonly onError?: (error: unknown) => void;
}

export interface MillraceServer {
  /** `http://host:port` (or https, with a certificate) as a client on this machine writes it. */
  readonly url: string;
  /** Where /health and /__admin/ answer; undefined with `admin: false`. */
  readonly adminUrl: string | undefined;
  readonly port: number;
  /** Of all workers. */
  stats(): Promise<ProxyStats>;
  /**
   * As that of createProxy, on all workers.
   * @throws {MillraceError} ERR_ADMIN_INPUT for a URL this proxy never serves
   */
  purge(what: Purge): Promise<number | undefined>;
  /**
   * What is stored for a URL, what a GET of it would do now, and why.
   * @throws {MillraceError} ERR_ADMIN_INPUT for a URL this proxy never serves
   */
  explain(url: string, fields?: Readonly<Record<string, string>>): Promise<Explanation>;
  /** Stops listening, lets requests in flight finish for up to `shutdownTimeout`, then cuts them. */
  close(): Promise<void>;
}

/**
 * Starts a proxy on a port of its own, with everything the command has: both lanes, workers, TLS and
 * HTTP/2, administration. Options are those of a configuration file, with the same defaults; but a log is
 * written (to standard output) only where `logFormat` is given.
 * @throws {MillraceError} ERR_CONFIG, the message names the option; ERR_LISTEN where the port cannot be had; ERR_CERTIFICATE; ERR_STORE where cacheDir cannot be used
 */
export async function startServer(options: Options, { onOutcome, onNotice = warnProcess, onError = warnOfDefect }: ServerListeners = {}): Promise<MillraceServer> {
  const config = resolveConfig(options);
  const log = options.logFormat === undefined ? undefined : new AccessLog(config, process.stdout);
  const server = await start(config, { onNotice, onError, ...(onOutcome && { onOutcome }), ...(log && { log }) });
  const { url, adminUrl, port } = server;
  return {
    url,
    adminUrl,
    port,
    stats: () => server.stats(),
    purge: (what) => server.purge(what),
    explain: (of, fields = {}) => server.explain(of, Object.entries(fields)),
    close: async () => {
      await server.close();
      log?.flush();
    },
  };
}
