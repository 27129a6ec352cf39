import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Options } from '../../src/config.ts';
import { type ClientResponse, type RequestOptions, request } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { administer } from '../kit/administer.ts';
import { closing } from '../server/closing.ts';
import { type TestProxy, startProxy } from '../server/start-proxy.ts';

interface Setup {
  readonly proxy: TestProxy;
  readonly origin: TestOrigin;
  /** GET of a page through the proxy; what X-Cache says. */
  readonly page: (path: string) => Promise<string>;
}

async function setup(options: Options = {}): Promise<Setup> {
  const origin = closing(
    await startOrigin((message, response) => {
      response.setHeader('Cache-Control', message.url?.startsWith('/private') ? 'private' : 'max-age=60');
      response.end(message.url);
    }),
  );
  const proxy = closing(await startProxy({ origin: origin.url, ...options }));
  return { proxy, origin, page: async (path) => (await request(proxy.url + path)).headers.get('x-cache')! };
}

const json = (response: ClientResponse): Record<string, unknown> => JSON.parse(response.body.toString()) as Record<string, unknown>;
const post = (url: string, body?: string, headers: Readonly<Record<string, string>> = {}): Promise<ClientResponse> => request(url, { method: 'POST', headers, ...(body === undefined ? {} : { body }) });

describe('GET /health', () => {
  test('answers everybody, and is not stored by anybody', async () => {
    const { proxy, origin } = await setup();
    for (const headers of [{}, { 'X-Forwarded-For': '203.0.113.9' }, { Host: 'cache.example' }, { Origin: 'http://evil.example' }]) {
      const response = await request(`${proxy.url}/health`, { headers });
      assert.deepEqual([response.status, json(response)], [200, { status: 'ok' }]);
      assert.equal(response.headers.get('cache-control'), 'no-store');
    }
    assert.equal((await request(`${proxy.url}/health`, { method: 'HEAD' })).body.length, 0);
    assert.equal(origin.requests.length, 0);
  });

  test('its neighbours are the origin\'s', async () => {
    const { proxy } = await setup();
    for (const path of ['/healthy', '/health/', '/Health', '/__administrator', '//health', '/x/__admin/stats']) {
      assert.equal((await request(proxy.url + path)).body.toString(), path);
    }
  });
});

describe('GET /__admin/stats', () => {
  test('counts what happened', async () => {
    const { proxy, page } = await setup();
    assert.deepEqual([await page('/a'), await page('/a'), await page('/private')], ['MISS', 'HIT', 'MISS']);
    const stats = json(await request(`${proxy.url}/__admin/stats`));
    assert.deepEqual(
      [stats.requests, stats.hits, stats.misses, stats.byStatus, stats.stored, (stats.byReason as Record<string, number>).private],
      [3, 1, 2, { '2xx': 3 }, 1, 1],
    );
    assert.equal((stats.store as Record<string, unknown>).objects, 1);
    assert.equal((stats.origin as Record<string, unknown>).count, 2);
    assert.ok((stats.uptime as number) > 0);
  });
});

describe('POST /__admin/clear-cache', () => {
  test('empties the cache, also for curl -X POST', async () => {
    const { proxy, page } = await setup();
    await page('/a');
    await page('/b');
    const response = await post(`${proxy.url}/__admin/clear-cache`);
    assert.deepEqual([response.status, json(response)], [200, { purged: 2 }]);
    assert.equal(await page('/a'), 'MISS');
  });
});

