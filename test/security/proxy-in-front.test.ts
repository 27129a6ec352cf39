/**
 * A proxy on this machine in front of the main port: its clients are strangers, and come from a loopback
 * address. With the bytes that nginx, HAProxy and forwarders of TCP send. More of what shows a proxy:
 * src/admin/front-proxy.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { resolveConfig } from '../../src/config.ts';
import { startServer } from '../../src/server/main.ts';
import { administer } from '../kit/administer.ts';
import { rawRequest, request } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';

/** What a front sends for a request of a client that named www.example.com; PORT is that of Millrace. */
const FRONTS: readonly [name: string, head: string][] = [
  ['nginx, as it is', 'HTTP/1.0\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\nUser-Agent: curl/8\r\nAccept: */*\r\n'],
  ['nginx with an upstream block', 'HTTP/1.0\r\nHost: backend\r\nConnection: close\r\nAccept: */*\r\n'],
  ['nginx with proxy_http_version 1.1 and Host $host', 'HTTP/1.1\r\nHost: www.example.com\r\nAccept: */*\r\n'],
  ['nginx with proxy_http_version 1.1, Host $proxy_host and X-Real-IP', 'HTTP/1.1\r\nX-Real-IP: 203.0.113.9\r\nHost: 127.0.0.1:PORT\r\nAccept: */*\r\n'],
  ['nginx with proxy_http_version 1.1 alone, for a page\'s own requests', 'HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nAccept: */*\r\nSec-Fetch-Site: same-origin\r\nReferer: https://www.example.com/\r\n'],
  ['HAProxy', 'HTTP/1.1\r\nhost: www.example.com\r\nuser-agent: curl/8\r\naccept: */*\r\n'],
  ['HAProxy with option forwardfor', 'HTTP/1.1\r\nhost: 127.0.0.1:PORT\r\naccept: */*\r\nx-forwarded-for: 203.0.113.9\r\n'],
  ['HAProxy that checks whether the server is up', 'HTTP/1.0\r\n'],
  ['a forwarder of TCP from port 80', 'HTTP/1.1\r\nHost: www.example.com\r\nAccept: */*\r\n'],
  ['a forwarder of TCP from another port of this machine', 'HTTP/1.1\r\nHost: localhost:3000\r\nAccept: */*\r\n'],
  ['Apache', 'HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: www.example.com\r\nX-Forwarded-Server: www.example.com\r\n'],
  ['Varnish', 'HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nX-Forwarded-For: 203.0.113.9\r\nVia: 1.1 host (Varnish/7.1)\r\n'],
];

const ADMIN = ['GET /__admin/stats', 'GET /__admin/explain?url=/x', 'POST /__admin/purge', 'POST /__admin/clear-cache'] as const;

