import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Readable } from 'node:stream';
import tls from 'node:tls';
import { localhostCertificate } from './certificate.ts';
import { open, openRaw, rawRequest, request } from './client.ts';
import { VirtualClock } from './clock.ts';
import { messageLength } from './framing.ts';
import { gate } from './gate.ts';
import { startOrigin, startRawOrigin } from './origin.ts';
import { startMillrace } from './proxy.ts';
import { Random } from './random.ts';
import { until } from './until.ts';

describe('clock', () => {
  test('stands still until it is moved', () => {
    const clock = new VirtualClock();
    const start = clock.now();
    assert.equal(clock.now(), start);
    clock.advance(90);
    assert.equal(clock.now() - start, 90_000);
    assert.equal(clock.httpDate(-90), 'Sat, 01 Nov 2025 00:00:00 GMT');
  });
});

describe('until', () => {
  test('asks again, and gives the value that was waited for', async () => {
    let asked = 0;
    assert.equal(await until('there have been three', () => ++asked, (count) => count === 3), 3);
  });

  test('ends with the value seen last', async (t) => {
    let now = 0;
    t.mock.method(performance, 'now', () => (now += 9000));
    await assert.rejects(until('/a is a hit', async () => 'MISS', (result) => result === 'HIT'), { code: 'ERR_ASSERTION', message: "Waited 20 s until /a is a hit; last seen: 'MISS'" });
  });
});

describe('random numbers', () => {
  test('are the same for the same seed, others for another, and spread evenly', () => {
    const draw = (seed: number): number[] => {
      const random = new Random(seed);
      return Array.from({ length: 10_000 }, () => random.below(10));
    };
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
    for (let each = 0; each < 10; each++) {
      const count = draw(7).filter((number) => number === each).length;
      assert.ok(count > 800 && count < 1200, `${each} came ${count} times`);
    }
  });
});

