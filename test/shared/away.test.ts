import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Stamps } from '../../src/cache/stamps.ts';
import { AWAY } from '../../src/stores/breaker.ts';
import { MemcachedClient } from '../../src/stores/memcached-client.ts';
import { skipWithoutMemcached, startMemcached } from '../kit/memcached-server.ts';
import { startOrigin } from '../kit/origin.ts';
import { type RedisServer, skipWithoutRedis, startRedis } from '../kit/redis-server.ts';
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

/** Paths of one test. */
class Area {
  /** In each way of a purge, one of what it is about. */
  readonly purged: Readonly<Record<string, object>>;
  /** Not meant by any of them. */
  readonly kept: string;
  /** Not asked for before. */
  readonly unknown: string;

  constructor(name: string) {
    this.purged = { [`/${name}-u/1`]: { url: `/${name}-u/1` }, [`/${name}-p/1`]: { prefix: `/${name}-p/` }, [`/${name}-t/1`]: { tag: `${name}-t` } };
    this.kept = `/${name}-k/1`;
    this.unknown = `/${name}-new/1`;
  }

  get paths(): string[] {
    return [...Object.keys(this.purged), this.kept];
  }
}

for (const [kind, { skip, start }] of Object.entries(KINDS)) {
  describe(`a proxy that is cut off from ${kind}`, { skip }, () => {
    const undoing = new Undoing();
    let nodes: [Node, Node, Node];
    /** Between the third of them and the server. */
    let gate: TcpGate;
    before(async () => {
      const origin = await startOrigin(pages().handler);
      undoing.after(() => origin.close());
      const shared = await start(undoing);
      const gates = await Promise.all([0, 1, 2].map(() => startTcpGate(undoing, shared.port)));
      nodes = await startFleet(undoing, origin.url, (index) => shared.args(gates[index]!));
      gate = gates[2]!;
    });
    after(() => undoing.undo());

    /** Everyone has all paths of it. */
    const share = async (name: string): Promise<Area> => {
      const area = new Area(name);
      gate.open();
      for (const node of nodes) await node.untilThere();
      await Promise.all(area.paths.map((path) => shareAmong(nodes, path, async () => false)));
      return area;
    };

    for (const way of ['cut', 'stall'] as const) {
      test(`(${way}) serves what it has, and hears of purges when it comes back`, async () => {
        const [first, , third] = nodes;
        const { paths, purged, kept, unknown } = await share(`hears-${way}`);
        const earlier = await versionsOf(third, paths);
        gate[way]();
        await third.untilThere(false);
        for (const what of Object.values(purged)) await first.purge(what);
        assert.deepEqual(await versionsOf(third, paths), earlier);
        assert.equal(await third.result(unknown), 'MISS');
        assert.equal(await third.result(unknown), 'HIT');
        gate.open();
        await third.untilThere();
        for (const path of Object.keys(purged)) await until('the purge is in force', () => third.get(path), (response) => versionOf(response) !== earlier.get(path));
        assert.equal(versionOf(await third.get(kept)), earlier.get(kept));
        gate[way]();
        await third.untilThere(false);
        await first.purge({ all: true });
        assert.equal(versionOf(await third.get(kept)), earlier.get(kept));
        gate.open();
        await third.untilThere();
        await until('the purge is in force', () => third.get(kept), (response) => versionOf(response) !== earlier.get(kept));
      });

      test(`(${way}) purges for itself at once, and for the others when it comes back`, async () => {
        const [first, , third] = nodes;
        const { paths, purged, kept } = await share(`tells-${way}`);
        const earlier = await versionsOf(first, paths);
        const own = await versionsOf(third, paths);
        gate[way]();
        await third.untilThere(false);
        for (const [path, what] of Object.entries(purged)) {
          await third.purge(what);
          assert.notEqual(versionOf(await third.get(path)), own.get(path), path);
          assert.equal(await third.result(path), 'HIT');
        }
        assert.deepEqual(await versionsOf(first, paths), earlier);
        gate.open();
        for (const path of Object.keys(purged)) await until('the purge is in force', () => first.get(path), (response) => versionOf(response) !== earlier.get(path));
        assert.equal(versionOf(await first.get(kept)), earlier.get(kept));
        gate[way]();
        await third.untilThere(false);
        await third.purge({ all: true });
        gate.open();
        await until('the purge is in force', () => first.get(kept), (response) => versionOf(response) !== earlier.get(kept));
      });
    }

    test('does not let what it fetched meanwhile survive a purge that it did not hear of', async () => {
      const [first, , third] = nodes;
      await share('meanwhile');
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

async function versionsOf(node: Node, paths: readonly string[]): Promise<Map<string, number>> {
  const versions = new Map<string, number>();
  for (const path of paths) versions.set(path, versionOf(await node.get(path)));
  return versions;
}

test('a proxy starts without Redis, says so once, and uses it when it comes', { skip: skipWithoutRedis }, async (t) => {
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

describe('three proxies whose Redis comes and goes', { skip: skipWithoutRedis }, () => {
  const undoing = new Undoing();
  const { handler, counts } = pages();
  let server: RedisServer;
  let nodes: [Node, Node, Node];
  /** Between the third of them and the server. */
  let gate: TcpGate;
  before(async () => {
    const origin = await startOrigin(handler);
    undoing.after(() => origin.close());
    server = await startRedis(undoing);
    gate = await startTcpGate(undoing, server.port);
    nodes = await startFleet(undoing, origin.url, (index) => ['--redis', index === 2 ? `redis://127.0.0.1:${gate.port}` : server.url]);
  });
  after(() => undoing.undo());

  test('all go on while it stands still, and while it restarts, and purges are in force afterwards', async () => {
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

  test('a purge that only others saw before Redis lost everything comes back with them', async () => {
    for (const node of nodes) await node.untilThere();
    await shareAmong(nodes, '/lost/1', sharedIn([server], 'millrace:'));
    gate.cut();
    await nodes[2].untilThere(false);
    const earlier = counts.get('/lost/1')!;
    await nodes[0].purge({ tag: 'lost' });
    await until('the purge is in force', () => nodes[1].get('/lost/1'), (response) => versionOf(response) > earlier);
    await server.kill();
    await server.start();
    for (const node of nodes.slice(0, 2)) await node.untilThere();
    gate.open();
    await until('the purge is in force', () => nodes[2].get('/lost/1'), (response) => versionOf(response) > earlier);
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
