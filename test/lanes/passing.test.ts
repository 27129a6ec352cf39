/**
 * @module test/lanes/passing
 * Plain requests that no answer is prepared for, which the fast lane takes to the engine itself:
 * the client gets, and the origin is asked, what it would be by way of node:http, also where
 * something comes in between.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { openRaw, rawRequest, request } from '../kit/client.ts';
import type { Outcome } from '../../src/cache/outcome.ts';
import type { OriginHandler } from '../kit/origin.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import type { TestProxy } from '../kit/proxy.ts';
import { type OpenLanes, openLanes } from './lanes.ts';
import { LanePair, type Step } from './pair.ts';
import { site } from './site.ts';

const head = (method: string, path: string, ...lines: string[]): string => [`${method} ${path} HTTP/1.1`, 'Host: example.test', ...lines, '', ''].join('\r\n');
const get = (path: string, ...lines: string[]): string => head('GET', path, ...lines);

const MB = 1024 * 1024;
const LARGE = Buffer.alloc(8 * MB, 'A large body that is not stored. ');

/** Answers to /wait… are held back until the same origin is asked for /open. */
const waiting = new Map<number, (() => void)[]>();

const passing: OriginHandler = async (message, response, context) => {
  const { localPort } = message.socket;
  const plain = { 'Cache-Control': 'no-store', 'Content-Type': 'text/plain' };
  const held = async (): Promise<void> => new Promise((resolve) => waiting.set(localPort!, [...(waiting.get(localPort!) ?? []), resolve]));
  switch (message.url!.split('?', 1)[0]) {
    case '/open':
      for (const open of waiting.get(localPort!) ?? []) open();
      waiting.delete(localPort!);
      return void response.writeHead(200, plain).end('open');
    case '/wait':
      await held();
      return void response.writeHead(200, plain).end('waited');
    case '/wait-stored':
      await held();
      return void response.writeHead(200, { 'Cache-Control': 'max-age=3600' }).end('waited');
    case '/half':
      response.writeHead(200, { ...plain, 'Content-Length': 8 }).write('half');
      await held();
      return void response.end('done');
    case '/events':
      response.writeHead(200, { ...plain, 'Content-Type': 'text/event-stream' }).flushHeaders();
      await held();
      return void response.end('data: 1\n\n');
    case '/pieces':
      response.writeHead(200, message.method === 'HEAD' ? plain : { ...plain, Trailer: 'X-Sum' });
      for (const piece of ['one ', 'two ', 'x'.repeat(3000)]) response.write(piece);
      if (message.method !== 'HEAD') response.addTrailers({ 'X-Sum': '3' });
      return void response.end('three');
    case '/no-pieces':
      return void response.writeHead(200, { ...plain, 'Transfer-Encoding': 'chunked' }).end();
    case '/hints':
      response.writeEarlyHints({ link: '</style.css>; rel=preload', 'x-more': 'a' });
      response.writeProcessing();
      return void response.writeHead(200, plain).end('hinted');
    case '/breaks':
      response.writeHead(200, { ...plain, 'Content-Length': 100 }).write('only this');
      return void setImmediate(() => message.socket.destroy());
    case '/breaks-in-pieces':
      response.writeHead(200, plain).write('only this');
      return void setImmediate(() => message.socket.destroy());
    case '/fails':
      return void message.socket.destroy();
    case '/error':
      return void response.writeHead(500, plain).end('an error');
    case '/no-date':
      response.sendDate = false;
      return void response.writeHead(200, plain).end('no date');
    case '/unchanged':
      return void response.writeHead(304, { 'Cache-Control': 'no-store', ETag: '"1"' }).end();
    case '/nothing-stored':
      return void response.writeHead(204, plain).end();
    case '/odd-status':
      return void response.writeHead(299, 'Odd', plain).end('odd');
    case '/whole':
      return void response.writeHead(200, { ...plain, 'Content-Length': LARGE.length }).end(LARGE);
    default:
      return site(message, response, context);
  }
};

const open: Step = { run: ({ url }: TestProxy) => request(`${url}/open`) };
const one = (bytes: string, method: 'GET' | 'HEAD' = 'GET'): Step[] => [{ send: bytes }, { read: [method] }];
const again = one(get('/private'));

