import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type Socket, type AddressInfo, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import type { Options } from '../../src/config.ts';
import { openRaw, rawRequest, request } from '../kit/client.ts';
import { type RawOrigin, type TestOrigin, startOrigin, startRawOrigin } from '../kit/origin.ts';
import { until } from '../kit/until.ts';
import { type TestProxy, startProxy } from './start-proxy.ts';

async function proxied(options: Options, use: (proxy: TestProxy) => Promise<void>, ...others: { close(): Promise<void> }[]): Promise<void> {
  const proxy = await startProxy(options);
  try {
    await use(proxy);
  } finally {
    await proxy.close();
    for (const other of others) await other.close();
  }
  assert.deepEqual(proxy.errors, []);
}

const notFound = (): Promise<TestOrigin> =>
  startOrigin((_request, response) => {
    response.statusCode = 404;
    response.end('none');
  });

/** Echoes every message, after a greeting that comes together with the 101. */
function echo(server: Server): void {
  new WebSocketServer({ server, handleProtocols: () => 'chat' }).on('connection', (socket, { url }) => {
    socket.send(`welcome to ${url}`);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
}

const UPGRADE = 'GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n';

describe('Upgrade', () => {
  for (const mode of ['reverse', 'embedded'] as const) {
    test(`a WebSocket passes through (${mode})`, async () => {
      const origin = await notFound();
      echo(origin.server);
      const options = mode === 'reverse' ? { origin: origin.url } : {};
      await proxied(
        options,
        async (proxy) => {
          const prefix = mode === 'reverse' ? '' : `/127.0.0.1:${origin.port}`;
          const socket = new WebSocket(`${proxy.url.replace('http', 'ws')}${prefix}/chat?room=1`, ['chat']);
          const messages: string[] = [];
          const next = (): Promise<unknown> => once(socket, 'message').then(([data]) => messages.push(String(data)));
          await next();
          assert.equal(socket.protocol, 'chat');
          for (const text of ['hello', 'x'.repeat(300_000)]) {
            socket.send(text);
            await next();
          }
          assert.deepEqual(messages, ['welcome to /chat?room=1', 'hello', 'x'.repeat(300_000)]);
          socket.close(1000, 'bye');
          const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
          assert.deepEqual([code, reason.toString()], [1000, 'bye']);
          const outcome = await proxy.outcomeOf(`${prefix}/chat?room=1`);
          assert.deepEqual([outcome.status, outcome.result, outcome.bytes > 300_000], [101, 'BYPASS', true]);
        },
        origin,
      );
    });
  }

  test('an origin that declines is heard, and the connection ends', async () => {
    const origin = await notFound();
    await proxied(
      { origin: origin.url },
      async (proxy) => {
        const received = (await rawRequest(proxy.port, UPGRADE, { until: () => false })).toString();
        assert.match(received, /^HTTP\/1\.1 404 [^]*X-Cache: BYPASS\r\n[^]*\r\nConnection: close\r\n[^]*none/);
      },
      origin,
    );
  });

  test('an origin that cannot be reached is a 502, not a silent end', async () => {
    const origin = await notFound();
    await origin.close();
    await proxied({ origin: origin.url }, async (proxy) => {
      const received = (await rawRequest(proxy.port, UPGRADE, { until: () => false })).toString();
      assert.match(received, /^HTTP\/1\.1 502 [^]*ERR_CONNECTION_REFUSED/);
    });
  });

  test('bytes pass in both directions, those that came early too, and so does the end of either', async () => {
    const origin = await startRawOrigin(async (connection) => {
      void connection.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nearly');
      assert.equal((await connection.readUntil('ping')).toString(), 'soon ping');
      void connection.send('pong');
      // The client ends its side; there is still an answer to that.
      assert.equal((await connection.readAll()).toString(), '');
      await connection.send('last words');
      connection.end();
    });
    await proxied(
      { origin: origin.url },
      async (proxy) => {
        const connection = await openRaw(proxy.port);
        void connection.send(`${UPGRADE}soon `);
        assert.match((await connection.readUntil('early')).toString(), /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*\r\nUpgrade: test\r\n[^]*\r\n\r\nearly$/);
        void connection.send('ping');
        await connection.readUntil('pong');
        connection.end();
        assert.equal((await connection.readAll()).toString(), 'last words');
      },
      origin,
    );
  });

  test('a client that breaks off ends the connection to the origin, and the other way round', async () => {
    let hasEnded = false;
    const origin: RawOrigin = await startRawOrigin(async (connection, head) => {
      await connection.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n');
      if (head.includes('/dies')) connection.reset();
      else void connection.closed.then(() => (hasEnded = true));
    });
    await proxied(
      { origin: origin.url },
      async (proxy) => {
        const leaving = await openRaw(proxy.port);
        void leaving.send(UPGRADE);
        await leaving.readUntil('\r\n\r\n');
        leaving.reset();
        await proxy.outcomeOf('/socket');
        await until('the connection to the origin has ended', () => hasEnded);
        const left = await openRaw(proxy.port);
        void left.send(UPGRADE.replace('/socket', '/dies'));
        assert.match((await left.readAll()).toString('latin1'), /^HTTP\/1\.1 101 /);
      },
      origin,
    );
  });

  test('to HTTP/2 and with content is not followed: the request is an ordinary one, cached as such', async () => {
    const origin = await startOrigin((_request, response) => void response.setHeader('Cache-Control', 'max-age=60').end('plain'));
    await proxied(
      { origin: origin.url },
      async (proxy) => {
        for (const result of ['MISS', 'HIT']) {
          const response = await request(proxy.url, { headers: { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' } });
          assert.deepEqual([response.body.toString(), response.headers.get('x-cache')], ['plain', result]);
        }
        const posted = await request(proxy.url, { method: 'POST', body: 'content', headers: { Connection: 'Upgrade', Upgrade: 'websocket' } });
        assert.equal(posted.body.toString(), 'plain');
        assert.equal(origin.requests.at(-1)!.headers.has('upgrade'), false);
        assert.equal(origin.requests.at(-1)!.body.toString(), 'content');
      },
      origin,
    );
  });

  test('host rules hold, and a proxy asked for itself is a loop', async () => {
    await proxied({ allowHost: ['good.example'] }, async (proxy) => {
      const received = await rawRequest(proxy.port, UPGRADE.replace('/socket', '/evil.example/socket'), { until: () => false });
      assert.match(received.toString(), /^HTTP\/1\.1 403 [^]*ERR_HOST_DENIED/);
    });
  });
});

describe('CONNECT', () => {
  /** Sends back what it gets, in capitals. */
  async function capitals(): Promise<{ port: number; close(): Promise<void> }> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on('data', (chunk) => socket.write(chunk.toString().toUpperCase()));
      socket.on('end', () => socket.end('BYE'));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return {
      port: (server.address() as AddressInfo).port,
      close: () =>
        new Promise((closed) => {
          server.close(() => closed());
          for (const socket of sockets) socket.destroy();
        }),
    };
  }

  test('opens a tunnel where that is allowed', async () => {
    const end = await capitals();
    await proxied(
      { allowConnect: true },
      async (proxy) => {
        const connection = await openRaw(proxy.port);
        void connection.send(`CONNECT 127.0.0.1:${end.port} HTTP/1.1\r\nHost: 127.0.0.1:${end.port}\r\n\r\nearly `);
        assert.equal((await connection.readUntil('EARLY ')).toString(), 'HTTP/1.1 200 Connection Established\r\n\r\nEARLY ');
        void connection.send('late');
        await connection.readUntil('LATE');
        connection.end();
        assert.equal((await connection.readAll()).toString(), 'BYE');
        const outcome = await proxy.outcomeOf(`127.0.0.1:${end.port}`);
        assert.deepEqual([outcome.method, outcome.status, outcome.bytes], ['CONNECT', 200, 'EARLY LATEBYE'.length]);
      },
      end,
    );
  });

  const refused: [name: string, options: Options, target: string, expected: RegExp][] = [
    ['without --allow-connect', {}, '127.0.0.1:443', /^HTTP\/1\.1 403 [^]*ERR_CONNECT_DENIED[^]*--allow-connect/],
    ['in front of one origin', { origin: 'http://127.0.0.1:9' }, '127.0.0.1:9', /^HTTP\/1\.1 403 [^]*ERR_CONNECT_DENIED/],
    ['to a host that is not allowed', { allowConnect: true, allowHost: ['good.example'] }, 'evil.example:443', /^HTTP\/1\.1 403 [^]*ERR_HOST_DENIED/],
    ['to a metadata address', { allowConnect: true }, '169.254.169.254:80', /^HTTP\/1\.1 403 [^]*ERR_ADDRESS_DENIED/],
    ['without a port', { allowConnect: true }, 'example.com', /^HTTP\/1\.1 400 /],
    ['to port 0', { allowConnect: true }, '127.0.0.1:0', /^HTTP\/1\.1 400 /],
  ];
  for (const [name, options, target, expected] of refused) {
    test(`is refused ${name}`, async () => {
      await proxied(options, async (proxy) => {
        const received = await rawRequest(proxy.port, `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`, { until: () => false });
        assert.match(received.toString(), expected);
        assert.match(received.toString(), /\r\nConnection: close\r\n/);
      });
    });
  }

  test('to the proxy itself is a loop', async () => {
    await proxied({ allowConnect: true }, async (proxy) => {
      const received = await rawRequest(proxy.port, `CONNECT localhost:${proxy.port} HTTP/1.1\r\nHost: localhost:${proxy.port}\r\n\r\n`, { until: () => false });
      assert.match(received.toString(), /^HTTP\/1\.1 508 /);
    });
  });

  test('to a closed port is a 502', async () => {
    const end = await capitals();
    await end.close();
    await proxied({ allowConnect: true }, async (proxy) => {
      const received = await rawRequest(proxy.port, `CONNECT 127.0.0.1:${end.port} HTTP/1.1\r\nHost: 127.0.0.1:${end.port}\r\n\r\n`, { until: () => false });
      assert.match(received.toString(), /^HTTP\/1\.1 502 /);
    });
  });
});
