/**
 * @module test/kit/memcached-server
 * Real Memcached servers for the tests, on free ports, ended with the test.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type Scope, freePort, isInstalled } from './redis-server.ts';

/** Why a test cannot run here; false where it can. */
export const skipWithoutMemcached: string | false = isInstalled('memcached') ? false : 'memcached (Debian package memcached) is not installed';

export class MemcachedServer {
  readonly port: number;
  #process: ChildProcess | undefined;

  constructor(port: number) {
    this.port = port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Settles when it listens. */
  async start(): Promise<void> {
    // It gives up root of itself where it is told whom to be.
    this.#process = spawn('memcached', ['-p', String(this.port), '-l', '127.0.0.1', '-u', 'nobody', '-m', '256'], { stdio: 'ignore' });
    while (!(await answers(this.port))) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** At once, as a crash would. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await ended;
  }
}

export async function startMemcached(scope: Scope): Promise<MemcachedServer> {
  const server = new MemcachedServer(await freePort());
  scope.after(() => server.kill());
  await server.start();
  return server;
}

function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1', () => {
    socket.destroy();
    resolve(true);
  });
  socket.on('error', () => resolve(false));
  return promise;
}
