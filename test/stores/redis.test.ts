import { after, before, describe } from 'node:test';
import { RedisClient } from '../../src/stores/redis-client.ts';
import { parseRedisUrl } from '../../src/stores/redis-url.ts';
import { RedisStore } from '../../src/stores/redis.ts';
import { type RedisServer, Undoing, skipWithoutRedis, startRedis } from '../kit/redis-server.ts';
import { type Limits, storeContract } from './contract.ts';

const SKIPS = { 'the statistics add up': 'the figures are the server\'s, of all that anybody has stored there' };

describe('Redis', { skip: skipWithoutRedis }, () => {
  let server: RedisServer;
  let count = 0;
  const open = async (url: string, { maxObject }: Limits): Promise<RedisStore> => {
    const connected = Promise.withResolvers<void>();
    const client = new RedisClient({ address: parseRedisUrl(url)!, onNotice: () => undefined, onConnect: connected.resolve });
    await connected.promise;
    return new RedisStore({ client, maxObject });
  };
  const undoing = new Undoing();
  before(async () => {
    server = await startRedis(undoing);
  });
  after(() => undoing.undo());

  storeContract('RedisStore', (limits) => open(`${server.url}?prefix=t${++count}:`, limits), SKIPS);
});