describe('POST /__admin/purge', () => {
  test('takes a URL however people have it', async () => {
    const { proxy, origin, page } = await setup();
    const { port } = proxy;
    for (const url of ['/a?x=1&y=2', '/a?y=2&x=1', `http://localhost:${port}/a?x=1&y=2`, `http://127.0.0.1:${port}/a?x=1&y=2#top`, `${origin.url}/a?x=1&y=2`]) {
      assert.equal(await page('/a?x=1&y=2'), 'MISS', url);
      const response = await post(`${proxy.url}/__admin/purge`, JSON.stringify({ url }), { 'Content-Type': 'application/json' });
      assert.deepEqual(json(response), { purged: 1 }, url);
    }
    assert.equal(await page('/a?x=1&y=2'), 'MISS');
    assert.deepEqual(json(await post(`${proxy.url}/__admin/purge`, 'url=/never')), { purged: 0 });
  });

  test('takes a prefix, and everything', async () => {
    const { proxy, page } = await setup();
    for (const path of ['/img/1', '/img/2', '/image', '/']) await page(path);
    assert.deepEqual(json(await post(`${proxy.url}/__admin/purge`, 'prefix=/img/')), { purged: 2 });
    assert.deepEqual([await page('/img/1'), await page('/image')], ['MISS', 'HIT']);
    assert.deepEqual(json(await post(`${proxy.url}/__admin/purge`, 'all=true')), { purged: 3 });
  });

  test('below a base path, and in embedded-host mode', async () => {
    const { origin } = await setup();
    const based = closing(await startProxy({ origin: `${origin.url}/base` }));
    for (const url of ['/a', `${origin.url}/base/a`]) {
      await request(`${based.url}/a`);
      assert.deepEqual(json(await post(`${based.url}/__admin/purge`, `url=${url}`)), { purged: 1 }, url);
    }
    const embedded = closing(await startProxy({}));
    const host = `127.0.0.1:${origin.port}`;
    for (const what of [`url=/${host}/a`, `url=http://localhost:${embedded.port}/${host}/a`, `url=http://${host}/a`, `prefix=http://${host}`, `prefix=/${host}`]) {
      await request(`${embedded.url}/${host}/a`);
      assert.deepEqual(json(await post(`${embedded.url}/__admin/purge`, what)), { purged: 1 }, what);
    }
  });

  test('takes a URL by a host that clients have asked for', async () => {
    const { proxy, origin } = await setup();
    const based = closing(await startProxy({ origin: `${origin.url}/base` }));
    const host = 'www.example:8443';
    const get = async ({ url }: TestProxy, path: string): Promise<string> => (await request(url + path, { headers: { Host: host } })).headers.get('x-cache')!;
    for (const one of [proxy, based]) {
      const purge = (body: string): Promise<ClientResponse> => administer(one, '/__admin/purge', { method: 'POST', body });
      assert.equal((await purge(`url=https://${host}/a`)).status, 400);
      for (const body of [`url=https://${host}/a`, `url=http://WWW.example:8443/a`, `prefix=https://${host}/`]) {
        assert.equal(await get(one, '/a'), 'MISS', body);
        assert.deepEqual(json(await purge(body)), { purged: 1 }, body);
      }
      assert.equal(await get(one, '/a'), 'MISS');
      assert.equal((await purge('url=https://other.example/a')).status, 400);
    }
    const embedded = closing(await startProxy({ allowHost: '127.0.0.1' }));
    const path = `/127.0.0.1:${origin.port}/a`;
    assert.deepEqual([await get(embedded, path), await get(embedded, path)], ['MISS', 'HIT']);
    assert.deepEqual(json(await administer(embedded, '/__admin/purge', { method: 'POST', body: `url=https://${host}${path}` })), { purged: 1 });
    assert.equal(await get(embedded, path), 'MISS');
  });

  for (const soft of ['', '&soft=true']) {
    test(`takes a URL in any spelling, and means all${soft}`, async () => {
      const { proxy, page } = await setup();
      const spellings = ['/%d9/~a?~b=1&c=2', '/%D9/%7Ea?%7eb=1&c=2', '/%d9/%7Ea?~b=1&c=2'];
      for (const [kind, named] of [...spellings.map((path) => ['url', path]), ['prefix', '/%D9/'], ['prefix', '/%d9/%7e']] as [string, string][]) {
        for (const path of spellings) if (soft === '') assert.equal(await page(path), 'MISS', `${path} after ${named}`);
        for (const path of spellings) await page(path);
        await page('/%da/');
        const response = await post(`${proxy.url}/__admin/purge`, `${kind}=${encodeURIComponent(named)}${soft}`);
        assert.equal(response.status, 200);
        assert.equal(await page('/%da/'), 'HIT');
        for (const path of spellings) assert.notEqual(await page(path), 'HIT', `${path} after ${named}`);
        await post(`${proxy.url}/__admin/clear-cache`);
      }
    });
  }

  test('says what it takes where it cannot understand', async () => {
    const { proxy } = await setup();
    for (const body of ['', 'url=', 'what=ever', 'url=/a&all=true', '{"url":', 'url=ftp://x/', 'url=a', 'url=http://other.example/', `url=/a b`]) {
      const response = await post(`${proxy.url}/__admin/purge`, body);
      assert.equal(response.status, 400, body);
      assert.equal(json(response).code, 'ERR_ADMIN_INPUT', body);
    }
  });

  test('takes no more than it needs', async () => {
    const { proxy } = await setup();
    assert.equal((await post(`${proxy.url}/__admin/purge`, `url=/${'a'.repeat(70_000)}`)).status, 413);
  });
});

