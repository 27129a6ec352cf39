import { skipWithoutMemcached, startMemcached } from '../kit/memcached-server.ts';
import { repeatHits } from './prepared.ts';

repeatHits('Memcached', skipWithoutMemcached, async (scope) => ['--memcached', (await startMemcached(scope)).address]);
