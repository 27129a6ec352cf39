/**
 * @module test/kit/listening
 * What every scripted origin has in common: a free port, a count of what arrived, a quick end.
 */
import type { AddressInfo, Server, Socket } from 'node:net';

/** A server of the kit that listens on a free port of 127.0.0.1; `await using` closes it at the end of the block. */
export interface Listening extends AsyncDisposable {
  readonly port: number;
  /** Scheme, host and port, without a slash at the end. */
  readonly url: string;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Settles when at least so many requests have arrived. */
  arrived(count: number): Promise<void>;
  /** Stops listening and breaks off all connections. */
  close(): Promise<void>;
}

/** For so long a list may stay as it is while a test waits for more. */
const LIMIT_MS = 20_000;

// Tests replace the timers by mocks.
const { setTimeout, clearTimeout } = globalThis;

interface Waiting {
  readonly count: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Lets tests wait until a list has so many members; fails where it does not come to that. */
export class Arrivals {
  readonly #list: readonly unknown[];
  #waiting: Waiting[] = [];
  #limit: NodeJS.Timeout | undefined;

  constructor(list: readonly unknown[]) {
    this.#list = list;
  }

  /** To be called whenever the list has grown. */
  notify(): void {
    for (const { count, resolve } of this.#waiting) if (this.#list.length >= count) resolve();
    this.#waiting = this.#waiting.filter(({ count }) => this.#list.length < count);
    clearTimeout(this.#limit);
    if (this.#waiting.length > 0) this.#limit = setTimeout(() => this.#giveUp(), LIMIT_MS).unref();
  }

  reach(count: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ count, resolve, reject });
    this.notify();
    return promise;
  }

  #giveUp(): void {
    for (const { count, reject } of this.#waiting) reject(new Error(`Waited for ${count}, and no more than ${this.#list.length} have come; none for ${LIMIT_MS / 1000} s.`));
    this.#waiting = [];
  }
}

/** Starts the server; `prefix` is what its URL has before the colon of the port. */
export async function listen(server: Server, prefix: string, arrivals: Arrivals): Promise<Listening> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket) => {
    connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((closed) => {
      server.close(() => closed());
      for (const socket of sockets) socket.destroy();
    });
  return {
    port,
    url: `${prefix}:${port}`,
    get connections() {
      return connections;
    },
    arrived: (count) => arrivals.reach(count),
    close,
    [Symbol.asyncDispose]: close,
  };
}
