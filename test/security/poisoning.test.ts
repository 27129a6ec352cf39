/**
 * Cache poisoning: no client may decide what others get, by anything that is not part of the key; nor
 * fill the cache with errors, nor take out of it what is there for others.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Options } from '../../src/config.ts';
import { type ClientResponse, type RequestOptions, openRaw, rawRequest, request } from '../kit/client.ts';
import { type OriginHandler, type TestOrigin, startOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { startProxy } from '../server/start-proxy.ts';

interface Setup {
  readonly origin: TestOrigin;
  readonly port: number;
  readonly get: (target?: string, options?: RequestOptions) => Promise<ClientResponse>;
}

/** An origin that keeps what it answers for a minute, unless the handler says otherwise. */
async function setup(handler: OriginHandler, options: Options = {}): Promise<Setup> {
  const origin = closing(await startOrigin((incoming, response, context) => {
    response.setHeader('Cache-Control', 'max-age=60');
    return handler(incoming, response, context);
  }));
  const { url, port } = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0, ...options }));
  return { origin, port, get: (target = '/', more = {}) => request(url, { target, ...more }) };
}

const echo: OriginHandler = ({ url }, response) => void response.end(url);
const result = ({ headers }: ClientResponse): string => headers.get('x-cache')!;

describe('what proxies tell of a request', () => {
  const names = [
    'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Port', 'X-Forwarded-Prefix', 'X-Forwarded-Server', 'X-Forwarded-Scheme', 'X-Forwarded-Anything',
    'X-Forwarded', 'Forwarded', 'Forwarded-For', 'X-Original-Forwarded-For', 'X-Real-IP', 'X-Client-IP', 'X-Cluster-Client-IP', 'True-Client-IP', 'Client-IP',
    'X-Original-URL', 'X-Rewrite-URL', 'X-Original-URI', 'X-Original-Host', 'X-Host', 'X-HTTP-Host-Override', 'X-Scheme', 'X-URL-Scheme', 'Front-End-Https',
    // A CGI program takes it for its own setting HTTP_PROXY: https://httpoxy.org
    'Proxy',
    'X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override',
  ];
  for (const name of [...names, ...names.map((each) => each.replaceAll('-', '_').toUpperCase())]) {
    test(`${name} of a stranger does not reach the origin`, async () => {
      const { origin, get } = await setup(echo);
      await get('/', { headers: { [name]: 'evil.example' } });
      assert.doesNotMatch(origin.requests[0]!.rawHeaders.join('\n'), /evil/);
      assert.equal(result(await get()), 'HIT');
    });
  }

  test('nor does a method to put in place of QUERY, whose response is kept like that to GET', async () => {
    const { origin, get } = await setup(echo);
    await get('/', { method: 'QUERY', body: 'a', headers: { 'X-HTTP-Method-Override': 'DELETE' } });
    assert.equal(origin.requests[0]!.headers.get('x-http-method-override'), undefined);
  });

  for (const [name, value] of [
    ['X-Forwarded-Host', 'evil.example'], ['X-Forwarded-Proto', 'evil'], ['X-Forwarded-Prefix', '/evil'], ['X-Forwarded-Port', '666'], ['X-Forwarded-Scheme', 'evil'],
    ['Forwarded', 'for=192.0.2.1;host=evil.example'], ['Forwarded', 'for=192.0.2.1;proto=evil'], ['X-Original-URL', '/evil'], ['X-Rewrite-URL', '/evil'], ['X-Host', 'evil.example'],
  ] as const) {
    test(`${name}: ${value} that a trusted proxy passes on is for those alone who send it`, async () => {
      const { get } = await setup(({ rawHeaders }, response) => void response.end(rawHeaders.join('\n')), { trustProxy: ['127.0.0.1'] });
      assert.match((await get('/', { headers: { [name]: value } })).body.toString(), /evil|^666$/m);
      const other = await get();
      assert.equal(result(other), 'MISS');
      assert.doesNotMatch(other.body.toString(), /evil|^666$/m);
      assert.equal(result(await get('/', { headers: { [name]: value } })), 'HIT');
    });
  }

  test('the address of the client makes no difference', async () => {
    const { get } = await setup(echo, { trustProxy: ['127.0.0.1'] });
    await get('/', { headers: { 'X-Forwarded-For': '192.0.2.1', Forwarded: 'for=192.0.2.1', 'X-Real-IP': '192.0.2.1' } });
    assert.equal(result(await get('/', { headers: { 'X-Forwarded-For': '192.0.2.2', Forwarded: 'for=192.0.2.2', 'X-Real-IP': '192.0.2.2' } })), 'HIT');
  });
});

