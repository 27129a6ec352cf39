import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveConfig } from '../../src/config.ts';
import { startServer } from '../../src/server/main.ts';
import { administer } from '../kit/administer.ts';
import { open, openRaw, rawRequest, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin, startRawOrigin } from '../kit/origin.ts';
import { until } from '../kit/until.ts';
import { closing } from './closing.ts';
import { type TestProxy, startProxy } from './start-proxy.ts';

const ORIGIN = 'http://127.0.0.1:9';

describe('starting', () => {
  test('tells where it answers', async () => {
    const one = closing(await startProxy({ origin: ORIGIN }));
    assert.equal(one.url, `http://127.0.0.1:${one.port}`);
    assert.equal(one.adminUrl, one.url);
    const two = closing(await startProxy({ origin: ORIGIN, admin: false, host: '::1' }));
    assert.equal(two.url, `http://[::1]:${two.port}`);
    assert.equal(two.adminUrl, undefined);
    const three = closing(await startProxy({ origin: ORIGIN, host: '0.0.0.0' }));
    assert.equal(three.url, `http://localhost:${three.port}`);
  });

  const cases: [name: string, options: { host?: string; port?: number }, message: RegExp][] = [
    ['an address of another machine', { host: '192.0.2.1', port: 0 }, /This machine has no address 192\.0\.2\.1.*--host/],
    ['a name without an address', { host: 'no-such-host.invalid', port: 0 }, /no-such-host\.invalid has no address.*--host/],
  ];
  for (const [name, options, message] of cases) {
    test(`on ${name} is refused in one sentence that says what to do`, async () => {
      await assert.rejects(startServer({ ...resolveConfig({ origin: ORIGIN }), ...options }), { code: 'ERR_LISTEN', message });
    });
  }

  test('on a taken port is refused, and leaves nothing behind', async () => {
    const first = closing(await startProxy({ origin: ORIGIN }));
    await assert.rejects(startProxy({ origin: ORIGIN, port: first.port }), { code: 'ERR_LISTEN', message: new RegExp(`Port ${first.port} on 127\\.0\\.0\\.1 is taken.*--port`) });
    // The main port is given back where the second one cannot be had.
    const free = closing(await startProxy({ origin: ORIGIN }));
    await free.close();
    await assert.rejects(startProxy({ origin: ORIGIN, port: free.port, adminPort: first.port }), { code: 'ERR_LISTEN', message: /--admin-port/ });
    closing(await startProxy({ origin: ORIGIN, port: free.port }));
  });
});

describe('stopping', () => {
  const SHUTDOWN_S = 60;
  /** It does not wait for the time that requests in flight have. */
  const closesAtOnce = async (proxy: TestProxy): Promise<void> => {
    const start = performance.now();
    await proxy.close();
    const took = (performance.now() - start) / 1000;
    assert.ok(took < SHUTDOWN_S / 2, `${took} s`);
  };

  test('lets a response under way finish, and says that the connection ends', async () => {
    const finish = gate();
    const origin = closing(
      await startOrigin(async (message, response) => {
        if (message.url === '/begun') response.write('first ');
        await finish.wait;
        response.end('last');
      }),
    );
    const proxy = closing(await startProxy({ origin: origin.url, shutdownTimeout: 60 }));
    const begun = await open(`${proxy.url}/begun`);
    await begun.received('first');
    const waiting = openRaw(proxy.port).then(async (connection) => {
      void connection.send('GET /waiting HTTP/1.1\r\nHost: localhost\r\n\r\n');
      return connection.readAll();
    });
    await origin.arrived(2);
    const stopped = proxy.close();
    await assert.rejects(openRaw(proxy.port), { code: 'ECONNREFUSED' });
    finish.open();
    assert.equal((await begun.finish()).body.toString(), 'first last');
    assert.match((await waiting).toString(), /^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n[^]*last/);
    await stopped;
  });

  test('ends idle connections, those that never asked, and tunnels at once', async () => {
    const origin = closing(
      await startRawOrigin((connection, head) => {
        if (head.includes('Upgrade')) void connection.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n');
        else void connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi');
      }),
    );
    const proxy = closing(await startProxy({ origin: origin.url, shutdownTimeout: SHUTDOWN_S }));
    const silent = await openRaw(proxy.port);
    const halfway = await openRaw(proxy.port);
    await halfway.send('GET / HTT');
    const idle = await openRaw(proxy.port);
    void idle.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await idle.readMessage();
    const tunnel = await openRaw(proxy.port);
    void tunnel.send('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n');
    await tunnel.readUntil('\r\n\r\n');
    await closesAtOnce(proxy);
    await until('all of them are closed', () => [silent, halfway, idle, tunnel].every(({ socket }) => socket.readyState !== 'open'));
  });

  test('cuts what is not finished when the time is over', async () => {
    const never = gate();
    const origin = closing(
      await startOrigin(async (_message, response) => {
        response.write('first');
        await never.wait;
        response.end();
      }),
    );
    const proxy = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0 }));
    const response = await open(`${proxy.url}/`);
    await response.received('first');
    await proxy.close();
    assert.equal((await response.finish()).complete, false);
    never.open();
  });

  test('takes no time when asked twice', async () => {
    const proxy = closing(await startProxy({ origin: ORIGIN, shutdownTimeout: SHUTDOWN_S }));
    await Promise.all([closesAtOnce(proxy), closesAtOnce(proxy)]);
    await assert.rejects(openRaw(proxy.port), { code: 'ECONNREFUSED' });
  });
});

