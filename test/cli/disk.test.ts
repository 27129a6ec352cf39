import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, describe, test } from 'node:test';
import type { ProxyStats } from '../../src/proxy/stats.ts';
import { administer } from '../kit/administer.ts';
import { request } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { mountSmall, writeUntilFull } from '../kit/small-disk.ts';
import { until } from '../kit/until.ts';
import { Home, type Running, WORKERS } from './command.ts';

const BODIES: Readonly<Record<string, Buffer>> = { '/small': Buffer.alloc(500, 's'), '/medium': Buffer.alloc(50_000, 'm'), '/large': Buffer.alloc(700_000, 'l') };
const PATHS = Object.keys(BODIES);

async function originOf(t: TestContext): Promise<TestOrigin> {
  const origin = await startOrigin((incoming, response) => {
    response.setHeader('Cache-Control', 'max-age=600');
    if (incoming.url === '/tagged') response.setHeader('Cache-Groups', '"group"');
    response.end(BODIES[incoming.url!] ?? incoming.url);
  });
  t.after(() => origin.close());
  return origin;
}

/** Always the same one, as the Host that clients use selects among what is stored, and each process has another port. */
const HOST = { Host: 'www.example' };

async function get(url: string, method = 'GET'): Promise<string> {
  const response = await request(url, { method, headers: HOST });
  const { pathname } = new URL(url);
  if (method === 'GET') assert.ok((BODIES[pathname] ?? Buffer.from(pathname)).equals(response.body), `the body of ${pathname}`);
  return response.headers.get('x-cache')!;
}

async function stats(running: Running): Promise<ProxyStats> {
  return JSON.parse((await administer(running, '/__admin/stats')).body.toString()) as ProxyStats;
}

/** Asks until it is stored: that is a little after the client has it. */
async function store(running: Running, paths: readonly string[]): Promise<void> {
  const before = (await stats(running)).store.objects;
  for (const path of paths) await get(running.url + path);
  await until(`${paths.length} more are stored`, async () => (await stats(running)).store.objects, (objects) => objects >= before + paths.length);
}

async function end({ process, finished }: Running, signal: NodeJS.Signals): Promise<void> {
  process.kill(signal);
  await finished;
}

describe(`a cache on disk, ${WORKERS} worker(s)`, () => {
  test('outlives the process after SIGTERM and SIGKILL, and is served at once', async (t) => {
    const origin = await originOf(t);
    const home = new Home(t);
    const args = ['--port', '0', '--origin', origin.url, '--cache-dir', 'kept', '--max-disk', '20MB', '--log-format', 'off', '--workers', WORKERS];
    const assertServed = async (running: Running, paths: readonly string[]): Promise<void> => {
      const asked = origin.requests.length;
      for (const path of paths) assert.equal(await get(running.url + path), 'HIT', path);
      assert.equal(origin.requests.length, asked);
      const { tiers } = (await stats(running)).store;
      assert.deepEqual(tiers!.map(({ name }) => name), ['memory', 'disk']);
      assert.deepEqual([tiers![1]!.objects, tiers![1]!.maxBytes, tiers![1]!.hits], [paths.length, 20 * 2 ** 20, paths.length]);
      assert.ok(tiers![1]!.latency!.count >= paths.length && tiers![1]!.latency!.max > 0);
    };
    const first = await home.start(...args);
    assert.match(first.stderr(), /keeps .* in 256MB of memory and 20MB on disk, in kept\n/u);
    await store(first, PATHS);
    await end(first, 'SIGTERM');
    const second = await home.start(...args);
    await assertServed(second, PATHS);
    const more = ['/one', '/two', '/three'];
    await store(second, more);
    await end(second, 'SIGKILL');
    const third = await home.start(...args);
    await assertServed(third, [...PATHS, ...more]);
    const text = (await home.run('stats', '--port', String(third.port))).stdout;
    assert.match(text, /^ {2}memory +\d objects in .* of 256MB, \d+ hits, 0 evicted$/mu);
    assert.match(text, /^ {2}disk +6 objects in .* of 20MB, 6 hits, 0 evicted; half were found within \S+ ms, 99 % within \S+ ms$/mu);
  });

  test('what was purged or invalidated before it was killed does not come back', async (t) => {
    const origin = await originOf(t);
    const home = new Home(t);
    const args = ['--port', '0', '--origin', origin.url, '--cache-dir', 'kept', '--log-format', 'off', '--workers', WORKERS];
    const paths = ['/kept', '/url', '/prefix/one', '/tagged', '/unsafe'];
    const first = await home.start(...args);
    await store(first, paths);
    const purge = async (what: object): Promise<void> => assert.equal((await administer(first, '/__admin/purge', { method: 'POST', body: JSON.stringify(what) })).status, 200);
    await Promise.all([purge({ url: '/url' }), purge({ prefix: '/pre' }), purge({ tag: 'group' }), get(`${first.url}/unsafe`, 'POST')]);
    await end(first, 'SIGKILL');
    const second = await home.start(...args);
    for (const path of paths) assert.equal(await get(second.url + path), path === '/kept' ? 'HIT' : 'MISS', path);
    assert.equal((await administer(second, '/__admin/clear-cache', { method: 'POST' })).status, 200);
    await end(second, 'SIGKILL');
    const third = await home.start(...args);
    for (const path of paths) assert.equal(await get(third.url + path), 'MISS', path);
  });
});

