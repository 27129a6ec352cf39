/**
 * @module test/stores/shared
 * The store that proxies share, in the composition that has all others in it: memory before a disk
 * before Redis. Other compositions, and Memcached: shared.full.test.ts.
 */
import { after, before, describe } from 'node:test';
import { type RedisServer, skipWithoutRedis, startRedis } from '../kit/redis-server.ts';
import { Undoing } from '../kit/server-process.ts';
import { storeContract } from './contract.ts';
import { RUNS, openRedis, overLittleMemoryAndDisk } from './shared-fixture.ts';

describe('in front of Redis', { skip: skipWithoutRedis }, () => {
  let server: RedisServer;
  const undoing = new Undoing();
  before(async () => {
    server = await startRedis(undoing);
  });
  after(() => undoing.undo());

  storeContract('SharedStore over little memory and disk', async (limits) => (await openRedis(server, limits, overLittleMemoryAndDisk)).store, { runs: RUNS });
});
