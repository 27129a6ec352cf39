/**
 * @module test/fuzz/responses
 * The bytes of an origin's response, read by our own client, by undici (https) and by node:http (a
 * request with content): whoever takes the response has read the same body, and nothing is kept of one
 * that broke off.
 */
import assert from 'node:assert/strict';
import { type RawOrigin, startRawOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';
import { openRaw } from '../kit/client.ts';
import type { OpenTarget, Target } from './target.ts';

interface Way {
  readonly origin: RawOrigin;
  readonly proxy: TestProxy;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

export const responses: Target = {
  name: 'responses',
  seeds: [
    'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: max-age=60\r\n\r\nbody',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n4;a=b\r\nbody\r\n0\r\nX-A: b\r\n\r\n',
    'HTTP/1.0 200 OK\r\nCache-Control: max-age=60\r\n\r\nbody',
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody',
    'HTTP/1.1 204 No Content\r\nETag: "a"\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
    'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/9\r\nContent-Length: 4\r\nETag: "a"\r\n\r\nbody',
    'HTTP/1.1 404 Not Found\r\nVary: Accept, Cookie\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 4\r\n\r\nbody',
    'HTTP/1.1 302 Found\r\nLocation: //a/../b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  ].map((text) => Buffer.from(text, 'latin1')),
  words: [
    '\r\n', '\r\n\r\n', '\n', '\r', ':', ' ', '\t', '\0', '\xff', '0\r\n\r\n', '4\r\nbody\r\n', 'ffffffffffffffff\r\n', 'HTTP/1.1 ', 'HTTP/1.1 100 Continue\r\n\r\n', '101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade', 'Content-Length: 4\r\n', 'Content-Length: 9007199254740993\r\n',
    'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: chunked\t\r\n', 'Transfer-Encoding: identity\r\n', 'Connection: close\r\n', 'Connection: content-length\r\n', 'Vary: *\r\n', 'Cache-Control: max-age=9999999999999, private="a\r\n', 'Age: -1\r\n', 'Date: x\r\n', 'Expires: 0\r\n', 'Content-Range: bytes 5-1/*\r\n', 'Set-Cookie: \r\n', 'CDN-Cache-Control: max-age=1.0\r\n', 'Cache-Groups: "a", b\r\n', 'Upgrade: websocket\r\n',
  ],
  async open(): Promise<OpenTarget> {
    let response = Buffer.alloc(0);
    const start = async (tls: boolean): Promise<Way> => {
      const origin = await startRawOrigin(async (connection) => {
        await connection.send(response);
        connection.end();
      }, { tls });
      return { origin, proxy: await startMillrace({ origin: origin.url, insecureOrigin: tls, originTimeout: '2s', ttl: undefined }) };
    };
    const [plain, secure] = [await start(false), await start(true)];
    let count = 0;
    return {
      async run(input) {
        response = Buffer.from(input);
        count++;
        const own = await ask(plain.proxy, `GET /${count} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
        const undici = await ask(secure.proxy, `GET /${count} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
        const node = await ask(plain.proxy, `POST /${count} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\na`);
        // What is made of a response to POST may be another matter: it is no part of anything stored.
        const taken = [own, undici].filter((each): each is Answer => each !== undefined && each.status !== 502 && each.status !== 504);
        for (const { status, body } of taken) assert.deepEqual([status, body], [taken[0]!.status, taken[0]!.body], 'two clients have read two responses');
        return [own, undici, node].map((each) => each?.status ?? 'cut').join(' ');
      },
      async atRest() {
        for (const { proxy } of [plain, secure]) await proxy.finished(count);
      },
      async [Symbol.asyncDispose]() {
        for (const { origin, proxy } of [plain, secure]) {
          await proxy.close();
          await origin.close();
        }
      },
    };
  },
};

/** Undefined where the response broke off. */
async function ask(proxy: TestProxy, request: string): Promise<Answer | undefined> {
  const connection = await openRaw(proxy.port);
  await connection.send(request);
  const text = (await connection.readAll()).toString('latin1').replace(/^(?:HTTP\/1\.1 1\d\d [^]*?\r\n\r\n)+/, '');
  // The response may break off before its head has left.
  if (text === '') return undefined;
  const end = text.indexOf('\r\n\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]);
  assert.ok(end !== -1 && status >= 200, `the client got ${JSON.stringify(text.slice(0, 200))}`);
  const head = text.slice(0, end + 2);
  const rest = text.slice(end + 4);
  const length = /^content-length: (\d+)\r$/im.exec(head)?.[1];
  if (/^transfer-encoding: chunked\r$/im.test(head)) {
    let body = '';
    for (let at = 0; ; ) {
      const line = /^([\da-f]+)\r\n/i.exec(rest.slice(at));
      if (line === null) return undefined;
      const size = Number.parseInt(line[1]!, 16);
      if (size === 0) return { status, body };
      at += line[0].length;
      if (rest.length < at + size + 2) return undefined;
      body += rest.slice(at, at + size);
      at += size + 2;
    }
  }
  if (length !== undefined && status !== 304) {
    assert.ok(rest.length <= Number(length), 'more came than was announced');
    return rest.length === Number(length) ? { status, body: rest } : undefined;
  }
  return { status, body: rest };
}
