/**
 * @module test/shared/together
 * What three proxies that share a store owe their clients, whatever that store is, as one suite. All
 * tests of it ask the same three processes, each under a path of its own.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MemcachedClient } from '../../src/stores/memcached-client.ts';
import { MemcachedStore } from '../../src/stores/memcached.ts';
import { type ClientResponse, request } from '../kit/client.ts';
import { skipWithoutMemcached, startMemcached } from '../kit/memcached-server.ts';
import { type OriginHandler, startOrigin } from '../kit/origin.ts';
import { type RedisServer, skipWithoutRedis, startCluster, startRedis } from '../kit/redis-server.ts';
import { Undoing } from '../kit/server-process.ts';
import { until } from '../kit/until.ts';
import { type Node, pages, shareAmong, sharedIn, startFleet, versionOf } from './fleet.ts';

/** A store that proxies share. */
interface Shared {
  /** What a proxy is started with. */
  readonly args: readonly string[];
  /** Whether that lies there: before it is not a hit for others. */
  readonly has: (origin: string) => (path: string) => Promise<boolean>;
}

export interface Kind {
  readonly name: string;
  /** Why it cannot be tested here; false where it can. */
  readonly skip: string | false;
  readonly start: (undoing: Undoing) => Promise<Shared>;
}

function redisOf(servers: readonly RedisServer[], url: string): Shared {
  return { args: ['--redis', url], has: () => sharedIn(servers, 'millrace:') };
}

export const ONE_REDIS: Kind = {
  name: 'one Redis',
  skip: skipWithoutRedis,
  start: async (undoing) => {
    const server = await startRedis(undoing);
    return redisOf([server], server.url);
  },
};

export const CLUSTER: Kind = {
  name: 'a Redis Cluster of three',
  skip: skipWithoutRedis,
  start: async (undoing) => {
    const servers = await startCluster(undoing);
    return redisOf(servers, `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`);
  },
};

export const TWO_MEMCACHED: Kind = {
  name: 'two Memcached servers',
  skip: skipWithoutMemcached,
  start: async (undoing) => {
    const servers = [await startMemcached(undoing), await startMemcached(undoing)];
    const addresses = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
    const client = new MemcachedClient({ addresses, onNotice: () => undefined, onConnect: () => undefined });
    const store = new MemcachedStore({ client, maxObject: 8e6 });
    undoing.after(() => store.close());
    return { args: ['--memcached', servers.map(({ address }) => address).join(',')], has: (origin) => async (path) => (await store.get(`GET ${origin}${path}`)) !== undefined };
  },
};

const LARGE = Buffer.alloc(3_000_000);
for (let i = 0; i < LARGE.length; i += 1000) LARGE.writeUInt32LE(i + 1, i);

/** Pages, a large body, and a text in the language that is asked for. */
function site(): { readonly handler: OriginHandler; readonly counts: Map<string, number> } {
  const { handler, counts } = pages();
  return {
    counts,
    handler: (incoming, response, context) => {
      if (incoming.url === '/large') return void response.writeHead(200, { 'Cache-Control': 'max-age=600' }).end(LARGE);
      const language = incoming.headers['accept-language'];
      if (incoming.url === '/text') return void response.writeHead(200, { 'Cache-Control': 'max-age=600', Vary: 'Accept-Language' }).end(`in ${language}`);
      return handler(incoming, response, context);
    },
  };
}

/** Purges of what stands under a path, whose pages have its name as their tag, in each way. */
const PURGES: Readonly<Record<string, (area: string) => object>> = {
  'a URL': (area) => ({ url: `/${area}/1` }),
  'a prefix': (area) => ({ prefix: `/${area}/` }),
  'a tag': (area) => ({ tag: area }),
  everything: () => ({ all: true }),
};

interface Fleet {
  readonly nodes: [Node, Node, Node];
  readonly counts: Map<string, number>;
  readonly isShared: (path: string) => Promise<boolean>;
}

/** One for all tests of a suite. */
function fleetOn(kind: Kind, ...args: string[]): () => Fleet {
  const undoing = new Undoing();
  let fleet: Fleet | undefined;
  before(async () => {
    const { handler, counts } = site();
    const origin = await startOrigin(handler);
    undoing.after(() => origin.close());
    const shared = await kind.start(undoing);
    fleet = { nodes: await startFleet(undoing, origin.url, () => [...shared.args, ...args]), counts, isShared: shared.has(origin.url) };
  });
  after(() => undoing.undo());
  return () => fleet!;
}

