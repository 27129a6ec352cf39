import assert from 'node:assert/strict';
import { type TestContext, after, before, describe, test } from 'node:test';
import { type ClientResponse, request } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type RedisServer, Undoing, skipWithoutRedis, startCluster, startRedis } from '../kit/redis-server.ts';
import { type TcpGate, startTcpGate } from '../kit/tcp-gate.ts';
import { Node, eventually, pages, shareAmong, startFleet, versionOf } from './fleet.ts';

/** Servers, and where a proxy finds them. */
interface Redis {
  readonly servers: readonly RedisServer[];
  readonly url: string;
}

const KINDS: Readonly<Record<string, (undoing: Undoing) => Promise<Redis>>> = {
  'one Redis': async (undoing) => {
    const server = await startRedis(undoing);
    return { servers: [server], url: server.url };
  },
  'a Redis Cluster of three': async (undoing) => {
    const servers = await startCluster(undoing);
    return { servers, url: `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}` };
  },
};

let prefixes = 0;
const newPrefix = (): string => `t${++prefixes}:`;

/** Whether that lies there: before it is not a hit for others. */
function sharedIn(servers: readonly RedisServer[], prefix: string): (path: string) => Promise<boolean> {
  return async (path) => servers.some((server) => server.cli('--scan', '--pattern', `${prefix}h{*`).split('\n').some((line) => line.endsWith(path)));
}

/** Purges of what stands under /a/, in each way. */
const PURGES: Readonly<Record<string, object>> = {
  'a URL': { url: '/a/1' },
  'a prefix': { prefix: '/a/' },
  'a tag': { tag: 'a' },
  everything: { all: true },
};

for (const [kind, start] of Object.entries(KINDS)) {
  describe(`three proxies on ${kind}`, { skip: skipWithoutRedis }, () => {
    const undoing = new Undoing();
    let redis: Redis;
    before(async () => {
      redis = await start(undoing);
    });
    after(() => undoing.undo());

    const startAll = async (t: TestContext, origin: TestOrigin, ...args: string[]): Promise<{ nodes: [Node, Node, Node]; prefix: string }> => {
      const prefix = newPrefix();
      return { nodes: await startFleet(t, origin.url, () => ['--redis', `${redis.url}?prefix=${prefix}`, ...args]), prefix };
    };

    test('what one stores is a hit for the others', async (t) => {
      const { handler, counts } = pages();
      await using origin = await startOrigin(handler);
      const { nodes, prefix } = await startAll(t, origin);
      await shareAmong(nodes, '/a/1', sharedIn(redis.servers, prefix));
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
      const { nodes, prefix } = await startAll(t, origin);
      const [first, second] = nodes;
      await shareAmong([first, second], '/large', sharedIn(redis.servers, prefix));
      const large = await second.get('/large');
      assert.deepEqual([large.headers.get('x-cache'), large.body.equals(body)], ['HIT', true]);
      for (const language of ['de', 'fr', 'it']) await first.get('/text', { 'Accept-Language': language });
      for (const language of ['de', 'fr', 'it']) {
        const response = await eventually(() => second.get('/text', { 'Accept-Language': language }), ({ headers }) => headers.get('x-cache') === 'HIT');
        assert.equal(response.body.toString(), `in ${language}`);
      }
    });

    for (const [name, what] of Object.entries(PURGES)) {
      test(`a purge of ${name} by one is in force on the others`, async (t) => {
        const { handler, counts } = pages();
        await using origin = await startOrigin(handler);
        const { nodes, prefix } = await startAll(t, origin);
        const [first, second, third] = nodes;
        for (const path of ['/a/1', '/b/1']) await shareAmong(nodes, path, sharedIn(redis.servers, prefix));
        // This one lies in the shared store, but not with those who purge and ask.
        await shareAmong([second], '/a/2', sharedIn(redis.servers, prefix));
        const earlier = new Map(counts);
        const isNew = (path: string) => (response: ClientResponse): boolean => versionOf(response) > earlier.get(path)!;
        await first.purge(what);
        assert.ok(isNew('/a/1')(await first.get('/a/1')));
        for (const node of [second, third]) await eventually(() => node.get('/a/1'), isNew('/a/1'));
        if (!('url' in what)) for (const node of [third, first]) assert.ok(isNew('/a/2')(await node.get('/a/2')));
        for (const node of nodes) assert.equal(isNew('/b/1')(await node.get('/b/1')), 'all' in what);
      });
    }

    test('an unsafe request by way of one invalidates for the others', async (t) => {
      const { handler, counts } = pages();
      await using origin = await startOrigin(handler);
      const { nodes, prefix } = await startAll(t, origin);
      await shareAmong(nodes, '/a/1', sharedIn(redis.servers, prefix));
      const earlier = counts.get('/a/1')!;
      await request(`${nodes[0].running.url}/a/1`, { method: 'POST', headers: { Host: 'shop.example' } });
      // The POST counts too.
      for (const node of nodes) await eventually(() => node.get('/a/1'), (response) => versionOf(response) > earlier + 1);
    });

    test('a soft purge by one makes it stale for the others', async (t) => {
      const { handler, counts } = pages();
      await using origin = await startOrigin(handler);
      const { nodes, prefix } = await startAll(t, origin);
      await shareAmong(nodes, '/a/1', sharedIn(redis.servers, prefix));
      const earlier = counts.get('/a/1')!;
      await nodes[0].purge({ tag: 'a', soft: true });
      await eventually(() => nodes[2].result('/a/1'), (result) => result !== 'HIT');
      for (const node of nodes) await eventually(() => node.get('/a/1'), (response) => versionOf(response) > earlier);
    });

    test('what one replaces is replaced for the others, though they have it in memory', async (t) => {
      const { handler, counts } = pages();
      await using origin = await startOrigin(handler);
      const { nodes, prefix } = await startAll(t, origin);
      await shareAmong(nodes, '/a/1', sharedIn(redis.servers, prefix));
      const version = versionOf(await nodes[0].get('/a/1', { 'Cache-Control': 'no-cache' }));
      for (const node of nodes) await eventually(() => node.get('/a/1'), (response) => versionOf(response) === version);
      assert.equal(counts.get('/a/1'), version);
    });

    test('workers share too, and are told too', async (t) => {
      const { handler, counts } = pages();
      await using origin = await startOrigin(handler);
      const { nodes, prefix } = await startAll(t, origin, '--workers', '2');
      const [first, second, third] = nodes;
      await shareAmong([first, second, third], '/a/1', sharedIn(redis.servers, prefix));
      const shared = counts.get('/a/1');
      for (let i = 0; i < 10; i++) assert.equal(await second.result('/a/1'), 'HIT');
      assert.equal(counts.get('/a/1'), shared);
      for (const what of Object.values(PURGES)) {
        await third.purge(what);
        const version = versionOf(await third.get('/a/1'));
        // Whatever its worker, on every connection.
        for (const node of nodes) for (let i = 0; i < 10; i++) await eventually(() => node.get('/a/1'), (response) => versionOf(response) >= version);
      }
    });
  });
}

