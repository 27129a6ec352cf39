/**
 * What a request of HTTP/1.0 does not have, protocols that only look like HTTP, and protocols that nobody asked for.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openRaw, rawRequest, request } from '../kit/client.ts';
import { type RawOrigin, startRawOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { type TestProxy, startProxy } from '../server/start-proxy.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function setup(fastLane: boolean, answer = OK): Promise<{ origin: RawOrigin; proxy: TestProxy }> {
  const origin = closing(await startRawOrigin((connection) => connection.send(answer)));
  return { origin, proxy: closing(await startProxy({ origin: origin.url, shutdownTimeout: 0, fastLane })) };
}

for (const fastLane of [true, false]) {
  describe(`a client of HTTP/1.0, ${fastLane ? 'fast lane' : 'node:http'}`, () => {
    test('cannot switch protocols', async () => {
      const { origin, proxy } = await setup(fastLane);
      const received = (await rawRequest(proxy.port, 'GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')).toString('latin1');
      assert.match(received, /^HTTP\/1\.1 200 [^]*\r\n\r\nok$/);
      assert.doesNotMatch(origin.requests[0]!.toString('latin1'), /upgrade|websocket/i);
    });

    for (const expectation of ['100-continue', 'y 100-continue', 'anything']) {
      test(`cannot expect ${expectation}`, async () => {
        const { origin, proxy } = await setup(fastLane);
        const received = (await rawRequest(proxy.port, `POST / HTTP/1.0\r\nHost: a\r\nExpect: ${expectation}\r\nContent-Length: 1\r\n\r\na`)).toString('latin1');
        assert.match(received, /^HTTP\/1\.1 200 [^]*\r\n\r\nok$/);
        assert.doesNotMatch(origin.requests[0]!.toString('latin1'), /expect/i);
      });
    }

    for (const line of ['GET / RTSP/1.0', 'GET / RTSP/1.1', 'POST / RTSP/1.0', 'OPTIONS * RTSP/1.0', 'SOURCE / ICE/1.0', 'GET / ICE/1.0', 'DESCRIBE / RTSP/1.0', `GET /${'a'.repeat(9000)} RTSP/1.0`, '\r\nGET / RTSP/1.0']) {
      test(`that says ${JSON.stringify(line.replace(/a{9}/g, ''))} is refused, in one packet or in many`, async () => {
        const { origin, proxy } = await setup(fastLane);
        const bytes = `${line}\r\nHost: a\r\nContent-Length: 0\r\n\r\n`;
        assert.match((await rawRequest(proxy.port, bytes)).toString('latin1'), /^HTTP\/1\.1 400 /);
        const connection = await openRaw(proxy.port);
        for (const piece of bytes.length < 100 ? bytes : [bytes.slice(0, 9000), bytes.slice(9000, 9010), bytes.slice(9010)]) {
          void connection.send(piece);
          await new Promise(setImmediate);
        }
        assert.match((await connection.readAll()).toString('latin1'), /^HTTP\/1\.1 400 /);
        assert.equal(origin.requests.length, 0);
        assert.deepEqual(proxy.outcomes.map(({ error }) => error?.code), ['ERR_BAD_REQUEST', 'ERR_BAD_REQUEST']);
      });
    }

    test('may speak of other protocols elsewhere', async () => {
      const { origin, proxy } = await setup(fastLane);
      for (const bytes of ['GET /RTSP/1.0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: GET / RTSP/1.0\r\n\r\n', 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 19\r\n\r\nGET / RTSP/1.0\r\n\r\n\n']) {
        assert.match((await rawRequest(proxy.port, bytes)).toString('latin1'), /^HTTP\/1\.1 200 /);
      }
      assert.ok(origin.requests.at(-1)!.toString('latin1').endsWith('GET / RTSP/1.0\r\n\r\n\n'));
    });
  });

  describe(`an upgrade, ${fastLane ? 'fast lane' : 'node:http'}`, () => {
    const ask = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, chat/2\r\n\r\n';
    for (const [switched, opens] of [['websocket', true], ['WebSocket', true], ['chat/2', true], ['chat/2, websocket', true], ['other', false], ['websocket, other', false], ['chat', false], ['', false]] as const) {
      test(`to "${switched}" ${opens ? 'opens' : 'does not open'} the tunnel`, async () => {
        const { proxy } = await setup(fastLane, `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${switched}\r\n\r\nbytes`);
        const connection = await openRaw(proxy.port);
        await connection.send(ask);
        if (opens) return assert.match((await connection.readUntil('bytes')).toString('latin1'), /^HTTP\/1\.1 101 /);
        const received = (await connection.readAll()).toString('latin1');
        assert.match(received, /^HTTP\/1\.1 502 [^]*ERR_ORIGIN_RESPONSE/);
        assert.doesNotMatch(received, /bytes$/);
      });
    }

    test('of a path of the administration is answered by it', async () => {
      const { origin, proxy } = await setup(fastLane);
      const { status } = await request(`${proxy.url}/__admin/none`, { headers: { Connection: 'Upgrade', Upgrade: 'websocket' } });
      assert.ok(status >= 400);
      assert.equal(origin.requests.length, 0);
    });
  });
}
