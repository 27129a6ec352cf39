/**
 * Request smuggling: what Millrace takes for one request, the origin must not take for two, and what
 * it has refused must not be looked at again. More of what is refused: test/server/refused-requests.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { openRaw, rawRequest } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { type RawOrigin, type TestOrigin, startOrigin, startRawOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { type TestProxy, startProxy } from '../server/start-proxy.ts';

const HOST = 'Host: localhost\r\n';
const SMUGGLED = `GET /smuggled HTTP/1.1\r\n${HOST}\r\n`;

async function setup(): Promise<{ origin: TestOrigin; proxy: TestProxy }> {
  const origin = closing(await startOrigin(async ({ url }, response, { body }) => {
    const content = await body().catch(() => undefined);
    response.end(`${url} ${content?.length ?? 'broken'}`);
  }));
  return { origin, proxy: closing(await startProxy({ origin: origin.url, shutdownTimeout: 0 })) };
}

/** An origin whose every request is told with its very bytes. */
async function setupRaw(answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'): Promise<{ origin: RawOrigin; proxy: TestProxy }> {
  const origin = closing(await startRawOrigin((connection) => connection.send(answer)));
  return { origin, proxy: closing(await startProxy({ origin: origin.url, shutdownTimeout: 0 })) };
}