describe('framing', () => {
  const cases: [name: string, bytes: string, length: number | undefined][] = [
    ['a head alone', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 27],
    ['a head not yet complete', 'GET / HTTP/1.1\r\nHost: a\r\n', undefined],
    ['Content-Length, with more behind', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP', 41],
    ['Content-Length, not yet complete', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab', undefined],
    ['chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n\r\n\r\n0\r\n\r\n', 63],
    ['chunked, with trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n', 58],
    ['chunked, not yet complete', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab\r\n0\r\n\r\n', undefined],
    ['an interim response before the final one', 'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n', 55],
    ['an interim response alone', 'HTTP/1.1 100 Continue\r\n\r\n', undefined],
    ['a body that ends with the connection', 'HTTP/1.1 200 OK\r\n\r\nabc', undefined],
  ];
  for (const [name, bytes, length] of cases) {
    test(name, () => assert.equal(messageLength(Buffer.from(bytes, 'latin1')), length));
  }
});

describe('origin and client', () => {
  test('the origin records what was asked, the client what was answered', async () => {
    await using origin = await startOrigin(async (_request, response, { body, index }) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      const length = (await body()).length;
      response.writeHead(201, { Trailer: 'X-After', 'X-Index': String(index) });
      response.write(`got ${length}`);
      response.addTrailers({ 'X-After': 'yes' });
      response.end();
    });
    const answer = await request(`${origin.url}/a?b=c`, {
      method: 'POST',
      headers: ['X-Twice', '1', 'x-twice', '2'],
      body: Readable.from([Buffer.from('abc'), Buffer.from('de')]),
      trailers: { 'X-Sum': '5' },
    });
    assert.deepEqual([answer.status, answer.statusText, answer.complete], [201, 'Created', true]);
    assert.equal(answer.body.toString(), 'got 5');
    assert.equal(answer.headers.get('x-index'), '0');
    assert.equal(answer.trailers.get('x-after'), 'yes');
    assert.deepEqual(
      answer.informational.map(({ status, headers }) => [status, headers.get('link')]),
      [[103, '</a.css>; rel=preload']],
    );
    const seen = origin.requests[0]!;
    assert.deepEqual([seen.method, seen.url, seen.body.toString(), seen.complete], ['POST', '/a?b=c', 'abcde', true]);
    assert.deepEqual(seen.headers.all('x-twice'), ['1', '2']);
    assert.equal(seen.headers.get('host'), `127.0.0.1:${origin.port}`);
    assert.equal(seen.trailers.get('x-sum'), '5');
  });

  test('a gate holds a body back, and the client sees what came before it', async () => {
    const rest = gate();
    await using origin = await startOrigin(async (_request, response) => {
      response.write('first');
      await rest.wait;
      response.end(' last');
    });
    const response = await open(origin.url);
    await response.received('first');
    await origin.arrived(1);
    assert.equal(response.body.toString(), 'first');
    rest.open();
    await response.received(10);
    const { body, complete } = await response.finish();
    assert.deepEqual([body.toString(), complete], ['first last', true]);
  });

  test('a message that breaks off is reported, and so is a client that goes away', async () => {
    const gone = gate();
    await using origin = await startOrigin((_request, response, { index }) => {
      response.writeHead(200, { 'Content-Length': '10' });
      response.write('half ');
      if (index === 0) response.socket!.end();
      else response.on('close', gone.open);
    });
    const { body, complete } = await request(origin.url);
    assert.deepEqual([body.toString(), complete], ['half ', false]);
    const leaving = await open(origin.url);
    await leaving.received('half');
    const more = leaving.received('never');
    leaving.abort();
    await assert.rejects(more, /ended after 5 bytes, before "never"/);
    await gone.wait;
    await origin.close();
    await assert.rejects(request(origin.url), { code: 'ECONNREFUSED' });
  });

  test('https under the certificate of the kit', async () => {
    await using origin = await startOrigin((_request, response) => void response.end('secret'), { tls: true });
    const trusted = tls.getCACertificates('default');
    try {
      await assert.rejects(request(origin.url), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
      tls.setDefaultCACertificates([...trusted, localhostCertificate.cert]);
      assert.equal((await request(origin.url)).body.toString(), 'secret');
    } finally {
      tls.setDefaultCACertificates(trusted);
    }
  });
});

describe('raw origin and raw client', () => {
  test('any bytes go through, request after request on one connection', async () => {
    await using origin = await startRawOrigin((connection, bytes) => connection.send(`HTTP/1.1 200 \xff\r\nContent-Length: ${bytes.length}\r\n\r\n${bytes.toString('latin1')}`));
    const connection = await openRaw(origin.port);
    const first = 'POST /\x80 HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi';
    const second = 'GET / HTTP/1.0\r\n\r\n';
    await connection.send(first + second);
    assert.equal((await connection.readMessage()).toString('latin1'), `HTTP/1.1 200 \xff\r\nContent-Length: 41\r\n\r\n${first}`);
    await connection.readUntil('18\r\n\r\n');
    assert.equal((await connection.readBytes(18)).toString('latin1'), second);
    connection.end();
    assert.equal(await connection.closed, 'end');
    assert.deepEqual(
      origin.requests.map((bytes) => bytes.toString('latin1')),
      [first, second],
    );
    assert.equal(origin.connections, 1);
  });

  test('Expect: 100-continue hands the head over, the body is read when the test wants it', async () => {
    await using origin = await startRawOrigin(async (connection) => {
      await connection.send('HTTP/1.1 100 Continue\r\n\r\n');
      const body = await connection.readBytes(4);
      await connection.send(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${body.toString('latin1')}`);
      connection.end();
    });
    const connection = await openRaw(origin.port);
    await connection.send('PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    await connection.readUntil('100 Continue\r\n\r\n');
    await connection.send('body');
    assert.match((await connection.readAll()).toString('latin1'), /\r\n\r\nbody$/);
  });

  test('a reset and an early end are told apart', async () => {
    await using origin = await startRawOrigin(async (connection, bytes) => {
      if (bytes.includes('/reset')) return connection.reset();
      await connection.send('HTTP/1.1 200 OK\r\n');
      connection.end();
    });
    const reset = await openRaw(origin.port);
    void reset.send('GET /reset HTTP/1.1\r\n\r\n');
    await assert.rejects(reset.readMessage(), /closed \(reset\)/);
    const early = await openRaw(origin.port);
    void early.send('GET / HTTP/1.1\r\n\r\n');
    await assert.rejects(early.readMessage(), /closed \(end\) .*"HTTP\/1.1 200 OK\\r\\n"/);
    assert.equal((await rawRequest(origin.port, 'GET / HTTP/1.1\r\n\r\n')).toString('latin1'), 'HTTP/1.1 200 OK\r\n');
    await assert.rejects(request(origin.url), { code: 'ECONNRESET' });
  });
});

describe('proxy', () => {
  test('is the real one, and tells its outcomes', async () => {
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' });
      response.end('hello');
    });
    await using proxy = await startMillrace({ origin: origin.url });
    for (let i = 0; i < 2; i++) assert.equal((await request(`${proxy.url}/a`)).body.toString(), 'hello');
    await proxy.finished(2);
    assert.deepEqual(
      proxy.outcomes.map(({ url, status, result }) => [url, status, result]),
      [
        ['/a', 200, 'MISS'],
        ['/a', 200, 'HIT'],
      ],
    );
    assert.equal(origin.requests.length, 1);
  });
});
