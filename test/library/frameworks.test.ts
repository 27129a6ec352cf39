import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import express, { type ErrorRequestHandler, type Express } from 'express';
import fastify from 'fastify';
import { type MillraceProxy, type Options, createProxy } from '../../src/index.ts';
import { type ClientResponse, type RequestOptions, request } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { type Attached, attach, serve } from './attached.ts';

/** Says what it was asked. */
async function echo(): Promise<TestOrigin> {
  return closing(await startOrigin(async (message, response, { body }) => {
    response.end(`${message.method} ${message.url} ${message.headers['content-length'] ?? '-'} ${message.headers['content-encoding'] ?? '-'} ${(await body()).toString('latin1')}`);
  }));
}

function inExpress(options: Options, use: (app: Express, proxy: MillraceProxy) => void): Promise<Attached> {
  return attach(options, (proxy) => {
    const app = express();
    use(app, proxy);
    return createServer(app);
  });
}

function post(url: string, type: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<ClientResponse> {
  return request(url, { method: 'POST', body, headers: { 'Content-Type': type, ...headers } });
}

describe('in Express', () => {
  test('sends again what parsers have read, and streams what they left', async () => {
    const { url } = await inExpress({ origin: (await echo()).url }, (app, { middleware }) => app.use(express.json(), express.urlencoded(), express.raw({ type: 'application/octet-stream' }), express.text(), middleware));
    const bodyOf = async (type: string, body: string | Buffer, headers?: Record<string, string>): Promise<string> => (await post(url, type, body, headers)).body.toString('latin1');
    assert.equal(await bodyOf('application/json', '{ "a": 1 }'), 'POST / 7 - {"a":1}');
    assert.equal(await bodyOf('application/json', gzipSync('{"a":1}'), { 'Content-Encoding': 'gzip' }), 'POST / 7 - {"a":1}');
    assert.equal(await bodyOf('application/x-www-form-urlencoded', 'a=1&b=x+y'), 'POST / 9 - a=1&b=x+y');
    assert.equal(await bodyOf('application/octet-stream', 'bytes'), 'POST / 5 - bytes');
    assert.equal(await bodyOf('application/octet-stream', gzipSync('bytes'), { 'Content-Encoding': 'gzip' }), 'POST / 5 - bytes');
    assert.equal(await bodyOf('text/plain', 'text'), 'POST / 4 - text');
    assert.equal(await bodyOf('application/xml', '<left/>'), 'POST / 7 - <left/>');
    assert.equal((await request(url)).body.toString(), 'GET / - - ');
  });

  test('says at once, and in words, that a body was read of which nothing is left', async () => {
    const origin = await echo();
    const drained: Options = { origin: origin.url };
    const withHandler = await inExpress(drained, (app, { handler }) => {
      app.use((message, _response, next) => void message.resume().on('end', next));
      app.use(handler);
    });
    const response = await post(withHandler.url, 'application/json', '{"a":1}');
    assert.equal(response.status, 500);
    assert.match(response.body.toString(), /ERR_BODY_READ/);
    assert.match(response.body.toString(), /Let the proxy have the request before a body parser/);
    const errors: Parameters<ErrorRequestHandler>[0][] = [];
    const withMiddleware = await inExpress(drained, (app, { middleware }) => {
      app.use((message, _response, next) => void message.resume().on('end', next));
      app.use(middleware);
      app.use(((error, _message, answer, _next) => void (errors.push(error), answer.status(500).end('ours'))) satisfies ErrorRequestHandler);
    });
    assert.equal((await post(withMiddleware.url, 'application/json', '{"a":1}')).body.toString(), 'ours');
    assert.deepEqual(errors.map(({ code, status }) => [code, status]), [['ERR_BODY_READ', 500]]);
    assert.equal(origin.requests.length, 0);
  });

  test('gives errors to next, and goes on with the connection', async () => {
    const gone = await startOrigin(() => undefined);
    await gone.close();
    const { url, proxy } = await inExpress({ origin: gone.url }, (app, { middleware }) => {
      app.use(middleware);
      app.use(((error, _message, response, _next) => void response.status(error.status).end(`${error.code} told by the app`)) satisfies ErrorRequestHandler);
    });
    for (let i = 0; i < 2; i++) {
      const response = await request(`${url}/a`);
      assert.deepEqual([response.status, response.body.toString()], [502, 'ERR_CONNECTION_REFUSED told by the app']);
    }
    assert.equal((await request(`${url}/a`, { method: 'POST', body: 'abc' })).status, 502);
    assert.equal(proxy.stats().requests, 3);
  });

  test('leaves to next what names no host that may be reached', async () => {
    const origin = await echo();
    const { url } = await inExpress({ allowHost: ['127.0.0.1'] }, (app, { middleware }) => {
      app.use(middleware);
      app.use((message, response) => void response.end(`the app's ${message.url}`));
    });
    for (const path of ['/about', '/', '/elsewhere.example/x']) assert.equal((await request(url + path)).body.toString(), `the app's ${path}`);
    assert.equal((await request(`${url}/127.0.0.1:${origin.port}/x`)).body.toString(), 'GET /x - - ');
  });
});

describe("below a path of the program's", () => {
  /** Answers with the fields that a query gives: `?Location=/login`. */
  const telling = async (): Promise<TestOrigin> =>
    closing(await startOrigin((message, response) => {
      const query = new URL(message.url!, 'http://origin').searchParams;
      for (const name of new Set(query.keys())) response.setHeader(name, query.getAll(name));
      response.setHeader('Cache-Control', 'max-age=60').writeHead(query.has('Location') ? 302 : 200).end(message.url);
    }));

  const ask = (url: string, fields: Readonly<Record<string, string>>, options?: RequestOptions): Promise<ClientResponse> => request(`${url}?${new URLSearchParams(fields).toString()}`, options);

  test('URLs and cookies of responses are put below it, stored ones too', async () => {
    const origin = await telling();
    const { url } = await inExpress({ origin: origin.url }, (app, { middleware }) => app.use('/api', middleware).use('/v1/tenants/:id', middleware));
    const host = new URL(url).host;
    const mapped: readonly [name: string, value: string, expected: string][] = [
      ['Location', '/login?next=/a', '/api/login?next=/a'],
      ['Location', `http://${host}/login`, `http://${host}/api/login`],
      ['Location', `${origin.url}/login`, `http://${host}/api/login`],
      ['Location', 'https://elsewhere.example/login', 'https://elsewhere.example/login'],
      ['Location', '//elsewhere.example/login', '//elsewhere.example/login'],
      ['Location', 'next', 'next'],
      ['Content-Location', '/a.en', '/api/a.en'],
      ['Refresh', '5; url=/b', '5; url=/api/b'],
      ['Refresh', '5', '5'],
      ['Link', '</style.css>; rel=preload, <https://cdn.example/a>; rel=preload', '</api/style.css>; rel=preload, <https://cdn.example/a>; rel=preload'],
      ['Set-Cookie', 'a=1; Path=/; HttpOnly', 'a=1; Path=/api/; HttpOnly'],
      ['Set-Cookie', 'a=/; path=/app', 'a=/; path=/api/app'],
      ['Set-Cookie', 'a=1', 'a=1'],
      ['Set-Cookie', '__Host-a=1; Secure; Path=/', '__Host-a=1; Secure; Path=/'],
    ];
    for (const [name, value, expected] of mapped) {
      const path = `/${name}${value.length}`;
      assert.equal((await ask(`${url}/api${path}`, { [name]: value })).headers.get(name), expected, value);
      if (name !== 'Content-Location') continue;
      // One response is stored, and each mount is told its own.
      const elsewhere = await ask(`${url}/v1/tenants/7${path}`, { [name]: value });
      assert.deepEqual([elsewhere.headers.get('x-cache'), elsewhere.headers.get(name)], ['HIT', `/v1/tenants/7${value}`]);
    }
  });

  test('so are early hints, and URLs by a name that a proxy in front has told', async () => {
    const origin = closing(await startOrigin((message, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.writeHead(302, { Location: `https://${String(message.headers['x-forwarded-host'])}/login` }).end();
    }));
    const { url } = await inExpress({ origin: origin.url, trustProxy: '127.0.0.1' }, (app, { middleware }) => app.use('/api', middleware));
    const response = await request(`${url}/api/a`, { headers: { 'X-Forwarded-Host': 'www.example.com', 'X-Forwarded-Proto': 'https' } });
    assert.equal(response.headers.get('location'), 'https://www.example.com/api/login');
    assert.deepEqual(response.informational.map(({ headers }) => headers.get('link')), ['</api/style.css>; rel=preload']);
  });

  test('nobody is sent to another host by what stands before it in the URL', async () => {
    const { url } = await inExpress({ origin: (await telling()).url }, (app, { middleware }) => app.use(/.*api/, middleware));
    for (const before of ['//elsewhere.example/api', '/%5Celsewhere.example/api', '/a/api']) {
      const location = (await request(`${url}/`, { target: `${before}/x?Location=%2Flogin` })).headers.get('location')!;
      assert.equal(new URL(location, url).host, new URL(url).host, location);
    }
  });

  test('Connect is understood, too', async () => {
    const { url } = await attach({ origin: (await telling()).url }, ({ middleware }) =>
      createServer((message, response) => {
        // As Connect does it.
        const originalUrl = message.url!;
        message.url = originalUrl.slice('/api'.length);
        if (!message.url.startsWith('/')) message.url = `/${message.url}`;
        middleware(Object.assign(message, { originalUrl }), response, () => undefined);
      }));
    assert.equal((await ask(`${url}/api/a`, { Location: '/login' })).headers.get('location'), '/api/login');
    assert.equal((await ask(`${url}/api`, { Location: '/login' })).headers.get('location'), '/api/login');
  });

  test('hosts in the path, and links of their pages, stay below it', async () => {
    const origin = await telling();
    const { url } = await inExpress({ allowHost: ['127.0.0.1'] }, (app, { middleware }) => app.use('/via', middleware));
    const page = `/via/127.0.0.1:${origin.port}/page`;
    assert.equal((await ask(url + page, { Location: '/login' })).headers.get('location'), `/via/127.0.0.1:${origin.port}/login`);
    const link = await request(`${url}/via/style.css`, { headers: { Referer: url + page } });
    assert.deepEqual([link.status, link.headers.get('location')], [307, `/via/127.0.0.1:${origin.port}/style.css`]);
  });
});

describe('in Fastify', () => {
  for (const http2 of [false, true]) {
    test(`a route sends again what was parsed, and keeps what hooks have set${http2 ? ', over HTTP/2' : ''}`, async () => {
      const origin = await echo();
      const app = fastify(http2 ? { http2: true } : {});
      const finished: number[] = [];
      app.addHook('onRequest', async (_message, reply) => void reply.header('X-Frame-Options', 'DENY'));
      app.addHook('onResponse', async (_message, reply) => void finished.push(reply.raw.statusCode));
      const proxy = closing(createProxy({ origin: origin.url }));
      app.all('/*', proxy.handler);
      await app.ready();
      const url = `http://127.0.0.1:${await serve(app.server)}`;
      const client = http2 ? await Http2Client.connect(url) : undefined;
      const send = (path: string, options: RequestOptions): Promise<ClientResponse> => client?.request(path, options) ?? request(url + path, options);
      const response = await send('/x', { method: 'POST', body: '{ "a": 1 }', headers: { 'Content-Type': 'application/json' } });
      assert.deepEqual([response.status, response.body.toString(), response.headers.get('x-frame-options')], [200, 'POST /x 7 - {"a":1}', 'DENY']);
      assert.equal((await send('/x', { method: 'GET' })).body.toString(), 'GET /x - - ');
      assert.equal((await send('/x', { method: 'HEAD' })).status, 200);
      await client?.[Symbol.asyncDispose]();
      await app.close();
      assert.deepEqual(finished, [200, 200, 200]);
    });
  }
});
