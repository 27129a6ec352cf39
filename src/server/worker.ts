/**
 * @module server/worker
 * One worker: a thread that is a proxy of its own, but for what all workers have in common. It runs
 * as long as its main thread wants it; what it does not catch ends it, and another takes its place.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Outcome } from '../cache/outcome.ts';
import { type Config, resolveConfig } from '../config.ts';
import { loadConfigFile } from '../config/file.ts';
import { AccessLog, logStream } from './access-log.ts';
import { Line, told } from './line.ts';
import { type ThreadServer, startThread } from './thread.ts';
import type { Answers, MainSide, ToldOutcome, WorkerSide, WorkerStart } from './worker-calls.ts';

/** Milliseconds between two reports of what was counted. */
const REPORT_INTERVAL = 1000;

const start = workerData as WorkerStart;
let waiting: ToldOutcome[] = [];
const starting = Promise.withResolvers<ThreadServer>();
const main: Line<MainSide> = new Line<MainSide>(parentPort!, {
  report: async () => ({ number: start.number, ...(await starting.promise).proxy.tally() }),
  purge: async (what) => (await starting.promise).proxy.engine.purge(what),
  purgedElsewhere: async (purge) => (await starting.promise).proxy.purgedElsewhere(purge),
  purgeNamed: async (what) => (await starting.promise).purge(what),
  explain: async ({ url, headers }) => (await starting.promise).explain(url, headers),
  stop: async () => {
    await (await starting.promise).close();
    log?.flush();
  },
} satisfies Answers<WorkerSide>);

const log = start.log === undefined ? undefined : new AccessLog(start.config, logStream(start.log, (lines) => main.tell('log', new Uint8Array(lines))));

try {
  const server = await startThread(
    await readConfig(start),
    { ...(log === undefined ? {} : { log }), ...(start.isObserved ? { onOutcome: tellOutcome } : {}), onError: (error) => main.tell('error', told(error)) },
    {
      ...start.shared,
      worker: start.number,
      notice: (text) => main.tell('notice', text),
      stats: () => main.ask('stats', undefined),
      purge: (what) => main.ask('purge', what),
      fleetLine: { raised: (cell) => main.tell('raised', cell), changed: (change) => main.tell('changed', change), settle: () => main.ask('settle', undefined) },
    },
    start.access,
  );
  starting.resolve(server);
  main.tell('ready', { url: server.url, adminUrl: server.adminUrl });
  setInterval(() => main.tell('counted', server.proxy.tally().tally), REPORT_INTERVAL).unref();
} catch (error) {
  main.tell('failed', told(error));
}

/** From where it came, as what hooks it has are functions, which cannot be handed over; but for what the main thread decided. */
async function readConfig({ config, source }: WorkerStart): Promise<Config> {
  if (source === undefined) return config;
  const { port, adminPort, adminToken, maxMemory, maxUnread, cacheDir, maxDisk, maxObject } = config;
  const { maxObject: _maxObject, maxDisk: _maxDisk, adminToken: _adminToken, adminTokenFile: _adminTokenFile, ...options } = { ...(await loadConfigFile(source.file)), ...source.over };
  return { ...resolveConfig(options), port, adminPort, adminToken, maxMemory, maxUnread, cacheDir, maxDisk, maxObject };
}

function tellOutcome(outcome: Outcome): void {
  if (waiting.length === 0) {
    setImmediate(() => {
      main.tell('outcomes', waiting);
      waiting = [];
    });
  }
  waiting.push({ ...outcome, error: outcome.error && told(outcome.error) });
}
