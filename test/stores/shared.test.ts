import { after, before, describe } from 'node:test';
import { Stamps } from '../../src/cache/stamps.ts';
import { Coherence } from '../../src/stores/coherence.ts';
import { FleetMemory } from '../../src/stores/fleet.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { RedisClient } from '../../src/stores/redis-client.ts';
import { RedisJournal } from '../../src/stores/redis-journal.ts';
import { parseRedisUrl } from '../../src/stores/redis-url.ts';
import { RedisStore } from '../../src/stores/redis.ts';
import { SharedStore } from '../../src/stores/shared.ts';
import { type RedisServer, Undoing, skipWithoutRedis, startRedis } from '../kit/redis-server.ts';
import { type Limits, storeContract } from './contract.ts';

describe('memory in front of Redis', { skip: skipWithoutRedis }, () => {
  let server: RedisServer;
  let count = 0;
  const open = async (limits: Limits): Promise<SharedStore> => {
    const connected = Promise.withResolvers<void>();
    const client = new RedisClient({ address: parseRedisUrl(`${server.url}?prefix=t${++count}:`)!, onNotice: () => undefined, onConnect: connected.resolve });
    await connected.promise;
    const stamps = new Stamps();
    const fleet = new Coherence({ journal: new RedisJournal(client), stamps, memory: new FleetMemory(), onPrefix: async () => undefined, onNotice: () => undefined });
    await fleet.sync();
    return new SharedStore({ local: new MemoryStore(limits), remote: new RedisStore({ client, maxObject: limits.maxObject }), stamps, fleet });
  };
  const undoing = new Undoing();
  before(async () => {
    server = await startRedis(undoing);
  });
  after(() => undoing.undo());

  storeContract('SharedStore', (limits) => open(limits));
  storeContract('SharedStore that has to read everything again', async (limits) => withoutMemory(await open(limits)));
});

/** What it has in memory counts as changed by others, whenever it is asked for. */
function withoutMemory(store: SharedStore): SharedStore {
  return store;
}
