/**
 * @module test/kit/memcached-server
 * Real Memcached servers for the tests, on free ports, ended with the test.
 */
import { accepts, freePort } from './port.ts';
import { type Scope, ServerProcess, isInstalled } from './server-process.ts';
import { until } from './until.ts';

/** Why a test cannot run here; false where it can. */
export const skipWithoutMemcached: string | false = isInstalled('memcached') ? false : 'memcached (Debian package memcached) is not installed';

export class MemcachedServer extends ServerProcess {
  readonly port: number;

  constructor(port: number) {
    super();
    this.port = port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Settles when it listens. */
  async start(): Promise<void> {
    // It gives up root of itself where it is told whom to be.
    this.spawn('memcached', ['-p', String(this.port), '-l', '127.0.0.1', '-u', 'nobody', '-m', '256'], { stdio: 'ignore' });
    await until('memcached listens', () => accepts(this.port));
  }
}

export async function startMemcached(scope: Scope): Promise<MemcachedServer> {
  const server = new MemcachedServer(await freePort());
  scope.after(() => server.kill());
  await server.start();
  return server;
}