export function threeProxiesOn(kind: Kind): void {
  describe(`three proxies on ${kind.name}`, { skip: kind.skip }, () => {
    const fleet = fleetOn(kind);

    test('what one stores is a hit for the others', async () => {
      const { nodes, counts, isShared } = fleet();
      await shareAmong(nodes, '/stored/1', isShared);
      const versions = await Promise.all(nodes.map((node) => node.get('/stored/1')));
      for (const response of versions) assert.deepEqual([response.headers.get('x-cache'), versionOf(response)], ['HIT', counts.get('/stored/1')]);
    });

    test('so are large bodies, and every variant', async () => {
      const { nodes: [first, second], isShared } = fleet();
      await shareAmong([first, second], '/large', isShared);
      const large = await second.get('/large');
      assert.deepEqual([large.headers.get('x-cache'), large.body.equals(LARGE)], ['HIT', true]);
      for (const language of ['de', 'fr', 'it']) await first.get('/text', { 'Accept-Language': language });
      for (const language of ['de', 'fr', 'it']) {
        const response = await until('it is shared', () => second.get('/text', { 'Accept-Language': language }), ({ headers }) => headers.get('x-cache') === 'HIT');
        assert.equal(response.body.toString(), `in ${language}`);
      }
    });

    for (const [name, what] of Object.entries(PURGES)) {
      test(`a purge of ${name} by one is in force on the others`, async () => {
        const { nodes, counts, isShared } = fleet();
        const [first, second, third] = nodes;
        const area = `purged-as-${name.replace(' ', '-')}`;
        const [one, two, other] = [`/${area}/1`, `/${area}/2`, `/beside-${area}/1`];
        for (const path of [one, other]) await shareAmong(nodes, path, isShared);
        // This one lies in the shared store, but not with those who purge and ask.
        await shareAmong([second], two, isShared);
        const earlier = new Map(counts);
        const isNew = (path: string) => (response: ClientResponse): boolean => versionOf(response) > earlier.get(path)!;
        const purge = what(area);
        await first.purge(purge);
        assert.ok(isNew(one)(await first.get(one)));
        for (const node of [second, third]) await until('the purge is in force', () => node.get(one), isNew(one));
        if (!('url' in purge)) {
          // What the first has fetched again may have come to the third before the purge.
          await until('the purge is in force', () => third.get(two), isNew(two));
          // Where the store that they share was slow, the purge has its number on the line of all only a moment later.
          await until('the purge is in force', () => first.get(two), isNew(two));
        }
        for (const node of nodes) assert.equal(isNew(other)(await node.get(other)), 'all' in purge);
      });
    }

    test('an unsafe request by way of one invalidates for the others', async () => {
      const { nodes, counts, isShared } = fleet();
      await shareAmong(nodes, '/unsafe/1', isShared);
      const earlier = counts.get('/unsafe/1')!;
      await request(`${nodes[0].running.url}/unsafe/1`, { method: 'POST', headers: { Host: 'shop.example' } });
      // The POST counts too.
      for (const node of nodes) await until('the purge is in force', () => node.get('/unsafe/1'), (response) => versionOf(response) > earlier + 1);
    });

    test('a soft purge by one makes it stale for the others', async () => {
      const { nodes, counts, isShared } = fleet();
      await shareAmong(nodes, '/soft/1', isShared);
      const earlier = counts.get('/soft/1')!;
      await nodes[0].purge({ tag: 'soft', soft: true });
      await until('the soft purge is in force', () => nodes[2].result('/soft/1'), (result) => result !== 'HIT');
      for (const node of nodes) await until('the purge is in force', () => node.get('/soft/1'), (response) => versionOf(response) > earlier);
    });

    test('what one replaces is replaced for the others, though they have it in memory', async () => {
      const { nodes, counts, isShared } = fleet();
      await shareAmong(nodes, '/replaced/1', isShared);
      const version = versionOf(await nodes[0].get('/replaced/1', { 'Cache-Control': 'no-cache' }));
      for (const node of nodes) await until('the new version is there', () => node.get('/replaced/1'), (response) => versionOf(response) === version);
      assert.equal(counts.get('/replaced/1'), version);
    });
  });
}

/** Two workers each. */
export function threeCrewsOn(kind: Kind): void {
  describe(`three proxies with workers on ${kind.name}`, { skip: kind.skip }, () => {
    const fleet = fleetOn(kind, '--workers', '2');

    test('workers share too, and are told too', async () => {
      const { nodes, counts, isShared } = fleet();
      const [, second, third] = nodes;
      await shareAmong(nodes, '/a/1', isShared);
      const count = counts.get('/a/1');
      for (let i = 0; i < 10; i++) assert.equal(await second.result('/a/1'), 'HIT');
      assert.equal(counts.get('/a/1'), count);
      for (const what of Object.values(PURGES)) {
        await third.purge(what('a'));
        const version = versionOf(await third.get('/a/1'));
        // Whatever its worker, on every connection.
        for (const node of nodes) for (let i = 0; i < 10; i++) await until('the purge is in force', () => node.get('/a/1'), (response) => versionOf(response) >= version);
      }
    });
  });
}
