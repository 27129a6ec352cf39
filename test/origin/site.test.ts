/**
 * @module test/origin/site
 * A fixed origin is one site under two names: what its responses name leads clients back to the proxy, and what clients
 * and origin call the same URL is invalidated together. By every lane.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Options } from '../../src/config.ts';
import { type ClientResponse, type RequestOptions, rawRequest, request } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';

interface Lane {
  readonly name: string;
  readonly fastLane: boolean;
  readonly ask: (proxy: TestProxy, path: string, options?: RequestOptions) => Promise<ClientResponse>;
}

const LANES: readonly Lane[] = [
  { name: 'the fast lane', fastLane: true, ask: ({ url }, path, options) => request(url + path, options) },
  { name: 'node:http', fastLane: false, ask: ({ url }, path, options) => request(url + path, options) },
  {
    name: 'HTTP/2',
    fastLane: true,
    ask: async ({ url }, path, options) => {
      await using client = await Http2Client.connect(url);
      return await client.request(path, options);
    },
  },
];

const HOST = { Host: 'www.example' };

/** Answers with fields that name its own address, below /base, and can be stored. */
function startNaming(): Promise<TestOrigin> {
  return startOrigin(({ headers, url }, response) => {
    const own = `http://${headers.host!}`;
    response.setHeader('Cache-Control', 'max-age=60');
    response.setHeader('Alt-Svc', 'h3=":443"');
    if (url === '/base/hints') response.writeEarlyHints({ link: `<${own}/base/early.css>; rel=preload` });
    response.writeHead(url === '/base/hints' ? 200 : 302, {
      Location: `${own}/base/login?next=/base/`,
      'Content-Location': '/base/here',
      Refresh: `5; url="${own}/base/later"`,
      Link: [`<${own}/base/a.css>; rel=preload, </base/b.js>; rel="modulepreload"; title="<x>, y", <https://cdn.example/c>; rel=preconnect`, `<${own}/base/page>; rel=canonical`],
      'Set-Cookie': ['a=1; Path=/base; Domain=127.0.0.1', 'b=2; path=/base/sub; HttpOnly', 'c=3; Path=/; Domain=www.example', 'd=4'],
    });
    response.end();
  });
}

