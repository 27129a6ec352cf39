/**
 * @module test/origin/client-connections
 * Connections to origins: reused, slow, closed, and where they may lead.
 */
import assert from 'node:assert/strict';
import { type TestContext, describe, test } from 'node:test';
import { MillraceError } from '../../src/errors.ts';
import { FixedOrigin } from '../../src/origin/fixed-origin.ts';
import { gate } from '../kit/gate.ts';
import type { RawOrigin } from '../kit/origin.ts';
import type { RawConnection } from '../kit/raw-connection.ts';
import { client, collect, fails, free, raw, request } from './client-fixture.ts';

test('a reader that takes its time is not taken for a slow origin', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const server = await raw(t, 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
  const response = await client(t).fetch(request(server, { trailers: () => undefined }));
  t.mock.timers.tick(60_000);
  t.mock.timers.tick(60_000);
  const arrived = gate();
  const body = new Promise<void>((resolve, reject) => {
    response.body.pipe({
      data: () => {
        arrived.open();
        return true;
      },
      end: () => resolve(),
      error: reject,
    });
  });
  await arrived.wait;
  t.mock.timers.tick(60_000);
  await assert.rejects(body, fails('ERR_ORIGIN_TIMEOUT'));
});

describe('a reused connection that the origin had closed', () => {
  /** Answers the first request on a connection, breaks off at the second. */
  async function closing(t: TestContext): Promise<RawOrigin> {
    const served = new WeakSet<RawConnection>();
    return raw(t, async (connection) => {
      if (served.has(connection)) return connection.reset();
      served.add(connection);
      await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  }

  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
    test(`${method} is sent once more`, async (t) => {
      const server = await closing(t);
      const origins = client(t);
      await collect(await origins.fetch(request(server)));
      await free();
    await free();
      const again = request(server, { method });
      if (method === 'HEAD') {
        // HEAD ends its connection, so the origin may be asked on the old one only here.
        assert.equal((await origins.fetch(again)).status, 200);
      } else assert.equal((await collect(await origins.fetch(again))).body, 'ok');
      assert.equal(server.requests.length, 3);
      assert.equal(server.connections, 2);
    });
  }

  test('POST is not sent once more', async (t) => {
    const server = await closing(t);
    const origins = client(t);
    await collect(await origins.fetch(request(server)));
    await free();
    await assert.rejects(origins.fetch(request(server, { method: 'POST', fields: { 'Content-Length': '0' } })), fails('ERR_CONNECTION_RESET'));
    assert.equal(server.requests.length, 2);
  });

  test('no request is sent once more after a byte of an answer, or on a new connection', async (t) => {
    let count = 0;
    const server = await raw(t, async (connection) => {
      if (count++ === 0) return connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      await connection.send('HTTP/1.1 1');
      connection.reset();
    });
    const origins = client(t);
    await collect(await origins.fetch(request(server)));
    await free();
    await assert.rejects(origins.fetch(request(server)), MillraceError);
    assert.equal(server.requests.length, 2);
    const refusing = await raw(t, (connection) => connection.reset());
    await assert.rejects(client(t).fetch(request(refusing)), fails('ERR_CONNECTION_RESET'));
    assert.equal(refusing.requests.length, 1);
  });
});

test('a closed client sends nothing any more', async (t) => {
  const server = await raw(t, () => {});
  const origins = client(t);
  const pending = origins.fetch(request(server));
  await server.arrived(1);
  await Promise.all([assert.rejects(pending, fails('ERR_SHUTTING_DOWN')), origins.close()]);
  await assert.rejects(origins.fetch(request(server)), fails('ERR_SHUTTING_DOWN'));
});

test('a fixed origin may be at any address, but nothing else may then', () => {
  const fixed = new FixedOrigin('http://169.254.169.254/latest');
  assert.ok(fixed.names('169.254.169.254', 80));
  assert.ok(!fixed.names('169.254.169.254', 81));
  assert.ok(!fixed.names('metadata.internal', 80));
});