describe('a proxy in front of the main port', () => {
  let origin: TestOrigin;
  before(async () => {
    origin = await startOrigin((_, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('page'));
  });
  after(() => origin.close());

  const through = async (proxy: Pick<TestProxy, 'port'>, line: string, head: string): Promise<string> =>
    (await rawRequest(proxy.port, `${line} ${head.replace('PORT', String(proxy.port))}\r\n`)).toString('latin1');
  const direct = (proxy: TestProxy): Promise<number> => request(`${proxy.url}/__admin/stats`).then(({ status }) => status);

  for (const fastLane of [true, false]) {
    describe(fastLane ? 'with the fast lane' : 'without it', () => {
      for (const [name, head] of FRONTS) {
        test(`${name}: its clients get no answer`, async () => {
          for (const line of ADMIN) {
            await using proxy = await startMillrace({ origin: origin.url, fastLane });
            assert.equal(await direct(proxy), 200);
            assert.match(await through(proxy, line, head), /^HTTP\/1\.[01] 403 [^]*ERR_ADMIN_DENIED/, line);
          }
        });

        test(`${name}: once it has passed on a request, what comes from this machine needs a token`, async () => {
          for (const path of ['/page', '/health', '/__admin/stats']) {
            await using proxy = await startMillrace({ origin: origin.url, fastLane });
            // Prepared, so that a hit can come from the fast lane.
            for (let i = 0; i < 2; i++) await request(`${proxy.url}/page`);
            assert.equal(await direct(proxy), 200);
            // Hits of HTTP/1.0 are like those of another client; a page that is not stored yet is not.
            await through(proxy, `GET ${path === '/page' ? '/other' : path}`, head);
            const refused = await request(`${proxy.url}/__admin/clear-cache`, { method: 'POST' });
            assert.equal(refused.status, 403, path);
            assert.match(refused.body.toString(), /--admin-port/);
            assert.equal((await administer(proxy, '/__admin/stats')).status, 200);
            assert.equal((await request(`${proxy.url}/health`)).status, 200);
          }
        });
      }

      test('a hit by another name shows it too', async () => {
        await using proxy = await startMillrace({ origin: origin.url, fastLane });
        for (let i = 0; i < 2; i++) await request(`${proxy.url}/page`);
        await through(proxy, 'GET /page', 'HTTP/1.1\r\nHost: www.example.com\r\n');
        assert.equal(await direct(proxy), 403);
      });

      test('a request to switch protocols shows it too', async () => {
        await using proxy = await startMillrace({ origin: origin.url, fastLane });
        await through(proxy, 'GET /chat', 'HTTP/1.1\r\nHost: www.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n');
        assert.equal(await direct(proxy), 403);
      });

      test('this machine alone is no proxy: pages, ranges, uploads, other names of it', async () => {
        await using proxy = await startMillrace({ origin: origin.url, fastLane });
        const fields = ['', 'Range: bytes=0-1\r\n', 'Cookie: a=b\r\n', 'Sec-Fetch-Site: cross-site\r\nReferer: https://www.example.com/\r\n', 'Connection: close\r\n'];
        for (const host of ['localhost', '127.0.0.1', 'app.localhost', '[::1]', 'LOCALHOST']) {
          for (const lines of fields) await through(proxy, 'GET /page', `HTTP/1.1\r\nHost: ${host}:PORT\r\n${lines}`);
          await through(proxy, 'POST /page', `HTTP/1.1\r\nHost: ${host}:PORT\r\nContent-Length: 0\r\n`);
        }
        assert.equal(await direct(proxy), 200);
      });
    });
  }

  test('HTTP/2 is like HTTP/1.1', async () => {
    for (const path of ['/page', '/health', '/__admin/stats']) {
      await using proxy = await startMillrace({ origin: origin.url });
      await using client = await Http2Client.connect(proxy.url);
      assert.equal((await client.request('/__admin/stats')).status, 200);
      assert.equal((await client.request(path, { headers: { Host: 'www.example.com' } })).status, path === '/__admin/stats' ? 403 : 200);
      assert.equal((await client.request('/__admin/stats')).status, 403);
      assert.equal(await direct(proxy), 403);
    }
  });

  test('is told to the operator once, and known to all workers', async () => {
    const notices: string[] = [];
    const server = await startServer(resolveConfig({ port: 0, shutdownTimeout: 0, origin: origin.url, workers: 2 }), { onNotice: (text) => notices.push(text) });
    try {
      const statuses = async (): Promise<Set<number>> => new Set(await Promise.all(Array.from({ length: 40 }, () => request(`${server.url}/__admin/stats`).then(({ status }) => status))));
      assert.deepEqual(await statuses(), new Set([200]));
      await through(server, 'GET /page', 'HTTP/1.1\r\nHost: www.example.com\r\n');
      assert.deepEqual(await statuses(), new Set([403]));
      for (let i = 0; i < 40; i++) await through(server, 'GET /page', `HTTP/1.1\r\nHost: www${i}.example.com\r\n`);
      assert.equal(notices.length, 1);
      assert.match(notices[0]!, /^a request has the Host "www\.example\.com".*--admin-token-file.*--admin-port/u);
      assert.equal((await administer(server, '/__admin/stats')).status, 200);
    } finally {
      await server.close();
    }
  });

  test('does not concern a port of its own, nor a client that uses Millrace as its forward proxy', async () => {
    await using apart = await startMillrace({ origin: origin.url, adminPort: 0 });
    await through(apart, 'GET /page', 'HTTP/1.1\r\nHost: www.example.com\r\n');
    assert.equal((await request(`${apart.adminUrl}/__admin/stats`)).status, 200);
    await using forward = await startMillrace({});
    const { host } = new URL(origin.url);
    assert.match(await through(forward, `GET http://${host}/`, `HTTP/1.1\r\nHost: ${host}\r\n`), /^HTTP\/1\.1 200 /);
    assert.equal(await direct(forward), 200);
  });
});

describe('nobody administers without a token', () => {
  const ways: [name: string, options: Parameters<typeof startMillrace>[0], words: RegExp][] = [
    ['where there is one', { adminToken: 'secret' }, /one was given/],
    ['where there is one, on a port of its own', { adminToken: 'secret', adminPort: 0 }, /one was given/],
    ['where other machines reach the port', { host: '0.0.0.0' }, /open to other machines/],
    ['where a proxy is trusted', { trustProxy: '127.0.0.1' }, /--trust-proxy/],
  ];
  for (const [name, options, words] of ways) {
    test(name, async () => {
      await using origin = await startOrigin((_, response) => void response.end('page'));
      await using proxy = await startMillrace({ origin: origin.url, ...options });
      for (const [method, path] of [['GET', '/__admin/stats'], ['GET', '/__admin/nothing'], ['POST', '/__admin/clear-cache']] as const) {
        const response = await request(proxy.adminUrl! + path, { method });
        assert.equal(response.status, 403, path);
        assert.match(response.body.toString(), words);
      }
      assert.equal((await administer(proxy, '/__admin/stats')).status, 200);
      assert.equal((await request(`${proxy.adminUrl}/health`)).status, 200);
      const wrong = await administer({ ...proxy, adminSecret: `${proxy.adminSecret}x` }, '/__admin/stats');
      assert.equal(wrong.status, 403);
      if (options?.adminToken !== undefined) assert.equal((await administer({ ...proxy, adminSecret: options.adminToken }, '/__admin/stats')).status, 200);
      assert.equal(origin.requests.length, 0);
    });
  }
});
