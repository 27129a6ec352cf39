/**
 * @module test/lanes/limits
 * What holds for a connection whichever lane it is in: the client's pace, idle and slow clients,
 * the end of the server; and that all of it holds as well where Node's internals are not as expected.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:net';
import { describe, mock, test } from 'node:test';
import { openRaw, rawRequest, request } from '../kit/client.ts';
import { messageLength } from '../kit/framing.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import type { RawConnection } from '../kit/raw-connection.ts';
import { type OpenLanes, openLanes } from './lanes.ts';
import { site } from './site.ts';

const MB = 1024 * 1024;
/** Bytes of a body that no two systems' buffers hold. */
const BIG = 16 * MB;
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: example.test\r\n\r\n`;
const fastHits = ({ proxy }: OpenLanes): number => proxy.stats().fastLane;

/** An origin with a body that is larger than what the system takes at once. */
function startBig(bytes = BIG): Promise<TestOrigin> {
  const body = Buffer.alloc(bytes, '0123456789abcdef');
  return startOrigin((message, response, context) => {
    if (message.url !== '/big') return site(message, response, context);
    response.writeHead(200, { 'Cache-Control': 'max-age=3600', 'Content-Length': bytes }).end(body);
  });
}

/** Asks twice, so that the answer is prepared. */
async function warm(lanes: OpenLanes, ...paths: string[]): Promise<void> {
  for (const path of paths) for (let i = 0; i < 2; i++) await request(`http://127.0.0.1:${lanes.port}${path}`, { headers: { Host: 'example.test' } });
}

/** Settles when the value has stayed the same while others had their turn. */
async function calm(value: () => number): Promise<number> {
  for (let last = Number.NaN, same = 0; ; ) {
    const now = value();
    same = now === last ? same + 1 : 0;
    last = now;
    if (same === 20) return now;
    await new Promise(setImmediate);
  }
}

/** Without `useUserBuffer` a handle is none the fast lane knows. */
function hideInternals(server: Server): void {
  server.prependListener('connection', (socket) => Object.assign((socket as unknown as { _handle: object })._handle, { useUserBuffer: undefined }));
}