describe('a proxy that is cut off from Redis', { skip: skipWithoutRedis }, () => {
  const undoing = new Undoing();
  let server: RedisServer;
  before(async () => {
    server = await startRedis(undoing);
  });
  after(() => undoing.undo());

  /** Each has a gate of its own before Redis. */
  const startGated = async (t: TestContext, origin: TestOrigin): Promise<{ nodes: [Node, Node, Node]; gates: TcpGate[]; prefix: string }> => {
    const prefix = newPrefix();
    const gates = await Promise.all([0, 1, 2].map(() => startTcpGate(t, server.port)));
    return { nodes: await startFleet(t, origin.url, (index) => ['--redis', `redis://127.0.0.1:${gates[index]!.port}?prefix=${prefix}`]), gates, prefix };
  };

  for (const way of ['cut', 'stall'] as const) {
    for (const [name, what] of Object.entries(PURGES)) {
      test(`(${way}) serves what it has, and hears of a purge of ${name} when it comes back`, async (t) => {
        const { handler, counts } = pages();
        await using origin = await startOrigin(handler);
        const { nodes, gates, prefix } = await startGated(t, origin);
        const [first, second, third] = nodes;
        for (const path of ['/a/1', '/b/1']) await shareAmong(nodes, path, sharedIn([server], prefix));
        const earlier = new Map(counts);
        const isNew = (path: string) => (response: ClientResponse): boolean => versionOf(response) > earlier.get(path)!;
        gates[2]![way]();
        await third.untilThere(false);
        await first.purge(what);
        await eventually(() => second.get('/a/1'), isNew('/a/1'));
        for (const path of ['/a/1', '/b/1']) assert.ok(!isNew(path)(await third.get(path)));
        assert.equal(await third.result('/c/1'), 'MISS');
        assert.equal(await third.result('/c/1'), 'HIT');
        gates[2]!.open();
        await third.untilThere();
        assert.ok(isNew('/a/1')(await third.get('/a/1')));
        assert.equal(isNew('/b/1')(await third.get('/b/1')), 'all' in what);
      });

      test(`(${way}) purges ${name} for itself at once, and for the others when it comes back`, async (t) => {
        const { handler, counts } = pages();
        await using origin = await startOrigin(handler);
        const { nodes, gates, prefix } = await startGated(t, origin);
        const [first, second, third] = nodes;
        for (const path of ['/a/1', '/b/1']) await shareAmong(nodes, path, sharedIn([server], prefix));
        const earlier = new Map(counts);
        const isNew = (path: string) => (response: ClientResponse): boolean => versionOf(response) > earlier.get(path)!;
        gates[2]![way]();
        await third.untilThere(false);
        await third.purge(what);
        assert.ok(isNew('/a/1')(await third.get('/a/1')));
        assert.equal(await third.result('/a/1'), 'HIT');
        assert.ok(!isNew('/a/1')(await first.get('/a/1')));
        gates[2]!.open();
        for (const node of [first, second]) await eventually(() => node.get('/a/1'), isNew('/a/1'));
        assert.equal(isNew('/b/1')(await first.get('/b/1')), 'all' in what);
      });
    }
  }

  test('does not let what it fetched meanwhile survive a purge that it did not hear of', async (t) => {
    const { handler } = pages();
    await using origin = await startOrigin(handler);
    const { nodes, gates } = await startGated(t, origin);
    const [first, , third] = nodes;
    gates[2]!.cut();
    await third.untilThere(false);
    // Purges of its own put the numbers that it gives ahead of those of the others.
    for (let i = 0; i < 50; i++) await third.purge({ tag: `other ${i}` });
    assert.equal((await third.get('/a/1')).body.toString(), '/a/1 version 1');
    await first.purge({ tag: 'a' });
    gates[2]!.open();
    await third.untilThere();
    assert.notEqual((await third.get('/a/1')).body.toString(), '/a/1 version 1');
  });
});

