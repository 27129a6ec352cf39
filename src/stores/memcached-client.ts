/**
 * @module stores/memcached-client
 * Commands to one or more Memcached servers, each of which has the keys that rank it highest. It
 * connects in the background for as long as it takes; a command takes no longer than its limit, and
 * what a server that is away has counts as not there.
 */
import { hash } from 'node:crypto';
import { Absence } from './absence.ts';
import { AWAY, type Away, Breaker, type BreakerStats } from './breaker.ts';
import { MemcachedConnection, MemcachedRefusal, type MemcachedReply } from './memcached-connection.ts';

export interface MemcachedAddress {
  readonly host: string;
  readonly port: number;
}

export interface MemcachedClientOptions {
  readonly addresses: readonly MemcachedAddress[];
  /** Milliseconds a command may take; default: 100. */
  readonly limit?: number;
  /** Told, in words, that a server is away, or back. */
  readonly onNotice: (text: string) => void;
  /** After one of them was connected to, again or for the first time. */
  readonly onConnect: () => void;
}

/** Milliseconds a command may take. */
const LIMIT = 100;
/** Milliseconds to connect. */
const CONNECT_LIMIT = 2000;
/** Milliseconds between two attempts to connect. */
const FIRST_DELAY = 50;
const LONGEST_DELAY = 1000;
/** Milliseconds without any answer after which a connection is given up for a new one. */
const DEAD = 3000;

class Server {
  readonly name: string;
  readonly breaker: Breaker;
  readonly #address: MemcachedAddress;
  readonly #absence: Absence;
  readonly #onConnect: () => void;
  #connection: MemcachedConnection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempts = 0;
  #answeredAt = 0;
  #isClosed = false;

  constructor(address: MemcachedAddress, { onNotice, onConnect, limit = LIMIT }: MemcachedClientOptions) {
    this.name = `${address.host}:${address.port}`;
    this.#address = address;
    this.#onConnect = onConnect;
    this.#absence = new Absence(`memcached ${this.name}`, onNotice);
    this.breaker = new Breaker({
      limit,
      probe: () => this.#probe(),
      isRefusal: (error) => error instanceof MemcachedRefusal,
      onChange: (isThere, cause) => (isThere ? this.#absence.back() : this.#isClosed ? undefined : this.#absence.away(cause)),
      onRefusal: (error) => this.#absence.refused(error),
    });
    void this.#connect();
    setTimeout(() => !this.#isClosed && !this.breaker.isThere && this.#absence.away('it does not answer'), CONNECT_LIMIT).unref();
  }

  async send(line: string, value?: Buffer): Promise<MemcachedReply> {
    if (this.#connection === undefined) throw new Error('not connected');
    const reply = await this.#connection.send(line, value);
    this.#answeredAt = performance.now();
    return reply;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.breaker.close();
    this.#connection?.destroy();
  }

  #probe(): Promise<MemcachedReply> {
    if (this.#connection !== undefined && performance.now() - this.#answeredAt > DEAD) this.#connection.destroy();
    return this.send('mn');
  }

  async #connect(): Promise<void> {
    try {
      this.#connection = await MemcachedConnection.open(this.#address.host, this.#address.port, CONNECT_LIMIT, (error) => this.#lost(error));
      if (this.#isClosed) return this.#connection.destroy();
      this.#attempts = 0;
      this.#answeredAt = performance.now();
      await this.breaker.probe();
      this.#onConnect();
    } catch {
      this.#retry();
    }
  }

  #lost({ message }: Error): void {
    this.#connection = undefined;
    this.breaker.lost(message);
    this.#retry();
  }

  #retry(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#connect(), Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts++)).unref();
  }
}

export class MemcachedClient {
  readonly #servers: readonly Server[];

  constructor(options: MemcachedClientOptions) {
    this.#servers = options.addresses.map((address) => new Server(address, options));
  }

  /** For people. */
  get shown(): string {
    return this.#servers.map(({ name }) => name).join(',');
  }

  /** The answer, or AWAY. Never rejects. @param key decides which server is asked */
  run(key: string, line: string, value?: Buffer, limit?: number): Promise<MemcachedReply | Away> {
    const server = this.#serverOf(key);
    return server.breaker.run(() => server.send(line, value), limit);
  }

  stats(): BreakerStats {
    const all = this.#servers.map(({ breaker }) => breaker.stats());
    const [most] = all.toSorted((a, b) => b.latency.count - a.latency.count);
    const sum = (name: 'errors' | 'skipped'): number => all.reduce((total, each) => total + each[name], 0);
    return { isThere: all.every(({ isThere }) => isThere), errors: sum('errors'), skipped: sum('skipped'), latency: most!.latency };
  }

  /** What the servers that answer say of themselves, by name, added up. */
  async figures(): Promise<(name: string) => number> {
    const replies = await Promise.all(this.#servers.map((server) => server.breaker.run(() => server.send('stats'))));
    const lines = replies.flatMap((reply) => (reply === AWAY ? [] : reply.flags));
    return (name) => lines.reduce((sum, line) => sum + (line.startsWith(`${name} `) ? Number(line.slice(name.length + 1)) : 0), 0);
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }

  /** By rank, so that another server more takes over its share of keys and leaves all others where they are. */
  #serverOf(key: string): Server {
    const [first] = this.#servers;
    if (this.#servers.length === 1) return first!;
    const rank = ({ name }: Server): string => hash('sha1', `${name} ${key}`);
    return this.#servers.reduce((best, server) => (rank(server) > rank(best) ? server : best));
  }
}
