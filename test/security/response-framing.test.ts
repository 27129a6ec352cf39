/**
 * Responses that could be framed in two ways are refused, whichever client asked for them: our own (a
 * GET), node:http (a POST), and both over TLS, where undici sends the GET.
 */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import type { Options } from '../../src/config.ts';
import { type ClientResponse, rawRequest, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin, startRawOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

const CHUNKED = '4\r\nevil\r\n0\r\n\r\n';
const CASES: Readonly<Record<string, string>> = {
  'chunked and a tab': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n${CHUNKED}`,
  'chunked with a parameter': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;q=1\r\n\r\n${CHUNKED}`,
  'chunked in quotes': `HTTP/1.1 200 OK\r\nTransfer-Encoding: "chunked"\r\n\r\n${CHUNKED}`,
  'another word that ends in chunked': `HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n${CHUNKED}`,
  'a byte that is no letter before chunked': `HTTP/1.1 200 OK\r\nTransfer-Encoding: \xa0chunked\r\n\r\n${CHUNKED}`,
  'chunked after a vertical tab': `HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n${CHUNKED}`,
  'chunked twice': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
  'chunked and nothing': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked,\r\n\r\n${CHUNKED}`,
  identity: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nevil',
  'no coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\nevil',
  'chunked and identity': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n${CHUNKED}`,
  gzip: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nevil',
  'chunked in HTTP/1.0': `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
  'chunked and a length': `HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nevil!',
  'a length that no number of a program is': 'HTTP/1.1 200 OK\r\nContent-Length: 9007199254740993\r\n\r\nevil',
  'a length with a sign': 'HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\nevil',
  'a length in two words': 'HTTP/1.1 200 OK\r\nContent-Length: 4 4\r\n\r\nevil',
};
const GOOD: Readonly<Record<string, string>> = {
  chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n',
  'chunked in capitals': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n4\r\ngood\r\n0\r\n\r\n',
  'a length': 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood',
  'the end of the connection': 'HTTP/1.1 200 OK\r\n\r\ngood',
  'the end of the connection in HTTP/1.0': 'HTTP/1.0 200 OK\r\n\r\ngood',
};

for (const tls of [false, true]) {
  for (const method of ['GET', 'POST']) {
    describe(`a response to ${method} over ${tls ? 'https' : 'http'}`, () => {
      const ask = async (bytes: string): Promise<{ status: number; body: string; result: string }> => {
        await using origin = await startRawOrigin(async (connection) => {
          await connection.send(Buffer.from(bytes.replace('\r\n', '\r\nCache-Control: max-age=60\r\n'), 'latin1'));
          connection.end();
        }, { tls });
        await using proxy = await startMillrace({ origin: origin.url, insecureOrigin: tls, originTimeout: '2s' });
        const options = method === 'POST' ? { method, body: 'a' } : {};
        await request(proxy.url, options);
        const { status, body, headers } = await request(proxy.url, options);
        return { status, body: body.toString('latin1'), result: headers.get('x-cache')! };
      };
      for (const [name, bytes] of Object.entries(CASES)) {
        test(`is refused with ${name}`, async () => {
          const { status, body, result } = await ask(bytes);
          assert.equal(status, 502, body);
          assert.doesNotMatch(body, /evil/);
          assert.notEqual(result, 'HIT');
        });
      }
      for (const [name, bytes] of Object.entries(GOOD)) {
        test(`is taken with ${name}`, async () => {
          const { status, body } = await ask(bytes);
          assert.deepEqual([status, body], [200, 'good']);
        });
      }
    });
  }
}

describe('a connection to the origin', () => {
  // An origin that takes the content for the next request on the connection.
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
    test(`is not used again after content with ${method}`, async () => {
      await using origin = await startRawOrigin(async (connection) => connection.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
      await using proxy = await startMillrace({ origin: origin.url });
      for (let i = 1; i <= 3; i++) {
        await request(proxy.url, { method, body: 'GET /smuggled HTTP/1.1\r\n', headers: { 'Content-Type': 'text/plain' } });
        assert.equal(origin.connections, i);
      }
      await request(proxy.url, { method: 'POST', body: 'a' });
      assert.equal(origin.connections, 4);
    });
  }
});

describe('a connection to an origin that answers early', () => {
  for (const tls of [false, true]) {
    test(`is not used again, though the rest of the content was sent before the response had ended (${tls ? 'https' : 'http'})`, async () => {
      const answered = gate();
      await using origin = await startOrigin(async (_, response, { index, body }) => {
        response.writeHead(200, { 'Content-Length': 4 });
        if (index > 0) return void response.end('good');
        response.write('ea');
        answered.open();
        await body();
        response.end('rly');
      }, { tls });
      await using proxy = await startMillrace({ origin: origin.url, insecureOrigin: tls });
      const content = async function* (): AsyncGenerator<string> {
        yield 'a';
        await answered.wait;
        yield 'GET /smuggled HTTP/1.1\r\n';
      };
      await request(proxy.url, { method: 'POST', body: Readable.from(content()) });
      assert.equal((await request(proxy.url, { method: 'POST', body: 'b' })).body.toString(), 'good');
      assert.equal(origin.connections, 2);
    });
  }
});

describe('the fields of a response', () => {
  const lines = (count: number): string => Array.from({ length: count }, (_, i) => `X-${i}: y\r\n`).join('');
  for (const tls of [false, true]) {
    for (const method of ['GET', 'POST']) {
      const ask = async (bytes: string, options: Options = {}): Promise<ClientResponse> => {
        await using origin = await startRawOrigin(async (connection) => {
          await connection.send(bytes);
          connection.end();
        }, { tls });
        await using proxy = await startMillrace({ origin: origin.url, insecureOrigin: tls, ...options });
        return await request(proxy.url, { method, ...(method === 'POST' ? { body: 'a' } : {}) });
      };
      const where = `to ${method} over ${tls ? 'https' : 'http'}`;
      test(`are at most --max-response-fields ${where}`, async () => {
        const response = (count: number): string => `HTTP/1.1 200 OK\r\nContent-Length: 4\r\n${lines(count - 1)}\r\ngood`;
        assert.equal((await ask(response(200))).body.toString(), 'good');
        const refused = await ask(response(201));
        assert.equal(refused.status, 502);
        assert.equal((await ask(response(201), { maxResponseFields: 300 })).status, 200);
      });
      test(`that come as trailers break the response off beyond that ${where}`, async () => {
        const response = (count: number): string => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n${lines(count)}\r\n`;
        assert.equal((await ask(response(200))).body.toString(), 'good');
        await using origin = await startRawOrigin(async (connection) => {
          await connection.send(response(201));
          connection.end();
        }, { tls });
        await using proxy = await startMillrace({ origin: origin.url, insecureOrigin: tls });
        const asked = await rawRequest(proxy.port, `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`, { until: () => false });
        assert.doesNotMatch(asked.toString('latin1'), /\r\n0\r\n/, 'it is not ended as a whole one');
        await proxy.finished(1);
        assert.equal(proxy.outcomes[0]!.error?.code, 'ERR_ORIGIN_RESPONSE');
      });
      test(`of an interim response count as well ${where}`, async () => {
        assert.equal((await ask(`HTTP/1.1 103 Early Hints\r\n${lines(201)}\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`)).status, 502);
      });
    }
  }
});
