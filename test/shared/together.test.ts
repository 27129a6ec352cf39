import assert from 'node:assert/strict';
import { type TestContext, after, before, describe, test } from 'node:test';
import { MemcachedClient } from '../../src/stores/memcached-client.ts';
import { MemcachedStore } from '../../src/stores/memcached.ts';
import { type ClientResponse, request } from '../kit/client.ts';
import { skipWithoutMemcached, startMemcached } from '../kit/memcached-server.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type RedisServer, skipWithoutRedis, startCluster, startRedis } from '../kit/redis-server.ts';
import { Undoing } from '../kit/server-process.ts';
import { until } from '../kit/until.ts';
import { type Node, pages, shareAmong, sharedIn, startFleet, versionOf } from './fleet.ts';

/** A store that proxies share. */
interface Shared {
  /** What a proxy is started with. */
  readonly args: () => readonly string[];
  /** Whether that lies there: before it is not a hit for others. */
  readonly has: (args: readonly string[], origin: string) => (path: string) => Promise<boolean>;
}

let prefixes = 0;

function redisOf(servers: readonly RedisServer[], url: string): Shared {
  return {
    args: () => ['--redis', `${url}?prefix=t${++prefixes}:`],
    has: ([, address]) => sharedIn(servers, /prefix=(.*)$/u.exec(address!)![1]!),
  };
}

const KINDS: Readonly<Record<string, { skip: string | false; start: (undoing: Undoing) => Promise<Shared> }>> = {
  'one Redis': {
    skip: skipWithoutRedis,
    start: async (undoing) => {
      const server = await startRedis(undoing);
      return redisOf([server], server.url);
    },
  },
  'a Redis Cluster of three': {
    skip: skipWithoutRedis,
    start: async (undoing) => {
      const servers = await startCluster(undoing);
      return redisOf(servers, `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`);
    },
  },
  'two Memcached servers': {
    skip: skipWithoutMemcached,
    start: async (undoing) => {
      const servers = [await startMemcached(undoing), await startMemcached(undoing)];
      const addresses = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
      const client = new MemcachedClient({ addresses, onNotice: () => undefined, onConnect: () => undefined });
      const store = new MemcachedStore({ client, maxObject: 8e6 });
      undoing.after(() => store.close());
      return { args: () => ['--memcached', servers.map(({ address }) => address).join(',')], has: (_args, origin) => async (path) => (await store.get(`GET ${origin}${path}`)) !== undefined };
    },
  },
};

/** Purges of what stands under /a/, in each way. */
const PURGES: Readonly<Record<string, object>> = {
  'a URL': { url: '/a/1' },
  'a prefix': { prefix: '/a/' },
  'a tag': { tag: 'a' },
  everything: { all: true },
};