describe('the key', () => {
  test('tells apart what an origin may tell apart', async () => {
    const targets = [
      '/a', '/A', '/a/', '//a', '/./a', '/b/../a', '/%61', '/a%2f', '/a%00', '/a%0a', '/a;x=1', '/a;x=2', '/a\\', '/a?', '/a?x', '/a?x=', '/a?x=1', '/a?X=1', '/a?x=1&x=2', '/a?x=2&x=1',
      '/a?x=1;y=2', '/a?x=1&y=2', '/a?x=1%26y=2', '/a?x=1;y=3&y=2', '/a?y=2;x=1', '/a?x=1&amp;y=2', '/a?x%3d1', '/a?%78=1', '/a?x[]=1&x[]=2', '/a?x[]=2&x[]=1', '/a?x=1?y=2', '/a?x=1%20', '/a?x=1+',
      '/a?x=a=b&x=a', '/a?x=a&x=a=b', '/a?utm_source=1', '/a.css', '/a/x.css', '/a%3fx', '/a%23', '/a%20HTTP/1.1', '/a?x=1%0d%0aX:%20y',
    ];
    const { get } = await setup(echo);
    for (const target of targets) assert.equal(result(await get(target)), 'MISS', target);
    for (const target of targets) {
      const response = await get(target);
      assert.deepEqual([result(response), response.body.toString()], ['HIT', target]);
    }
  });

  test('takes a query that differs in order alone for the same, whatever its parts look like', async () => {
    const { get } = await setup(echo);
    await get('/?b=1&a=3&&c');
    assert.equal(result(await get('/?a=3&c&b=1&')), 'HIT');
    assert.equal(result(await get('/?a=2&a=3&b=1&&c')), 'MISS');
  });

  for (const [some, others] of [
    ['?a=1&%61=2', '?%61=2&a=1'],
    ['?a=1&A=2', '?A=2&a=1'],
    ['?a=1&a[]=2', '?a[]=2&a=1'],
    ['?a[0]=1&a[]=2', '?a[]=2&a[0]=1'],
    ['?a[0]=1&a%5B%5D=2', '?a%5b%5d=2&a[0]=1'],
    ['?a.b=1&a_b=2', '?a_b=2&a.b=1'],
    ['?a+b=1&a_b=2', '?a_b=2&a+b=1'],
    ['?a=1&%20a=2', '?%20a=2&a=1'],
    ['?a=1&a%00b=2', '?a%00b=2&a=1'],
    ['?cb=1&jsonp=a;cb=2', '?jsonp=a;cb=2&cb=1'],
  ] as const) {
    test(`does not take ${some} for ${others}`, async () => {
      const { get } = await setup(echo);
      assert.equal((await get(`/${some}`)).body.toString(), `/${some}`);
      const other = await get(`/${others}`);
      assert.deepEqual([result(other), other.body.toString()], ['MISS', `/${others}`]);
    });
  }

  test('Host is a part of it while the origin is told it', async () => {
    const { get } = await setup(({ headers }, response) => void response.end(headers['x-forwarded-host']));
    for (const host of ['good.example', 'evil.example', 'good.example:1']) {
      const { body, headers } = await get('/', { headers: { Host: host } });
      assert.deepEqual([body.toString(), headers.get('x-cache')], [host, 'MISS']);
    }
  });

  test('Host in another case, with the port that it has anyway, or with the dot of an absolute name, is the same, and the origin is told it in one spelling', async () => {
    const { get } = await setup(({ headers }, response) => void response.end(`${headers.host} ${headers['x-forwarded-host']!.toString()} ${headers.forwarded}`));
    const results: unknown[] = [];
    for (const host of ['GOOD.example:80', 'good.example', 'Good.Example', 'good.example.', 'good.example.:80']) {
      const response = await get('/', { headers: { Host: host } });
      assert.match(response.body.toString(), /^good\.example good\.example .*host=good\.example;/);
      results.push(result(response));
    }
    assert.deepEqual(results, ['MISS', 'HIT', 'HIT', 'HIT', 'HIT']);
  });

  test('the host in an absolute URL is not believed before Host', async () => {
    const { port, get } = await setup(({ headers, url }, response) => void response.end(`${url} ${headers.host!} ${headers['x-forwarded-host']!.toString()}`));
    const poisoned = await rawRequest(port, 'GET http://evil.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n');
    assert.doesNotMatch(poisoned.toString('latin1'), /evil/);
    assert.doesNotMatch((await get('/', { headers: { Host: 'good.example' } })).body.toString(), /evil/);
  });

  test('content of a GET passes by the cache', async () => {
    const { get } = await setup(async ({ url }, response, { body }) => void response.end(`${url} ${(await body()).toString()}`));
    for (const headers of [{ 'Content-Length': '5' }, { 'Transfer-Encoding': 'chunked' }]) {
      assert.equal((await get('/', { body: 'x=bad', headers })).body.toString(), '/ x=bad');
    }
    const after = await get();
    assert.deepEqual([after.body.toString(), result(after)], ['/ ', 'MISS']);
  });

  test('values of selecting fields cannot be made to look like others', async () => {
    const { get } = await setup(({ headers }, response) => {
      response.setHeader('Vary', 'X-A, X-B');
      response.end(JSON.stringify([headers['x-a'] ?? null, headers['x-b'] ?? null]));
    });
    for (const headers of [{ 'X-A': '1', 'X-B': '2' }, { 'X-A': '1,2' }, { 'X-B': '1,2' }, { 'X-A': '1","2' }, { 'X-A': '' }, { 'X-A': 'null' }, { 'X-A': `sha256:${'a'.repeat(600)}` }, { 'X-A': `sha256:${'a'.repeat(601)}` }, {}] as Record<string, string>[]) {
      const wanted = JSON.stringify([headers['X-A'] ?? null, headers['X-B'] ?? null]);
      for (const expected of ['MISS', 'HIT']) {
        const response = await get('/', { headers });
        assert.deepEqual([response.body.toString(), result(response)], [wanted, expected]);
      }
    }
  });
});

