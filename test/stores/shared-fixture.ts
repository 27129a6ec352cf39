/**
 * @module test/stores/shared-fixture
 * A SharedStore over anything local, in front of a server that the test has started.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { TicketStore } from '../../src/cache/memo.ts';
import { Stamps } from '../../src/cache/stamps.ts';
import { Coherence } from '../../src/stores/coherence.ts';
import { DiskStore } from '../../src/stores/disk.ts';
import { FleetMemory } from '../../src/stores/fleet.ts';
import type { Journal } from '../../src/stores/journal.ts';
import { MemcachedClient } from '../../src/stores/memcached-client.ts';
import { MemcachedJournal } from '../../src/stores/memcached-journal.ts';
import { MemcachedStore } from '../../src/stores/memcached.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { RedisClient } from '../../src/stores/redis-client.ts';
import { RedisJournal } from '../../src/stores/redis-journal.ts';
import { parseRedisUrl } from '../../src/stores/redis-url.ts';
import { RedisStore } from '../../src/stores/redis.ts';
import type { RemoteStore } from '../../src/stores/remote.ts';
import { SharedStore } from '../../src/stores/shared.ts';
import { TieredStore } from '../../src/stores/tiered.ts';
import type { MemcachedServer } from '../kit/memcached-server.ts';
import { rounds } from '../kit/random.ts';
import type { RedisServer } from '../kit/redis-server.ts';
import type { Limits } from './contract.ts';

/** Milliseconds: a machine under load is no fault of the store. */
const PATIENT = 5000;

/** Of the model: the stores within have had theirs. */
export const RUNS: number = rounds(6);

export interface Opened {
  readonly store: SharedStore;
  readonly fleet: Coherence;
}

async function open(limits: Limits, remote: RemoteStore, journal: Journal, makeLocal: MakeLocal): Promise<Opened> {
  const stamps = new Stamps();
  const fleet = new Coherence({ journal, stamps, memory: new FleetMemory(), onPrefix: async () => undefined, onNotice: () => undefined });
  await fleet.sync();
  const store = new SharedStore({ local: makeLocal(limits), remote, stamps, fleet });
  const close = store.close.bind(store);
  store.close = async () => {
    await fleet.close();
    await close();
  };
  return { store, fleet };
}

/** What stands in front of it: the memory of one process, and that of a worker in front of what all have in common. */
export type MakeLocal = (limits: Limits) => TicketStore;
const root = mkdtempSync(join(tmpdir(), 'millrace-shared-'));
after(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;
const tiered = (memory: Limits, disk: Limits): TieredStore => new TieredStore(new MemoryStore(memory), new DiskStore({ ...disk, directory: join(root, String(++directories)) }));
export const overMemory: MakeLocal = (limits) => new MemoryStore(limits);
export const overMemoryAndDisk: MakeLocal = (limits) => tiered(limits, limits);
export const overLittleMemoryAndDisk: MakeLocal = (limits) => tiered({ maxBytes: 20_000, maxObject: 10_000 }, limits);

let prefixes = 0;

export async function openRedis({ url }: RedisServer, limits: Limits, makeLocal: MakeLocal): Promise<Opened> {
  const connected = Promise.withResolvers<void>();
  const client = new RedisClient({ address: parseRedisUrl(`${url}?prefix=t${++prefixes}:`)!, limit: PATIENT, onNotice: () => undefined, onConnect: connected.resolve });
  await connected.promise;
  return open(limits, new RedisStore({ client, maxObject: limits.maxObject }), new RedisJournal(client, () => undefined), makeLocal);
}

/** Takes all that others have there, too. */
export async function openMemcached({ port }: MemcachedServer, limits: Limits, makeLocal: MakeLocal): Promise<Opened> {
  const connected = Promise.withResolvers<void>();
  const client = new MemcachedClient({ addresses: [{ host: '127.0.0.1', port }], limit: PATIENT, onNotice: () => undefined, onConnect: connected.resolve });
  await connected.promise;
  // What was there before would still be there.
  await client.run('', 'flush_all');
  return open(limits, new MemcachedStore({ client, maxObject: limits.maxObject }), new MemcachedJournal(client, () => undefined), makeLocal);
}
