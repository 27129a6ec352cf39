/**
 * @module cli/serve
 * The proxy as a process: started, announced, watched, and stopped on a signal.
 */
import { constants as fileConstants, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { type Config, defaultMaxObject } from '../config.ts';
import type { ConfigSource } from '../config/file.ts';
import { formatDuration } from '../config/quantity.ts';
import { MillraceError } from '../errors.ts';
import { readCertificate } from '../server/tls.ts';
import { AccessLog } from '../server/access-log.ts';
import { probeOrigin } from '../proxy/origin-reach.ts';
import { clearStored } from '../proxy/storage.ts';
import { startServer } from '../server/main.ts';
import type { RunningServer, ServerHooks } from '../server/main.ts';
import { announce } from './instances.ts';
import { startReport, unsafeOverrides } from './start-report.ts';
import { say, warn } from './terminal.ts';

export interface ServeOptions {
  readonly version: string;
  /** The file that the configuration came from. */
  readonly source?: ConfigSource | undefined;
  /** Nobody named the directory for the cache: where it cannot be used, there is none. */
  readonly mayDoWithoutDisk?: boolean;
  /** Begin with an empty cache. */
  readonly clear?: boolean;
  /** The stale_time as the operand of the command line; undefined where it was set otherwise. */
  readonly staleTime?: string | undefined;
}

/**
 * What of a request was seen to live long once, V8 makes old from its beginning ever after: filling a cache
 * teaches it so, and then each collection keeps what is dead already (14 ms in place of 2, and a third of
 * the CPU time of 1 KB hits on disk).
 */
const YOUNG_FIRST = '--no-allocation-site-pretenuring';

/** Resolves with the server once it listens; the process then goes on until a signal. Throws what startServer throws. */
export async function serve(wanted: Config, { version, source, mayDoWithoutDisk = false, clear = false, staleTime }: ServeOptions): Promise<RunningServer> {
  setFlagsFromString(YOUNG_FIRST);
  // Node would open its debugger for the one, and end for the other.
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined);
  const log = new AccessLog(wanted, process.stdout, ({ message }) => warn(`the access log cannot be written any more (${message}); requests are served without it.`));
  const hooks: ServerHooks = {
    log,
    ...(source === undefined ? {} : { source }),
    onNotice: warn,
    onError: (error) => warn(`a defect cost one request; please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
  };
  const start = async (config: Config): Promise<Started> => {
    if (clear) await clearStored(config);
    return { config, server: await startServer(config, hooks) };
  };
  const { config, server } = await start(wanted).catch((error: unknown) => {
    if (!mayDoWithoutDisk || !(error instanceof MillraceError) || error.code !== 'ERR_STORE') throw error;
    warn(`${error.message} Until then responses are kept in memory alone.`);
    return start(withoutDisk(wanted));
  });
  process.on('exit', () => log.flush());
  stopOnSignal(() => server.close(), config.shutdownTimeout);
  makeKnown(config, server, version);
  const { url, adminUrl } = server;
  // In a checkout, where npm started this, the command is not on the path.
  const command = process.env['npm_package_name'] === 'millrace' ? 'npm start --' : 'millrace';
  say(startReport(config, { url, adminUrl, version, command, staleTime }));
  for (const override of unsafeOverrides(config)) warn(override);
  await warnWhereUnreachable(config);
  return server;
}

interface Started {
  readonly config: Config;
  readonly server: RunningServer;
}

function withoutDisk(config: Config): Config {
  return { ...config, cacheDir: undefined, maxObject: Math.min(config.maxObject, defaultMaxObject(config.maxMemory)) };
}

function makeKnown(config: Config, { port, url, adminUrl, adminSecret }: RunningServer, version: string): void {
  const { host, origin } = config;
  try {
    const forget = announce({ pid: process.pid, port, host, url, adminUrl, adminSecret, origin, certificate: readCertificate(config)?.cert, started: new Date().toISOString(), version });
    process.on('exit', forget);
  } catch (error) {
    warn(`other commands will need --port ${port} to find this instance: ${(error as Error).message}.`);
  }
}

/** The bits of a file's flags that say whether it is read, written, or both. */
const ACCESS_MODE = 3;
/** One press of Ctrl-C can arrive twice: from the terminal, and passed on by npm. */
const ONE_PRESS = 300;

/** The first signal lets requests in flight finish; another one ends at once. */
function stopOnSignal(stop: () => Promise<void>, patience: number): void {
  let since: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (signal === 'SIGHUP' && isUnderNohup()) return;
      if (since !== undefined) {
        if (performance.now() - since > ONE_PRESS) process.exit(128 + constants.signals[signal]);
        return;
      }
      since = performance.now();
      say(`Stopping; requests in flight have ${formatDuration(patience)} to finish. Ctrl-C again ends at once.`);
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          warn(`stopping failed: ${String(error)}`);
          process.exit(1);
        },
      );
    });
  }
}

/**
 * The process shall outlive its terminal. Node takes back that SIGHUP is ignored, so what nohup leaves
 * besides is looked at: its name, which shells put into the environment, and standard input, which it
 * opens for writing alone.
 */
function isUnderNohup(): boolean {
  if (basename(process.env['_'] ?? '') === 'nohup') return true;
  try {
    const flags = Number.parseInt(/^flags:\s*([0-7]+)/mu.exec(readFileSync('/proc/self/fdinfo/0', 'utf8'))?.[1] ?? '0', 8);
    return readlinkSync('/proc/self/fd/0') === '/dev/null' && (flags & ACCESS_MODE) === fileConstants.O_WRONLY;
  } catch {
    // Without /proc the name alone tells.
    return false;
  }
}

/** An origin that is not there yet is no reason not to start: it may come up later. */
async function warnWhereUnreachable(config: Config): Promise<void> {
  const problem = await probeOrigin(config);
  if (problem !== undefined) warn(`the origin ${config.origin} cannot be reached now, and requests that need it fail until it can: ${problem.message}`);
}
