/**
 * @module test/stores/shared.full
 * The store that proxies share, over everything local and in front of every server.
 */
import { after, before, describe } from 'node:test';
import type { SharedStore } from '../../src/stores/shared.ts';
import { type MemcachedServer, skipWithoutMemcached, startMemcached } from '../kit/memcached-server.ts';
import { type RedisServer, skipWithoutRedis, startRedis } from '../kit/redis-server.ts';
import { Undoing } from '../kit/server-process.ts';
import { storeContract } from './contract.ts';
import { type MakeLocal, type Opened, RUNS, openMemcached, openRedis, overLittleMemoryAndDisk, overMemory, overMemoryAndDisk } from './shared-fixture.ts';

const LOCALS: Readonly<Record<string, MakeLocal>> = { memory: overMemory, 'memory and disk': overMemoryAndDisk };

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
  const undoing = new Undoing();
  before(async () => {
    server = await startRedis(undoing);
  });
  after(() => undoing.undo());

  for (const [name, makeLocal] of Object.entries(LOCALS)) storeContract(`SharedStore over ${name}`, async (limits) => (await openRedis(server, limits, makeLocal)).store, { runs: RUNS });
  storeContract('SharedStore that asks Redis each time', async (limits) => forgetful(await openRedis(server, limits, overMemory)), { tickets: false });
});

describe('in front of Memcached', { skip: skipWithoutMemcached }, () => {
  let server: MemcachedServer;
  const undoing = new Undoing();
  before(async () => {
    server = await startMemcached(undoing);
  });
  after(() => undoing.undo());

  for (const [name, makeLocal] of Object.entries({ ...LOCALS, 'little memory and disk': overLittleMemoryAndDisk })) {
    storeContract(`SharedStore over ${name}`, async (limits) => (await openMemcached(server, limits, makeLocal)).store, { clears: false, runs: RUNS });
  }
});