describe('GET /__admin/explain', () => {
  test('says what is stored, and what a GET would meet', async () => {
    const { proxy, origin, page } = await setup();
    await page('/a');
    for (const url of ['/a', `${proxy.url}/a`, `${origin.url}/a`]) {
      const explanation = json(await request(`${proxy.url}/__admin/explain?url=${encodeURIComponent(url)}`));
      assert.equal((explanation.now as { action: string }).action, 'hit', url);
      assert.equal((explanation.stored as unknown[]).length, 1);
    }
  });

  test('takes a URL by a host that clients have asked for, and finds what a trusted proxy asked for by https', async () => {
    const { proxy } = await setup({ trustProxy: ['127.0.0.1'] });
    const action = async (url: string): Promise<string> => (json(await administer(proxy, `/__admin/explain?url=${encodeURIComponent(url)}`)).now as { action: string }).action;
    await request(`${proxy.url}/a`, { headers: { Host: 'www.example' } });
    await request(`${proxy.url}/b`, { headers: { Host: 'inner', 'X-Forwarded-Host': 'www.example', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Port': '443' } });
    for (const url of ['http://www.example/a', 'https://www.example/b', '/a', '/b']) assert.equal(await action(url), 'hit', url);
    await request(`${proxy.url}/c`, { headers: { Host: 'shop.example' } });
    assert.equal(await action('http://shop.example/a'), 'miss');
  });

  test('names other spellings of the URL that are stored', async () => {
    const { proxy, page } = await setup();
    await page('/%7Ea');
    for (const [url, others] of [['/~a', [`${proxy.url}/%7Ea`]], ['/%7Ea', []], ['/%7ea', [`${proxy.url}/%7Ea`]], ['/b', []]] as const) {
      const { otherSpellings, now } = json(await request(`${proxy.url}/__admin/explain?url=${encodeURIComponent(url)}`)) as { otherSpellings: string[]; now: { action: string } };
      assert.deepEqual(otherSpellings.map((other) => new URL(other).pathname), others.map((other) => new URL(other).pathname), url);
      assert.equal(now.action, url === '/%7Ea' ? 'hit' : 'miss');
    }
  });

  test('asks with the fields it is given', async () => {
    const { proxy, page } = await setup();
    await page('/a');
    const explanation = json(await request(`${proxy.url}/__admin/explain?url=/a&header=${encodeURIComponent('Cache-Control: no-cache')}&header=X-A:b`));
    assert.deepEqual([(explanation.now as { action: string }).action !== 'hit', (explanation.now as { reasons: { code: string }[] }).reasons[0]!.code], [true, 'request-no-cache']);
  });

  test('says why a response was not stored', async () => {
    const { proxy, page } = await setup();
    await page('/private');
    const explanation = json(await request(`${proxy.url}/__admin/explain?url=/private`));
    assert.equal((explanation.notStored as { reasons: { code: string }[] }).reasons[0]!.code, 'private');
  });

  test('says what it takes where it cannot understand', async () => {
    const { proxy } = await setup();
    for (const query of ['', '?url=', '?url=ftp://x', '?url=/a&header=nonsense', '?url=/a&header=:b', '?url=/a&header=a%20b:c']) {
      const response = await request(`${proxy.url}/__admin/explain${query}`);
      assert.deepEqual([response.status, json(response).code], [400, 'ERR_ADMIN_INPUT'], query);
    }
  });
});

const TOKEN = { Authorization: 'Bearer secret' };

describe('the gate', () => {
  const cases: [name: string, path: string, options: RequestOptions, expected: number][] = [
    ['a form of another site', '/__admin/clear-cache', { method: 'POST', headers: { Origin: 'http://evil.example', 'Sec-Fetch-Site': 'cross-site' } }, 403],
    ['a name made to point here', '/__admin/clear-cache', { method: 'POST', headers: { Host: 'evil.example' } }, 403],
    ['a client of a proxy in front', '/__admin/stats', { headers: { 'X-Forwarded-For': '203.0.113.9' } }, 403],
    ['the token, from anywhere', '/__admin/stats', { headers: { Host: 'evil.example', 'X-Forwarded-For': '203.0.113.9', Authorization: 'Bearer secret' } }, 200],
    ['a wrong token', '/__admin/stats', { headers: { Authorization: 'Bearer wrong' } }, 403],
    ['what does not exist, before it is said that it does not', '/__admin/nothing', { headers: { Host: 'evil.example' } }, 403],
    ['no token', '/__admin/stats', {}, 403],
    ['what does not exist', '/__admin/nothing', { headers: TOKEN }, 404],
    ['the place itself', '/__admin', { headers: TOKEN }, 404],
    ['the wrong method', '/__admin/clear-cache', { headers: TOKEN }, 405],
    ['the wrong method for health', '/health', { method: 'DELETE' }, 405],
  ];
  for (const [name, path, options, expected] of cases) {
    test(`${name}: ${expected}`, async () => {
      const { proxy, origin } = await setup({ adminToken: 'secret' });
      const response = await request(proxy.url + path, options);
      assert.equal(response.status, expected);
      if (expected === 405) assert.ok(response.headers.get('allow'));
      if (expected !== 200) assert.match(response.headers.get('content-type')!, /^application\/problem\+json/);
      assert.equal(origin.requests.length, 0);
    });
  }

  test('a page that comes through an embedded host cannot pass it, a program can', async () => {
    const { origin } = await setup();
    const embedded = closing(await startProxy({}));
    // The page http://localhost:8888/some.site/ has the very origin of the administration.
    const own = new URL(embedded.url).origin;
    const fetched = await post(`${embedded.url}/__admin/clear-cache`, '', { Origin: own, 'Sec-Fetch-Site': 'same-origin' });
    assert.equal(fetched.status, 403);
    assert.equal((await post(`${embedded.url}/__admin/clear-cache`)).status, 200);
    assert.equal(origin.requests.length, 0);
  });

  test('another Millrace on this machine does not carry strangers past it', async () => {
    const { proxy, page } = await setup();
    await page('/a');
    const front = closing(await startProxy({ origin: proxy.url, admin: false }));
    assert.equal((await post(`${front.url}/__admin/clear-cache`)).status, 403);
    assert.equal(await page('/a'), 'HIT');
  });
});
