/**
 * @module test/server/purge-method
 * PURGE on the port of the proxy: who may send it, what it purges, and that it never goes on.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { type MillraceProxy, createProxy } from '../../src/index.ts';
import type { Options } from '../../src/config.ts';
import { type ClientResponse, type RequestOptions, request } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { until } from '../kit/until.ts';
import { type TestProxy, startProxy } from './start-proxy.ts';
import { closing } from './closing.ts';

interface Setup {
  readonly origin: TestOrigin;
  readonly proxy: TestProxy;
  readonly purge: (path: string, headers?: Readonly<Record<string, string>>, more?: RequestOptions) => Promise<ClientResponse>;
  readonly state: (path: string) => Promise<string>;
}

async function setup(options: Options = {}): Promise<Setup> {
  const origin = closing(await startOrigin((message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Surrogate-Key': message.url!.split('/').filter(Boolean).join(' ') }).end(message.url)));
  const proxy = closing(await startProxy({ origin: origin.url, allowPurge: '127.0.0.0/8', ...options }));
  return {
    origin,
    proxy,
    purge: (path, headers = {}, more = {}) => request(proxy.url + path, { method: 'PURGE', headers, ...more }),
    state: async (path) => (await request(proxy.url + path)).headers.get('x-cache')!,
  };
}

const json = (response: ClientResponse): unknown => JSON.parse(response.body.toString());

describe('PURGE', () => {
  test('of a URL removes all that is stored for it', async () => {
    const { purge, state, origin } = await setup();
    for (const path of ['/a?x=1&y=2', '/b']) await state(path);
    const response = await purge('/a?y=2&x=1');
    assert.deepEqual([response.status, json(response), response.headers.get('cache-control')], [200, { purged: 1 }, 'no-store']);
    assert.deepEqual([await state('/a?x=1&y=2'), await state('/b')], ['MISS', 'HIT']);
    assert.deepEqual(json(await purge('/never')), { purged: 0 });
    assert.deepEqual(origin.requests.filter(({ method }) => method !== 'GET'), []);
  });

  test('is soft where Fastly-Soft-Purge says so', async () => {
    const { purge, state } = await setup();
    await state('/a');
    assert.deepEqual(json(await purge('/a', { 'Fastly-Soft-Purge': '1' })), { purged: 1, soft: true });
    assert.equal(await state('/a'), 'STALE');
    await until('/a is a hit', () => state('/a'), (result) => result === 'HIT');
    assert.deepEqual(json(await purge('/a', { 'Fastly-Soft-Purge': '0' })), { purged: 1 });
    assert.equal(await state('/a'), 'MISS');
  });

  for (const [name, value] of [['Surrogate-Key', 'news sport'], ['Cache-Tag', 'sport, news'], ['xkey', 'news'], ['Cache-Groups', '"news"']] as const) {
    test(`with ${name} purges by tag`, async () => {
      const { purge, state } = await setup();
      for (const path of ['/news/1', '/news/2', '/other']) await state(path);
      assert.deepEqual(json(await purge('/', { [name]: value })), { purged: null });
      assert.deepEqual([await state('/news/1'), await state('/news/2'), await state('/other')], ['MISS', 'MISS', 'HIT']);
    });
  }

  test('in embedded-host mode is of the URL at its host', async () => {
    const { proxy, purge, state } = await setup({ origin: undefined });
    const other = closing(await startOrigin((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end()));
    const host = `127.0.0.1:${other.port}`;
    for (const path of [`/${host}/`, `/${host}/a`]) await state(path);
    assert.deepEqual(json(await purge(`/${host}`)), { purged: 1 });
    assert.deepEqual(json(await request(proxy.url, { method: 'PURGE', target: `http://${host}/a` })), { purged: 1 });
    assert.deepEqual([await state(`/${host}/`), await state(`/${host}/a`)], ['MISS', 'MISS']);
  });

  test('with a body is answered, and the connection goes on', async () => {
    const { purge, state } = await setup();
    await state('/a');
    assert.deepEqual(json(await purge('/a', {}, { body: 'x'.repeat(100_000) })), { purged: 1 });
  });

  test('is told as what passed by the cache', async () => {
    const { purge, proxy } = await setup();
    await purge('/a');
    const { method, status, result } = await proxy.outcomeOf('/a');
    assert.deepEqual([method, status, result], ['PURGE', 200, 'BYPASS']);
  });

  test('is taken by the library too', async () => {
    const origin = closing(await startOrigin((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end()));
    const proxy: MillraceProxy = closing(createProxy({ origin: origin.url, allowPurge: ['127.0.0.1'] }));
    const server = createServer(proxy.handler);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing({ close: () => new Promise<void>((resolve) => void server.close(() => resolve())) });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await request(`${url}/a`);
    assert.deepEqual(json(await request(`${url}/a`, { method: 'PURGE' })), { purged: 1 });
    assert.equal(await proxy.purge({ host: 'localhost', soft: true }), undefined);
  });
});

describe('PURGE is refused', () => {
  const refused: [name: string, options: Options, headers: Readonly<Record<string, string>>, message: RegExp][] = [
    ['where nobody may', { allowPurge: [] }, {}, /So it is from everywhere\. Start the proxy with --allow-purge ADDRESS/],
    ['from another address', { allowPurge: ['10.0.0.0/8', '::1'] }, {}, /PURGE from 127\.0\.0\.1 is refused\. It is allowed to those whose address is named with --allow-purge/],
    ['through a proxy', {}, { Via: '1.1 nginx' }, /came through a proxy \(it has via\)/],
    ['through a proxy that tells the scheme alone', {}, { 'X-Forwarded-Proto': 'https' }, /came through a proxy/],
    ['for a client of a proxy', {}, { 'X-Forwarded-For': '127.0.0.1' }, /came through a proxy/],
    ['for a page', {}, { Origin: 'http://127.0.0.1' }, /a web page sent it/],
    ['for a page of the same site', {}, { 'Sec-Fetch-Site': 'same-origin' }, /a web page sent it/],
  ];
  for (const [name, options, headers, message] of refused) {
    test(name, async () => {
      const { purge, state, origin } = await setup(options);
      await state('/a');
      const response = await purge('/a', headers);
      const { code, detail } = json(response) as { code: string; detail: string };
      assert.deepEqual([response.status, code, response.headers.get('content-type')], [403, 'ERR_PURGE_DENIED', 'application/problem+json']);
      assert.match(detail, message);
      assert.equal(await state('/a'), 'HIT');
      assert.deepEqual(origin.requests.map(({ method }) => method), ['GET']);
    });
  }

  for (const headers of [{ 'Fastly-Soft-Purge': 'yes' }, { 'Fastly-Soft-Purge': '' }, { 'Surrogate-Key': '' }, { 'Cache-Groups': 'news' }]) {
    test(`where it is not understood: ${JSON.stringify(headers)}`, async () => {
      const { purge, state } = await setup();
      await state('/a');
      const response = await purge('/a', headers);
      assert.deepEqual([response.status, (json(response) as { code: string }).code], [400, 'ERR_ADMIN_INPUT']);
      assert.equal(await state('/a'), 'HIT');
    });
  }
});