const CASES: readonly (readonly [name: string, steps: readonly Step[]])[] = [
  ['what is not stored', [...again, ...again]],
  ['what is stored, and a hit, and what is not', [...one(get('/page')), ...one(get('/page')), ...again, ...one(get('/page')), ...again]],
  ['HEAD', [...one(head('HEAD', '/private'), 'HEAD'), ...one(head('HEAD', '/page'), 'HEAD'), ...one(head('HEAD', '/pieces'), 'HEAD'), ...again]],
  ['split at every byte', [{ send: [...get('/private')] }, { read: ['GET'] }, { send: [...get('/page')] }, { read: ['GET'] }, ...again]],
  ['a miss, a hit and a miss in one packet', [...one(get('/page')), ...one(get('/page')), { send: get('/private') + get('/page') + get('/other') }, { read: ['GET', 'GET', 'GET'] }, ...again]],
  ['many in one packet', [{ send: get('/private').repeat(40) }, { read: Array.from({ length: 40 }, () => 'GET' as const) }, ...again]],
  ['many in many packets', [{ send: Array.from({ length: 40 }, (_, i) => get(`/page?${i}`)) }, { read: Array.from({ length: 40 }, () => 'GET' as const) }, ...again]],
  ['a miss, and a hit behind it while it waits', [...one(get('/page')), ...one(get('/page')), { send: get('/wait') }, { send: get('/page') }, open, { read: ['GET', 'GET'] }, ...one(get('/page'))]],
  ['a miss, and a miss and a half behind it while it waits', [{ send: get('/wait') }, { send: get('/private') + get('/other').slice(0, 20) }, open, { read: ['GET', 'GET'] }, { send: get('/other').slice(20) }, { read: ['GET'] }, ...again]],
  ['a miss, and a large answer behind it while it waits', [{ send: get('/wait') }, { send: get('/large') }, open, { read: ['GET', 'GET'] }, ...again]],
  ['a miss, and a POST behind it while it waits', [{ send: get('/wait') }, { send: `${head('POST', '/form', 'Content-Length: 3')}a=` }, open, { send: 'b' }, { read: ['GET', 'GET'] }, ...again]],
  ['a miss, and the administration behind it while it waits', [{ send: get('/wait') }, { send: get('/health').replace('example.test', 'localhost') }, open, { read: ['GET', 'GET'] }, ...again]],
  ['a miss, and Connection: close behind it while it waits', [{ send: get('/wait') }, { send: get('/private', 'Connection: close') }, { send: get('/private') }, open, { readAll: true }]],
  ['a miss, and no request behind it while it waits', [{ send: get('/wait') }, { send: 'no request\r\n\r\n' }, open, { readAll: true }]],
  ['a miss, and a refused request behind it while it waits', [{ send: get('/wait') }, { send: get('/private', 'Host: twice.test') }, open, { readAll: true }]],
  ['half of an answer, and no request behind it', [{ send: get('/half') }, { run: async ({ port }) => rawRequest(port, get('/private')) }, { send: 'no request\r\n\r\n' }, open, { readAll: true }]],
  ['a miss, and a tunnel behind it while it waits', [{ send: get('/wait') }, { send: get('/private', 'Connection: Upgrade', 'Upgrade: websocket') }, { readAll: true }, open]],
  ['a client that ends its side while it waits', [{ send: get('/wait') }, { end: true }, { readAll: true }, open]],
  ['a client that ends its side in the middle of a head, while it waits', [{ send: get('/wait') }, { send: get('/private').slice(0, 20) }, { end: true }, open, { readAll: true }]],
  ['after node:http', [{ send: get('/private', 'Connection: x-a') }, { read: ['GET'] }, { send: get('/wait') }, { send: get('/page') }, open, { read: ['GET', 'GET'] }, ...again]],
  ['a client that ends its side while it waits, after node:http', [{ send: get('/private', 'Connection: x-a') }, { read: ['GET'] }, { send: get('/wait') }, { end: true }, { readAll: true }, open]],
  ['pieces and trailers', [...one(get('/pieces')), ...again]],
  ['no pieces', [...one(get('/no-pieces')), ...again]],
  ['what comes without a length and is stored', [...one(get('/chunked')), ...one(get('/chunked')), ...one(get('/chunked'))]],
  ['early hints', [...one(get('/hints')), ...again]],
  ['an origin that breaks off', [{ send: get('/breaks') }, { readAll: true }]],
  ['an origin that breaks off between pieces', [{ send: get('/breaks-in-pieces') }, { readAll: true }]],
  ['an origin that gives no answer', [...one(get('/fails')), ...one(get('/fails', 'Accept: application/json')), ...again]],
  ['an error of the origin', [...one(get('/error')), ...again]],
  ['an answer without Date', [...one(get('/no-date'))]],
  ['304 of the origin', [...one(get('/unchanged', 'If-None-Match: "1"')), ...again]],
  ['204', [...one(get('/nothing-stored')), ...one(get('/nothing')), ...one(get('/nothing'))]],
  ['a status nobody knows', [...one(get('/odd-status')), ...again]],
  ['lines in every case, twice, and with odd bytes', [...one(get('/odd')), ...one('GET /private HTTP/1.1\r\nhOsT:  example.test\t\r\nx-A:\r\nX-a: b \t\r\nX-High: caf\xe9\r\n_x_: a\tb\r\nCookie: a=b\r\nCookie: c\r\n\r\n'), ...again]],
  ['conditions and ranges', [...one(get('/page', 'If-None-Match: "1"')), ...one(get('/page', 'Range: bytes=0-3')), ...one(get('/page', 'If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT')), ...one(get('/private', 'Range: bytes=0-1')), ...again]],
  ['a proxy on the way, and a loop', [...one(get('/private', 'Via: 1.1 a', 'CDN-Loop: b')), ...one(get('/private', `Via: ${Array.from({ length: 12 }, () => '1.1 millrace').join(', ')}`)), ...again]],
  ['Hosts good and bad', [...one(get('/private').replace('example.test', 'other.test:80')), ...one(get('/private').replace('example.test', '[::1]')), ...one(get('/private').replace('example.test', '')), { send: get('/private').replace('example.test', 'a b') }, { readAll: true }]],
  ['what is stale, and validated', [...one(get('/stale')), ...one(get('/stale')), ...again]],
  ['a large body', [...one(get('/whole')), ...again]],
  ['a large body that is stored', [...one(get('/large')), ...one(get('/large')), ...again]],
];

