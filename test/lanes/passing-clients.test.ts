/**
 * @module test/lanes/passing-clients
 * Plain requests on their way through the engine, and clients that leave, do not read, or are there
 * when the server ends.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import type { Outcome } from '../../src/cache/outcome.ts';
import { openRaw, rawRequest, request } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { until } from '../kit/until.ts';
import { type OpenLanes, openLanes } from './lanes.ts';
import { LARGE, passing } from './passing-site.ts';

const get = (path: string, ...lines: string[]): string => [`GET ${path} HTTP/1.1`, 'Host: example.test', ...lines, '', ''].join('\r\n');

describe('what passes', () => {
  const startLanes = async (internals = true): Promise<{ lanes: OpenLanes; origin: TestOrigin; parsed: () => number } & AsyncDisposable> => {
    const origin = await startOrigin(passing);
    let parsed = 0;
    const lanes = await openLanes({ origin: origin.url }, ({ http, fast }) => {
      http.on('request', () => parsed++);
      // Without them the lane reads from the very socket that was accepted, which a test can then reach.
      if (!internals) fast.server.prependListener('connection', (socket) => Object.assign((socket as unknown as { _handle: object })._handle, { useUserBuffer: undefined }));
    });
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
    const { port } = scene.lanes;
    const [origin, accepted] = [once(scene.origin.server, 'connection'), once(scene.lanes.fast.server, 'connection')];
    const connection = await openRaw(port);
    connection.socket.pause();
    await connection.send(get('/whole'));
    const [[toOrigin]] = (await Promise.all([origin, accepted])) as [[Socket], unknown[]];
    // Until nothing moves any more, at neither end.
    for (let calm = 0, last = ''; calm < 20; ) {
      const now = `${connection.socket.bytesRead} ${toOrigin.bytesWritten}`;
      calm = last === now ? calm + 1 : 0;
      last = now;
      await rawRequest(port, get('/private'));
    }
    assert.deepEqual(scene.lanes.outcomes.filter(({ url }) => url === '/whole'), []);
    assert.ok(toOrigin.writableLength > 0, 'the origin was not held back');
    // What comes meanwhile is answered behind it.
    void connection.send(get('/private') + get('/other', 'Connection: close'));
    connection.socket.resume();
    const received = await connection.readAll();
    const start = received.indexOf('\r\n\r\n') + 4;
    assert.ok(received.subarray(start, start + LARGE.length).equals(LARGE));
    assert.match(received.toString('latin1', start + LARGE.length), /^HTTP\/1\.1 200 OK\r\n[^]*private\r\n0\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*GET of \/other\r\n0\r\n\r\n$/);
  });

  test('gives up a client that takes nothing for a minute', async () => {
    await using scene = await startLanes(false);
    const accepted = once(scene.lanes.fast.server, 'connection') as Promise<[Socket]>;
    const connection = await openRaw(scene.lanes.port);
    connection.socket.pause();
    await connection.send(get('/whole'));
    const [socket] = await accepted;
    /** Other clients are served until it is so. */
    const others = (what: string, isSo: () => boolean): Promise<boolean> =>
      until(what, async () => {
        await rawRequest(scene.lanes.port, get('/private'));
        return isSo();
      });
    await others('the client is waited for', () => socket.timeout === 60_000);
    connection.socket.resume();
    await others('the response has ended', () => scene.lanes.outcomes.some(({ url }) => url === '/whole'));
    await others('all of it is written', () => socket.writableLength === 0);
    // Nothing waits any more: the connection may be idle.
    assert.equal(socket.timeout, 0);
    connection.socket.pause();
    await connection.send(get('/whole'));
    await others('the client is waited for', () => socket.timeout === 60_000);
    socket.emit('timeout');
    connection.socket.resume();
    assert.ok((await connection.readAll()).length < 2 * LARGE.length);
    const outcome = scene.lanes.outcomes.findLast(({ url }) => url === '/whole')!;
    assert.deepEqual([outcome.status, outcome.error?.code], [200, 'ERR_CLIENT_GONE']);
  });

  test('ends its connection where half a head stays behind it', async () => {
    const ends: string[] = [];
    for (const door of ['fast', 'general'] as const) {
      await using origin = await startOrigin(passing);
      await using lanes = await openLanes({ origin: origin.url }, ({ http }) => Object.assign(http, { headersTimeout: 20, connectionsCheckingInterval: 5 }), door);
      const connection = await openRaw(lanes.port);
      await connection.send(get('/wait'));
      await rawRequest(lanes.port, get('/private'));
      const { localPort } = connection.socket;
      const tooSlow = new Promise<void>((resolve) => lanes.http.on('clientError', (_error, socket) => (socket as Socket).remotePort === localPort && resolve()));
      await connection.send(get('/private').slice(0, 20));
      await tooSlow;
      await request(`${origin.url}/open`);
      ends.push((await connection.readAll()).toString().replace(/^Date: .*$/gm, 'Date: *'));
    }
    assert.match(ends[0]!, /^HTTP\/1\.1 200 OK\r\n[^]*\r\nConnection: close\r\n[^]*waited\r\n0\r\n\r\n$/);
    assert.equal(ends[0], ends[1]);
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
