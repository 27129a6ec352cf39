/** Hits of two workers on a Redis; on Memcached: prepared.full.test.ts. */
import { skipWithoutRedis, startRedis } from '../kit/redis-server.ts';
import { repeatHits } from './prepared.ts';

repeatHits('Redis', skipWithoutRedis, async (scope) => ['--redis', (await startRedis(scope)).url]);
