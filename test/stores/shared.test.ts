import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
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
import { type MemcachedServer, skipWithoutMemcached, startMemcached } from '../kit/memcached-server.ts';
import { type RedisServer, skipWithoutRedis, startRedis } from '../kit/redis-server.ts';
import { Undoing } from '../kit/server-process.ts';
import { type Limits, storeContract } from './contract.ts';

/** Milliseconds: a machine under load is no fault of the store. */
const PATIENT = 5000;

/** Of the model: the stores within have had theirs. */
const RUNS = 30;

interface Opened {
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
type MakeLocal = (limits: Limits) => TicketStore;
const root = mkdtempSync(join(tmpdir(), 'millrace-shared-'));
after(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;
const tiered = (memory: Limits, disk: Limits): TieredStore => new TieredStore(new MemoryStore(memory), new DiskStore({ ...disk, directory: join(root, String(++directories)) }));
const LOCALS: Readonly<Record<string, MakeLocal>> = {
  memory: (limits) => new MemoryStore(limits),
  'memory and disk': (limits) => tiered(limits, limits),
  'little memory and disk': (limits) => tiered({ maxBytes: 20_000, maxObject: 10_000 }, limits),
};

/** What it has in memory counts as changed by others, whenever it is asked for. */
function forgetful({ store, fleet }: Opened): SharedStore {
  const get = store.get.bind(store);
  store.get = (key) => {
    fleet.memory.countChangeOfAll();
    return get(key);
  };
  const put = store.put.bind(store);
  store.put = (key, length) => {
    const writer = put(key, length);
    const commit = writer?.commit.bind(writer);
    // One after the other: what does not go out in time would not be shared.
    if (writer !== undefined) writer.commit = async (meta) => (await commit!(meta)) && (await store.idle(), true);
    return writer;
  };
  return store;
}

describe('in front of Redis', { skip: skipWithoutRedis }, () => {
  let server: RedisServer;
  let count = 0;
  const openRedis = async (limits: Limits, makeLocal: MakeLocal): Promise<Opened> => {
    const connected = Promise.withResolvers<void>();
    const client = new RedisClient({ address: parseRedisUrl(`${server.url}?prefix=t${++count}:`)!, limit: PATIENT, onNotice: () => undefined, onConnect: connected.resolve });
    await connected.promise;
    return open(limits, new RedisStore({ client, maxObject: limits.maxObject }), new RedisJournal(client, () => undefined), makeLocal);
  };
  const undoing = new Undoing();
  before(async () => {
    server = await startRedis(undoing);
  });
  after(() => undoing.undo());

  for (const [name, makeLocal] of Object.entries(LOCALS)) storeContract(`SharedStore over ${name}`, async (limits) => (await openRedis(limits, makeLocal)).store, { runs: RUNS });
  storeContract('SharedStore that asks Redis each time', async (limits) => forgetful(await openRedis(limits, LOCALS.memory!)), { tickets: false });
});

describe('in front of Memcached', { skip: skipWithoutMemcached }, () => {
  let server: MemcachedServer;
  const undoing = new Undoing();
  before(async () => {
    server = await startMemcached(undoing);
  });
  after(() => undoing.undo());

  for (const [name, makeLocal] of Object.entries(LOCALS)) {
    storeContract(`SharedStore over ${name}`, async (limits) => {
      const connected = Promise.withResolvers<void>();
      const client = new MemcachedClient({ addresses: [{ host: '127.0.0.1', port: server.port }], limit: PATIENT, onNotice: () => undefined, onConnect: connected.resolve });
      await connected.promise;
      // What was there before would still be there.
      await client.run('', 'flush_all');
      return (await open(limits, new MemcachedStore({ client, maxObject: limits.maxObject }), new MemcachedJournal(client, () => undefined), makeLocal)).store;
    }, { clears: false, runs: RUNS });
  }
});
