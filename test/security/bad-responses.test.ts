/**
 * Responses that are wrong on purpose: no origin may end the process, leave clients waiting, or make
 * two readers behind Millrace disagree about where a response ends.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { openRaw, rawRequest } from '../kit/client.ts';
import { startRawOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { type TestProxy, startProxy } from '../server/start-proxy.ts';

/** Requests that reach the origin in different ways. */
const REQUESTS: [name: string, bytes: string][] = [
  ['a GET', 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
  ['a HEAD', 'HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
  ['a POST', 'POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\na'],
  ['an upgrade', 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
];

/** An origin that answers everything so, and closes. */
async function answering(bytes: () => string | Uint8Array): Promise<TestProxy> {
  const origin = closing(await startRawOrigin(async (connection) => {
    await connection.send(bytes());
    connection.end();
  }));
  return closing(await startProxy({ origin: origin.url, originTimeout: '2s', shutdownTimeout: 0, logFormat: 'off' }));
}

describe('a status that cannot be the end of an exchange', () => {
  for (const status of ['099', '000', '001', '101', '100', '103']) {
    for (const [name, bytes] of REQUESTS) {
      test(`${status} to ${name}`, async () => {
        const proxy = await answering(() => `HTTP/1.1 ${status} Odd\r\nCache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n`);
        for (let i = 0; i < 2; i++) {
          const received = (await rawRequest(proxy.port, bytes, { until: () => false })).toString('latin1');
          // Interim responses may come before it.
          assert.match(received.replace(/^(?:HTTP\/1\.1 10[03] [^]*?\r\n\r\n)*/, ''), /^HTTP\/1\.1 502 /, received);
        }
        assert.deepEqual(proxy.errors, []);
      });
    }
  }
});

describe('framing that two readers could understand in two ways', () => {
  const cases: [name: string, head: string, body: string][] = [
    ['a length and chunks', 'Content-Length: 4\r\nTransfer-Encoding: chunked', '0\r\n\r\n'],
    ['chunks and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 4', '0\r\n\r\n'],
    ['two lengths', 'Content-Length: 4\r\nContent-Length: 5', 'evil!'],
    ['a list of lengths', 'Content-Length: 4, 5', 'evil!'],
    ['a length with a sign', 'Content-Length: +4', 'evil'],
    ['a length that is negative', 'Content-Length: -1', 'evil'],
    ['a length in hexadecimal', 'Content-Length: 0x4', 'evil'],
    ['a length too large for any number', `Content-Length: ${'9'.repeat(30)}`, 'evil'],
    ['a coding on top of chunks', 'Transfer-Encoding: gzip, chunked', '0\r\n\r\n'],
    ['chunks below a coding', 'Transfer-Encoding: chunked, gzip', '0\r\n\r\n'],
    ['a space before the colon', 'Content-Length : 4', 'evil'],
    ['a folded line', 'X: a\r\n Content-Length: 4', 'evil'],
    ['a bare LF between lines', 'X: a\nContent-Length: 4', 'evil'],
    ['a bare CR in a line', 'X: a\rContent-Length: 4', 'evil'],
    ['NUL in a line', 'X: a\0b\r\nContent-Length: 4', 'evil'],
    ['a line without a name', ': a\r\nContent-Length: 4', 'evil'],
    ['a line without a colon', 'nonsense\r\nContent-Length: 4', 'evil'],
  ];
  for (const [name, head, body] of cases) {
    for (const [request, bytes] of REQUESTS) {
      test(`${name}, to ${request}`, async () => {
        const proxy = await answering(() => `HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n${head}\r\n\r\n${body}`);
        for (let i = 0; i < 2; i++) {
          const received = (await rawRequest(proxy.port, bytes, { until: () => false })).toString('latin1');
          assert.match(received, /^HTTP\/1\.1 502 /);
          assert.doesNotMatch(received, /evil|X-Cache: HIT/);
        }
        assert.deepEqual(proxy.errors, []);
      });
    }
  }
});

describe('a second response behind the first', () => {
  const second = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nevil';
  for (const [name, first] of [
    ['a 204', 'HTTP/1.1 204 No Content\r\nCache-Control: max-age=60\r\nContent-Length: 60\r\n\r\n'],
    ['a 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 60\r\n\r\n'],
    ['an empty body', 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n'],
    ['the last chunk', 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ] as const) {
    test(`after ${name} answers nobody`, async () => {
      const origin = closing(await startRawOrigin((connection, bytes) => connection.send(bytes.includes('/first') ? first + second : 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood')));
      const proxy = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0 }));
      const connection = await openRaw(proxy.port);
      await connection.send('GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      const received = (await connection.readAll()).toString('latin1');
      assert.doesNotMatch(received, /evil/);
      assert.match(received, /good[^]*good$/);
    });
  }

  test('to a HEAD answers nobody', async () => {
    const origin = closing(await startRawOrigin((connection, bytes) => connection.send(bytes.includes('HEAD') ? `HTTP/1.1 200 OK\r\nContent-Length: ${second.length}\r\n\r\n${second}` : 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood')));
    const proxy = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0 }));
    const received = (await rawRequest(proxy.port, 'HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', { until: () => false })).toString('latin1');
    assert.doesNotMatch(received, /evil/);
    assert.match(received, /good$/);
  });
});

test('any bytes at all are answered, or end the connection', async () => {
  let answer = Buffer.alloc(0);
  const proxy = await answering(() => answer);
  const text = (...pieces: string[]): fc.Arbitrary<string> => fc.constantFrom(...pieces);
  const line = fc.oneof(
    text('Content-Length: 3', 'Content-Length: 30', 'Transfer-Encoding: chunked', 'Connection: close', 'Connection: keep-alive, x', 'Cache-Control: max-age=60', 'Cache-Control: max-age=60, private="x"', 'Vary: *', 'Vary: a,b, ,', 'ETag: "', 'Age: 99999999999999', 'Date: x', 'Expires: 0'),
    text('Content-Range: bytes 0-2/9', 'Content-Range: bytes 5-1/*', 'Content-Type: multipart/byteranges', 'Set-Cookie: a', 'Trailer: x', 'Location: //', 'Content-Location: http://[', 'CDN-Cache-Control: max-age=1.0', 'Cache-Groups: "a", b', 'Upgrade: websocket', 'Link: <a>'),
    fc.string({ unit: 'binary-ascii', maxLength: 20 }),
  );
  const head = fc.tuple(text('HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/3.0', 'ICY', ''), text('200', '206', '304', '204', '100', '103', '101', '404', '416', '503', '999', '099', '1', ''), fc.array(line, { maxLength: 6 }), text('', '3\r\nabc\r\n0\r\n\r\n', 'abc', 'abcdef', '3\r\nab', '0\r\nX: y\r\n\r\n', '\r\n'))
    .map(([version, status, lines, body]) => Buffer.from(`${version} ${status} X\r\n${lines.map((each) => `${each}\r\n`).join('')}\r\n${body}`, 'latin1'));
  const bytes = fc.oneof({ weight: 4, arbitrary: head }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((each) => Buffer.from(each)) });
  const extra = text('', 'Range: bytes=1-2\r\n', 'If-None-Match: "\r\n', 'Cache-Control: no-cache\r\n', 'Authorization: a\r\n');
  await fc.assert(fc.asyncProperty(bytes, fc.constantFrom(...REQUESTS), extra, async (sent, [, request], field) => {
    answer = sent;
    const received = (await rawRequest(proxy.port, request.replace('Host', `${field}Host`), { until: () => false })).toString('latin1');
    assert.match(received, /^(?:$|HTTP\/1\.1 [1-9]\d\d )/);
  }), { numRuns: 300, seed: 20_261_122, endOnFailure: true });
  assert.deepEqual(proxy.errors, []);
  answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood');
  assert.match((await rawRequest(proxy.port, 'GET /alive HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')).toString('latin1'), /good$/);
});
