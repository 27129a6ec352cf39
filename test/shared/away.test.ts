import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { type TestContext, after, before, describe, test } from 'node:test';
import { Stamps } from '../../src/cache/stamps.ts';
import { AWAY } from '../../src/stores/breaker.ts';
import { MemcachedClient } from '../../src/stores/memcached-client.ts';
import { skipWithoutMemcached, startMemcached } from '../kit/memcached-server.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { skipWithoutRedis, startRedis } from '../kit/redis-server.ts';
import { Undoing } from '../kit/server-process.ts';
import { type TcpGate, startTcpGate } from '../kit/tcp-gate.ts';
import { until } from '../kit/until.ts';
import { Node, pages, shareAmong, sharedIn, startFleet, versionOf } from './fleet.ts';

/** One server, and how a proxy is told of it where it stands behind a gate. */
interface Shared {
  readonly port: number;
  readonly args: (gate: TcpGate) => readonly string[];
}

const KINDS: Readonly<Record<string, { skip: string | false; start: (undoing: Undoing) => Promise<Shared> }>> = {
  Redis: {
    skip: skipWithoutRedis,
    start: async (undoing) => {
      const { port } = await startRedis(undoing);
      return { port, args: (gate) => ['--redis', `redis://127.0.0.1:${gate.port}`] };
    },
  },
  Memcached: {
    skip: skipWithoutMemcached,
    start: async (undoing) => {
      const { port } = await startMemcached(undoing);
      return { port, args: (gate) => ['--memcached', `127.0.0.1:${gate.port}`] };
    },
  },
};

/** In each way, one of what stands there; and what is not meant by any of them. */
const PURGED: Readonly<Record<string, object>> = { '/u/1': { url: '/u/1' }, '/p/1': { prefix: '/p/' }, '/t/1': { tag: 't' } };
const KEPT = '/k/1';
const PATHS = [...Object.keys(PURGED), KEPT];

for (const [kind, { skip, start }] of Object.entries(KINDS)) {
  describe(`a proxy that is cut off from ${kind}`, { skip }, () => {
    const undoing = new Undoing();
    let shared: Shared;
    before(async () => {
      shared = await start(undoing);
    });
    after(() => undoing.undo());

    /** Each has a gate of its own; all have all of the paths. */
    const startGated = async (t: TestContext, origin: TestOrigin): Promise<{ nodes: [Node, Node, Node]; gate: TcpGate }> => {
      const gates = await Promise.all([0, 1, 2].map(() => startTcpGate(t, shared.port)));
      const nodes = await startFleet(t, origin.url, (index) => shared.args(gates[index]!));
      await Promise.all(PATHS.map((path) => shareAmong(nodes, path, async () => false)));
      return { nodes, gate: gates[2]! };
    };

    for (const way of ['cut', 'stall'] as const) {
      test(`(${way}) serves what it has, and hears of purges when it comes back`, async (t) => {
        const { handler } = pages();
        await using origin = await startOrigin(handler);
        const { nodes, gate } = await startGated(t, origin);
        const [first, , third] = nodes;
        const earlier = await versionsOf(third);
        gate[way]();
        await third.untilThere(false);
        for (const what of Object.values(PURGED)) await first.purge(what);
        assert.deepEqual(await versionsOf(third), earlier);
        assert.equal(await third.result('/new'), 'MISS');
        assert.equal(await third.result('/new'), 'HIT');
        gate.open();
        await third.untilThere();
        for (const path of Object.keys(PURGED)) await until('the purge is in force', () => third.get(path), (response) => versionOf(response) !== earlier.get(path));
        assert.equal(versionOf(await third.get(KEPT)), earlier.get(KEPT));
        gate[way]();
        await third.untilThere(false);
        await first.purge({ all: true });
        assert.equal(versionOf(await third.get(KEPT)), earlier.get(KEPT));
        gate.open();
        await third.untilThere();
        await until('the purge is in force', () => third.get(KEPT), (response) => versionOf(response) !== earlier.get(KEPT));
      });

      test(`(${way}) purges for itself at once, and for the others when it comes back`, async (t) => {
        const { handler } = pages();
        await using origin = await startOrigin(handler);
        const { nodes, gate } = await startGated(t, origin);
        const [first, , third] = nodes;
        const earlier = await versionsOf(first);
        const own = await versionsOf(third);
        gate[way]();
        await third.untilThere(false);
        for (const [path, what] of Object.entries(PURGED)) {
          await third.purge(what);
          assert.notEqual(versionOf(await third.get(path)), own.get(path), path);
          assert.equal(await third.result(path), 'HIT');
        }
        assert.deepEqual(await versionsOf(first), earlier);
        gate.open();
        for (const path of Object.keys(PURGED)) await until('the purge is in force', () => first.get(path), (response) => versionOf(response) !== earlier.get(path));
        assert.equal(versionOf(await first.get(KEPT)), earlier.get(KEPT));
        gate[way]();
        await third.untilThere(false);
        await third.purge({ all: true });
        gate.open();
        await until('the purge is in force', () => first.get(KEPT), (response) => versionOf(response) !== earlier.get(KEPT));
      });
    }

    test('does not let what it fetched meanwhile survive a purge that it did not hear of', async (t) => {
      const { handler } = pages();
      await using origin = await startOrigin(handler);
      const { nodes, gate } = await startGated(t, origin);
      const [first, , third] = nodes;
      gate.cut();
      await third.untilThere(false);
      // Purges of its own put the numbers that it gives ahead of those of the others.
      for (let i = 0; i < 50; i++) await third.purge({ tag: `other ${i}` });
      const version = versionOf(await third.get('/a/1'));
      await first.purge({ tag: 'a' });
      gate.open();
      await third.untilThere();
      // On a busy machine the other one may have been late to tell of it.
      await until('the purge is in force', () => third.get('/a/1'), (response) => versionOf(response) !== version);
    });
  });
}

