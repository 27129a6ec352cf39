/**
 * Server-side request forgery: where clients name the host, they reach no address that is not theirs
 * to reach, however it is written, and no page can use the proxy behind its user's back.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveConfig } from '../../src/config.ts';
import { rawRequest, request } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { ProxyParts, type ReceivedMessage } from '../../src/proxy.ts';
import { OriginClient } from '../../src/origin/client.ts';
import { HostRules } from '../../src/origin/host-rules.ts';
import { makeTarget } from '../../src/origin/targets.ts';
import { Fields } from '../../src/http/fields.ts';
import { closing } from '../server/closing.ts';
import { startProxy } from '../server/start-proxy.ts';

/** The same address, in the spellings that resolvers, browsers and programs read. */
function spellings([a, b, c, d]: readonly [number, number, number, number]): string[] {
  const number = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const hex = number.toString(16).padStart(8, '0');
  const v6 = `${hex.slice(0, 4)}:${hex.slice(4)}`;
  return [
    `${a}.${b}.${c}.${d}`, `${a}.${b}.${c}.${d}.`, String(number), `0x${hex}`, `0X${hex.toUpperCase()}`, `0${number.toString(8)}`, `${a}.${(b << 16) | (c << 8) | d}`, `${a}.${b}.${(c << 8) | d}`,
    [a, b, c, d].map((each) => `0${each.toString(8)}`).join('.'), [a, b, c, d].map((each) => `0x${each.toString(16)}`).join('.'),
    `[::ffff:${v6}]`, `[::ffff:${a}.${b}.${c}.${d}]`, `[0:0:0:0:0:ffff:${v6}]`, `[::${v6}]`, `[64:ff9b::${v6}]`, `[64:ff9b::${a}.${b}.${c}.${d}]`, `[2002:${v6}::]`, `[::ffff:0:${v6}]`,
  ];
}

const METADATA = [...spellings([169, 254, 169, 254]), '[fe80::1]', '[fd00:ec2::254]', '[fd20:ce::254]', '100.100.100.200', '192.0.0.192', '168.63.129.16', '0.0.0.0', '0', '[::]', '255.255.255.255', '224.0.0.1', '[ff02::1]'];

describe('cloud metadata and other places nobody asks a proxy for', () => {
  test('are refused in each spelling, in each form, before a connection is made', async () => {
    const proxy = closing(await startProxy({ connectTimeout: '2s', allowConnect: true }));
    for (const host of METADATA) {
      for (const target of [`/${host}/latest/meta-data/`, `/http://${host}/`, `http://${host}/`]) {
        const received = (await rawRequest(proxy.port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)).toString('latin1');
        assert.match(received, /^HTTP\/1\.1 40[03] [^]*ERR_(?:ADDRESS_DENIED|BAD_TARGET)/, target);
      }
      const received = (await rawRequest(proxy.port, `CONNECT ${host}:80 HTTP/1.1\r\nHost: localhost\r\n\r\n`)).toString('latin1');
      assert.match(received, /^HTTP\/1\.1 40[03] /, host);
    }
  });
});

describe('a proxy that others may use', () => {
  const others = new HostRules({ patterns: ['*'], anyByDefault: false });

  test('does not reach the services of its own machine, by address or by name', async () => {
    const client = closing(new OriginClient({ addresses: others, connectTimeout: 2, originTimeout: 2, maxResponseFields: 200, maxOriginConnections: 1000 }));
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:7f00:1', 'localhost']) {
      for (const expect of [[], ['Expect', '100-continue']]) {
        await assert.rejects(client.fetch({ method: 'GET', target: makeTarget('http', host, 9, '/'), fields: new Fields(expect), body: undefined, signal: new AbortController().signal }), { code: 'ERR_ADDRESS_DENIED' }, host);
      }
    }
  });

  test('refuses to start without being told what may be reached', () => {
    assert.throws(() => resolveConfig({ host: '0.0.0.0' }), { code: 'ERR_CONFIG' });
    assert.throws(() => resolveConfig({ host: '::' }), { code: 'ERR_CONFIG' });
  });
});

