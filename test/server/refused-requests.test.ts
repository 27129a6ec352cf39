import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openRaw, rawRequest } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startProxy } from './start-proxy.ts';

const HOST = 'Host: localhost\r\n';
const long = (length: number): string => 'a'.repeat(length);

/** Each would be read differently by some server behind or before us, or is no HTTP at all. */
const REFUSED: [name: string, bytes: string, status: number][] = [
  ['Content-Length before Transfer-Encoding', `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['Transfer-Encoding before Content-Length', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`, 400],
  ['two Content-Lengths that differ', `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400],
  ['two Content-Lengths that agree', `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`, 400],
  ['a list in Content-Length', `POST / HTTP/1.1\r\n${HOST}Content-Length: 1, 1\r\n\r\na`, 400],
  ['a sign in Content-Length', `POST / HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\na`, 400],
  ['a hexadecimal Content-Length', `POST / HTTP/1.1\r\n${HOST}Content-Length: 0x1\r\n\r\na`, 400],
  ['a negative Content-Length', `POST / HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\na`, 400],
  ['an unknown transfer coding', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip\r\n\r\n`, 400],
  ['a coding that only ends in chunked', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 400],
  ['a coding below chunked', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 400],
  ['chunked twice', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 400],
  ['chunked, then another coding', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`, 400],
  ['Transfer-Encoding in HTTP/1.0', `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a space before the colon', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a vertical tab before the coding', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, 400],
  ['a folded line', `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, 400],
  ['a line folded with a tab', `GET / HTTP/1.1\r\n${HOST}X: a\r\n\tb\r\n\r\n`, 400],
  ['a space before the first field', `GET / HTTP/1.1\r\n X: a\r\n${HOST}\r\n`, 400],
  ['a bare LF after the request line', `GET / HTTP/1.1\n${HOST}\r\n`, 400],
  ['a bare LF after a field', `GET / HTTP/1.1\r\nHost: localhost\nX: b\r\n\r\n`, 400],
  ['a bare LF in place of the empty line', `GET / HTTP/1.1\r\n${HOST}\n`, 400],
  ['a bare CR in a field', `GET / HTTP/1.1\r\nHost: localhost\rX: b\r\n\r\n`, 400],
  ['NUL in a field', `GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`, 400],
  ['a control character in a field', `GET / HTTP/1.1\r\n${HOST}X: a\x01b\r\n\r\n`, 400],
  ['a field without a colon', `GET / HTTP/1.1\r\n${HOST}nonsense\r\n\r\n`, 400],
  ['a field without a name', `GET / HTTP/1.1\r\n${HOST}: a\r\n\r\n`, 400],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  ['the same Host twice', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 400],
  ['two Hosts in HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  ['a path in Host', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  ['a user in Host', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', 400],
  ['a space in Host', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
  ['a list in Host', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 400],
  ['an impossible port in Host', 'GET / HTTP/1.1\r\nHost: a:70000\r\n\r\n', 400],
  ['a method that is none', `F@O / HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['an unknown method of 65 bytes', `${long(65)} / HTTP/1.1\r\n${HOST}\r\n`, 501],
  ['a space in the target', `GET /a b HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a raw byte in the target', `GET /a\xe9 HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a fragment in the target', `GET /a#b HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a target without a slash', `GET abc HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['* where it has no meaning', `GET * HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['HTTP/2.0', `GET / HTTP/2.0\r\n${HOST}\r\n`, 400],
  ['HTTP/1.2', `GET / HTTP/1.2\r\n${HOST}\r\n`, 400],
  ['HTTP/0.9', 'GET /\r\n\r\n', 400],
  ['what begins as the preface of HTTP/2 does', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r', 400],
  ['TLS', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03', 400],
  ['a URL of 20 KB', `GET /${long(20_000)} HTTP/1.1\r\n${HOST}\r\n`, 414],
  ['a URL of 40 KB', `GET /${long(40_000)} HTTP/1.1\r\n${HOST}\r\n`, 414],
  ['a field of 40 KB', `GET / HTTP/1.1\r\n${HOST}X: ${long(40_000)}\r\n\r\n`, 431],
  ['a head of 40 KB', `GET / HTTP/1.1\r\n${HOST}${`X: ${long(100)}\r\n`.repeat(400)}\r\n`, 431],
  ['TRACE with content', `TRACE / HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\na`, 400],
  ['an unknown expectation', `GET / HTTP/1.1\r\n${HOST}Expect: the-moon\r\n\r\n`, 417],
];

/** Their head is good, so the origin is asked; it must not get a body that looks whole, nor a second request. */
const BROKEN_BODIES: [name: string, body: string][] = [
  ['a chunk size that is none', 'ZZ\r\n\r\n'],
  ['a bare LF after the chunk size', '1\na\r\n0\r\n\r\n'],
  ['a bare LF in a chunk extension', '1;a\nb\r\na\r\n0\r\n\r\n'],
  ['a chunk longer than its size', '1\r\nabc\r\n0\r\n\r\n'],
  ['a negative chunk size', '-1\r\n\r\n0\r\n\r\n'],
  ['a chunk size too large for any number', 'fffffffffffffffff\r\n'],
];

describe('requests that are refused', () => {
  let origin: TestOrigin;
  let proxy: TestProxy;
  before(async () => {
    origin = await startOrigin((request, response) => {
      request.on('end', () => response.end('from the origin'));
      request.on('error', () => undefined);
    });
    proxy = await startProxy({ origin: origin.url });
  });
  after(async () => {
    await proxy.close();
    await origin.close();
    assert.deepEqual(proxy.errors, []);
  });

  for (const [name, bytes, status] of REFUSED) {
    test(name, async () => {
      const connection = await openRaw(proxy.port);
      // A second request smuggled behind it must not be answered either.
      void connection.send(`${bytes}GET /smuggled/${encodeURIComponent(name)} HTTP/1.1\r\n${HOST}\r\n`);
      connection.end();
      const received = (await connection.readAll()).toString('latin1');
      assert.ok(!received.includes('from the origin'), received);
      assert.equal(received.match(/HTTP\/1\.1 \d+/g)?.length, 1, received);
      assert.match(received, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(received, /^content-type: application\/problem\+json\r$/im);
      assert.match(received, /^connection: close\r$/im);
      assert.match(received, /^x-cache: BYPASS\r$/im);
      assert.match(received, /^proxy-status: Millrace;error=http_request_error/im);
    });
  }

  test('none of them reached the origin', () => {
    assert.deepEqual(origin.requests.map(({ url }) => url), []);
  });

  for (const [name, body] of BROKEN_BODIES) {
    test(`a body with ${name}`, async () => {
      const url = `/${encodeURIComponent(name)}`;
      const received = await rawRequest(proxy.port, `POST ${url} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${body}GET /smuggled HTTP/1.1\r\n${HOST}\r\n`);
      assert.match(received.toString('latin1'), /^HTTP\/1\.1 400 /);
      await proxy.outcomeOf(url);
      for (const seen of origin.requests) {
        assert.notEqual(seen.url, '/smuggled');
        if (seen.url === url) assert.equal(seen.complete, false);
      }
    });
  }

  test('a good request before a broken one is answered, and nothing else', async () => {
    const received = (await rawRequest(proxy.port, `GET /good HTTP/1.1\r\n${HOST}\r\nGET / HTTP/1.1\r\nBad Field: a\r\n\r\n`, { until: () => false })).toString('latin1');
    assert.match(received, /^HTTP\/1\.1 200 [^]*connection: close[^]*from the origin$/i);
  });

  test('bytes behind a request with Connection: close are nobody\'s', async () => {
    const received = (await rawRequest(proxy.port, `GET /close HTTP/1.1\r\n${HOST}Connection: close\r\n\r\nGET /smuggled HTTP/1.1\r\n${HOST}\r\n`, { until: () => false })).toString('latin1');
    assert.match(received, /^HTTP\/1\.1 200 [^]*connection: close[^]*from the origin$/i);
  });

  test('what only looks odd is served', async () => {
    for (const bytes of [
      `GET /odd HTTP/1.1\r\n${HOST}X: caf\xe9\r\n\r\n`,
      'GET /odd HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n',
      'GET /odd HTTP/1.1\r\nhost:   localhost   \r\n\r\n',
      `\r\nGET /odd HTTP/1.1\r\n${HOST}\r\n`,
      'GET http://localhost/odd HTTP/1.1\r\nHost: localhost\r\n\r\n',
      `POST /odd HTTP/1.1\r\n${HOST}Transfer-Encoding: Chunked\r\n\r\n1;ext=1\r\na\r\n0\r\n\r\n`,
      `QUERY /odd HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\na`,
      `GET /${long(8000)} HTTP/1.1\r\n${HOST}\r\n`,
    ]) {
      const received = (await rawRequest(proxy.port, bytes)).toString('latin1');
      assert.match(received, /^HTTP\/1\.1 200 /, bytes.slice(0, 200));
    }
  });
});
