/**
 * Clients that ask for large responses and do not read them: what is kept for them is bounded, on
 * every lane, and comes back to nothing.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { type TestContext, describe, test } from 'node:test';
import { Home, type Running } from '../cli/command.ts';
import { administer } from '../kit/administer.ts';
import { openRaw, request } from '../kit/client.ts';
import { GET, PREFACE, TYPE, frame, headers } from '../kit/http2-frames.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';
import type { RawConnection } from '../kit/raw-connection.ts';
import { until } from '../kit/until.ts';

const MB = 1024 * 1024;
const CLIENTS = 60;
const BODY = Buffer.alloc(10 * MB, '0123456789abcdef');

/** Starts requests for as many URLs as there are clients, none of which reads its response. */
type Stall = (t: TestContext, port: number) => Promise<void>;

async function overHttp1(t: TestContext, port: number): Promise<void> {
  const connections: RawConnection[] = [];
  t.after(() => connections.forEach(({ socket }) => socket.destroy()));
  for (let i = 0; i < CLIENTS; i++) {
    const connection = await openRaw(port);
    connections.push(connection);
    connection.socket.pause();
    await connection.send(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
  }
}

async function overHttp2(t: TestContext, port: number): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  session.on('error', () => {});
  for (let i = 0; i < CLIENTS; i++) {
    const stream = session.request({ ':path': `/${i}` });
    stream.on('error', () => {});
    stream.pause();
  }
}

const CIRCUMSTANCES: Readonly<Record<string, { readonly stall: Stall; readonly args: readonly string[]; readonly cacheControl: string }>> = {
  'in the fast lane': { stall: overHttp1, args: [], cacheControl: 'max-age=60' },
  'in the general lane': { stall: overHttp1, args: ['--no-fast-lane'], cacheControl: 'max-age=60' },
  'over HTTP/2': { stall: overHttp2, args: [], cacheControl: 'max-age=60' },
  'where nothing is stored': { stall: overHttp1, args: [], cacheControl: 'no-store' },
};

function memoryOf({ process: { pid } }: Running): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024;
}

async function unreadBytes(proxy: TestProxy): Promise<number> {
  return (JSON.parse((await administer(proxy, '/__admin/stats')).body.toString()) as { unreadBytes: number }).unreadBytes;
}

async function startLarge(cacheControl: string): Promise<TestOrigin> {
  return startOrigin((_request, response) => void response.writeHead(200, { 'Cache-Control': cacheControl, 'Content-Length': BODY.length }).end(BODY));
}

describe(`${CLIENTS} clients that read nothing of ${BODY.length / MB} MB`, { skip: existsSync('/proc/self/status') ? false : 'there is no /proc to read the memory of a process from' }, () => {
  for (const [name, { stall, args, cacheControl }] of Object.entries(CIRCUMSTANCES)) {
    test(`take no more memory than is stated, and hold up nobody, ${name}`, async (t) => {
      await using origin = await startLarge(cacheControl);
      const running = await new Home(t).start('--port', '0', '--origin', origin.url, '--log-format', 'off', '--max-memory', '32MB', '--max-object', '16MB', '--max-unread', '16MB', ...args);
      await request(`${running.url}/warm`);
      const before = memoryOf(running);
      await stall(t, running.port);
      await until('the origin was asked by all', () => origin.requests.length > CLIENTS);
      // As long as nobody is stuck for too long, nothing else happens.
      for (let i = 0; i < 5; i++) assert.equal((await request(`${running.url}/other/${i}`)).body.length, BODY.length);
      const growth = memoryOf(running) - before;
      t.diagnostic(`${Math.round(growth / MB)} MB`);
      assert.ok(growth < 150 * MB, `${Math.round(growth / MB)} MB`);
    });
  }
});

test('the client that has taken nothing for the longest time is cut where the memory for unread responses is used up', async () => {
  await using origin = await startOrigin((_request, response) => void response.writeHead(200, { 'Cache-Control': 'no-store', 'Content-Length': BODY.length }).end(BODY));
  await using proxy = await startMillrace({ origin: origin.url, maxUnread: MB });
  const stuck: RawConnection[] = [];
  const ask = async (): Promise<void> => {
    const connection = await openRaw(proxy.port);
    stuck.push(connection);
    connection.socket.pause();
    await connection.send(`GET /${stuck.length} HTTP/1.1\r\nHost: a\r\n\r\n`);
  };
  try {
    const isCut = await until(
      'a client is cut',
      async () => {
        if (stuck.length < 200) await ask();
        return proxy.outcomes.find(({ error }) => error?.code === 'ERR_CLIENT_SLOW');
      },
    );
    assert.match(isCut!.error!.message, /--max-unread/);
    assert.equal((await request(`${proxy.url}/read`)).body.length, BODY.length, 'others are served');
  } finally {
    for (const { socket } of stuck) socket.destroy();
  }
  await until('nothing waits for anybody', () => unreadBytes(proxy), (bytes) => bytes === 0);
});

describe('streams of HTTP/2 that take nothing', () => {
  for (const fastLane of [true, false]) {
    const lane = fastLane ? 'with the fast lane' : 'without the fast lane';
    test(`of a body that is written at once are counted, until the client has left, ${lane}`, async (t) => {
      await using origin = await startOrigin((_request, response) => void response.writeHead(200, { 'Cache-Control': 'no-store', 'Content-Length': 60_000 }).end(Buffer.alloc(60_000)));
      await using proxy = await startMillrace({ origin: origin.url, fastLane });
      const session = connect(proxy.url, { settings: { initialWindowSize: 0 } });
      t.after(() => session.destroy());
      session.on('error', () => {});
      for (let i = 0; i < 20; i++) session.request({ ':path': `/${i}` }).on('error', () => {});
      await until('all are counted', () => unreadBytes(proxy), (bytes) => bytes === 20 * 60_000);
      session.destroy();
      await until('none is', () => unreadBytes(proxy), (bytes) => bytes === 0);
    });

    test(`give back their exchange with the origin where the client ends its side, ${lane}`, async () => {
      await using origin = await startOrigin((_request, response) => void response.writeHead(200, { 'Cache-Control': 'no-store', 'Content-Length': 400_000 }).end(Buffer.alloc(400_000)));
      await using proxy = await startMillrace({ origin: origin.url, fastLane, maxOriginConnections: 2 });
      for (let i = 0; i < 8; i++) {
        const connection = await openRaw(proxy.port);
        // SETTINGS with a window of 10 bytes, and a GET.
        await connection.send(Buffer.concat([Buffer.from(PREFACE, 'latin1'), frame(TYPE.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 10])), headers(1, GET)]));
        await origin.arrived(i + 1);
        connection.end();
        await connection.readAll();
      }
      await until('all is over', () => unreadBytes(proxy), (bytes) => bytes === 0);
      assert.equal((await request(`${proxy.url}/after`)).status, 200);
    });
  }
});
