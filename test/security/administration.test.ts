/**
 * The administration: no page, no stranger and no other spelling of its paths gets past its gate, and
 * none of what looks like it but is not is answered by it. More: test/admin.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { rawRequest } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startProxy } from '../server/start-proxy.ts';

describe('the administration', () => {
  let origin: TestOrigin;
  let proxy: TestProxy;
  let host: string;
  before(async () => {
    origin = await startOrigin((_, response) => void response.end('from the origin'));
    proxy = await startProxy({ origin: origin.url, shutdownTimeout: 0, adminToken: 'secret' });
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
    ['a part of the token', 'Authorization: Bearer secre\r\n'],
    ['the token and more', 'Authorization: Bearer secret2\r\n'],
    ['the token in another scheme', 'Authorization: Basic secret\r\n'],
    ['two tokens', 'Authorization: Bearer wrong\r\nAuthorization: Bearer secret\r\n'],
  ];
  for (const [name, fields] of foreign) {
    for (const [method, path] of [['POST', '/__admin/clear-cache'], ['GET', '/__admin/stats'], ['HEAD', '/__admin/stats'], ['OPTIONS', '/__admin/clear-cache'], ['GET', '/__admin/nothing']] as const) {
      test(`${method} ${path} is refused to ${name}`, async () => {
        const received = await ask(path, fields.replace('PORT', String(proxy.port)).replace('HOST', host), method);
        assert.match(received, /^HTTP\/1\.1 403 /);
        assert.doesNotMatch(received, /^access-control-allow/im);
      });
    }
  }

  test('does nothing for methods in place of others', async () => {
    for (const [method, fields] of [['GET', ''], ['HEAD', ''], ['PUT', 'Content-Length: 0\r\n'], ['GET', 'X-HTTP-Method-Override: POST\r\n'], ['QUERY', ''], ['DELETE', '']] as const) {
      assert.match(await ask('/__admin/clear-cache', fields, method), /^HTTP\/1\.1 405 /, method);
    }
    assert.match(await ask('/__admin/clear-cache', '', 'POST'), /^HTTP\/1\.1 200 /);
  });

  test('is not reached by way of an upgrade, or a tunnel', async () => {
    const received = await ask('/__admin/stats', 'Connection: Upgrade\r\nUpgrade: websocket\r\n');
    assert.doesNotMatch(received, /"requests"/);
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