for (const { name, fastLane, ask } of LANES) {
  describe(`by way of ${name}`, () => {
    const start = (origin: TestOrigin, base: string, options: Options = {}): Promise<TestProxy> => startMillrace({ origin: origin.url + base, fastLane, preset: 'rfc9111', ...options });

    for (const preserveHost of [true, false]) {
      test(`what names the origin names the proxy, stored or not, with preserveHost ${preserveHost}`, async () => {
        await using origin = await startNaming();
        await using proxy = await start(origin, '/base', { preserveHost });
        const own = preserveHost ? 'http://www.example' : origin.url;
        for (const [round, result] of ['MISS', 'HIT', 'HIT'].entries()) {
          const { headers } = await ask(proxy, '/page', { headers: HOST });
          assert.equal(headers.get('x-cache'), result, `round ${round}`);
          assert.equal(headers.get('location'), 'http://www.example/login?next=/base/');
          assert.equal(headers.get('content-location'), '/here');
          assert.equal(headers.get('refresh'), '5; url="http://www.example/later"');
          assert.deepEqual(headers.all('link'), ['<http://www.example/a.css>; rel=preload, </b.js>; rel="modulepreload"; title="<x>, y", <https://cdn.example/c>; rel=preconnect', `<${own}/base/page>; rel=canonical`]);
          assert.deepEqual(headers.all('set-cookie'), ['a=1; Path=/', 'b=2; path=/sub; HttpOnly', 'c=3; Path=/; Domain=www.example', 'd=4']);
          assert.equal(headers.has('alt-svc'), false);
        }
      });
    }

    test('each client is led to the host that it knows', async () => {
      await using origin = await startNaming();
      await using proxy = await start(origin, '', { preserveHost: false });
      for (let round = 0; round < 3; round++) {
        for (const host of ['www.example', 'shop.example:81']) assert.equal((await ask(proxy, '/page', { headers: { Host: host } })).headers.get('location'), `http://${host}/base/login?next=/base/`);
      }
    });

    test('a trusted proxy says how the client knows it, and nobody else', async () => {
      await using origin = await startNaming();
      await using trusting = await start(origin, '/base', { trustProxy: ['127.0.0.1'] });
      await using other = await start(origin, '/base');
      for (const claim of [{ 'X-Forwarded-Host': 'shop.example', 'X-Forwarded-Proto': 'https' }, { Forwarded: 'host=shop.example;proto=https' }]) {
        const location = async (proxy: TestProxy): Promise<string | undefined> => (await ask(proxy, '/page', { headers: { ...HOST, ...claim } })).headers.get('location');
        assert.equal(await location(trusting), 'https://shop.example/login?next=/base/');
        assert.equal(await location(other), 'http://www.example/login?next=/base/');
      }
    });

    test('hints name the proxy too', async () => {
      await using origin = await startNaming();
      await using proxy = await start(origin, '/base');
      const { informational } = await ask(proxy, '/hints', { headers: HOST });
      assert.deepEqual(informational.map(({ status, headers }) => [status, headers.get('link')]), [[103, '<http://www.example/early.css>; rel=preload']]);
    });

    describe('invalidates', () => {
      /** A site whose pages say how often something was posted. */
      async function startPosting(location: (host: string) => Record<string, string>): Promise<TestOrigin> {
        let posts = 0;
        return startOrigin(({ method, headers, url }, response) => {
          if (method === 'GET') return void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(`${url} ${posts}`);
          posts++;
          return void response.writeHead(204, location(String(headers['x-forwarded-host']))).end();
        });
      }
      const state = async (proxy: TestProxy, path: string): Promise<string> => (await ask(proxy, path, { headers: HOST })).headers.get('x-cache')!;

      for (const field of ['Location', 'Content-Location']) {
        for (const [base, named] of [['', (host: string) => `http://${host}/page`], ['/base', (host: string) => `http://${host}/page`], ['/base', (host: string) => `http://${host}/base/page`]] as const) {
          test(`what ${field} names as the client knows it, ${named('HOST')} below "${base}"`, async () => {
            await using origin = await startPosting((host) => ({ [field]: named(host) }));
            await using proxy = await start(origin, base, { preserveHost: false });
            assert.deepEqual([await state(proxy, '/page'), await state(proxy, '/page')], ['MISS', 'HIT']);
            await ask(proxy, '/post', { method: 'POST', headers: HOST, body: 'x' });
            assert.equal(await state(proxy, '/page'), 'MISS');
          });
        }
        test(`nothing for a ${field} elsewhere`, async () => {
          await using origin = await startPosting(() => ({ [field]: 'http://other.example/page' }));
          await using proxy = await start(origin, '');
          await state(proxy, '/page');
          await ask(proxy, '/post', { method: 'POST', headers: HOST, body: 'x' });
          assert.equal(await state(proxy, '/page'), 'HIT');
        });
      }

      for (const method of ['COPY', 'MOVE']) {
        test(`the Destination of ${method}, which the origin gets under its own name`, async () => {
          await using origin = await startPosting(() => ({}));
          await using proxy = await start(origin, '/base', { preserveHost: false });
          for (const path of ['/a', '/b', '/b/member', '/c']) await state(proxy, path);
          await ask(proxy, '/a', { method, headers: { ...HOST, Destination: 'http://www.example/b', If: '<http://www.example/b> (<urn:x>)' } });
          const { headers } = origin.requests.at(-1)!;
          assert.equal(headers.get('destination'), `${origin.url}/base/b`);
          assert.equal(headers.get('if'), `<${origin.url}/base/b> (<urn:x>)`);
          assert.equal(await state(proxy, '/b'), 'MISS');
          assert.equal(await state(proxy, '/c'), 'HIT');
          assert.notEqual(await state(proxy, '/b/member'), 'HIT');
        });
      }

      for (const [method, target] of [['DELETE', '/dir/'], ['DELETE', '/dir'], ['MOVE', '/dir']] as const) {
        test(`the members of ${target} by ${method}, softly`, async () => {
          await using origin = await startPosting(() => ({}));
          await using proxy = await start(origin, '');
          for (const path of ['/dir/', '/dir/a', '/dir/sub/b?c', '/directory', '/other']) await state(proxy, path);
          await ask(proxy, target, { method, headers: { ...HOST, Destination: '/new' } });
          for (const path of ['/dir/a', '/dir/sub/b?c']) assert.notEqual(await state(proxy, path), 'HIT', path);
          for (const path of ['/directory', '/other']) assert.equal(await state(proxy, path), 'HIT', path);
        });
      }

      test('what is asked for by another spelling', async () => {
        await using origin = await startPosting(() => ({ Location: '/%d9%7e' }));
        await using proxy = await start(origin, '');
        const spellings = ['/%d9~', '/%D9%7E', '/./%D9~'];
        for (const path of spellings) assert.equal(await state(proxy, path), 'MISS', path);
        await ask(proxy, '/post', { method: 'POST', headers: HOST, body: 'x' });
        for (const path of spellings) assert.equal(await state(proxy, path), 'MISS', path);
      });
    });
  });
}

test('a client of HTTP/1.0 that sends no Host is led by the path', async () => {
  await using origin = await startNaming();
  await using proxy = await startMillrace({ origin: `${origin.url}/base` });
  assert.match((await rawRequest(proxy.port, 'GET /page HTTP/1.0\r\n\r\n')).toString('latin1'), /\r\nLocation: \/login\?next=\/base\/\r\n/);
});

test('a Destination cannot lead out of the base path', async () => {
  await using origin = await startNaming();
  await using proxy = await startMillrace({ origin: `${origin.url}/base` });
  const response = await request(`${proxy.url}/a`, { method: 'COPY', headers: { ...HOST, Destination: 'http://www.example/%2e%2e/other' } });
  assert.equal(response.status, 400);
  assert.equal(origin.requests.length, 0);
});