describe('targets that two readers could understand in two ways', () => {
  const parts = new ProxyParts(resolveConfig({ port: 8888, allowHost: ['good.example'] }));
  const message = (requestTarget: string): ReceivedMessage => ({ method: 'GET', requestTarget, fields: Fields.of({ Host: 'localhost:8888' }), httpVersion: '1.1', scheme: 'http', clientAddress: '127.0.0.1', body: undefined });

  for (const target of [
    '/good.example@evil.example/', '/evil.example#@good.example/', '/good.example\\@evil.example/', '/good.example%00.evil.example/', '/good.example%2f@evil.example/', '/good.example%23.evil.example/', '/good.example:80@evil.example/',
    '/good.example:80:90/', '/good.example:0/', '/good.example:65536/', '/good.example:-1/', '/good.example:8e1/', '/good.example: 80/', '/good.example.evil.example/', '/evil.example?good.example', '/evil.example;good.example/',
    '/good.example,evil.example/', '/http://good.example@evil.example/', '/http://evil.example\\.good.example/', '/http:///evil.example/', '/http:evil.example/', '/https://evil.example:443/', '/ftp://good.example/', '/file:///etc/passwd', '/gopher://good.example/',
    'http://good.example@evil.example/', 'http://evil.example%2f.good.example/', 'http://evil.example\\good.example/', 'https:///evil.example', 'ftp://good.example/', 'file:///etc/passwd', '//evil.example/', '/%65vil.example/', '/g%6fod.example/', '/ⓖood.example/', '/[good.example]/',
  ]) {
    test(target, () => {
      assert.throws(() => parts.admit(message(target)), (error: { code?: string }) => ['ERR_BAD_TARGET', 'ERR_HOST_DENIED'].includes(error.code ?? ''));
    });
  }

  test('what is admitted goes to the host that was allowed, and to no other', () => {
    for (const target of ['/good.example/', '/GOOD.example./', '/good.example:80/', '/http://good.example/', 'http://good.example/', 'HTTP://Good.Example:80/', '/good.example/@evil.example/', '/good.example//evil.example/', '/good.example/../evil.example/', '/good.example/?http://evil.example/']) {
      const admitted = parts.admit(message(target));
      assert.equal(admitted.kind === 'request' && admitted.request.target.authority, 'good.example', target);
      assert.equal(admitted.kind === 'request' && admitted.request.fields.get('host'), 'good.example');
    }
  });

  test('redirects of our own stay on this host', () => {
    for (const referer of ['http://localhost:8888/good.example/', 'http://localhost:8888//evil.example/', 'http://localhost:8888/\\evil.example/', 'http://localhost:8888/http://evil.example/']) {
      for (const target of ['/style.css', '//evil.example/', '/\\evil.example', '/%2f/evil.example', '/good.example']) {
        const received = message(target);
        received.fields.append('Referer', referer);
        try {
          const admitted = parts.admit(received);
          if (admitted.kind === 'redirect') assert.equal(new URL(admitted.location, 'http://localhost:8888/').origin, 'http://localhost:8888', `${referer} ${target}: ${admitted.location}`);
        } catch (error) {
          assert.ok(['ERR_BAD_TARGET', 'ERR_HOST_DENIED'].includes((error as { code: string }).code), String(error));
        }
      }
    }
  });
});

describe('pages behind the proxy', () => {
  const setup = async (fields: Record<string, string | string[]>, status = 200): Promise<{ url: string; origin: TestOrigin }> => {
    const origin = closing(await startOrigin((_, response) => void response.writeHead(status, fields).end()));
    const { url } = closing(await startProxy({}));
    return { url: `${url}/127.0.0.1:${origin.port}`, origin };
  };

  test('cannot take over those of other hosts, which have the same web origin', async () => {
    const { url } = await setup({ 'Service-Worker-Allowed': '/', 'Clear-Site-Data': '"*"' });
    const { headers } = await request(`${url}/sw.js`);
    assert.deepEqual([headers.get('service-worker-allowed'), headers.get('clear-site-data')], [undefined, undefined]);
  });

  test('cannot set cookies for other hosts', async () => {
    const { url, origin } = await setup({ 'Set-Cookie': ['a=1; Path=/', 'b=1; path = /x; Domain=localhost', 'c=1; DOMAIN=.localhost;PATH=/;Path=/', 'd=1', 'e=1; Path="/"'] });
    const cookies = (await request(`${url}/`)).headers.all('set-cookie');
    for (const cookie of cookies) {
      assert.doesNotMatch(cookie, /domain/i);
      for (const path of cookie.matchAll(/path\s*=\s*(\/[^;]*)/gi)) assert.ok(path[1]!.startsWith(`/127.0.0.1:${origin.port}/`), cookie);
    }
    assert.equal(cookies.length, 5);
  });

  test('are redirected by their hosts only to where rules are asked again', async () => {
    for (const location of ['http://169.254.169.254/latest/', '//169.254.169.254/', 'http://2852039166/']) {
      const { url } = await setup({ Location: location }, 302);
      const { headers } = await request(`${url}/`);
      const next = await request(new URL(headers.get('location')!, url));
      assert.equal(next.status, 403, location);
    }
  });

  test('of a name that was made to point here are refused', async () => {
    const { url, origin } = await setup({});
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'evil.example:80']) {
      assert.equal((await request(`${url}/`, { headers: { Host: host } })).status, 403, host);
    }
    assert.equal(origin.requests.length, 0);
  });
});
