import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { openRaw, rawRequest } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { FLAG, GET, PREFACE, TYPE, endOf, frame, headers, openFrames } from '../kit/http2-frames.ts';
import { type OriginHandler, type TestOrigin, startOrigin, startRawOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';

const handler: OriginHandler = async (request, response, { body }) => {
  // Some requests here break off.
  const content = await body().catch(() => undefined);
  if (content === undefined) return;
  if (request.url === '/lines') return void response.writeHead(200, ['X-One', '1', 'Set-Cookie', 'a=1', 'x-one', '2', 'SET-COOKIE', 'b=2', 'Connection', 'close', 'Keep-Alive', 'timeout=5', 'Age', '1', 'Age', '2']).end('lines');
  if (request.url === '/reset') return void response.writeHead(205).end();
  response.writeHead(200, { 'Cache-Control': request.url!.startsWith('/kept') ? 'max-age=60' : 'no-store' });
  response.end(`${request.method} ${request.url} ${content.toString()}`);
};

let origin: TestOrigin;
let proxy: TestProxy;
before(async () => {
  origin = await startOrigin(handler);
  proxy = await startMillrace({ origin: origin.url });
});
after(async () => {
  await proxy.close();
  await origin.close();
});

describe('over HTTP/2', () => {
  const connect = (): Promise<Http2Client> => Http2Client.connect(proxy.url);

  test('a miss, then a hit, with what every response says', async () => {
    await using client = await connect();
    const responses = [await client.request('/kept'), await client.request('/kept')];
    assert.deepEqual(responses.map(({ status, headers: fields, body }) => [status, fields.get('x-cache'), body.toString()]), [[200, 'MISS', 'GET /kept '], [200, 'HIT', 'GET /kept ']]);
    assert.match(responses[1]!.headers.get('cache-status')!, /^Millrace;hit;ttl=\d+$/);
    assert.equal(responses[1]!.headers.get('content-length'), '10');
    await proxy.finished(2);
    assert.deepEqual(proxy.outcomes.slice(0, 2).map(({ url, result, bytes }) => [url, result, bytes]), [['/kept', 'MISS', 10], ['/kept', 'HIT', 10]]);
  });

  test('prepared answers are told like others, and end with a purge', async () => {
    await using client = await connect();
    const states = async (): Promise<(string | undefined)[]> => {
      const found = [];
      for (let i = 0; i < 4; i++) found.push((await client.request('/kept/prepared')).headers.get('x-cache'));
      return found;
    };
    const told = proxy.outcomes.length;
    assert.deepEqual(await states(), ['MISS', 'HIT', 'HIT', 'HIT']);
    assert.equal((await client.request('/__admin/purge', { method: 'POST', body: 'url=/kept/prepared', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })).status, 200);
    assert.deepEqual(await states(), ['MISS', 'HIT', 'HIT', 'HIT']);
    await proxy.finished(told + 8);
    assert.deepEqual(proxy.outcomes.slice(told).map(({ url, bytes, status }) => [url, bytes, status]), Array.from({ length: 8 }, () => ['/kept/prepared', 19, 200]));
  });

  test('bodies of every size, missed, hit and prepared', async () => {
    const sized = await startOrigin((message, response) => {
      const body = Buffer.alloc(Number(message.url!.slice(1)), 'abcdefg');
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Content-Length': body.length }).end(body);
    });
    await using other = await startMillrace({ origin: sized.url });
    await using client = await Http2Client.connect(other.url);
    for (const size of [0, 1, 8192, 8193, 16_384, 16_385, 100_000, 262_144, 262_145, 1_000_000]) {
      for (let i = 0; i < 4; i++) {
        const { body, complete, headers: head } = await client.request(`/${size}`);
        assert.deepEqual([body.equals(Buffer.alloc(size, 'abcdefg')), complete, head.get('x-cache')], [true, true, i === 0 ? 'MISS' : 'HIT'], `${size}, ${i}`);
      }
    }
    await sized.close();
  });

  test('is told to the origin', async () => {
    await using client = await connect();
    await client.request('/via', { headers: { Via: '1.1 other' } });
    assert.equal(origin.requests.at(-1)!.headers.get('via'), '1.1 other, 2.0 millrace');
    assert.equal(origin.requests.at(-1)!.headers.get('x-forwarded-proto'), 'http');
  });

  test('Host is what :authority says, which alone need be there', async () => {
    await using client = await connect();
    for (const [authority, host] of [['a.example:81', undefined], ['A.example:81', 'a.EXAMPLE:81']]) {
      const stream = client.session.request({ ':path': '/host', ':authority': authority!, ...(host !== undefined && { host }) });
      await once(stream.resume(), 'end');
      assert.deepEqual(origin.requests.at(-1)!.headers.all('x-forwarded-host').map((value) => value.toLowerCase()), ['a.example:81']);
      assert.deepEqual(origin.requests.at(-1)!.headers.all('host').map((value) => value.toLowerCase()), ['a.example:81']);
    }
  });

  test('the crumbs of cookies are one field', async () => {
    await using client = await connect();
    const stream = client.session.request({ ':path': '/cookies', cookie: ['a=1', 'b=2'], 'x-list': ['1', '2'] });
    await once(stream.resume(), 'end');
    assert.deepEqual(origin.requests.at(-1)!.headers.all('cookie'), ['a=1; b=2']);
    assert.deepEqual(origin.requests.at(-1)!.headers.all('x-list'), ['1', '2']);
  });

  test('field lines come in lower case, each by itself, without those of a connection', async () => {
    await using client = await connect();
    const { rawHeaders } = await client.request('/lines');
    assert.deepEqual(rawHeaders.slice(0, 12), ['x-one', '1', 'x-one', '2', 'set-cookie', 'a=1', 'set-cookie', 'b=2', 'age', '1', 'age', '2']);
    assert.ok(!rawHeaders.some((name, i) => i % 2 === 0 && /^(?:connection|keep-alive|transfer-encoding)$/.test(name)));
  });

  test('HEAD, 205, and OPTIONS *', async () => {
    await using client = await connect();
    await client.request('/kept/head');
    const head = await client.request('/kept/head', { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length'), head.body.length, head.complete], [200, '15', 0, true]);
    const reset = await client.request('/reset');
    assert.deepEqual([reset.status, reset.body.length, reset.complete], [205, 0, true]);
    const options = await client.request('*', { method: 'OPTIONS', headers: { 'Max-Forwards': '0' } });
    assert.match(options.headers.get('allow')!, /GET/);
  });

  test('bodies in both directions, with trailers', async () => {
    await using client = await connect();
    const large = Buffer.alloc(1_000_000, 'large ');
    const sent = await client.request('/body', { method: 'POST', body: large });
    assert.equal(sent.body.toString(), `POST /body ${large.toString()}`);
    assert.equal(origin.requests.at(-1)!.headers.get('content-length'), String(large.length));
    const piecewise = await client.request('/pieces', { method: 'PUT', body: Readable.from(['a', 'bc']), trailers: { 'X-Up': '1' } });
    assert.equal(piecewise.body.toString(), 'PUT /pieces abc');
    assert.equal(origin.requests.at(-1)!.trailers.get('x-up'), '1');
  });

  test('100 (Continue) comes from the origin', async () => {
    const raw = await startRawOrigin(async (connection) => {
      await connection.send('HTTP/1.1 100 Continue\r\n\r\n');
      const body = (await connection.readBytes(4)).toString();
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n${body}`);
    });
    await using other = await startMillrace({ origin: raw.url });
    await using client = await Http2Client.connect(other.url);
    const stream = client.session.request({ ':method': 'POST', ':path': '/', expect: '100-continue', 'content-length': '4' }, { endStream: false });
    await once(stream, 'continue');
    stream.end('body');
    const chunks = await stream.toArray();
    assert.equal(Buffer.concat(chunks as Buffer[]).toString(), 'body');
    await raw.close();
  });

  const refused: readonly (readonly [name: string, fields: readonly (readonly [string, string])[], status: string])[] = [
    [':authority and Host that differ', [...GET, ['host', 'other.example']], '400'],
    ['an :authority that is none', [...GET.slice(0, 3), [':authority', 'localhost:port']], '400'],
    ['a scheme that is not spoken', [[':method', 'GET'], [':scheme', 'ftp'], [':path', '/'], [':authority', 'localhost']], '400'],
    ['a path that is none', [[':method', 'GET'], [':scheme', 'ftp'], [':path', 'x'], [':authority', 'localhost']], '400'],
    ['another expectation', [...GET, ['expect', 'much']], '417'],
    ['a URL of 20 KB', [[':method', 'GET'], [':scheme', 'http'], [':path', `/${'x'.repeat(20_000)}`], [':authority', 'localhost']], '414'],
    ['CONNECT', [[':method', 'CONNECT'], [':authority', 'localhost:80']], '403'],
    ['PURGE from an address that is not named', [[':method', 'PURGE'], ...GET.slice(1)], '403'],
  ];
  for (const [name, fields, status] of refused) {
    test(`${name}: refused with a problem, and the connection stays`, async () => {
      await using client = await connect();
      const asked = origin.requests.length;
      const stream = client.session.request(Object.fromEntries(fields), { endStream: true });
      const [response] = (await once(stream, 'response')) as [Record<string, string>];
      await once(stream.resume(), 'end');
      assert.equal(String(response[':status']), status);
      assert.equal(response['content-type'], 'application/problem+json');
      assert.equal(response['x-cache'], 'BYPASS');
      assert.equal(origin.requests.length, asked);
      assert.equal((await client.request('/kept')).status, 200);
    });
  }

  const malformed: readonly (readonly [name: string, fields: readonly (readonly [string, string])[]])[] = [
    ['upper case', [...GET, ['X-A', 'b']]],
    ['Connection', [...GET, ['connection', 'x-a']]],
    ['Transfer-Encoding', [...GET, ['transfer-encoding', 'chunked']]],
    ['Upgrade', [...GET, ['upgrade', 'websocket']]],
    ['TE: gzip', [...GET, ['te', 'gzip']]],
    ['no path', [GET[0]!, GET[1]!, GET[3]!]],
    ['a path that begins with no slash', [GET[0]!, GET[1]!, [':path', 'x'], GET[3]!]],
    ['an absolute URL as path', [GET[0]!, GET[1]!, [':path', 'http://localhost/x'], GET[3]!]],
    ['two methods', [GET[0]!, ...GET]],
    ['a pseudo-header field behind another one', [...GET.slice(0, 3), ['x-a', 'b'], GET[3]!]],
    ['an unknown pseudo-header field', [...GET, [':protocol', 'websocket']]],
    ['neither :authority nor Host', GET.slice(0, 3)],
    ['two Hosts', [...GET.slice(0, 3), ['host', 'localhost'], ['host', 'localhost']]],
    ['a user in :authority', [...GET.slice(0, 3), [':authority', 'user@localhost']]],
    ['a line break in the path', [GET[0]!, GET[1]!, [':path', '/a\r\nx: y'], GET[3]!]],
    ['a space in the method', [[':method', 'GET /x'], ...GET.slice(1)]],
    ['a Content-Length that is none', [...GET, ['content-length', '1, 1']]],
  ];
  for (const [name, fields] of malformed) {
    test(`${name}: the stream is reset, and nothing reaches the origin`, async () => {
      const connection = await openFrames(proxy.port);
      const asked = origin.requests.length;
      await connection.send(headers(1, fields));
      const end = await endOf(connection, 1);
      assert.equal(end, constants.NGHTTP2_PROTOCOL_ERROR);
      assert.equal(origin.requests.length, asked);
      connection.reset();
    });
  }

  test('a value that could become two fields goes nowhere', async () => {
    const connection = await openFrames(proxy.port);
    await connection.send(headers(1, [...GET, ['x-a', 'b\r\nx-c: d'], ['x-e', 'f']]));
    // nghttp2 leaves such a field out.
    assert.equal(await endOf(connection, 1), 'answered');
    const { headers: fields } = origin.requests.at(-1)!;
    assert.deepEqual([fields.get('x-a'), fields.get('x-c'), fields.get('x-e')], [undefined, undefined, 'f']);
    connection.reset();
  });

  for (const [name, length, data] of [['more', 2, 'abc'], ['less', 4, 'abc']] as const) {
    test(`${name} DATA than Content-Length says: the body never looks whole`, async () => {
      const connection = await openFrames(proxy.port);
      const [asked, over] = [origin.requests.length, proxy.outcomes.length];
      await connection.send(headers(1, [[':method', 'POST'], ...GET.slice(1), ['content-length', String(length)]], FLAG.endHeaders));
      await origin.arrived(asked + 1);
      await connection.send(frame(TYPE.data, FLAG.endStream, 1, data));
      assert.equal(typeof (await endOf(connection, 1)), 'number');
      await proxy.finished(over + 1);
      assert.deepEqual([proxy.outcomes.at(-1)!.error?.code, origin.requests.at(-1)!.complete], ['ERR_CLIENT_GONE', false]);
      connection.reset();
    });
  }

  test('a body that is reset in the middle never looks whole, whatever the code', async () => {
    for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR]) {
      const connection = await openFrames(proxy.port);
      const [asked, over] = [origin.requests.length, proxy.outcomes.length];
      await connection.send(Buffer.concat([headers(1, [[':method', 'POST'], ...GET.slice(1)], FLAG.endHeaders), frame(TYPE.data, 0, 1, 'half')]));
      await origin.arrived(asked + 1);
      await connection.send(frame(TYPE.rstStream, 0, 1, Buffer.from([0, 0, 0, code])));
      await proxy.finished(over + 1);
      assert.deepEqual([proxy.outcomes.at(-1)!.error?.code, origin.requests.at(-1)!.complete], ['ERR_CLIENT_GONE', false]);
      connection.reset();
    }
  });

  test('who leaves one stream leaves the others as they are', async () => {
    const go = gate();
    const slow = await startOrigin(async (_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'no-store' }).write('begun ');
      await go.wait;
      response.end('ended');
    });
    await using other = await startMillrace({ origin: slow.url });
    await using client = await Http2Client.connect(other.url);
    const [left, stays] = [await client.open('/left'), await client.open('/stays')];
    await left.received('begun');
    left.abort();
    await other.finished(1);
    assert.deepEqual([other.outcomes[0]!.url, other.outcomes[0]!.error?.code], ['/left', 'ERR_CLIENT_GONE']);
    go.open();
    assert.equal((await stays.finish()).body.toString(), 'begun ended');
    await slow.close();
  });

  test('a response that breaks off does not look whole', async () => {
    for (const head of ['Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', 'Content-Length: 8\r\n\r\nhalf']) {
      const raw = await startRawOrigin(async (connection) => {
        await connection.send(`HTTP/1.1 200 OK\r\n${head}`);
        connection.end();
      });
      await using other = await startMillrace({ origin: raw.url });
      await using client = await Http2Client.connect(other.url);
      const response = await client.request('/');
      assert.deepEqual([response.status, response.body.toString(), response.complete], [200, 'half', false]);
      await raw.close();
    }
  });

  test('no field of a connection comes from an origin, in no part of a response', async () => {
    const fields = ['Connection: x-a', 'Keep-Alive: timeout=5', 'Proxy-Connection: a', 'Upgrade: h2c', 'HTTP2-Settings: a', 'TE: gzip', 'X-A: b', 'X-Kept: c'].map((line) => `${line}\r\n`).join('');
    const raw = await startRawOrigin(async (connection, request) => {
      const kept = request.includes('GET /kept') ? 'Cache-Control: max-age=60\r\n' : '';
      await connection.send(`HTTP/1.1 103 Early Hints\r\n${fields}\r\n`.repeat(200));
      await connection.send(`HTTP/1.1 200 OK\r\n${kept}Trailer: X-Kept\r\nTransfer-Encoding: chunked\r\n${fields}\r\n2\r\nhi\r\n0\r\n${fields}\r\n`);
    });
    await using other = await startMillrace({ origin: raw.url });
    await using client = await Http2Client.connect(other.url);
    for (const path of ['/kept', '/kept', '/kept', '/passing']) {
      const { status, body, headers: head, trailers, informational } = await client.request(path, { headers: { TE: 'trailers' } });
      assert.deepEqual([status, body.toString(), head.get('x-kept'), head.has('x-a'), head.has('te')], [200, 'hi', 'c', false, false]);
      if (head.get('x-cache') !== 'MISS') continue;
      assert.deepEqual([[...trailers], informational.length > 0, informational.length <= 100], [[['x-kept', 'c']], true, true]);
    }
    await raw.close();
  });

  test('many at once on one connection, each with its own answer', async () => {
    await using client = await connect();
    const paths = Array.from({ length: 300 }, (_, i) => `/${i % 3 === 0 ? 'kept' : 'fresh'}/${i}`);
    const bodies = await Promise.all(paths.map(async (path) => (await client.request(path)).body.toString()));
    assert.deepEqual(bodies, paths.map((path) => `GET ${path} `));
  });
});

describe('the preface of HTTP/2', () => {
  test('is known however it is split', async () => {
    const bytes = Buffer.concat([Buffer.from(PREFACE, 'latin1'), frame(TYPE.settings, 0, 0), headers(1, GET)]);
    for (let at = 1; at <= PREFACE.length + 1; at++) {
      const connection = await openRaw(proxy.port);
      await connection.send(bytes.subarray(0, at));
      // Answered only when the first bytes were read.
      await rawRequest(proxy.port, 'GET /kept HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await connection.send(bytes.subarray(at));
      assert.equal(await endOf(connection, 1), 'answered', `split at ${at}`);
      connection.reset();
    }
  });

  test('is none but at the start of a connection', async () => {
    const received = (await rawRequest(proxy.port, `GET /kept HTTP/1.1\r\nHost: localhost\r\n\r\n${PREFACE}`, { until: () => false })).toString('latin1');
    assert.match(received, /^HTTP\/1\.1 200 [^]*connection: close/i);
    assert.equal(received.match(/HTTP\/1\.1/g)?.length, 1);
    const connection = await openRaw(proxy.port);
    await connection.send('GET /kept HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await connection.readMessage();
    await connection.send(PREFACE);
    assert.match((await connection.readMessage()).toString('latin1'), /^HTTP\/1\.1 400 /);
    connection.reset();
  });

  for (const [name, bytes] of [['a request with POST in pieces', ['P', 'OST /post HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\na']], ['a method that begins as it does', ['PR', 'OPFIND /x HTTP/1.1\r\nHost: localhost\r\n\r\n']]] as const) {
    test(`${name} is served as before`, async () => {
      const connection = await openRaw(proxy.port);
      await connection.send(bytes[0]);
      await rawRequest(proxy.port, 'GET /kept HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await connection.send(bytes[1]);
      assert.match((await connection.readMessage()).toString('latin1'), /^HTTP\/1\.1 200 /);
      connection.reset();
    });
  }

  test('what only begins so is refused when the client ends', async () => {
    for (const bytes of ['P', PREFACE.slice(0, -1)]) {
      const connection = await openRaw(proxy.port);
      await connection.send(bytes);
      connection.end();
      assert.match((await connection.readAll()).toString('latin1'), /^HTTP\/1\.1 400 /);
    }
  });
});
