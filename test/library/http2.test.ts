import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Http2SecureServer, type Http2Server, createSecureServer, createServer } from 'node:http2';
import { get } from 'node:https';
import { describe, test } from 'node:test';
import type { MillraceProxy } from '../../src/index.ts';
import { localhostCertificate } from '../kit/certificate.ts';
import { gate } from '../kit/gate.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { startOrigin, startRawOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { attach } from './attached.ts';

const h2c = ({ handler, connect }: MillraceProxy): Http2Server => createServer(handler).on('connect', connect);
const secure = ({ handler }: MillraceProxy): Http2SecureServer => createSecureServer({ ...localhostCertificate, allowHTTP1: true }, handler);
const big = Buffer.alloc(3_000_000, 'large ');

describe('a server of node:http2 that answers with proxy.handler', () => {
  test('gets misses and hits, HEAD, bodies both ways, and the status where it reads it', async () => {
    const origin = closing(await startOrigin(async (message, response, { body }) => {
      if (message.method === 'POST') return void response.writeHead(201).end(await body());
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(big);
    }));
    const statuses: number[] = [];
    const ended = Promise.withResolvers<void>();
    const { url } = await attach({ origin: origin.url }, ({ handler }) =>
      createServer((request, response) => {
        response.setHeader('x-frame-options', 'DENY');
        response.on('finish', () => statuses.push(response.statusCode) === 4 && ended.resolve());
        handler(request, response);
      }));
    await using client = await Http2Client.connect(url);
    for (const result of ['MISS', 'HIT']) {
      const response = await client.request('/a');
      assert.deepEqual([response.status, response.headers.get('x-cache'), response.headers.get('x-frame-options'), response.complete], [200, result, 'DENY', true]);
      assert.ok(response.body.equals(big));
    }
    const head = await client.request('/a', { method: 'HEAD' });
    assert.deepEqual([head.headers.get('content-length'), head.body.length, head.headers.get('x-cache')], [String(big.length), 0, 'HIT']);
    const posted = await client.request('/a', { method: 'POST', body: big });
    assert.equal(posted.status, 201);
    assert.ok(posted.body.equals(big));
    await ended.promise;
    assert.deepEqual(statuses, [200, 200, 200, 201]);
  });

  test('passes trailers, 1xx responses and Expect', async () => {
    const origin = closing(await startOrigin(async (_message, response, { body, seen }) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      const length = (await body()).length;
      response.writeHead(200, { Trailer: 'x-sum' });
      response.write(`${length} ${seen.trailers.get('x-check')}`);
      response.addTrailers({ 'x-sum': 'fine' });
      response.end();
    }));
    const { url } = await attach({ origin: origin.url }, h2c);
    await using client = await Http2Client.connect(url);
    const response = await client.request('/', { method: 'POST', body: 'abc', trailers: { 'X-Check': 'yes' } });
    assert.equal(response.body.toString(), '3 yes');
    assert.equal(response.trailers.get('x-sum'), 'fine');
    assert.deepEqual(response.informational.map(({ status }) => status), [103]);
    const expecting = await client.request('/', { method: 'POST', body: 'abc', headers: { Expect: '100-continue' } });
    assert.equal(expecting.body.toString(), '3 undefined');
    assert.equal(expecting.informational.filter(({ status }) => status === 100).length, 1);
  });

  test('survives clients that leave and an origin that breaks off', async () => {
    const rest = gate();
    const left = Promise.withResolvers<void>();
    const origin = closing(await startOrigin(async (_message, response) => {
      response.on('close', () => left.resolve());
      response.writeHead(200, { 'Cache-Control': 'no-store' }).write('begun');
      await rest.wait;
    }));
    const broken = closing(await startRawOrigin(async (connection) => {
      await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this');
      connection.end();
    }));
    const { url } = await attach({ origin: origin.url }, h2c);
    {
      await using client = await Http2Client.connect(url);
      await (await client.open('/')).received('begun');
    }
    await left.promise;
    rest.open();
    const second = await attach({ origin: broken.url }, h2c);
    await using client = await Http2Client.connect(second.url);
    const response = await client.request('/');
    assert.deepEqual([response.complete, response.body.toString()], [false, 'only this']);
    assert.equal((await client.request('/')).complete, false);
  });

  test('refuses CONNECT and what no proxy may pass, in words', async () => {
    const origin = closing(await startOrigin((_message, response) => void response.end()));
    const { url } = await attach({ origin: origin.url }, h2c);
    await using client = await Http2Client.connect(url);
    const stream = client.session.request({ ':method': 'CONNECT', ':authority': 'example.com:443' });
    const [headers] = (await once(stream, 'response')) as [{ ':status': number }];
    assert.equal(headers[':status'], 403);
    stream.destroy();
    const refused = await client.request(`/${'a'.repeat(20_000)}`);
    assert.deepEqual([refused.status, refused.body.toString().includes('ERR_URI_TOO_LONG')], [414, true]);
  });

  test('serves HTTP/1.1 beside it, over TLS', async () => {
    const origin = closing(await startOrigin((message, response) => void response.end(message.headers['x-forwarded-proto'])));
    const { port } = await attach({ origin: origin.url }, secure);
    await using client = await Http2Client.connect(`https://localhost:${port}`, { ca: localhostCertificate.cert });
    assert.equal((await client.request('/')).body.toString(), 'https');
    const [response] = (await once(get({ port, host: '127.0.0.1', ca: localhostCertificate.cert, agent: false }), 'response')) as [NodeJS.ReadableStream];
    assert.equal(String((await once(response, 'data'))[0]), 'https');
  });
});