for (const internals of ['as they are', 'hidden'] as const) {
  const open = (options: Parameters<typeof openLanes>[0], tune: Parameters<typeof openLanes>[1] = () => undefined): Promise<OpenLanes> =>
    openLanes(options, (lanes) => {
      if (internals === 'hidden') hideInternals(lanes.fast.server);
      tune(lanes);
    });

  describe(`Node's internals ${internals}`, () => {
    test('hits, misses and hits again on one connection; half-closed', async () => {
      await using origin = await startOrigin(site);
      await using lanes = await open({ origin: origin.url });
      await warm(lanes, '/page');
      const connection = await openRaw(lanes.port);
      void connection.send(get('/page') + get('/page'));
      for (const path of ['/other', '/page', '/page', '/page']) {
        assert.match((await connection.readMessage()).toString(), /GET of \/\w+(?:\r\n0\r\n\r\n)?$/);
        void connection.send(get(path));
      }
      connection.end();
      assert.match((await connection.readAll()).toString(), /^HTTP\/1\.1 200 OK\r\n[^]*GET of \/page$/);
      assert.ok(fastHits(lanes) >= 4);
    });

    test('a client that does not read is not read from, and gets all in the end', async () => {
      await using origin = await startBig();
      await using lanes = await open({ origin: origin.url });
      await warm(lanes, '/big', '/page');
      const before = fastHits(lanes);
      const connection = await openRaw(lanes.port);
      connection.socket.pause();
      await connection.send(get('/big') + get('/page') + get('/big'));
      // It has come to the server once this one is answered.
      await rawRequest(lanes.port, get('/page'));
      const filler = get('/page').replace('\r\n\r\n', `\r\nX-Long: ${'x'.repeat(8000)}\r\n\r\n`).repeat(5);
      let sent = 0;
      let isPouring = true;
      const pour = async (): Promise<void> => {
        for (; isPouring && sent < 2000; sent++) await connection.send(filler);
      };
      const poured = pour();
      assert.ok((await calm(() => sent)) < 2000, 'the server went on reading');
      assert.equal(fastHits(lanes), before + 1, 'the first is not taken yet');
      isPouring = false;
      connection.socket.resume();
      await poured;
      connection.end();
      const received = await connection.readAll();
      assert.deepEqual(lengths(received), [BIG, 12, BIG, ...Array.from({ length: sent * 5 }, () => 12)]);
      assert.ok(fastHits(lanes) >= before + 4);
    });

    test('clients that do not read cost no copy of the body each', async () => {
      await using origin = await startBig(4 * MB);
      await using lanes = await open({ origin: origin.url });
      await warm(lanes, '/big');
      const before = used();
      const clients = await Promise.all(Array.from({ length: 100 }, () => openRaw(lanes.port)));
      for (const client of clients) {
        client.socket.pause();
        void client.send(get('/big'));
      }
      await calm(() => clients.filter(({ socket }) => socket.bytesRead > 0).length);
      await calm(() => lanes.fast.server.listenerCount('connection'));
      const growth = used() - before;
      const copies = clients.length * 4 * MB;
      assert.ok(growth < copies / 10, `${Math.round(growth / MB)} MB, where copies would take ${copies / MB}`);
      for (const client of clients) client.reset();
    });

    test('a client that leaves in the middle of a hit', async () => {
      await using origin = await startBig();
      await using lanes = await open({ origin: origin.url });
      await warm(lanes, '/big');
      const told = lanes.outcomes.length;
      const connection = await openRaw(lanes.port);
      void connection.send(get('/big'));
      await connection.readBytes(1000);
      connection.reset();
      await calm(() => lanes.outcomes.length);
      const outcome = lanes.outcomes[told]!;
      assert.deepEqual([outcome.status, outcome.result, outcome.error?.code, outcome.url, outcome.method], [200, 'HIT', 'ERR_CLIENT_GONE', '/big', 'GET']);
      assert.ok(outcome.bytes < BIG);
      assert.equal(lanes.proxy.stats().errors['ERR_CLIENT_GONE'], 1);
    });

    test('at the end of the server, hits under way are finished and idle connections closed', async () => {
      await using origin = await startBig();
      await using lanes = await open({ origin: origin.url });
      await warm(lanes, '/big', '/page');
      const silent = await openRaw(lanes.port);
      const idle = await openRaw(lanes.port);
      void idle.send(get('/page'));
      await idle.readMessage();
      const both = await openRaw(lanes.port);
      for (const path of ['/other', '/big']) {
        void both.send(get(path));
        if (path === '/other') await both.readMessage();
      }
      const reading = await openRaw(lanes.port);
      void reading.send(get('/big'));
      for (const connection of [both, reading]) {
        await connection.readUntil((bytes) => bytes.length > 1000).then((bytes) => connection.socket.unshift(bytes));
        connection.socket.pause();
      }
      const closed = once(lanes.fast.server, 'close');
      lanes.fast.server.close();
      lanes.general.drain();
      lanes.fast.drain();
      assert.deepEqual([await silent.closed, await idle.closed], ['end', 'end']);
      for (const connection of [both, reading]) {
        connection.socket.resume();
        assert.equal(bodyOf(await connection.readAll()).length, BIG);
      }
      await closed;
    });

    test('a request that comes while the server ends is told that the connection ends', async () => {
      await using origin = await startOrigin(site);
      await using lanes = await open({ origin: origin.url });
      await warm(lanes, '/page');
      lanes.general.draining = true;
      assert.match((await rawRequest(lanes.port, get('/page'), { until: () => false })).toString(), /X-Cache: HIT\r\n[^]*Connection: close\r\n\r\nGET of \/page$/);
    });

    test('idle connections are closed in time', async (t) => {
      mock.timers.enable({ apis: ['setInterval'] });
      t.after(() => mock.timers.reset());
      await using origin = await startOrigin(site);
      await using lanes = await open({ origin: origin.url });
      await warm(lanes, '/page');
      const silent = await openRaw(lanes.port);
      const asking = await openRaw(lanes.port);
      void asking.send(get('/page'));
      await asking.readMessage();
      // Both are known to the lane once one that came later is answered.
      await rawRequest(lanes.port, get('/page'));
      mock.timers.tick(30_000);
      assert.equal(silent.unread.length, 0);
      mock.timers.tick(5_000);
      assert.match((await silent.readAll()).toString(), /^HTTP\/1\.1 408 /);
      void asking.send(get('/page'));
      await asking.readMessage();
      mock.timers.tick(65_000);
      void asking.send(get('/page'));
      await asking.readMessage();
      mock.timers.tick(70_000);
      assert.equal((await asking.readAll()).length, 0);
    });

    test('a head that comes too slowly ends the connection, before and after hits', async () => {
      await using origin = await startOrigin(site);
      await using lanes = await open({ origin: origin.url }, ({ http }) => Object.assign(http, { headersTimeout: 20, connectionsCheckingInterval: 5 }));
      await warm(lanes, '/page');
      const slow = await openRaw(lanes.port);
      void slow.send('GET /pa');
      assert.match((await slow.readAll()).toString(), /^HTTP\/1\.1 408 /);
      const later = await openRaw(lanes.port);
      void later.send(get('/page'));
      await later.readMessage();
      void later.send('GET /pa');
      assert.match((await later.readAll()).toString(), /^HTTP\/1\.1 408 /);
    });

    test('a connection that was in the general lane is closed by its clock, and not while hits keep it busy', async () => {
      await using origin = await startOrigin(site);
      await using lanes = await open({ origin: origin.url }, ({ http }) => Object.assign(http, { keepAliveTimeout: 300, keepAliveTimeoutBuffer: 1 }));
      await warm(lanes, '/page');
      const connection = await openRaw(lanes.port);
      void connection.send(get('/other').replace('\r\n\r\n', '\r\nKeep-Alive: 5\r\n\r\n'));
      await connection.readMessage();
      const before = fastHits(lanes);
      for (let i = 0; i < 3; i++) {
        void connection.send(get('/page'));
        if (!(await answered(connection))) break;
      }
      assert.ok(fastHits(lanes) > before);
      assert.equal((await connection.readAll()).length, 0);
    });

    test('the counters add up, and tell what the outcomes tell', async () => {
      await using origin = await startOrigin(site);
      await using lanes = await open({ origin: origin.url });
      await warm(lanes, '/page', '/moved');
      await rawRequest(lanes.port, get('/page').replace('\r\n\r\n', '\r\nTE: trailers\r\n\r\n'));
      for (const path of ['/page', '/moved', '/page']) await rawRequest(lanes.port, get(path));
      await calm(() => lanes.outcomes.length);
      const stats = lanes.proxy.stats();
      assert.deepEqual([stats.requests, stats.hits, stats.fastLane, stats.byReason['fresh'], stats.byStatus], [8, 6, 5, 6, { '2xx': 5, '3xx': 3 }]);
      assert.equal(stats.bytes, lanes.outcomes.reduce((sum, { bytes }) => sum + bytes, 0));
      // The first hit of the fast lane, one that is prepared, and one of the general lane.
      const [first, general, last] = [lanes.outcomes[1]!, lanes.outcomes[4]!, lanes.outcomes.at(-1)!].map(({ startedAt: _, duration, reasons, ...rest }) => ({ ...rest, took: duration >= 0, reasons: reasons.map(({ code }) => code) }));
      assert.deepEqual(first, general);
      assert.deepEqual(last, general);
    });
  });
}

test('the socket of a connection is one that reads into the shared buffer', async () => {
  await using origin = await startOrigin(site);
  await using lanes = await openLanes({ origin: origin.url });
  const accepted = once(lanes.fast.server, 'connection') as Promise<[{ _handle?: unknown }]>;
  await request(`http://127.0.0.1:${lanes.port}/page`);
  // Its handle was taken from it; where this fails, the lane works, but more slowly.
  assert.equal((await accepted)[0]._handle, null);
});

/** Of the bodies of all messages. */
function lengths(received: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at < received.length; ) {
    const end = received.indexOf('\r\n\r\n', at);
    const length = Number(/content-length: (\d+)/i.exec(received.toString('latin1', at, end))![1]);
    found.push(length);
    at = end + 4 + length;
  }
  return found;
}

function bodyOf(message: Buffer): Buffer {
  return message.subarray(message.indexOf('\r\n\r\n') + 4);
}

async function answered(connection: RawConnection): Promise<boolean> {
  return connection.read(messageLength).then(
    () => true,
    () => false,
  );
}

/** Bytes outside and inside of the heap. */
function used(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}