async function versionsOf(node: Node): Promise<Map<string, number>> {
  const versions = new Map<string, number>();
  for (const path of PATHS) versions.set(path, versionOf(await node.get(path)));
  return versions;
}

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
    for (const node of nodes) await until('the purge is in force', () => node.get('/a/1'), (response) => versionOf(response) > earlier);
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
    await until('the purge is in force', () => nodes[1].get('/a/1'), (response) => versionOf(response) > earlier);
    await server.kill();
    await server.start();
    for (const node of nodes.slice(0, 2)) await node.untilThere();
    gate.open();
    await until('the purge is in force', () => nodes[2].get('/a/1'), (response) => versionOf(response) > earlier);
  });
});

test('a journal in Memcached that somebody wrote over ends no proxy: each goes on, one warns, and purges are told again', { skip: skipWithoutMemcached }, async (t) => {
  const { handler, counts } = pages();
  await using origin = await startOrigin(handler);
  const { address, port } = await startMemcached(t);
  const nodes = await startFleet(t, origin.url, () => ['--memcached', address, '--workers', '2']);
  const [first, second] = nodes;
  await first.get('/a/1');
  const client = new MemcachedClient({ addresses: [{ host: '127.0.0.1', port }], onNotice: () => undefined, onConnect: () => undefined });
  t.after(() => client.close());
  const key = `millrace:journal:${hash('sha1', Stamps.LAYOUT).slice(0, 8)}`;
  await until('the journal is written over', () => client.run(key, `ms ${key} 3`, Buffer.from('abc')), (reply) => reply !== AWAY);
  await until('one of them warns', () => nodes.map(({ running }) => running.stderr()).join(''), (said) => /warning: what lies in \S+ under millrace:journal:\w+ was no journal of purges/u.test(said));
  for (const node of nodes) await node.untilThere();
  const earlier = counts.get('/a/1')!;
  await second.purge({ prefix: '/a/' });
  await until('the purge is in force', () => first.get('/a/1'), (response) => versionOf(response) > earlier);
  for (const { running } of nodes) assert.doesNotMatch(running.stderr(), /SyntaxError|defect/u);
});
