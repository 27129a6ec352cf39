/**
 * @module test/cache/reuse
 * What clients get of stored responses, over real sockets. A response that shall be stale at once
 * comes with an Age above its lifetime, so that no test waits for time to pass.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

const BODY = '0123456789abcdefghij';

describe('hits', () => {
  test('GET and HEAD share one stored response', async () => {
    await using origin = await startOrigin((_request, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(BODY));
    await using proxy = await startMillrace({ origin: origin.url });
    const miss = await request(`${proxy.url}/a`);
    const hit = await request(`${proxy.url}/a`);
    const head = await request(`${proxy.url}/a`, { method: 'HEAD' });
    assert.equal(miss.headers.get('x-cache'), 'MISS');
    assert.equal(miss.headers.has('age'), false);
    assert.equal(hit.headers.get('x-cache'), 'HIT');
    assert.match(hit.headers.get('age')!, /^\d+$/);
    assert.equal(hit.body.toString(), BODY);
    assert.equal(hit.headers.get('date'), miss.headers.get('date'));
    assert.equal(head.headers.get('x-cache'), 'HIT');
    assert.equal(head.headers.get('content-length'), String(BODY.length));
    assert.equal(head.body.length, 0);
    assert.equal(origin.requests.length, 1);
  });

  test('a HEAD that is asked first is a hit for HEAD and none for GET', async () => {
    await using origin = await startOrigin((_request, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Content-Length': BODY.length }).end(BODY));
    await using proxy = await startMillrace({ origin: origin.url });
    const results = [];
    for (const method of ['HEAD', 'HEAD', 'GET', 'HEAD']) {
      const response = await request(`${proxy.url}/a`, { method });
      assert.equal(response.headers.get('content-length'), String(BODY.length));
      results.push(response.headers.get('x-cache'));
    }
    assert.deepEqual(results, ['MISS', 'HIT', 'MISS', 'HIT']);
  });

  test('the order of query parameters makes no difference, unless it is told to', async () => {
    await using origin = await startOrigin((message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(message.url));
    await using sorting = await startMillrace({ origin: origin.url });
    await using literal = await startMillrace({ origin: origin.url, sortQuery: false });
    await request(`${sorting.url}/a?b=1&a=2&a=1`);
    assert.equal((await request(`${sorting.url}/a?a=2&b=1&a=1`)).headers.get('x-cache'), 'HIT');
    assert.equal((await request(`${sorting.url}/a?a=1&a=2&b=1`)).headers.get('x-cache'), 'MISS');
    await request(`${literal.url}/a?b=1&a=2`);
    assert.equal((await request(`${literal.url}/a?a=2&b=1`)).headers.get('x-cache'), 'MISS');
  });

  test('another Host of the client does not get what was made for the first', async () => {
    await using origin = await startOrigin((message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(String(message.headers['x-forwarded-host'])));
    await using proxy = await startMillrace({ origin: origin.url });
    const poisoned = await request(`${proxy.url}/a`, { headers: { Host: 'evil.example' } });
    const honest = await request(`${proxy.url}/a`, { headers: { Host: 'good.example' } });
    const again = await request(`${proxy.url}/a`, { headers: { Host: 'good.example' } });
    assert.equal(poisoned.body.toString(), 'evil.example');
    assert.equal(honest.body.toString(), 'good.example');
    assert.equal(again.headers.get('x-cache'), 'HIT');
  });
});

describe('conditional and range requests answered from the cache', () => {
  const headers = { 'Cache-Control': 'max-age=60', ETag: '"v1"', 'Last-Modified': 'Mon, 01 Jan 2024 00:00:00 GMT', 'Content-Type': 'text/plain' };
  const cases: [name: string, headers: Record<string, string>, status: number, body: string][] = [
    ['If-None-Match that matches', { 'If-None-Match': '"v1"' }, 304, ''],
    ['If-None-Match that matches weakly in a list', { 'If-None-Match': '"v0", W/"v1"' }, 304, ''],
    ['If-None-Match that does not match', { 'If-None-Match': '"v2"' }, 200, BODY],
    ['If-None-Match before If-Modified-Since', { 'If-None-Match': '"v2"', 'If-Modified-Since': 'Tue, 02 Jan 2024 00:00:00 GMT' }, 200, BODY],
    ['If-Modified-Since later', { 'If-Modified-Since': 'Tue, 02 Jan 2024 00:00:00 GMT' }, 304, ''],
    ['If-Modified-Since earlier', { 'If-Modified-Since': 'Sun, 31 Dec 2023 00:00:00 GMT' }, 200, BODY],
    ['a range', { Range: 'bytes=2-4' }, 206, '234'],
    ['an open range', { Range: 'bytes=15-' }, 206, 'fghij'],
    ['a suffix', { Range: 'bytes=-3' }, 206, 'hij'],
    ['a range out of bounds', { Range: 'bytes=100-' }, 416, ''],
    ['a range in another unit', { Range: 'lines=1-2' }, 200, BODY],
    ['If-Range that matches', { Range: 'bytes=0-1', 'If-Range': '"v1"' }, 206, '01'],
    ['If-Range that does not match', { Range: 'bytes=0-1', 'If-Range': '"v2"' }, 200, BODY],
    ['If-Range with a weak tag', { Range: 'bytes=0-1', 'If-Range': 'W/"v1"' }, 200, BODY],
    ['If-None-Match before Range', { Range: 'bytes=0-1', 'If-None-Match': '"v1"' }, 304, ''],
  ];
  for (const [name, sent, status, body] of cases) {
    test(name, async () => {
      await using origin = await startOrigin((_request, response) => void response.writeHead(200, headers).end(BODY));
      await using proxy = await startMillrace({ origin: origin.url });
      await request(`${proxy.url}/a`);
      const response = await request(`${proxy.url}/a`, { headers: sent });
      assert.equal(response.status, status);
      assert.equal(response.body.toString(), body);
      assert.equal(response.headers.get('x-cache'), 'HIT');
      assert.equal(response.headers.get('etag'), '"v1"');
      assert.equal(origin.requests.length, 1);
    });
  }

  test('several ranges come as multipart/byteranges', async () => {
    await using origin = await startOrigin((_request, response) => void response.writeHead(200, headers).end(BODY));
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/a`);
    const response = await request(`${proxy.url}/a`, { headers: { Range: 'bytes=0-1, 18-' } });
    assert.equal(response.status, 206);
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(response.headers.get('content-type')!)![1]!;
    assert.equal(
      response.body.toString(),
      `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/20\r\n\r\n01\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 18-19/20\r\n\r\nij\r\n--${boundary}--\r\n`,
    );
    assert.equal(response.headers.get('content-length'), String(response.body.length));
  });

  test('ranges that overlap are not worth the work: the whole is sent', async () => {
    await using origin = await startOrigin((_request, response) => void response.writeHead(200, headers).end(BODY));
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/a`);
    assert.equal((await request(`${proxy.url}/a`, { headers: { Range: 'bytes=0-9, 5-15' } })).status, 200);
  });

  test('a client that already has it gets 304 even on a miss, and the cache gets the whole', async () => {
    await using origin = await startOrigin((message, response) => {
      assert.equal(message.headers['if-none-match'], undefined);
      response.writeHead(200, headers).end(BODY);
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const miss = await request(`${proxy.url}/a`, { headers: { 'If-None-Match': '"v1"' } });
    assert.equal(miss.status, 304);
    assert.equal(miss.headers.get('x-cache'), 'MISS');
    const hit = await request(`${proxy.url}/a`);
    assert.equal(hit.headers.get('x-cache'), 'HIT');
    assert.equal(hit.body.toString(), BODY);
  });
});

describe('stale responses', () => {
  test('a stale response is validated, and its fields are updated from the 304', async () => {
    await using origin = await startOrigin((message, response) => {
      if (message.headers['if-none-match'] === '"1"') response.writeHead(304, { ETag: '"1"', 'Cache-Control': 'max-age=60', 'X-Version': '2' }).end();
      else response.writeHead(200, { ETag: '"1"', 'Cache-Control': 'max-age=60', Age: '100', 'X-Version': '1' }).end(BODY);
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const versions = [];
    for (let i = 0; i < 3; i++) {
      const response = await request(`${proxy.url}/a`);
      assert.equal(response.body.toString(), BODY);
      versions.push([response.headers.get('x-cache'), response.headers.get('x-version')]);
    }
    assert.deepEqual(versions, [['MISS', '1'], ['REVALIDATED', '2'], ['HIT', '2']]);
    assert.equal(origin.requests.length, 2);
  });

  test('a 304 that speaks of another version does not confirm what is stored: the whole is fetched', async () => {
    await using origin = await startOrigin((message, response, { index }) => {
      if (message.headers['if-none-match'] !== undefined) response.writeHead(304, { ETag: '"other"' }).end();
      else response.writeHead(200, { ETag: `"${index}"`, 'Cache-Control': 'max-age=60', ...(index === 0 && { Age: '100' }) }).end(`body ${index}`);
    });
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/a`);
    const second = await request(`${proxy.url}/a`);
    assert.equal(second.status, 200);
    assert.equal(second.body.toString(), 'body 2');
    assert.equal((await request(`${proxy.url}/a`)).body.toString(), 'body 2');
  });

  test('stale-while-revalidate: served stale at once, refreshed in the background', async () => {
    const slow = gate();
    await using origin = await startOrigin(async (_request, response, { index }) => {
      if (index === 1) await slow.wait;
      response.writeHead(200, { 'Cache-Control': 'max-age=60, stale-while-revalidate=600', ...(index === 0 && { Age: '100' }) }).end(`body ${index}`);
    });
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/a`);
    for (let i = 0; i < 3; i++) {
      const stale = await request(`${proxy.url}/a`);
      assert.equal(stale.headers.get('x-cache'), 'STALE');
      assert.equal(stale.body.toString(), 'body 0');
      assert.match(stale.headers.get('cache-status')!, /^Millrace;hit;ttl=-\d+;detail=stale-while-revalidate$/);
    }
    await origin.arrived(2);
    slow.open();
    // It boards the refresh or finds what that stored.
    let body = '';
    for (let i = 0; i < 100 && body !== 'body 1'; i++) body = (await request(`${proxy.url}/a`)).body.toString();
    assert.equal(body, 'body 1');
    assert.equal(origin.requests.length, 2);
  });

  for (const failure of ['closes the connection', 'answers 503'] as const) {
    test(`stale-if-error: served when the origin ${failure}`, async () => {
      await using origin = await startOrigin((_request, response, { index }) => {
        if (index === 0) response.writeHead(200, { 'Cache-Control': 'max-age=60, stale-if-error=600', Age: '100' }).end(BODY);
        else if (failure === 'answers 503') response.writeHead(503).end('broken');
        else response.socket!.destroy();
      });
      await using proxy = await startMillrace({ origin: origin.url });
      await request(`${proxy.url}/a`);
      const response = await request(`${proxy.url}/a`);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('x-cache'), 'STALE');
      assert.equal(response.body.toString(), BODY);
    });
  }

  test('must-revalidate: never served stale, whatever fails', async () => {
    await using origin = await startOrigin((_request, response, { index }) => {
      if (index === 0) response.writeHead(200, { 'Cache-Control': 'max-age=60, must-revalidate, stale-if-error=600, stale-while-revalidate=600', Age: '100' }).end(BODY);
      else response.socket!.destroy();
    });
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/a`);
    assert.equal((await request(`${proxy.url}/a`)).status, 502);
  });

  test('only-if-cached: 504 where there is nothing', async () => {
    await using origin = await startOrigin((_request, response) => void response.end());
    await using proxy = await startMillrace({ origin: origin.url });
    const response = await request(`${proxy.url}/a`, { headers: { 'Cache-Control': 'only-if-cached' } });
    assert.equal(response.status, 504);
    assert.equal(origin.requests.length, 0);
  });
});

describe('invalidation', () => {
  test('a successful unsafe request removes the URL and those in Location and Content-Location, a failed one does not', async () => {
    await using origin = await startOrigin((message, response) => {
      if (message.method === 'GET') response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end();
      else if (message.headers['x-fail'] !== undefined) response.writeHead(500).end();
      else response.writeHead(201, { Location: '/b', 'Content-Location': `${origin.url}/c` }).end();
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const states = (): Promise<(string | undefined)[]> => Promise.all(['/a', '/b', '/c', '/d'].map(async (path) => (await request(proxy.url + path)).headers.get('x-cache')));
    await states();
    assert.equal((await request(`${proxy.url}/a`, { method: 'POST', body: 'x', headers: { 'X-Fail': '1' } })).status, 500);
    assert.deepEqual(await states(), ['HIT', 'HIT', 'HIT', 'HIT']);
    assert.equal((await request(`${proxy.url}/a`, { method: 'POST', body: 'x' })).headers.get('x-cache'), 'BYPASS');
    assert.deepEqual(await states(), ['MISS', 'MISS', 'MISS', 'HIT']);
  });

  test('another origin named in Location is left alone', async () => {
    await using origin = await startOrigin((message, response) => {
      if (message.method === 'GET') response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end();
      else response.writeHead(201, { Location: 'http://elsewhere.example/b' }).end();
    });
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/b`);
    await request(`${proxy.url}/a`, { method: 'DELETE' });
    assert.equal((await request(`${proxy.url}/b`)).headers.get('x-cache'), 'HIT');
  });
});

describe('settings', () => {
  test('--default-ttl keeps what states no lifetime, but not where a cookie or credentials are in play', async () => {
    await using origin = await startOrigin((message, response) => void response.writeHead(200, message.url === '/sets' ? { 'Set-Cookie': 'a=1' } : {}).end('x'));
    await using proxy = await startMillrace({ origin: origin.url });
    const twice = async (path: string, headers: Record<string, string> = {}): Promise<string | undefined> => {
      await request(proxy.url + path, { headers });
      return (await request(proxy.url + path, { headers })).headers.get('x-cache');
    };
    assert.equal(await twice('/plain'), 'HIT');
    assert.equal(await twice('/cookie', { Cookie: 'a=1' }), 'MISS');
    assert.equal(await twice('/credentials', { Authorization: 'Bearer x' }), 'MISS');
    assert.equal(await twice('/sets'), 'MISS');
    // What was kept for strangers is not for someone the origin may know.
    assert.equal((await request(`${proxy.url}/plain`, { headers: { Cookie: 'a=1' } })).headers.get('x-cache'), 'BYPASS');
  });

  test('--ttl overrides what responses and requests state, within its bounds', async () => {
    const answers: Record<string, [number, Record<string, string>]> = {
      '/no-store': [200, { 'Cache-Control': 'no-store' }],
      '/private': [200, { 'Cache-Control': 'private', 'Set-Cookie': 'a=1' }],
      '/error': [500, { 'Cache-Control': 'max-age=60' }],
      '/teapot': [418, { 'Cache-Control': 'max-age=60' }],
      '/missing': [404, {}],
    };
    await using origin = await startOrigin((message, response) => {
      const [status, headers] = answers[message.url!]!;
      response.writeHead(status, headers).end('x');
    });
    await using proxy = await startMillrace({ origin: origin.url, ttl: 60 });
    const second = async (path: string, headers: Record<string, string> = {}) => {
      await request(proxy.url + path, { headers });
      return request(proxy.url + path, { headers: { ...headers, 'Cache-Control': 'no-cache' } });
    };
    assert.equal((await second('/no-store')).headers.get('x-cache'), 'HIT');
    const cookie = await second('/private');
    assert.equal(cookie.headers.get('x-cache'), 'HIT');
    assert.equal(cookie.headers.has('set-cookie'), false);
    assert.equal((await second('/missing')).headers.get('x-cache'), 'HIT');
    assert.equal((await second('/error')).headers.get('x-cache'), 'MISS');
    assert.equal((await second('/teapot')).headers.get('x-cache'), 'MISS');
    assert.equal((await second('/missing', { Authorization: 'Bearer x' })).headers.get('x-cache'), 'BYPASS');
  });

  for (const options of [{ ttl: 0 }, { cache: false }]) {
    test(`${JSON.stringify(options)} passes everything through`, async () => {
      await using origin = await startOrigin((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('x'));
      await using proxy = await startMillrace({ origin: origin.url, ...options });
      for (let i = 0; i < 2; i++) assert.equal((await request(`${proxy.url}/a`)).headers.get('x-cache'), 'BYPASS');
      assert.equal(origin.requests.length, 2);
    });
  }

  test('the variants kept for one URL are bounded', async () => {
    await using origin = await startOrigin((message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60', Vary: 'X-Any' }).end(String(message.headers['x-any'])));
    await using proxy = await startMillrace({ origin: origin.url });
    for (let i = 0; i < 100; i++) await request(`${proxy.url}/a`, { headers: { 'X-Any': String(i) } });
    const stats = JSON.parse((await request(`${proxy.url}/__admin/stats`)).body.toString()) as { store: { objects: number } };
    assert.equal(stats.store.objects, 32);
    const newest = await request(`${proxy.url}/a`, { headers: { 'X-Any': '99' } });
    assert.equal(newest.headers.get('x-cache'), 'HIT');
    assert.equal(newest.body.toString(), '99');
  });
});
