/**
 * @module test/shared/together.test
 * Three proxies on a Redis and on Memcached. On a Cluster, and with workers on Memcached: together.full.test.ts.
 */
import { ONE_REDIS, TWO_MEMCACHED, threeCrewsOn, threeProxiesOn } from './together.ts';

threeProxiesOn(ONE_REDIS);
threeCrewsOn(ONE_REDIS);
threeProxiesOn(TWO_MEMCACHED);
