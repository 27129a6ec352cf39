/**
 * @module test/workers/crew
 * A proxy of two workers, started as the command, in front of an origin of the test.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProxyStats } from '../../src/proxy/stats.ts';
import { Home, type Running } from '../cli/command.ts';
import { administer } from '../kit/administer.ts';
import { request } from '../kit/client.ts';
import type { Scope } from '../kit/server-process.ts';
import { until } from '../kit/until.ts';

export interface Crew extends Running {
  readonly home: Home;
  stats(): Promise<ProxyStats>;
  /** Asks on new connections until every worker has answered so many requests more. */
  reachAll(path: string, count?: number): Promise<string[]>;
  post(path: string, body?: object): Promise<unknown>;
}

export const WORKERS = 2;
/** A connection goes to either worker with equal chance: one of them is left out a hundred times in a row once in 10^30 runs. */
const MANY = 100;

export async function startCrew(t: Scope, ...args: string[]): Promise<Crew> {
  return startCrewIn(new Home(t), ...args);
}

export async function startCrewIn(home: Home, ...args: string[]): Promise<Crew> {
  const running = await home.start('--port', '0', '--workers', String(WORKERS), ...args);
  const stats = async (): Promise<ProxyStats> => JSON.parse((await administer(running, '/__admin/stats')).body.toString()) as ProxyStats;
  const counts = async (): Promise<number[]> => {
    // One that crashed may not be replaced yet.
    const { workers } = await until('all workers are there', stats, (told) => told.workers!.length === WORKERS);
    return workers!.map(({ requests }) => requests);
  };
  return {
    ...running,
    home,
    stats,
    reachAll: async (path, count = 1) => {
      const before = await counts();
      const results: string[] = [];
      for (let i = 0; i < MANY; i++) {
        const response = await request(running.url + path);
        results.push(response.headers.get('x-cache') ?? String(response.status));
        if ((await counts()).every((requests, worker) => requests >= before[worker]! + count)) return results;
      }
      throw new Error(`One of ${WORKERS} workers was not reached with ${MANY} connections.`);
    },
    post: async (path, body) => {
      const response = await administer(running, path, { method: 'POST', ...(body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }) });
      return JSON.parse(response.body.toString()) as unknown;
    },
  };
}

/**
 * A configuration file whose signal handler, in the main thread, makes one worker crash: SIGUSR2 by an
 * exception nobody catches, SIGWINCH by filling its memory.
 */
export function crashingConfig(home: string): string {
  const file = join(home, 'crashing.config.ts');
  writeFileSync(
    file,
    `import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads';
const channel = new BroadcastChannel('crash');
channel.unref();
if (isMainThread) {
  process.on('SIGUSR2', () => channel.postMessage('exception'));
  process.on('SIGWINCH', () => channel.postMessage('memory'));
} else if ((workerData as { number: number }).number === 1) {
  channel.onmessage = (event) => {
    if ((event as { data: string }).data === 'exception') throw new Error('made to crash');
    const filled: object[] = [];
    for (let i = 0; i < 100_000_000; i++) filled.push({ numbers: [i, i, i] });
  };
}
export default {};
`,
  );
  return file;
}