test('a response to QUERY that an earlier process stored is invalidated with its URL', async (t) => {
  const origin = await originOf(t);
  const home = new Home(t);
  const args = ['--port', '0', '--origin', origin.url, '--cache-dir', 'kept', '--log-format', 'off'];
  const query = async ({ url }: Running): Promise<string> => (await request(`${url}/q`, { method: 'QUERY', body: 'x', headers: { ...HOST, 'Content-Type': 'text/plain' } })).headers.get('x-cache')!;
  const first = await home.start(...args);
  assert.deepEqual([await query(first), await query(first)], ['MISS', 'HIT']);
  await end(first, 'SIGTERM');
  const second = await home.start(...args);
  assert.equal(await query(second), 'HIT');
  await get(`${second.url}/q`, 'POST');
  assert.equal(await query(second), 'MISS');
});

describe('--clear-cache', () => {
  test('beside other options begins with an empty cache', async (t) => {
    const origin = await originOf(t);
    const home = new Home(t);
    const args = ['--port', '0', '--origin', origin.url, '--cache-dir', 'kept', '--log-format', 'off'];
    const first = await home.start(...args);
    await store(first, PATHS);
    await end(first, 'SIGTERM');
    const second = await home.start('--clear-cache', ...args);
    assert.equal((await stats(second)).store.objects, 0);
    for (const path of PATHS) assert.equal(await get(second.url + path), 'MISS');
  });
});

describe('without --origin', () => {
  const args = ['60', '--port', '0', '--log-format', 'off'];

  test('the cache is in ./cache', async (t) => {
    const origin = await originOf(t);
    const home = new Home(t);
    const path = `/127.0.0.1:${new URL(origin.url).port}/small`;
    for (const [round, expected] of ['MISS', 'HIT'].entries()) {
      const running = await home.start(...args, ...(round === 0 ? ['--max-disk', '1GB'] : []));
      assert.match(running.stderr(), /on disk, in \.\/cache\n/u);
      assert.doesNotMatch(running.stderr(), /in memory alone/u);
      assert.equal((await request(running.url + path)).headers.get('x-cache'), expected);
      await end(running, 'SIGTERM');
    }
    assert.ok(existsSync(join(home.directory, 'cache', 'millrace.json')));
  });

  for (const words of [['0'], ['--no-cache'], ['demo']]) {
    test(`nothing is written there with ${words[0]}`, async (t) => {
      const home = new Home(t);
      await home.start(...words, '--port', '0', '--log-format', 'off');
      assert.equal(existsSync(join(home.directory, 'cache')), false);
    });
  }

  test('a ./cache of another program is left alone, and done without', async (t) => {
    const origin = await originOf(t);
    const home = new Home(t);
    mkdirSync(join(home.directory, 'cache'));
    writeFileSync(join(home.directory, 'cache', 'thesis.txt'), 'words');
    const running = await home.start(...args);
    assert.match(running.stderr(), /warning: \S+\/cache is no cache of Millrace: .*Nothing was touched\..* Until then responses are kept in memory alone\.\n/u);
    assert.doesNotMatch(running.stderr(), /on disk, in/u);
    const url = `${running.url}/127.0.0.1:${new URL(origin.url).port}/small`;
    assert.deepEqual([(await request(url)).headers.get('x-cache'), (await request(url)).headers.get('x-cache')], ['MISS', 'HIT']);
    assert.deepEqual(readdirSync(join(home.directory, 'cache')), ['thesis.txt']);
  });

  test('a ./cache in use is done without; one that is named is not', async (t) => {
    const home = new Home(t);
    await home.start(...args);
    for (const more of [[], ['--workers', '2']]) {
      const second = await home.start(...args, ...more);
      assert.match(second.stderr(), /warning: The cache in \S+\/cache is in use by another running proxy\..* Until then responses are kept in memory alone\.\n/u);
      const named = await home.run(...args, ...more, '--cache-dir', 'cache');
      assert.deepEqual([named.code, named.stdout], [1, '']);
      assert.match(named.stderr, /^millrace: The cache in \S+\/cache is in use by another running proxy\. Stop that one, or name another directory with --cache-dir\.\n$/u);
    }
  });
});