describe('the ports of the administration', () => {
  test('--admin-port takes all of it off the main port, and takes nothing else', async () => {
    const origin = closing(await startOrigin((message, response) => void response.end(`origin ${message.url}`)));
    const proxy = closing(await startProxy({ origin: origin.url, adminPort: 0 }));
    assert.notEqual(proxy.adminUrl, proxy.url);
    for (const path of ['/health', '/__admin/stats']) {
      assert.equal((await request(proxy.url + path)).body.toString(), `origin ${path}`);
      assert.equal((await request(proxy.adminUrl! + path)).status, 200);
    }
    assert.equal((await request(`${proxy.adminUrl}/other`)).status, 404);
    // The URL of a page is that of the main port there, too.
    const explained = JSON.parse((await request(`${proxy.adminUrl}/__admin/explain?url=${proxy.url}/health`)).body.toString()) as { now: { action: string } };
    assert.equal(explained.now.action, 'hit');
    await proxy.close();
    await assert.rejects(request(`${proxy.adminUrl}/health`), { code: 'ECONNREFUSED' });
  });

  test('--admin-port refuses what is ambiguous, as the main port does', async () => {
    const proxy = closing(await startProxy({ origin: ORIGIN, adminPort: 0 }));
    const port = Number(new URL(proxy.adminUrl!).port);
    const own = `Host: localhost:${port}\r\n`;
    for (const lines of [`${own}Host: evil.example\r\n`, own + own, '', 'Host: a b\r\n', 'Host: a@b\r\n', `${own}Transfer-Encoding: gzip, chunked\r\n`]) {
      // What comes behind it is not answered.
      const received = (await rawRequest(port, `GET /__admin/stats HTTP/1.1\r\n${lines}\r\nGET /health HTTP/1.1\r\n${own}\r\n`, { until: () => false })).toString('latin1');
      assert.match(received, /^HTTP\/1\.1 400 (?![^]*HTTP\/1\.1)/, lines);
    }
    assert.match((await rawRequest(port, `GET /__admin/stats HTTP/1.1\r\n${own}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)).toString('latin1'), /^HTTP\/1\.1 200 /);
  });

  test('--no-admin leaves its paths to the origin', async () => {
    const origin = closing(await startOrigin((message, response) => void response.end(`origin ${message.url}`)));
    const proxy = closing(await startProxy({ origin: origin.url, admin: false }));
    for (const path of ['/health', '/__admin/stats', '/__admin/clear-cache']) assert.equal((await request(proxy.url + path)).body.toString(), `origin ${path}`);
  });
});

test('a client that is gone before its answer is 499', async () => {
  const origin = closing(await startOrigin(() => undefined));
  const proxy = closing(await startProxy({ origin: origin.url }));
  const connection = await openRaw(proxy.port);
  void connection.send('POST /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await origin.arrived(1);
  connection.reset();
  assert.equal((await proxy.outcomeOf('/slow')).status, 499);
  assert.deepEqual(proxy.errors, []);
  await proxy.close();
});

test('what the server refuses by itself is an outcome like any other', async () => {
  const proxy = closing(await startProxy({ origin: ORIGIN }));
  await rawRequest(proxy.port, 'GET /a#b HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const outcome = await proxy.outcomeOf('/a#b');
  assert.deepEqual([outcome.status, outcome.result, outcome.error?.code, outcome.clientAddress], [400, 'BYPASS', 'ERR_BAD_TARGET', '127.0.0.1']);
  const stats = JSON.parse((await administer(proxy, '/__admin/stats')).body.toString()) as { errors: Record<string, number> };
  assert.equal(stats.errors.ERR_BAD_TARGET, 1);
});
