/**
 * @module test/cache/groups-and-methods
 * Groups of responses (RFC 9875), QUERY (RFC 10008), POST whose answer serves GET, and partial content.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

describe('groups', () => {
  test('the response to an unsafe request invalidates the groups it names, on its own origin', async () => {
    await using origin = await startOrigin((message, response) => {
      if (message.method === 'POST') response.writeHead(204, { 'Cache-Group-Invalidation': '"news", 7' }).end();
      else response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Cache-Groups': message.url === '/b' ? '"sport"' : '"news", "all"' }).end();
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const state = async (path: string): Promise<string> => (await request(proxy.url + path)).headers.get('x-cache')!;
    for (const path of ['/a', '/b', '/c']) await state(path);
    await request(`${proxy.url}/edit`, { method: 'POST', body: 'x' });
    assert.deepEqual([await state('/a'), await state('/b'), await state('/c')], ['MISS', 'HIT', 'MISS']);
  });

  for (const [name, value] of [['Surrogate-Key', 'one two'], ['Cache-Tag', 'one, two'], ['xkey', 'one'], ['Cache-Groups', '"one"']] as const) {
    test(`a purge by tag removes what ${name} tagged`, async () => {
      await using origin = await startOrigin((message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60', [name]: message.url === '/a' ? value : value.replace('one', 'other') }).end());
      await using proxy = await startMillrace({ origin: origin.url });
      const first = await request(`${proxy.url}/a`);
      await request(`${proxy.url}/b`);
      // The alias fields are for caches in front of the origin, Cache-Groups for every cache on the way.
      assert.equal(first.headers.has(name), name === 'Cache-Groups');
      const purge = await request(`${proxy.url}/__admin/purge`, { method: 'POST', body: 'tag=one' });
      assert.deepEqual(JSON.parse(purge.body.toString()), { purged: null });
      assert.equal((await request(`${proxy.url}/a`)).headers.get('x-cache'), 'MISS');
      const other = await request(`${proxy.url}/b`);
      assert.equal(other.headers.get('x-cache'), 'HIT');
      assert.equal(other.headers.has(name), name === 'Cache-Groups');
    });
  }

  test('--keep-tags sends the alias fields on', async () => {
    await using origin = await startOrigin((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Surrogate-Key': 'one' }).end());
    await using proxy = await startMillrace({ origin: origin.url, keepTags: true });
    for (let i = 0; i < 2; i++) assert.equal((await request(`${proxy.url}/a`)).headers.get('surrogate-key'), 'one');
  });
});

describe('QUERY', () => {
  const query = (url: string, body: string, type = 'application/json') => request(url, { method: 'QUERY', body, headers: { 'Content-Type': type } });

  test('is keyed by its content and what that is', async () => {
    await using origin = await startOrigin(async (_message, response, { body }) => {
      const content = await body();
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(`answer to ${content.toString()}`);
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const url = `${proxy.url}/search`;
    assert.equal((await query(url, '{"q":1}')).headers.get('x-cache'), 'MISS');
    const hit = await query(url, '{"q":1}');
    assert.equal(hit.headers.get('x-cache'), 'HIT');
    assert.equal(hit.body.toString(), 'answer to {"q":1}');
    assert.equal((await query(url, '{"q":2}')).headers.get('x-cache'), 'MISS');
    assert.equal((await query(url, '{"q":1}', 'text/plain')).headers.get('x-cache'), 'MISS');
    assert.equal((await request(url)).headers.get('x-cache'), 'MISS');
    // An unsafe request to the URL makes the answers to its queries out of date.
    await request(url, { method: 'POST', body: 'x' });
    assert.equal((await query(url, '{"q":1}')).headers.get('x-cache'), 'MISS');
  });

  test('with more content than is read whole it passes by the cache, all of it', async () => {
    await using origin = await startOrigin(async (_message, response, { body }) => {
      const content = await body();
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(String(content.length));
    });
    await using proxy = await startMillrace({ origin: origin.url });
    for (let i = 0; i < 2; i++) {
      const response = await query(`${proxy.url}/search`, 'x'.repeat(1_000_000));
      assert.equal(response.body.toString(), '1000000');
      assert.equal(response.headers.get('x-cache'), 'BYPASS');
    }
  });

  test('a lifetime that is not stated is not made up', async () => {
    await using origin = await startOrigin((_message, response) => void response.writeHead(200, { ETag: '"1"' }).end('x'));
    await using proxy = await startMillrace({ origin: origin.url });
    await query(`${proxy.url}/search`, 'q');
    assert.notEqual((await query(`${proxy.url}/search`, 'q')).headers.get('x-cache'), 'HIT');
  });
});

describe('POST', () => {
  test('an answer that is the representation of its target serves later GETs', async () => {
    await using origin = await startOrigin((message, response) => {
      const location = message.url === '/own' ? '/own' : '/other';
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Content-Location': location }).end(message.method);
    });
    await using proxy = await startMillrace({ origin: origin.url });
    for (const [path, method] of [['/own', 'POST'], ['/not-own', 'GET']] as const) {
      const post = await request(proxy.url + path, { method: 'POST', body: 'x' });
      assert.equal(post.headers.get('x-cache'), 'BYPASS');
      assert.equal(post.body.toString(), 'POST');
      assert.equal((await request(proxy.url + path)).body.toString(), method);
    }
  });
});

describe('partial content', () => {
  const BODY = '0123456789abcdefghij';
  const serve = (etag: (index: number) => string, ranges = true) =>
    startOrigin((message, response, { index }) => {
      const headers = { 'Cache-Control': 'max-age=60', ETag: etag(index), 'X-Request': String(index) };
      const range = /^bytes=(\d+)-(\d*)$/.exec(message.headers.range ?? '');
      const isCurrent = message.headers['if-range'] === undefined || message.headers['if-range'] === etag(index);
      if (range === null || !ranges || !isCurrent) return void response.writeHead(200, headers).end(BODY);
      const first = Number(range[1]);
      const last = range[2] === '' ? BODY.length - 1 : Number(range[2]);
      response.writeHead(206, { ...headers, 'Content-Range': `bytes ${first}-${last}/${BODY.length}` }).end(BODY.slice(first, last + 1));
    });
  const part = (url: string, range: string) => request(url, { headers: { Range: `bytes=${range}` } });

  test('a stored part serves smaller parts of it, and nothing else', async () => {
    await using origin = await serve(() => '"1"');
    await using proxy = await startMillrace({ origin: origin.url });
    const url = `${proxy.url}/a`;
    const first = await part(url, '5-14');
    assert.equal(first.status, 206);
    assert.equal(first.headers.get('content-range'), 'bytes 5-14/20');
    const smaller = await part(url, '7-9');
    assert.equal(smaller.status, 206);
    assert.equal(smaller.headers.get('x-cache'), 'HIT');
    assert.equal(smaller.headers.get('content-range'), 'bytes 7-9/20');
    assert.equal(smaller.body.toString(), '789');
    const head = await request(url, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get('x-cache'), 'MISS');
    const whole = await request(url);
    assert.equal(whole.status, 200);
    assert.equal(whole.body.toString(), BODY);
  });

  test('parts that touch or overlap are joined', async () => {
    await using origin = await serve(() => '"1"');
    await using proxy = await startMillrace({ origin: origin.url });
    const url = `${proxy.url}/a`;
    for (const range of ['5-9', '10-12', '3-6']) {
      const response = await part(url, range);
      const [first, last] = range.split('-').map(Number);
      assert.equal(response.headers.get('x-cache'), 'MISS');
      assert.equal(response.body.toString(), BODY.slice(first, last! + 1));
    }
    const joined = await part(url, '3-12');
    assert.equal(joined.headers.get('x-cache'), 'HIT');
    assert.equal(joined.body.toString(), '3456789abc');
    assert.equal(origin.requests.length, 3);
  });

  test('a stored beginning is completed: only the rest is fetched, the client gets the whole', async () => {
    await using origin = await serve(() => '"1"');
    await using proxy = await startMillrace({ origin: origin.url });
    await part(`${proxy.url}/a`, '0-4');
    const whole = await request(`${proxy.url}/a`);
    assert.equal(whole.status, 200);
    assert.equal(whole.body.toString(), BODY);
    assert.equal(whole.headers.has('content-range'), false);
    assert.equal(whole.headers.get('content-length'), String(BODY.length));
    assert.equal(origin.requests[1]!.headers.get('range'), 'bytes=5-');
    assert.equal(origin.requests[1]!.headers.get('if-range'), '"1"');
    const hit = await request(`${proxy.url}/a`);
    assert.equal(hit.headers.get('x-cache'), 'HIT');
    assert.equal(hit.body.toString(), BODY);
    assert.equal(hit.status, 200);
  });

  test('parts of different versions are never joined', async () => {
    await using origin = await serve((index) => `"${index}"`);
    await using proxy = await startMillrace({ origin: origin.url });
    await part(`${proxy.url}/a`, '0-4');
    const whole = await request(`${proxy.url}/a`);
    assert.equal(whole.status, 200);
    assert.equal(whole.body.toString(), BODY);
    assert.equal(whole.headers.get('x-request'), '1');
  });

  test('weak validators join nothing', async () => {
    await using origin = await serve(() => 'W/"1"');
    await using proxy = await startMillrace({ origin: origin.url });
    await part(`${proxy.url}/a`, '0-4');
    await part(`${proxy.url}/a`, '5-9');
    assert.equal((await part(`${proxy.url}/a`, '0-9')).headers.get('x-cache'), 'MISS');
    assert.equal((await request(`${proxy.url}/a`)).body.toString(), BODY);
    assert.equal(origin.requests.at(-1)!.headers.has('range'), false);
  });

  test('an origin without ranges answers a part with the whole, which is cut', async () => {
    await using origin = await serve(() => '"1"', false);
    await using proxy = await startMillrace({ origin: origin.url });
    const response = await part(`${proxy.url}/a`, '3-5');
    assert.equal(response.status, 200);
    assert.equal((await part(`${proxy.url}/a`, '3-5')).body.toString(), '345');
  });
});

describe('an origin that is away', () => {
  test('a stale response stands in, unless a directive forbids that or the time is over', async () => {
    const stated: Record<string, string> = { '/plain': 'max-age=60', '/must': 'max-age=60, must-revalidate', '/shared': 's-maxage=60', '/old': 'max-age=60' };
    let away = false;
    await using origin = await startOrigin((message, response) => {
      if (away) response.socket!.destroy();
      else response.writeHead(200, { 'Cache-Control': stated[message.url!]!, Age: message.url === '/old' ? '99999' : '100', ETag: '"1"' }).end('x');
    });
    await using proxy = await startMillrace({ origin: origin.url });
    for (const path of Object.keys(stated)) await request(proxy.url + path);
    away = true;
    const statuses: Record<string, number> = {};
    for (const path of Object.keys(stated)) statuses[path] = (await request(proxy.url + path)).status;
    assert.deepEqual(statuses, { '/plain': 200, '/must': 502, '/shared': 502, '/old': 502 });
  });
});
