/**
 * @module proxy/sharing
 * The store on other machines that the configuration names, and what ties this process to all that
 * use it. Every thread reads and writes there on a connection of its own; one of them, the main
 * thread where there are several, keeps the stamps of all threads the same as those of the others.
 */
import type { Purge } from '../cache/purger.ts';
import { Stamps } from '../cache/stamps.ts';
import type { Config } from '../config.ts';
import { Coherence, type PrefixPurge } from '../stores/coherence.ts';
import { type Change, type Fleet, FleetMemory } from '../stores/fleet.ts';
import type { Journal } from '../stores/journal.ts';
import { type MemcachedAddress, MemcachedClient } from '../stores/memcached-client.ts';
import { MemcachedJournal } from '../stores/memcached-journal.ts';
import { MemcachedStore } from '../stores/memcached.ts';
import { RedisClient } from '../stores/redis-client.ts';
import { RedisJournal } from '../stores/redis-journal.ts';
import { parseRedisUrl } from '../stores/redis-url.ts';
import { RedisStore } from '../stores/redis.ts';
import type { RemoteStore } from '../stores/remote.ts';

export interface Remote {
  readonly store: RemoteStore;
  readonly journal: Journal;
}

interface RemoteHooks {
  /** Told what an operator should know. */
  readonly onNotice: (text: string) => void;
  /** It was connected to, perhaps anew. */
  readonly onConnect: () => void;
}

export function isShared({ cache, ttl, redis, memcached }: Config): boolean {
  return cache && ttl !== 0 && (redis !== undefined || memcached.length > 0);
}

/** Connects in the background; only where isShared(). */
export function openRemote({ redis, memcached, maxObject }: Config, hooks: RemoteHooks): Remote {
  if (redis === undefined) {
    const client = new MemcachedClient({ ...hooks, addresses: memcached.map(readServer) });
    return { store: new MemcachedStore({ client, maxObject }), journal: new MemcachedJournal(client, hooks.onNotice) };
  }
  const client = new RedisClient({ ...hooks, address: parseRedisUrl(redis)! });
  return { store: new RedisStore({ client, maxObject }), journal: new RedisJournal(client, hooks.onNotice) };
}

const MEMCACHED_PORT = 11_211;

/** host, host:port, or an IPv6 address, in brackets where a port follows. */
function readServer(text: string): MemcachedAddress {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/u.exec(text) ?? [];
  return { host: bracketed ?? plain ?? text, port: Number(port ?? MEMCACHED_PORT) };
}

/** What ties a process to the other machines that use the same store. */
export class Tie {
  readonly fleet: Coherence;
  readonly remote: RemoteStore;
  readonly #prefixes: PrefixPurge[] = [];

  /**
   * @param stamps the memory of this process's
   * @param onPrefix has to be in force in all its threads when it resolves
   */
  constructor(config: Config, stamps: SharedArrayBuffer, onNotice: (text: string) => void, onPrefix: (purge: PrefixPurge) => Promise<void>) {
    const { store, journal } = openRemote(config, { onNotice, onConnect: () => void this.fleet.reconnected() });
    this.remote = store;
    this.fleet = new Coherence({
      journal,
      stamps: new Stamps(stamps),
      memory: new FleetMemory(),
      onNotice,
      onPrefix: (purge) => {
        this.#remember(purge);
        return onPrefix(purge);
      },
    });
  }

  /** For a thread that begins later. */
  get prefixes(): readonly PrefixPurge[] {
    return this.#prefixes;
  }

  /** Resolves when the others were told what was purged here, or cannot be now. Whether how much that hit is known here. */
  async tell(what: Purge): Promise<boolean> {
    if ('prefix' in what) this.fleet.announce(what.prefix, what.soft === true);
    await this.fleet.settle();
    return !('prefix' in what);
  }

  async close(): Promise<void> {
    await this.fleet.close();
    await this.remote.close();
  }

  #remember(purge: PrefixPurge): void {
    this.#prefixes.push(purge);
    if (this.#prefixes.length > MOST_PREFIXES) this.#prefixes.shift();
  }
}

/** As many as a store looks for. */
const MOST_PREFIXES = 256;

/** One thread's way to the Tie in the main thread. */
export interface FleetLine {
  raised(cell: number): void;
  changed(change: Change): void;
  settle(): Promise<void>;
}

/** The fleet as a thread sees it whose main thread has the Tie. */
export function fleetBy(line: FleetLine, memory: SharedArrayBuffer): Fleet {
  return { memory: new FleetMemory(memory), changed: (change) => line.changed(change), settle: () => line.settle() };
}