describe('Redis comes and goes', { skip: skipWithoutRedis }, () => {

  test('the proxy starts without it, says so once, and uses it when it comes', async (t) => {
    const { handler } = pages();
    await using origin = await startOrigin(handler);
    const server = await startRedis(t);
    await server.kill();
    const node = await Node.start(t, origin.url, '--redis', server.url);
    await node.running.wrote('stderr', /is away/u);
    assert.equal(await node.result('/a/1'), 'MISS');
    assert.equal(await node.result('/a/1'), 'HIT');
    assert.equal((await node.purge({ url: '/a/1' })).purged, 1);
    await server.start();
    await node.untilThere();
    await shareAmong([node], '/a/2', sharedIn([server], 'millrace:'));
    await node.running.wrote('stderr', /answers again/u);
    assert.equal(node.running.stderr().match(/is away/gu)!.length, 1);
    assert.equal(node.running.stderr().includes('deprecat'), false);
  });

  test('all go on while it stands still, and while it restarts, and purges are in force afterwards', async (t) => {
    const { handler, counts } = pages();
    await using origin = await startOrigin(handler);
    const server = await startRedis(t);
    const nodes = await startFleet(t, origin.url, () => ['--redis', server.url]);
    const [first, second, third] = nodes;
    await shareAmong(nodes, '/a/1', sharedIn([server], 'millrace:'));
    server.signal('SIGSTOP');
    // Far more than a breaker stands, each of which would wait for it without one.
    await Promise.all(nodes.flatMap((node) => Array.from({ length: 40 }, (_, i) => node.get(`/b/${i}`))));
    for (const node of nodes) {
      await node.untilThere(false);
      assert.equal(await node.result('/a/1'), 'HIT');
      assert.equal(await node.result('/b/7'), 'HIT');
      const { peer, errors } = await node.peer();
      assert.ok(errors > 0);
      assert.ok(peer!.skipped > 0);
    }
    server.signal('SIGCONT');
    for (const node of nodes) await node.untilThere();
    assert.equal(await third.result('/a/1'), 'HIT');

    // It comes back empty: what nobody has any more there is still a hit where it is in memory.
    await server.kill();
    for (const node of nodes) await node.untilThere(false);
    const earlier = counts.get('/a/1')!;
    await first.purge({ tag: 'a' });
    assert.equal(versionOf(await second.get('/a/1')), earlier);
    await server.start();
    for (const node of nodes) await node.untilThere();
    for (const node of nodes) await eventually(() => node.get('/a/1'), (response) => versionOf(response) > earlier);
    for (const node of nodes) assert.equal(await node.result('/b/7'), 'HIT');
  });

  test('a purge that only others saw before Redis lost everything comes back with them', async (t) => {
    const { handler, counts } = pages();
    await using origin = await startOrigin(handler);
    const server = await startRedis(t);
    const gate = await startTcpGate(t, server.port);
    const nodes = await startFleet(t, origin.url, (index) => ['--redis', index === 2 ? `redis://127.0.0.1:${gate.port}` : server.url]);
    await shareAmong(nodes, '/a/1', sharedIn([server], 'millrace:'));
    gate.cut();
    await nodes[2].untilThere(false);
    const earlier = counts.get('/a/1')!;
    await nodes[0].purge({ tag: 'a' });
    await eventually(() => nodes[1].get('/a/1'), (response) => versionOf(response) > earlier);
    await server.kill();
    await server.start();
    for (const node of nodes.slice(0, 2)) await node.untilThere();
    gate.open();
    await eventually(() => nodes[2].get('/a/1'), (response) => versionOf(response) > earlier);
  });
});
