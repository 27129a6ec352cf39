/**
 * @module test/kit/redis-server
 * Real Redis servers for the tests, on free ports, each in a directory of its own, ended with the test.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './port.ts';
import { type Scope, ServerProcess, isInstalled } from './server-process.ts';
import { until } from './until.ts';

/** Why a test cannot run here; false where it can. */
export const skipWithoutRedis: string | false = isInstalled('redis-server') ? false : 'redis-server (Debian package redis-server) is not installed';

export class RedisServer extends ServerProcess {
  readonly port: number;
  readonly directory: string;
  readonly #arguments: readonly string[];

  /** @param parameters its command line */
  constructor(port: number, directory: string, parameters: readonly string[]) {
    super();
    this.port = port;
    this.directory = directory;
    this.#arguments = parameters;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Settles when it listens. */
  async start(): Promise<void> {
    const child = this.spawn('redis-server', this.#arguments, { stdio: ['ignore', 'pipe', 'ignore'] });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let said = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (/Ready to accept connections|Sentinel ID is|Sentinel new configuration/u.test(said)) resolve();
    });
    child.once('exit', () => reject(new Error(`redis-server ended: ${said}`)));
    await promise;
  }

  /** What redis-cli prints for a command. */
  cli(...words: string[]): string {
    return execFileSync('redis-cli', ['-p', String(this.port), ...words], { encoding: 'utf8' }).trim();
  }
}

/** @param parameters further words for its command line */
export async function startRedis(scope: Scope, ...parameters: string[]): Promise<RedisServer> {
  const port = await freePort();
  return startIn(scope, port, (directory) => ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--daemonize', 'no', ...parameters]);
}

/** One that watches over a server, by the name of "main". It puts another in its place when it is told to, not of its own. */
export async function startSentinel(scope: Scope, master: RedisServer): Promise<RedisServer> {
  const port = await freePort();
  return startIn(scope, port, (directory) => {
    const file = join(directory, 'sentinel.conf');
    writeFileSync(file, `port ${port}\nbind 127.0.0.1\ndir ${directory}\nsentinel monitor main 127.0.0.1 ${master.port} 1\nsentinel down-after-milliseconds main 60000\nsentinel failover-timeout main 3000\n`);
    return [file, '--sentinel'];
  });
}

async function startIn(scope: Scope, port: number, argumentsIn: (directory: string) => readonly string[]): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-redis-'));
  const server = new RedisServer(port, directory, argumentsIn(directory));
  scope.after(async () => {
    await server.kill();
    rmSync(directory, { recursive: true, force: true });
  });
  await server.start();
  return server;
}

/** Three servers that divide the keys among them. */
export async function startCluster(scope: Scope): Promise<RedisServer[]> {
  const servers: RedisServer[] = [];
  for (let i = 0; i < 3; i++) {
    servers.push(await startRedis(scope, '--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-port', String(await freePort()), '--cluster-require-full-coverage', 'no'));
  }
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  const SLOTS = 16_384;
  for (const [i, server] of servers.entries()) {
    server.cli('cluster', 'addslotsrange', String(Math.ceil((i * SLOTS) / 3)), String(Math.ceil(((i + 1) * SLOTS) / 3) - 1));
    server.cli('cluster', 'set-config-epoch', String(i + 1));
  }
  const busPort = (server: RedisServer): string => /cluster-port\s+(\d+)/u.exec(server.cli('config', 'get', 'cluster-port'))![1]!;
  for (const other of servers.slice(1)) servers[0]!.cli('cluster', 'meet', '127.0.0.1', String(other.port), busPort(other));
  // Each has to have heard of all, and that nothing is missing.
  for (const server of servers) {
    const told = (): string => server.cli('cluster', 'info') + server.cli('cluster', 'nodes');
    await until('the node knows its cluster', told, (text) => ['cluster_state:ok', 'cluster_slots_ok:16384', ...addresses].every((part) => text.includes(part)));
  }
  return servers;
}