for (const [kind, { skip, start }] of Object.entries(KINDS)) {
  describe(`three proxies on ${kind}`, { skip }, () => {
    const undoing = new Undoing();
    let shared: Shared;
    before(async () => {
      shared = await start(undoing);
    });
    after(() => undoing.undo());

    const startAll = async (t: TestContext, origin: TestOrigin, ...args: string[]): Promise<{ nodes: [Node, Node, Node]; isShared: (path: string) => Promise<boolean> }> => {
      const where = shared.args();
      return { nodes: await startFleet(t, origin.url, () => [...where, ...args]), isShared: shared.has(where, origin.url) };
    };

    test('what one stores is a hit for the others', async (t) => {
      const { handler, counts } = pages();
      await using origin = await startOrigin(handler);
      const { nodes, isShared } = await startAll(t, origin);
      await shareAmong(nodes, '/a/1', isShared);
      const versions = await Promise.all(nodes.map((node) => node.get('/a/1')));
      for (const response of versions) assert.deepEqual([response.headers.get('x-cache'), versionOf(response)], ['HIT', counts.get('/a/1')]);
    });

    test('so are large bodies, and every variant', async (t) => {
      const body = Buffer.alloc(3_000_000);
      for (let i = 0; i < body.length; i += 1000) body.writeUInt32LE(i + 1, i);
      await using origin = await startOrigin((incoming, response) => {
        response.setHeader('Cache-Control', 'max-age=600');
        if (incoming.url === '/large') return void response.end(body);
        response.setHeader('Vary', 'Accept-Language');
        response.end(`in ${incoming.headers['accept-language']}`);
      });
      const { nodes, isShared } = await startAll(t, origin);
      const [first, second] = nodes;
      await shareAmong([first, second], '/large', isShared);
      const large = await second.get('/large');
      assert.deepEqual([large.headers.get('x-cache'), large.body.equals(body)], ['HIT', true]);
      for (const language of ['de', 'fr', 'it']) await first.get('/text', { 'Accept-Language': language });
      for (const language of ['de', 'fr', 'it']) {
        const response = await until('it is shared', () => second.get('/text', { 'Accept-Language': language }), ({ headers }) => headers.get('x-cache') === 'HIT');
        assert.equal(response.body.toString(), `in ${language}`);
      }
    });

    for (const [name, what] of Object.entries(PURGES)) {
      test(`a purge of ${name} by one is in force on the others`, async (t) => {
        const { handler, counts } = pages();
        await using origin = await startOrigin(handler);
        const { nodes, isShared } = await startAll(t, origin);
        const [first, second, third] = nodes;
        for (const path of ['/a/1', '/b/1']) await shareAmong(nodes, path, isShared);
        // This one lies in the shared store, but not with those who purge and ask.
        await shareAmong([second], '/a/2', isShared);
        const earlier = new Map(counts);
        const isNew = (path: string) => (response: ClientResponse): boolean => versionOf(response) > earlier.get(path)!;
        await first.purge(what);
        assert.ok(isNew('/a/1')(await first.get('/a/1')));
        for (const node of [second, third]) await until('the purge is in force', () => node.get('/a/1'), isNew('/a/1'));
        if (!('url' in what)) for (const node of [third, first]) assert.ok(isNew('/a/2')(await node.get('/a/2')));
        for (const node of nodes) assert.equal(isNew('/b/1')(await node.get('/b/1')), 'all' in what);
      });
    }

    test('an unsafe request by way of one invalidates for the others', async (t) => {
      const { handler, counts } = pages();
      await using origin = await startOrigin(handler);
      const { nodes, isShared } = await startAll(t, origin);
      await shareAmong(nodes, '/a/1', isShared);
      const earlier = counts.get('/a/1')!;
      await request(`${nodes[0].running.url}/a/1`, { method: 'POST', headers: { Host: 'shop.example' } });
      // The POST counts too.
      for (const node of nodes) await until('the purge is in force', () => node.get('/a/1'), (response) => versionOf(response) > earlier + 1);
    });

    test('a soft purge by one makes it stale for the others', async (t) => {
      const { handler, counts } = pages();
      await using origin = await startOrigin(handler);
      const { nodes, isShared } = await startAll(t, origin);
      await shareAmong(nodes, '/a/1', isShared);
      const earlier = counts.get('/a/1')!;
      await nodes[0].purge({ tag: 'a', soft: true });
      await until('the soft purge is in force', () => nodes[2].result('/a/1'), (result) => result !== 'HIT');
      for (const node of nodes) await until('the purge is in force', () => node.get('/a/1'), (response) => versionOf(response) > earlier);
    });

    test('what one replaces is replaced for the others, though they have it in memory', async (t) => {
      const { handler, counts } = pages();
      await using origin = await startOrigin(handler);
      const { nodes, isShared } = await startAll(t, origin);
      await shareAmong(nodes, '/a/1', isShared);
      const version = versionOf(await nodes[0].get('/a/1', { 'Cache-Control': 'no-cache' }));
      for (const node of nodes) await until('the new version is there', () => node.get('/a/1'), (response) => versionOf(response) === version);
      assert.equal(counts.get('/a/1'), version);
    });

    test('workers share too, and are told too', async (t) => {
      const { handler, counts } = pages();
      await using origin = await startOrigin(handler);
      const { nodes, isShared } = await startAll(t, origin, '--workers', '2');
      const [first, second, third] = nodes;
      await shareAmong([first, second, third], '/a/1', isShared);
      const count = counts.get('/a/1');
      for (let i = 0; i < 10; i++) assert.equal(await second.result('/a/1'), 'HIT');
      assert.equal(counts.get('/a/1'), count);
      for (const what of Object.values(PURGES)) {
        await third.purge(what);
        const version = versionOf(await third.get('/a/1'));
        // Whatever its worker, on every connection.
        for (const node of nodes) for (let i = 0; i < 10; i++) await until('the purge is in force', () => node.get('/a/1'), (response) => versionOf(response) >= version);
      }
    });
  });
}
