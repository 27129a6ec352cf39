/**
 * @module test/shared/together.full
 * Three proxies on what is rarer than one Redis.
 */
import { CLUSTER, TWO_MEMCACHED, threeCrewsOn, threeProxiesOn } from './together.ts';

threeProxiesOn(CLUSTER);
for (const kind of [CLUSTER, TWO_MEMCACHED]) threeCrewsOn(kind);
