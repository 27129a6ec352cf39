/**
 * The administration: no page, no stranger and no other spelling of its paths gets past its gate, and
 * none of what looks like it but is not is answered by it. More: test/admin.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { rawRequest } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';
import { type TestProxy, startProxy } from '../server/start-proxy.ts';

describe('the administration', () => {
  let origin: TestOrigin;
  let proxy: TestProxy;
  let host: string;
  before(async () => {
    origin = await startOrigin((_, response) => void response.end('from the origin'));
    proxy = await startProxy({ origin: origin.url, shutdownTimeout: 0 });
    host = `127.0.0.1:${proxy.port}`;
  });
  after(async () => {
    await proxy.close();
    await origin.close();
    assert.deepEqual(proxy.errors, []);
  });
  const ask = async (target: string, fields = '', method = 'GET'): Promise<string> =>
    (await rawRequest(proxy.port, `${method} ${target} HTTP/1.1\r\nConnection: close\r\n${fields.includes('Host:') ? '' : `Host: ${host}\r\n`}${fields}\r\n`, { until: () => false })).toString('latin1');

  for (const target of ['/%5f_admin/stats', '/_%5Fadmin/stats', '//__admin/stats', '/./__admin/stats', '/x/../__admin/stats', '/__ADMIN/stats', '/__admin;x/stats', '/__admin%2fstats', '/__admin\\stats', '/;/__admin/stats', '/__admin.json', 'http://127.0.0.1/__admin/stats', 'http://127.0.0.1/health']) {
    test(`${target} is the origin's`, async () => {
      assert.match(await ask(target), /^HTTP\/1\.1 200 [^]*from the origin$/);
    });
  }

  const foreign: [name: string, fields: string][] = [
    ['a page of another site', 'Sec-Fetch-Site: cross-site\r\n'],
    ['a page of this site', 'Sec-Fetch-Site: same-site\r\n'],
    ['a page without an origin', 'Origin: null\r\n'],
    ['a page of another port', 'Origin: http://127.0.0.1:1\r\n'],
    ['a page by https', 'Origin: https://HOST\r\n'],
    ['a name that was made to point here', 'Host: evil.example:PORT\r\n'],
    ['a name that begins like this machine\'s', 'Host: localhost.evil.example:PORT\r\n'],
    ['an address that is none of this machine\'s', 'Host: 192.0.2.1:PORT\r\n'],
    ['another port in Host', 'Host: 127.0.0.1:1\r\n'],
    ['no port in Host', 'Host: 127.0.0.1\r\n'],
    ['a proxy that says Via', 'Via: 1.1 x\r\n'],
    ['a proxy that says Forwarded', 'Forwarded: for=127.0.0.1\r\n'],
    ['a proxy that says X-Forwarded-For', 'X-Forwarded-For: 127.0.0.1\r\n'],
    ['a proxy whose traces are named in Connection', 'Connection: via\r\nVia: 1.1 x\r\n'],
    ['no token', 'Authorization: Bearer\r\n'],
    ['a wrong token', 'Authorization: Bearer wrong\r\n'],
  ];
  for (const [name, fields] of foreign) {
    for (const [method, path] of [['POST', '/__admin/clear-cache'], ['GET', '/__admin/stats'], ['HEAD', '/__admin/stats'], ['OPTIONS', '/__admin/clear-cache'], ['GET', '/__admin/nothing']] as const) {
      test(`${method} ${path} is refused to ${name}`, async () => {
        // What it sends may show that a proxy is in front, and then all others are refused as well.
        await using one = await startMillrace({ origin: origin.url });
        const own = `127.0.0.1:${one.port}`;
        const send = async (lines: string): Promise<string> => (await rawRequest(one.port, `${method} ${path} HTTP/1.1\r\nConnection: close\r\n${lines.includes('Host:') ? '' : `Host: ${own}\r\n`}${lines}\r\n`, { until: () => false })).toString('latin1');
        assert.doesNotMatch(await send(''), /^HTTP\/1\.1 403 /);
        const received = await send(fields.replace('PORT', String(one.port)).replace('HOST', own));
        assert.match(received, /^HTTP\/1\.1 403 /);
        assert.doesNotMatch(received, /^access-control-allow/im);
      });
    }
  }

  test('takes a token whole, and by one field', async () => {
    await using one = await startMillrace({ origin: origin.url, adminToken: 'secret' });
    const status = async (lines: string): Promise<string> => (await rawRequest(one.port, `GET /__admin/stats HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\n${lines}\r\n`)).toString('latin1').slice(9, 12);
    for (const value of ['Bearer secre', 'Bearer secret2', 'Basic secret', 'Bearer', 'secret', 'Bearer wrong\r\nAuthorization: Bearer secret']) assert.equal(await status(`Authorization: ${value}\r\n`), '403', value);
    assert.deepEqual([await status(''), await status('Authorization: Bearer secret\r\n')], ['403', '200']);
  });

  test('does nothing for methods in place of others', async () => {
    for (const [method, fields] of [['GET', ''], ['HEAD', ''], ['PUT', 'Content-Length: 0\r\n'], ['GET', 'X-HTTP-Method-Override: POST\r\n'], ['QUERY', ''], ['DELETE', '']] as const) {
      assert.match(await ask('/__admin/clear-cache', fields, method), /^HTTP\/1\.1 405 /, method);
    }
    assert.match(await ask('/__admin/clear-cache', '', 'POST'), /^HTTP\/1\.1 200 /);
  });

  for (const fastLane of [true, false]) {
    test(`answers a request to switch protocols itself, ${fastLane ? 'with' : 'without'} the fast lane`, async () => {
      await using own = await startOrigin((_, response) => void response.end('from the origin'));
      await using one = await startMillrace({ origin: own.url, fastLane });
      const send = async (line: string, lines = ''): Promise<string> =>
        (await rawRequest(one.port, `${line} HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines}\r\n`, { until: () => false })).toString('latin1');
      assert.match(await send('GET /__admin/stats'), /^HTTP\/1\.1 200 [^]*"requests"/);
      assert.match(await send('GET /health'), /^HTTP\/1\.1 200 [^]*"ok"/);
      assert.match(await send('GET /__admin/nothing'), /^HTTP\/1\.1 404 /);
      assert.match(await send('GET /__admin/stats', 'Origin: http://evil.example\r\n'), /^HTTP\/1\.1 403 /);
      assert.match(await send('POST /__admin/clear-cache'), /^HTTP\/1\.1 200 /);
      assert.match(await send('PURGE /'), /^HTTP\/1\.1 403 /);
      assert.match(await send('OPTIONS /', 'Max-Forwards: 0\r\n'), /^HTTP\/1\.1 200 [^]*Allow: /);
      assert.equal(own.requests.length, 0);
    });
  }

  test('is not reached by way of a tunnel', async () => {
    assert.match(await ask(host, '', 'CONNECT'), /^HTTP\/1\.1 403 /);
  });

  test('is not reached through the proxy itself, by whatever name', async () => {
    const open = await startProxy({ shutdownTimeout: 0 });
    try {
      for (const own of ['127.0.0.1', 'localhost', '127.1', '[::1]', '[::ffff:127.0.0.1]', '2130706433', 'x.localhost', '127.9.9.9']) {
        for (const target of [`/${own}:${open.port}/__admin/stats`, `http://${own}:${open.port}/__admin/stats`]) {
          const received = (await rawRequest(open.port, `GET ${target} HTTP/1.1\r\nHost: localhost:${open.port}\r\nConnection: close\r\n\r\n`)).toString('latin1');
          assert.match(received, /^HTTP\/1\.1 508 /, target);
        }
      }
    } finally {
      await open.close();
    }
  });
});