describe('the same bytes for what passes', () => {
  for (const [name, steps] of CASES) {
    test(name, async () => {
      await using pair = await LanePair.start(passing, { shutdownTimeout: 0 });
      await pair.same(steps);
    });
  }

  test('embedded hosts', async () => {
    await using origin = await startOrigin(passing);
    await using pair = await LanePair.start(passing, { origin: undefined });
    const local = (path: string, ...lines: string[]): string => get(path, ...lines).replace('example.test', 'localhost');
    const host = `127.0.0.1:${origin.port}`;
    await pair.same([
      ...one(local(`/${host}/private`)), ...one(local(`/${host}/moved`)), ...one(local(`/${host}`)), ...one(local('/style.css', `Referer: http://localhost/${host}/page`)),
      ...one(local('/favicon.ico')), ...one(get(`/${host}/private`)), ...one(local(`/${host}/private`)),
    ]);
  });
});

describe('what passes', () => {
  const startLanes = async (): Promise<{ lanes: OpenLanes; origin: TestOrigin; parsed: () => number } & AsyncDisposable> => {
    const origin = await startOrigin(passing);
    let parsed = 0;
    const lanes = await openLanes({ origin: origin.url }, ({ http }) => http.on('request', () => parsed++));
    return {
      lanes,
      origin,
      parsed: () => parsed,
      [Symbol.asyncDispose]: async () => {
        await lanes[Symbol.asyncDispose]();
        await origin.close();
      },
    };
  };

  test('does not go by node:http', async () => {
    await using scene = await startLanes();
    const connection = await openRaw(scene.lanes.port);
    for (const [path, ...lines] of [['/private'], ['/page'], ['/page', 'If-None-Match: "1"'], ['/pieces'], ['/private', 'Cookie: a=b', 'Range: bytes=0-1', 'Via: 1.1 a']] as const) {
      void connection.send(get(path, ...lines));
      assert.match((await connection.readMessage()).toString(), /^HTTP\/1\.1 [23]/);
    }
    assert.equal(scene.parsed(), 0);
    void connection.send(get('/private', 'Cache-Control: no-cache'));
    await connection.readMessage();
    assert.equal(scene.parsed(), 1);
  });

  test('is told as it would be by way of node:http', async () => {
    await using scene = await startLanes();
    const { port, outcomes } = scene.lanes;
    for (const path of ['/private', '/other', '/fails', '/hints', '/page', '/page']) {
      // The second of each goes by node:http, for a field that it takes off.
      for (const line of ['X-A: a', 'Keep-Alive: 5']) await rawRequest(port, get(path === '/other' || path === '/page' ? `${path}?${line.length}` : path, line));
    }
    assert.equal(scene.parsed(), 6);
    const told = outcomes.map(({ startedAt: _, duration, originDuration, url, reasons, error, ...rest }) => ({ ...rest, took: duration >= 0, asked: originDuration !== undefined, url: url.split('?', 1)[0], reasons: reasons.map(({ code }) => code), error: error?.message }));
    assert.equal(told.length, 12);
    for (let i = 0; i < told.length; i += 2) assert.deepEqual(told[i], told[i + 1]);
  });

  for (const [path, isKnown, expected] of [
    // Others may come to want it.
    ['/wait', false, [200, 0, undefined]],
    ['/wait', true, [499, 0, 'ERR_CLIENT_GONE']],
    ['/half', false, [200, 4, 'ERR_CLIENT_GONE']],
  ] as const) {
    test(`ends with a client that leaves: ${path}${isKnown ? ', known not to be stored' : ''}`, async () => {
      await using scene = await startLanes();
      const { port, outcomes } = scene.lanes;
      const release = async (): Promise<unknown> => request(`${scene.origin.url}/open`);
      // It has come to the server once another is answered.
      const pause = async (): Promise<unknown> => rawRequest(port, get('/private'));
      // The second goes by node:http.
      for (const line of ['X-A: a', 'Keep-Alive: 5']) {
        const url = `${path}?${line.length}`;
        if (isKnown) {
          const learning = rawRequest(port, get(url));
          await pause();
          await release();
          await learning;
        }
        const before = outcomes.length;
        const connection = await openRaw(port);
        await connection.send(get(url, line));
        if (path === '/half') await connection.readUntil('half');
        else await pause();
        connection.reset();
        await pause();
        await release();
        const told = (): Outcome | undefined => outcomes.slice(before).find((outcome) => outcome.url === url);
        for (let i = 0; i < 50 && told() === undefined; i++) await pause();
        const { status, bytes, error } = told()!;
        assert.deepEqual([status, bytes, error?.code], expected);
      }
      assert.equal(scene.parsed(), 1);
    });
  }

  test('sends the head of an event stream before an event', async () => {
    await using scene = await startLanes();
    const connection = await openRaw(scene.lanes.port);
    void connection.send(get('/events'));
    assert.match((await connection.readUntil('\r\n\r\n')).toString(), /^HTTP\/1\.1 200 OK\r\n[^]*Transfer-Encoding: chunked\r\n\r\n$/);
    await rawRequest(scene.lanes.port, get('/open'));
    assert.match((await connection.readUntil('0\r\n\r\n')).toString(), /^9\r\ndata: 1\n\n\r\n0\r\n\r\n$/);
    assert.equal(scene.parsed(), 0);
  });

  test('waits for a client that does not read, and holds the origin back', async () => {
    await using scene = await startLanes();
    const { port, lanes } = { port: scene.lanes.port, lanes: scene.lanes };
    const connection = await openRaw(port);
    connection.socket.pause();
    await connection.send(get('/whole') + get('/whole').slice(0, -2));
    await connection.send('\r\n');
    for (let calm = 0, last = -1; calm < 20; ) {
      calm = last === connection.socket.bytesRead ? calm + 1 : 0;
      last = connection.socket.bytesRead;
      await rawRequest(port, get('/private'));
    }
    assert.equal(lanes.outcomes.filter(({ url }) => url === '/whole').length, 0);
    connection.socket.resume();
    for (let i = 0; i < 2; i++) assert.ok((await connection.readMessage()).subarray(-LARGE.length).equals(LARGE));
  });

  test('is finished when the server ends, and told that the connection ends', async () => {
    await using scene = await startLanes();
    const { fast, general, port } = scene.lanes;
    const late = await openRaw(port);
    const begun = await openRaw(port);
    const followed = await openRaw(port);
    const mixed = await openRaw(port);
    void mixed.send(get('/private', 'Keep-Alive: 5'));
    await mixed.readMessage();
    for (const [connection, path] of [[late, '/wait?1'], [begun, '/half'], [followed, '/wait?2'], [mixed, '/wait?3']] as const) await connection.send(get(path));
    await begun.readUntil('half').then((bytes) => begun.socket.unshift(bytes));
    await followed.send(get('/private'));
    // All of it has come to the server once this one is answered.
    await rawRequest(port, get('/private'));
    const closed = once(fast.server, 'close');
    fast.server.close();
    general.drain();
    fast.drain();
    await request(`${scene.origin.url}/open`);
    const got = await Promise.all([late, begun, followed, mixed].map(async (connection) => (await connection.readAll()).toString()));
    for (const bytes of got) assert.match(bytes, /^HTTP\/1\.1 200 OK\r\n[^]*(?:waited|halfdone)/);
    for (const [i, says] of [true, false, true, true].entries()) assert.equal(got[i]!.includes('\r\nConnection: close\r\n'), says);
    await closed;
  });
});
