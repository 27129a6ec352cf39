import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MillraceProxy, type Options, createProxy } from '../../src/index.ts';
import { gate } from '../kit/gate.ts';
import { type OriginHandler, type TestOrigin, startOrigin, startRawOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';

const big = Buffer.alloc(3_000_000, 'large ');

async function before(handler: OriginHandler, options: Options = {}): Promise<{ readonly origin: TestOrigin; readonly proxy: MillraceProxy; readonly ask: (path: string, init?: RequestInit) => Promise<Response> }> {
  const origin = closing(await startOrigin(handler));
  const proxy = closing(createProxy({ origin: origin.url, ...options }));
  return { origin, proxy, ask: (path, init) => proxy.fetch(new Request(`https://www.example.com${path}`, init)) };
}

describe('proxy.fetch', () => {
  test('gives misses and hits, with all their fields', async () => {
    const { ask, origin } = await before((_message, response) => void response.writeHead(200, { 'Cache-Control': 'no-cache', ETag: '"a"', 'Set-Cookie': ['a=1', 'b=2; Path=/'], 'X-Name': 'Zo\u00eb', 'Content-Length': big.length }).end(big));
    const missed = await ask('/a?b=c');
    assert.deepEqual([missed.status, missed.headers.get('x-cache'), missed.headers.get('content-length'), missed.headers.get('x-name')], [200, 'MISS', String(big.length), 'Zo\u00eb']);
    assert.deepEqual(missed.headers.getSetCookie(), ['a=1', 'b=2; Path=/']);
    assert.ok(Buffer.from(await missed.arrayBuffer()).equals(big));
    const { headers, url } = origin.requests[0]!;
    assert.deepEqual([url, headers.get('x-forwarded-host'), headers.get('x-forwarded-proto'), headers.get('x-forwarded-for')], ['/a?b=c', 'www.example.com', 'https', 'unknown']);
  });

  test('what a reader does to a body is not done to the cache', async () => {
    const { ask } = await before((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(big));
    for (const result of ['MISS', 'HIT', 'HIT']) {
      const response = await ask('/');
      assert.equal(response.headers.get('x-cache'), result);
      let at = 0;
      for await (const chunk of response.body!) {
        assert.ok(big.subarray(at, (at += chunk.length)).equals(chunk));
        chunk.fill(0);
      }
      assert.equal(at, big.length);
    }
  });

  test('HEAD, 204 and 304 have no body; other methods send theirs', async () => {
    const { ask } = await before(async (message, response, { body }) => {
      if (message.method === 'POST') return void response.end(`${message.headers['content-length'] ?? 'chunked'} ${(await body()).toString()}`);
      if (message.url === '/204') return void response.writeHead(204).end();
      response.writeHead(200, { 'Cache-Control': 'max-age=60', ETag: '"a"' }).end('hello');
    });
    assert.equal(await (await ask('/')).text(), 'hello');
    const head = await ask('/', { method: 'HEAD' });
    assert.deepEqual([head.body, head.headers.get('content-length')], [null, '5']);
    const unchanged = await ask('/', { headers: { 'If-None-Match': '"a"' } });
    assert.deepEqual([unchanged.status, unchanged.body], [304, null]);
    assert.deepEqual([(await ask('/204')).status, (await ask('/204')).body], [204, null]);
    assert.equal(await (await ask('/', { method: 'POST', body: 'abc' })).text(), 'chunked abc');
    assert.equal(await (await ask('/', { method: 'POST', body: 'abc', headers: { 'Content-Length': '3' } })).text(), '3 abc');
  });

  test('bodies stream both ways', async () => {
    const { ask } = await before(async (message, response) => {
      for await (const chunk of message) response.write(chunk);
      response.end();
    });
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const asked = ask('/', { method: 'POST', body: readable, duplex: 'half' });
    await writer.write(Buffer.from('first'));
    const reader = (await asked).body!.getReader();
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'first');
    await writer.write(Buffer.from('second'));
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'second');
    await writer.close();
    assert.equal((await reader.read()).done, true);
  });

  test('a reader that takes nothing is waited for, and one that cancels ends the request to the origin', async () => {
    const left = Promise.withResolvers<void>();
    let written = 0;
    const { ask } = await before((_message, response) => {
      response.on('close', () => left.resolve());
      response.writeHead(200, { 'Cache-Control': 'no-store' });
      const fill = (): void => {
        while (!response.destroyed && response.write(big)) written += big.length;
      };
      response.on('drain', fill);
      fill();
    });
    const response = await ask('/');
    const reader = response.body!.getReader();
    let read = 0;
    while (read < 10_000_000) read += (await reader.read()).value?.length ?? Number.NaN;
    await reader.cancel();
    await left.promise;
    // What the system takes between the two is some megabytes.
    assert.ok(written < read + 30_000_000, `${written} bytes were sent where ${read} were read`);
  });

  test('an aborted request is rejected, or its body ends with the reason', async () => {
    const rest = gate();
    let closed = Promise.withResolvers<void>();
    const { ask, origin } = await before(async (message, response) => {
      response.on('close', () => closed.resolve());
      if (message.url === '/begun') response.writeHead(200, { 'Cache-Control': 'no-store' }).write('begun');
      await rest.wait;
    });
    const early = new AbortController();
    const asked = ask('/waits', { method: 'POST', signal: early.signal });
    await origin.arrived(1);
    early.abort(new Error('changed my mind'));
    await assert.rejects(asked, /changed my mind/);
    await closed.promise;
    closed = Promise.withResolvers<void>();
    const late = new AbortController();
    const reader = (await ask('/begun', { signal: late.signal })).body!.getReader();
    await reader.read();
    late.abort(new Error('had enough'));
    await assert.rejects(reader.read(), /had enough/);
    await closed.promise;
    rest.open();
    await assert.rejects(ask('/never', { signal: AbortSignal.abort(new Error('from the start')) }), /from the start/);
  });

  test('errors are responses, and a body that breaks off is an error', async () => {
    const broken = closing(await startRawOrigin(async (connection) => {
      await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this');
      connection.end();
    }));
    const proxy = closing(createProxy({ origin: broken.url }));
    const response = await proxy.fetch(new Request('http://a/'));
    await assert.rejects(response.text(), /broke off/);
    const gone = await startOrigin(() => undefined);
    await gone.close();
    const refused = await closing(createProxy({ origin: gone.url })).fetch(new Request('http://a/'));
    assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [502, 'ERR_CONNECTION_REFUSED']);
    const read = new Request('http://a/', { method: 'POST', body: 'abc' });
    await read.text();
    const late = await proxy.fetch(read);
    assert.deepEqual([late.status, ((await late.json()) as { code: string }).code], [500, 'ERR_BODY_READ']);
  });

  test('the address of the client is told where it is known, and nobody administers from an unknown one', async () => {
    const { proxy, origin } = await before((_message, response) => void response.end(), { admin: true });
    await proxy.fetch(new Request('http://a/'), { clientAddress: '192.0.2.7' });
    assert.equal(origin.requests[0]!.headers.get('x-forwarded-for'), '192.0.2.7');
    assert.equal((await proxy.fetch(new Request('http://a/__admin/stats'))).status, 403);
  });
});
