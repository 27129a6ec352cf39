/**
 * @module test/cache/purge
 * What a purge hits, hard or soft, and what clients and the origin see afterwards.
 */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { describe, test } from 'node:test';
import { administer } from '../kit/administer.ts';
import { type ClientResponse, open, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';
import { until } from '../kit/until.ts';

const result = (response: ClientResponse): string => response.headers.get('x-cache')!;

async function purge(proxy: TestProxy, what: object): Promise<unknown> {
  const response = await administer(proxy, '/__admin/purge', { method: 'POST', body: JSON.stringify(what) });
  return JSON.parse(response.body.toString()) as unknown;
}

/** Asks until it is a hit again; what was served on the way there. */
async function untilHit(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const results: string[] = [];
  await until(`${url} is a hit`, async () => results[results.push(result(await request(url, { headers }))) - 1], (last) => last === 'HIT');
  return results.slice(0, -1);
}

/** Pages that say which version they are; each is tagged with its first segment. */
function startPages(version: () => number, cacheControl = 'max-age=60'): Promise<TestOrigin> {
  return startOrigin((message, response) => {
    const tag = message.url!.split('/')[1]!;
    const etag = `"${version()}"`;
    const fields = { 'Cache-Control': cacheControl, 'Cache-Tag': tag, ETag: etag };
    if (message.headers['if-none-match'] === etag) response.writeHead(304, fields).end();
    else response.writeHead(200, fields).end(`${message.url} ${version()}`);
  });
}

describe('what a purge hits', () => {
  const PATHS = ['/news/1', '/news/2', '/sport'];
  const cases: [name: string, what: object, hit: string[], hard: number | null, soft: number | null][] = [
    ['a URL', { url: '/news/1' }, ['/news/1'], 1, 1],
    ['a prefix', { prefix: '/news/' }, ['/news/1', '/news/2'], 2, 2],
    ['a tag', { tag: 'news' }, ['/news/1', '/news/2'], null, null],
    ['everything', { all: true }, PATHS, 3, 3],
    ['nothing', { url: '/never' }, [], 0, 0],
    ['another host', { host: 'other.example' }, [], null, null],
  ];
  for (const [name, what, hit, hard, soft] of cases) {
    test(`${name}, hard`, async () => {
      await using origin = await startPages(() => 1);
      await using proxy = await startMillrace({ origin: origin.url });
      for (const path of PATHS) await request(proxy.url + path);
      assert.deepEqual(await purge(proxy, what), { purged: hard });
      for (const path of PATHS) assert.equal(result(await request(proxy.url + path)), hit.includes(path) ? 'MISS' : 'HIT', path);
    });

    test(`${name}, soft`, async () => {
      let version = 1;
      await using origin = await startPages(() => version);
      await using proxy = await startMillrace({ origin: origin.url });
      for (const path of PATHS) await request(proxy.url + path);
      version = 2;
      assert.deepEqual(await purge(proxy, { ...what, soft: true }), { purged: soft, soft: true });
      for (const path of PATHS) {
        const response = await request(proxy.url + path);
        assert.equal(response.body.toString(), `${path} 1`);
        assert.equal(result(response), hit.includes(path) ? 'STALE' : 'HIT', path);
        if (hit.includes(path)) assert.equal(response.headers.get('cache-status'), 'Millrace;hit;ttl=0;detail=soft-purged');
      }
      // Fresh again, and what the origin has now.
      for (const path of hit) {
        await untilHit(proxy.url + path);
        assert.equal((await request(proxy.url + path)).body.toString(), `${path} 2`);
      }
      assert.equal(origin.requests.length, PATHS.length + hit.length);
    });
  }

  test('a host is that of the origin, and the one by which clients know the proxy', async () => {
    await using origin = await startPages(() => 1);
    await using proxy = await startMillrace({ origin: origin.url });
    const state = async (host: string): Promise<string> => result(await request(`${proxy.url}/a`, { headers: { Host: host } }));
    const prime = async (): Promise<void> => {
      for (const host of ['one.example', 'two.example:8000']) await until(`it is a hit at ${host}`, () => state(host), (last) => last === 'HIT');
    };
    await prime();
    await purge(proxy, { host: 'one.example' });
    // The first of the variants is purged, and the list of the others stands with it.
    assert.deepEqual([await state('two.example:8000'), await state('one.example')], ['HIT', 'MISS']);
    await prime();
    await purge(proxy, { host: 'TWO.example:8000' });
    assert.deepEqual([await state('one.example'), await state('two.example:8000')], ['HIT', 'MISS']);
    await prime();
    await purge(proxy, { host: 'two.example' });
    assert.equal(await state('two.example:8000'), 'HIT');
    await purge(proxy, { host: new URL(origin.url).host, soft: true });
    assert.deepEqual([await state('one.example'), await state('two.example:8000')], ['STALE', 'STALE']);
  });

  test('a host of many, and no other', async () => {
    await using one = await startPages(() => 1);
    await using two = await startPages(() => 1);
    await using proxy = await startMillrace({});
    const state = async ({ port }: TestOrigin): Promise<string> => result(await request(`${proxy.url}/127.0.0.1:${port}/a`));
    for (const origin of [one, two]) await state(origin);
    assert.deepEqual(await purge(proxy, { host: `127.0.0.1:${one.port}` }), { purged: null });
    assert.deepEqual([await state(one), await state(two)], ['MISS', 'HIT']);
  });

  test('the variants of a URL, each by its own tags', async () => {
    await using origin = await startOrigin((message, response) => {
      const language = message.headers['accept-language']!;
      response.writeHead(200, { 'Cache-Control': 'max-age=60', Vary: 'Accept-Language', 'Cache-Tag': language }).end(language);
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const state = async (language: string): Promise<string> => result(await request(`${proxy.url}/a`, { headers: { 'Accept-Language': language } }));
    const all = async (): Promise<string[]> => [await state('de'), await state('en'), await state('fr')];
    assert.deepEqual(await all(), ['MISS', 'MISS', 'MISS']);
    await purge(proxy, { tag: 'de' });
    await request(`${proxy.url}/a`, { headers: { 'Accept-Language': 'en', 'Cache-Control': 'no-cache' } });
    // What is stored anew takes the place it had.
    assert.deepEqual(await purge(proxy, { prefix: '/a', soft: true }), { purged: 2, soft: true });
    for (const language of ['de', 'en', 'fr']) await until(`it is a hit in ${language}`, () => state(language), (last) => last === 'HIT');
    await purge(proxy, { tag: 'de' });
    assert.deepEqual(await all(), ['MISS', 'HIT', 'HIT']);
    await purge(proxy, { tag: 'en' });
    assert.deepEqual(await all(), ['HIT', 'MISS', 'HIT']);
    assert.deepEqual(await purge(proxy, { url: '/a', soft: true }), { purged: 3, soft: true });
    assert.deepEqual(await all(), ['STALE', 'STALE', 'STALE']);
  });

  const onItsWay: [name: string, what: (origin: TestOrigin) => object][] = [
    ['by a tag that nobody knows yet', () => ({ tag: 'news' })],
    ['by its host', ({ url }) => ({ host: new URL(url).host })],
    ['by a prefix', () => ({ prefix: '/' })],
    ['with everything', () => ({ all: true })],
  ];
  for (const [name, what] of onItsWay) test(`what is on its way, ${name}`, async () => {
    const rest = gate();
    await using origin = await startOrigin(async (_message, response, { index }) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Cache-Tag': 'news' }).write(`${index} `);
      if (index === 0) await rest.wait;
      response.end('end');
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const before = await open(`${proxy.url}/a`);
    await before.received('0 ');
    await purge(proxy, what(origin));
    const after = await open(`${proxy.url}/a`);
    await after.received(2);
    assert.equal(after.body.toString().slice(0, 2), '1 ');
    rest.open();
    assert.equal((await before.finish()).body.toString(), '0 end');
    await after.finish();
    assert.equal((await request(`${proxy.url}/a`)).body.toString(), '1 end');
  });
});

describe('after a soft purge', () => {
  test('what is confirmed is fresh again, and a second purge means it again', async () => {
    await using origin = await startPages(() => 1);
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/a`);
    for (let round = 0; round < 2; round++) {
      await purge(proxy, { tag: 'a', soft: true });
      assert.ok((await untilHit(`${proxy.url}/a`)).every((each) => each === 'STALE'));
      assert.equal(origin.requests.at(-1)!.headers.get('if-none-match'), '"1"');
    }
    assert.equal(origin.requests.length, 3);
  });

  for (const directive of ['must-revalidate', 'proxy-revalidate', 'no-cache="x", must-revalidate']) {
    test(`${directive}: nothing stale is served`, async () => {
      let version = 1;
      await using origin = await startPages(() => version, `max-age=60, ${directive}`);
      await using proxy = await startMillrace({ origin: origin.url });
      await request(`${proxy.url}/a`);
      await purge(proxy, { all: true, soft: true });
      assert.equal(result(await request(`${proxy.url}/a`)), 'REVALIDATED');
      assert.equal(result(await request(`${proxy.url}/a`)), 'HIT');
      await purge(proxy, { all: true, soft: true });
      version = 2;
      assert.equal((await request(`${proxy.url}/a`)).body.toString(), '/a 2');
    });
  }

  test('stale responses serve while the origin fails, and are replaced when it is back', async () => {
    let fails = true;
    await using origin = await startOrigin((_message, response, { index }) => {
      if (index > 0 && fails) return void (index % 2 === 0 ? response.writeHead(503).end() : response.socket!.destroy());
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(String(index));
    });
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/a`);
    await purge(proxy, { url: '/a', soft: true });
    for (let attempts = 2; attempts < 6; attempts++) {
      const response = await request(`${proxy.url}/a`);
      assert.deepEqual([result(response), response.body.toString()], ['STALE', '0']);
      await origin.arrived(attempts);
      // The attempt before has to be over for the next request to make one.
      await until('the next attempt is made', async () => {
        assert.equal(result(await request(`${proxy.url}/a`)), 'STALE');
        return origin.requests.length > attempts;
      });
    }
    fails = false;
    assert.ok((await untilHit(`${proxy.url}/a`)).every((each) => each === 'STALE'));
    assert.notEqual((await request(`${proxy.url}/a`)).body.toString(), '0');
  });

  test('a HEAD is answered stale and has the whole response replaced; one that reaches the origin confirms no body', async () => {
    let version = 1;
    await using origin = await startOrigin((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Content-Length': 1 }).end(String(version)));
    await using proxy = await startMillrace({ origin: origin.url });
    const head = async (headers: Readonly<Record<string, string>> = {}): Promise<string> => result(await request(`${proxy.url}/a`, { method: 'HEAD', headers }));
    await request(`${proxy.url}/a`);
    await purge(proxy, { url: '/a', soft: true });
    version = 2;
    assert.equal(await head({ 'Cache-Control': 'no-cache' }), 'MISS');
    assert.equal(await head(), 'STALE');
    await until('HEAD is a hit', head, (last) => last === 'HIT');
    assert.equal((await request(`${proxy.url}/a`)).body.toString(), '2');
    assert.deepEqual(origin.requests.map(({ method }) => method), ['GET', 'HEAD', 'GET']);
  });

  test('a hard purge goes before it', async () => {
    await using origin = await startPages(() => 1);
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/a`);
    await purge(proxy, { tag: 'a', soft: true });
    await purge(proxy, { tag: 'a' });
    assert.equal(result(await request(`${proxy.url}/a`)), 'MISS');
  });

  test('explain says it', async () => {
    await using origin = await startPages(() => 1);
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/a`);
    await purge(proxy, { tag: 'a', soft: true });
    const text = (await request(`${proxy.url}/__admin/explain?url=/a`)).body.toString();
    const { now, stored } = JSON.parse(text) as { now: { action: string; reasons: { code: string }[] }; stored: { softPurged: boolean }[] };
    assert.deepEqual([now.action, now.reasons[0]!.code, stored[0]!.softPurged], ['stale-while-revalidate', 'soft-purged', true]);
  });

  test('of a response on its way: it serves, and is validated', async () => {
    const rest = gate();
    await using origin = await startOrigin(async (_message, response, { index }) => {
      if (index === 0) await rest.wait;
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(String(index));
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const before = request(`${proxy.url}/a`);
    await origin.arrived(1);
    await purge(proxy, { prefix: '/', soft: true });
    rest.open();
    await before;
    assert.ok((await untilHit(`${proxy.url}/a`)).every((each) => each === 'STALE'));
    assert.equal(origin.requests.length, 2);
  });
});

test('after a soft purge of everything the origin sees no more validations at once than it may, and clients do not wait', async (t) => {
  const OBJECTS = 2000;
  const MOST = 4;
  const held = gate();
  let atOnce = 0;
  let most = 0;
  await using origin = await startOrigin(async (message, response, { index }) => {
    if (index >= OBJECTS && message.url !== '/missed') {
      most = Math.max(most, ++atOnce);
      await held.wait;
      atOnce--;
    }
    response.writeHead(200, { 'Cache-Control': 'max-age=600' }).end(String(index));
  });
  await using proxy = await startMillrace({ origin: origin.url, maxOriginConcurrency: MOST });
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const all = async (): Promise<string[]> => {
    const results: string[] = [];
    const paths = Array.from({ length: OBJECTS }, (_, i) => `/${i}`);
    const client = async (): Promise<void> => {
      for (let path = paths.pop(); path !== undefined; path = paths.pop()) results.push(result(await request(proxy.url + path, { agent })));
    };
    await Promise.all(Array.from({ length: 8 }, client));
    return results;
  };
  assert.ok((await all()).every((each) => each === 'MISS'));
  assert.deepEqual(await purge(proxy, { all: true, soft: true }), { purged: OBJECTS, soft: true });
  // Nobody is let go at the origin: all are answered all the same.
  assert.ok((await all()).every((each) => each === 'STALE'));
  assert.deepEqual([origin.requests.length, most], [OBJECTS + MOST, MOST]);
  // What somebody waits for is not held back.
  assert.equal(result(await request(`${proxy.url}/missed`)), 'MISS');
  held.open();
  await until('nothing is stale', all, (results) => !results.includes('STALE'));
  assert.ok(most <= MOST, `${most} at once`);
  // Once for each, but for those that were looked for in the very moment they were stored anew.
  assert.ok(origin.requests.length < 2.1 * OBJECTS);
});