describe('a request behind another', () => {
  const cases: [name: string, bytes: string][] = [
    ['in the body of a GET', `GET /a HTTP/1.1\r\n${HOST}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`],
    ['in the body of a HEAD', `HEAD /a HTTP/1.1\r\n${HOST}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`],
    ['in the chunks of a GET', `GET /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`],
    ['in the body of a DELETE', `DELETE /a HTTP/1.1\r\n${HOST}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`],
    ['in the body of an OPTIONS', `OPTIONS /a HTTP/1.1\r\n${HOST}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`],
    ['in a chunk extension', `POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1;x="GET /smuggled HTTP/1.1"\r\na\r\n0\r\n\r\n`],
    ['in a trailer', `POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: GET /smuggled HTTP/1.1\r\n\r\n`],
    ['in the body of a POST that names Content-Length in Connection', `POST /a HTTP/1.1\r\n${HOST}Connection: Content-Length\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`],
    ['in the body of a POST that names Transfer-Encoding in Connection', `POST /a HTTP/1.1\r\n${HOST}Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`],
  ];
  for (const [name, bytes] of cases) {
    test(`${name} stays there`, async () => {
      const { origin, proxy } = await setup();
      const received = (await rawRequest(proxy.port, `${bytes}GET /end HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, { until: () => false })).toString('latin1');
      assert.match(received, /\/end 0$/);
      assert.deepEqual(origin.requests.map(({ url }) => url), ['/a', '/end']);
    });
  }

  for (const [name, bytes] of [
    ['an upgrade that is declined', `GET /a HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`],
    ['an upgrade with content', `GET /a HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc`],
    ['a POST that asks for an upgrade', `POST /a HTTP/1.1\r\n${HOST}Connection: close, upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['an upgrade that is not followed', `GET /a HTTP/1.1\r\n${HOST}Connection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n\r\n`],
    ['a CONNECT', `CONNECT localhost:80 HTTP/1.1\r\n${HOST}\r\n`],
    ['a request of HTTP/1.0', `GET /a HTTP/1.0\r\n${HOST}\r\n`],
    ['an expectation nobody knows', `POST /a HTTP/1.1\r\n${HOST}Expect: 100-continue-not\r\nContent-Length: 60\r\n\r\n`],
    ['a target that is none', `GET a HTTP/1.1\r\n${HOST}\r\n`],
  ] as const) {
    test(`${name} is nobody's`, async () => {
      const { origin, proxy } = await setup();
      const received = (await rawRequest(proxy.port, bytes + SMUGGLED, { until: () => false })).toString('latin1');
      assert.equal(received.match(/^HTTP\/1\.1 /gm)?.length, 1, received);
      assert.ok(!origin.requests.some(({ url }) => url === '/smuggled'));
    });
  }
});

describe('what the origin gets', () => {
  for (const [name, field] of [
    ['an expectation beside the known one', 'Expect: x, 100-continue'],
    ['an expectation in front of the known one', 'Expect: y 100-continue'],
    ['the expectation twice', 'Expect: 100-continue\r\nExpect: 100-continue'],
    ['the expectation with parameters', 'Expect: 100-continue;a'],
  ] as const) {
    test(`is not ${name}`, async () => {
      const { origin, proxy } = await setup();
      const received = (await rawRequest(proxy.port, `POST /a HTTP/1.1\r\n${HOST}${field}\r\nContent-Length: 1\r\n\r\na`)).toString('latin1');
      assert.match(received, /^HTTP\/1\.1 417 [^]*connection: close/i);
      assert.equal(origin.requests.length, 0);
    });
  }

  for (const protocol of ['h2c', 'H2C', 'h2', 'h2c;a', '"h2c"', 'h2c/1', 'websocket, h2c', 'websocket,h2c', 'TLS/1.3', 'tls', 'HTTP/2.0']) {
    test(`is not asked to speak ${protocol}`, async () => {
      const { origin, proxy } = await setupRaw('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
      const received = (await rawRequest(proxy.port, `GET /a HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`)).toString('latin1');
      assert.match(received, /^HTTP\/1\.1 502 /);
      for (const bytes of origin.requests) assert.doesNotMatch(bytes.toString('latin1'), /^(?:upgrade|http2-settings):/im);
    });
  }

  test('is a request with one framing, whatever came', async () => {
    const { origin, proxy } = await setupRaw();
    for (const head of ['Content-Length: 1\r\n', 'Content-Length: 01\r\n', 'Content-Length:\t1\r\n', 'Content-Length: 1 \r\n', 'Connection: content-length\r\nContent-Length: 1\r\n', 'Keep-Alive: a\r\nTE: trailers, chunked\r\nProxy-Connection: keep-alive\r\nContent-Length: 1\r\n', 'Content_Length: 5\r\nContent-Length: 1\r\n']) {
      for (const method of ['POST', 'GET', 'PUT', 'DELETE', 'QUERY', 'OPTIONS']) {
        await rawRequest(proxy.port, `${method} /a HTTP/1.1\r\n${HOST}${head}\r\na`);
        const bytes = origin.requests.at(-1)!.toString('latin1');
        assert.equal(bytes.match(/^(?:content-length|transfer-encoding):/gim)?.length, 1, bytes);
        assert.match(bytes, /\r\n\r\na$/);
        assert.doesNotMatch(bytes, /^(?:te|keep-alive|proxy-connection):/im);
      }
    }
  });

  test('never holds a line that was not one', async () => {
    const { origin, proxy } = await setupRaw();
    for (const target of ['/%0d%0aX-Evil:1', '/a%20HTTP/1.1%0d%0aX-Evil:1', '/?a=%0d%0a%0d%0aGET%20/smuggled', '/%E5%98%8A%E5%98%8DX-Evil:1', '/\\r\\nX-Evil:1', '/%u000aX-Evil:1']) {
      await rawRequest(proxy.port, `GET ${target} HTTP/1.1\r\n${HOST}\r\n`);
      assert.doesNotMatch(origin.requests.at(-1)!.toString('latin1'), /^X-Evil/im, target);
    }
  });

  test('keeps to itself what the next request of another client is', async () => {
    const go = gate();
    // It answers before it has the body, and keeps the connection, as if there was no body to come.
    const origin = closing(await startOrigin(async ({ url }, response) => {
      response.end(url);
      if (url === '/early') await go.wait;
    }));
    const proxy = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0 }));
    const early = await openRaw(proxy.port);
    await early.send(`POST /early HTTP/1.1\r\n${HOST}Content-Length: ${SMUGGLED.length}\r\n\r\n`);
    await early.readMessage();
    const victim = (await rawRequest(proxy.port, `POST /victim HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\na`)).toString('latin1');
    await early.send(SMUGGLED);
    go.open();
    assert.match(victim, /\/victim$/);
    assert.match((await rawRequest(proxy.port, `POST /last HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\na`)).toString('latin1'), /\/last$/);
    assert.deepEqual(origin.requests.map(({ url }) => url), ['/early', '/victim', '/last']);
    const [first, second] = origin.requests;
    assert.notEqual(first!.remotePort, second!.remotePort);
  });
});

test('any bytes at all are answered, or end the connection, and the origin gets what llhttp reads alike', async () => {
  const { origin, proxy } = await setup();
  const piece = fc.oneof(
    fc.constantFrom('GET ', 'POST ', 'HEAD ', 'OPTIONS ', 'CONNECT ', 'TRACE ', 'QUERY ', 'PRI ', '/a', '*', 'http://localhost/', '//', ' HTTP/1.1\r\n', ' HTTP/1.0\r\n', '\r\n', '\n', '\r', '\r\n\r\n', ' ', '\t', '\0', ':'),
    fc.constantFrom(HOST, HOST, 'Content-Length: 3\r\n', 'Content-Length: 0\r\n', 'Content-Length: -1\r\n', 'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: \x0bchunked\r\n', 'Connection: Upgrade\r\n', 'Connection: close\r\n', 'Upgrade: websocket\r\n', 'Expect: 100-continue\r\n', 'Range: bytes=0-,-1\r\n'),
    fc.constantFrom('Max-Forwards: 0\r\n', 'Trailer: x\r\n', 'TE: trailers\r\n', 'If-None-Match: *\r\n', 'Cache-Control: only-if-cached\r\n', 'Via: 1.1 millrace\r\n', 'X: \xff\r\n', ' folded\r\n', '3\r\nabc\r\n', '0\r\n\r\n', 'ffffffff\r\n', 'abc', 'Referer: http://localhost/a/\r\n'),
    fc.string({ unit: 'binary-ascii', maxLength: 8 }),
  );
  const start = fc.constantFrom('', `GET /a HTTP/1.1\r\n${HOST}`, `POST /a HTTP/1.1\r\n${HOST}`, `QUERY /a HTTP/1.1\r\n${HOST}`, `GET /a HTTP/1.1\r\n${HOST}\r\n`);
  await fc.assert(fc.asyncProperty(start, fc.array(piece, { maxLength: 12 }), async (first, pieces) => {
    const connection = await openRaw(proxy.port);
    void connection.send(first + pieces.join(''));
    connection.end();
    const received = (await connection.readAll()).toString('latin1');
    assert.match(received, /^(?:$|HTTP\/1\.1 [1-5]\d\d )/);
    connection.reset();
  }), { numRuns: 400, seed: 20_261_122, endOnFailure: true });
  assert.deepEqual(proxy.errors, []);
  for (const { headers } of origin.requests) assert.ok(!(headers.has('content-length') && headers.has('transfer-encoding')));
  assert.match((await rawRequest(proxy.port, `GET /alive HTTP/1.1\r\n${HOST}\r\n`)).toString('latin1'), /\/alive 0$/);
});

test('requests in one packet are begun beside each other only where all of them are safe', async () => {
  const order: string[] = [];
  const origin = closing(await startOrigin(async ({ method, url }, response) => {
    order.push(`${method} ${url}`);
    await new Promise((resolve) => setImmediate(resolve));
    response.on('finish', () => order.push('end')).end();
  }));
  const { port } = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0 }));
  const connection = await openRaw(port);
  const sent = ['GET /1', 'DELETE /2', 'GET /health', 'GET /3', 'POST /4', 'PUT /5'];
  await connection.send(sent.map((line) => `${line} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
  for (let i = 0; i < sent.length; i++) await connection.readMessage();
  assert.deepEqual(order, sent.filter((line) => line !== 'GET /health').flatMap((line) => [line, 'end']));
});