describe('errors that one client provokes', () => {
  for (const status of [400, 403, 406, 413, 416, 417, 421, 431, 500, 502, 503]) {
    test(`a ${status} for a field that others do not send is not kept for them`, async () => {
      const { get } = await setup(({ headers }, response) => {
        response.removeHeader('Cache-Control');
        response.writeHead(headers['x-odd'] === undefined ? 200 : status);
        response.end();
      });
      assert.equal((await get('/', { headers: { 'X-Odd': 'a'.repeat(5000) } })).status, status);
      assert.equal((await get()).status, 200);
    });
  }

  for (const status of [412, 416, 428, 429, 431, 511]) {
    test(`not even where the origin says that a ${status} may be kept`, async () => {
      const { get } = await setup(({ headers }, response) => {
        response.writeHead(headers['x-odd'] === undefined ? 200 : status);
        response.end();
      });
      assert.equal((await get('/', { headers: { 'X-Odd': '1' } })).status, status);
      assert.equal((await get()).status, 200);
    });
  }

  test('a request that Millrace refuses leaves nothing behind', async () => {
    const { port, get } = await setup(echo);
    for (const bytes of [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x01\r\n\r\n', 'GET / HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\n\r\n']) {
      assert.match((await rawRequest(port, bytes)).toString('latin1'), /^HTTP\/1\.1 4/);
    }
    assert.deepEqual([(await get()).status, result(await get())], [200, 'HIT']);
  });

  test('a range that cannot be satisfied, or a condition that fails, is for its client alone', async () => {
    const { get } = await setup(({ headers }, response) => {
      response.writeHead(headers.range !== undefined ? 416 : headers['if-match'] !== undefined ? 412 : 200);
      response.end('page');
    });
    assert.equal((await get('/', { headers: { Range: 'bytes=99-' } })).status, 416);
    assert.equal((await get('/', { headers: { 'If-Match': '"x"' } })).status, 412);
    assert.equal((await get()).body.toString(), 'page');
  });

  test('a part is not taken for the whole', async () => {
    const { get } = await setup(({ headers }, response) => {
      response.setHeader('ETag', '"a"');
      if (headers.range === undefined) response.end('0123456789');
      else response.writeHead(206, { 'Content-Range': 'bytes 2-4/10' }).end('234');
    });
    assert.equal((await get('/', { headers: { Range: 'bytes=2-4' } })).body.toString(), '234');
    assert.equal((await get()).body.toString(), '0123456789');
  });
});

describe('what is stored for all stays', () => {
  const page: OriginHandler = ({ headers }, response) => {
    response.setHeader('ETag', '"a"');
    if (headers.authorization !== undefined) response.writeHead(401, { 'Cache-Control': 'no-store' });
    else if (headers.cookie !== undefined) response.writeHead(200, { 'Cache-Control': 'private' });
    else if (headers['if-none-match'] === '"a"') response.writeHead(304);
    response.end();
  };
  for (const [name, headers] of [
    ['credentials that the origin does not know', { Authorization: 'Bearer evil' }],
    ['a reload with a session, answered for that alone', { Cookie: 'a=b', 'Cache-Control': 'no-cache' }],
    ['a request that forbids to store what answers it', { 'Cache-Control': 'no-cache, no-store' }],
    ['a part that cannot be', { Range: 'bytes=99-', 'Cache-Control': 'no-cache' }],
  ] as [string, Record<string, string>][]) {
    test(`after ${name}`, async () => {
      const { get } = await setup(page);
      await get();
      await get('/', { headers });
      assert.equal(result(await get()), 'HIT');
    });
  }

  test('after a request that failed, with whatever method', async () => {
    const { get } = await setup(({ method }, response) => {
      if (method !== 'GET') response.statusCode = 405;
      response.end();
    });
    await get();
    for (const method of ['POST', 'PUT', 'DELETE', 'PURGE', 'MOVE']) await get('/', { method });
    assert.equal(result(await get()), 'HIT');
  });

  test('after an origin has named what belongs to another', async () => {
    const { get } = await setup((_, response) => {
      response.setHeader('Location', 'http://other.example/b');
      response.setHeader('Content-Location', '//other.example/b');
      response.end();
    });
    await get('/b');
    await get('/a', { method: 'POST' });
    assert.equal(result(await get('/b')), 'HIT');
  });
});

describe('a broken response', () => {
  test('that ends early is not stored, however it is framed', async () => {
    let broken = true;
    const { get } = await setup(({ url }, response) => {
      if (url === '/length') response.setHeader('Content-Length', '4');
      if (broken) response.write('pa', () => response.socket!.destroySoon());
      else response.end('page');
    });
    for (const target of ['/length', '/chunked']) {
      broken = true;
      assert.equal((await get(target)).complete, false);
      broken = false;
      const whole = await get(target);
      assert.deepEqual([whole.body.toString(), result(whole)], ['page', 'MISS']);
    }
  });

  test('that is longer than it said is cut there, and its rest is nobody else\'s response', async () => {
    const { port, get } = await setup((_, response) => {
      response.socket!.write('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\npageHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    });
    const connection = await openRaw(port);
    void connection.send('GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    assert.doesNotMatch((await connection.readAll()).toString('latin1'), /evil/);
    assert.doesNotMatch((await get('/b')).body.toString(), /evil/);
  });
});

describe('a request head that is larger than the origin takes', () => {
  const large = { 'X-Large': 'a'.repeat(10_000) };
  for (const fastLane of [true, false]) {
    const lane = fastLane ? 'fast lane' : 'node:http';
    for (const status of [400, 403, 404, 413, 431, 494, 500, 502]) {
      test(`brings nobody else the ${status} that it got, ${lane}`, async () => {
        const { get } = await setup(({ headers }, response) => void response.writeHead('x-large' in headers ? status : 200).end(), { fastLane });
        const refused = await get('/', { headers: large });
        assert.deepEqual([refused.status, result(refused)], [status, 'MISS']);
        assert.match(refused.headers.get('cache-status')!, /detail=large-request-head/);
        assert.deepEqual([(await get()).status, (await get()).headers.get('x-cache')], [200, 'HIT']);
      });
    }

    test(`takes nothing from others that is stored, ${lane}`, async () => {
      const { get } = await setup(({ headers }, response) => void response.writeHead('x-large' in headers ? 400 : 200, { ETag: '"a"' }).end(), { fastLane });
      await get();
      assert.equal((await get('/', { headers: { ...large, 'Cache-Control': 'no-cache' } })).status, 400);
      assert.equal(result(await get()), 'HIT');
    });

    test(`is stored where the origin takes it, ${lane}`, async () => {
      const { get } = await setup((_, response) => void response.end(), { fastLane });
      await get('/', { headers: large });
      assert.equal(result(await get()), 'HIT');
    });
  }
});