test(`a full disk: ${WORKERS} worker(s) go on without storing, say so once, count it, and store again when there is room`, async (t) => {
  const directory = mountSmall(t, 16);
  if (directory === undefined) return;
  const origin = await startOrigin((_incoming, response) => void response.setHeader('Cache-Control', 'max-age=600').end(Buffer.alloc(300_000, 'b')));
  t.after(() => origin.close());
  const running = await new Home(t).start('--port', '0', '--origin', origin.url, '--cache-dir', join(directory, 'cache'), '--max-memory', '512KB', '--max-object', '1MB', '--log-format', 'off', '--workers', WORKERS);
  const ask = async (path: string): Promise<string> => {
    const response = await request(running.url + path, { headers: HOST });
    assert.deepEqual([response.status, response.body.length], [200, 300_000]);
    return response.headers.get('x-cache')!;
  };
  const said = (pattern: RegExp): number => running.stderr().match(pattern)?.length ?? 0;
  assert.equal(await ask('/kept'), 'MISS');
  await until('/kept is a hit', () => ask('/kept'), (result) => result === 'HIT');
  writeUntilFull(join(directory, 'filler'));
  for (let i = 0; i < 40; i++) assert.equal(await ask(`/full/${i}`), 'MISS');
  assert.equal(await ask('/kept'), 'HIT', 'what is stored is served');
  await running.wrote('stderr', /warning: Nothing can be stored in \S+ now: .*\. Responses are served without being stored/u);
  assert.ok((await stats(running)).store.tiers!.at(-1)!.errors > 0);
  rmSync(join(directory, 'filler'));
  let asked = 0;
  await until('it says that it stores again', async () => {
    await ask(`/again/${asked++ % 10}`);
    return said(/can be written again/gu) > 0;
  });
  await until('/again/0 is a hit', () => ask('/again/0'), (result) => result === 'HIT');
  assert.deepEqual([said(/Nothing can be stored/gu), said(/can be written again/gu)], [1, 1]);
});

test(`a full disk: ${WORKERS} worker(s) stop well, and say what could not be written out`, async (t) => {
  const directory = mountSmall(t, 16);
  if (directory === undefined) return;
  const origin = await startOrigin((_incoming, response) => void response.setHeader('Cache-Control', 'max-age=600').end('page'));
  t.after(() => origin.close());
  const running = await new Home(t).start('--port', '0', '--origin', origin.url, '--cache-dir', join(directory, 'cache'), '--log-format', 'off', '--workers', WORKERS);
  // So much that the log of the table does not fit into the table any more.
  for (let i = 0; i < 300; i++) await request(`${running.url}/${i}`, { headers: HOST });
  writeUntilFull(join(directory, 'filler'));
  running.process.kill('SIGTERM');
  const { code, stderr } = await running.finished;
  assert.equal(code, 0, stderr);
  // By chance nothing had to be written out, or it had its place in the table already.
  const isWrittenOut = !existsSync(join(directory, 'cache', 'index.db-wal'));
  assert.equal(/warning: The cache in \S+ could not be written out before it was closed: .*full/u.test(stderr), !isWrittenOut, stderr);
  assert.doesNotMatch(stderr, /stopping failed/u);
});

test('a directory of another version is refused and left as it is', async (t) => {
  const home = new Home(t);
  const directory = mkdtempSync(join(tmpdir(), 'millrace-version-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'millrace.json'), '{"program":"millrace","format":99}');
  const done = await home.run('--port', '0', '--origin', 'http://127.0.0.1:9', '--cache-dir', directory);
  assert.equal(done.code, 1);
  assert.match(done.stderr, /has format 99, this program reads 4\. Nothing was touched\./u);
  assert.deepEqual(readdirSync(directory), ['millrace.json']);
});
