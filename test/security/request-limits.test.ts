/**
 * What a request may have at most, and how long its content may stall, on every lane.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, mock, test } from 'node:test';
import type { Options } from '../../src/config.ts';
import { openRaw, rawRequest } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { type TestProxy, startProxy } from '../server/start-proxy.ts';

const LANES = [['fast lane', true], ['node:http', false]] as const;

async function setup(options: Options = {}): Promise<{ origin: TestOrigin; proxy: TestProxy }> {
  const origin = closing(await startOrigin(async (_, response, { body }) => {
    await body().catch(() => undefined);
    response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('page');
  }));
  return { origin, proxy: closing(await startProxy({ origin: origin.url, shutdownTimeout: 0, ...options })) };
}

async function openHttp2(proxy: TestProxy): Promise<Http2Client> {
  const client = await Http2Client.connect(proxy.url);
  closing({ close: () => client[Symbol.asyncDispose]() });
  return client;
}

const fields = (count: number): string => Array.from({ length: count }, (_, i) => `x${i}: y\r\n`).join('');
const record = (count: number): Record<string, string> => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, 'y']));

describe('a request with too many fields', () => {
  for (const [lane, fastLane] of LANES) {
    for (const version of ['1.1', '1.0']) {
      test(`is refused, ${lane}, HTTP/${version}`, async () => {
        const { origin, proxy } = await setup({ fastLane });
        // Host and Connection are two of them.
        const get = async (count: number): Promise<string> => (await rawRequest(proxy.port, `GET /?${count} HTTP/${version}\r\nHost: a\r\nConnection: close\r\n${fields(count - 2)}\r\n`)).toString('latin1');
        assert.match(await get(100), /^HTTP\/1\.1 200 /);
        for (const count of [101, 1000, 3000]) assert.match(await get(count), /^HTTP\/1\.1 431 [^]*ERR_FIELDS_TOO_LARGE/);
        assert.deepEqual(origin.requests.map(({ url }) => url), ['/?100']);
        assert.deepEqual(proxy.outcomes.map(({ status, error }) => [status, error?.code]), [[200, undefined], ...Array.from({ length: 3 }, () => [431, 'ERR_FIELDS_TOO_LARGE'])]);
      });
    }

    test(`is refused before a hit, ${lane}`, async () => {
      const { proxy } = await setup({ fastLane, maxRequestFields: 20 });
      const get = async (count: number): Promise<string> => (await rawRequest(proxy.port, `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields(count - 2)}\r\n`)).toString('latin1');
      for (const cached of ['MISS', 'HIT', 'HIT']) assert.match(await get(20), new RegExp(`^HTTP/1\\.1 200 [^]*X-Cache: ${cached}`));
      assert.match(await get(21), /^HTTP\/1\.1 431 /);
    });

    test(`is refused where they are trailers, ${lane}`, async () => {
      const { origin, proxy } = await setup({ fastLane });
      const post = async (count: number): Promise<string> =>
        (await rawRequest(proxy.port, `POST /?${count} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n${fields(count)}\r\n`)).toString('latin1');
      assert.match(await post(100), /^HTTP\/1\.1 200 /);
      assert.equal(origin.requests[0]!.trailers.size, 100);
      assert.match(await post(101), /^HTTP\/1\.1 431 [^]*ERR_FIELDS_TOO_LARGE/);
      assert.ok(!origin.requests.some(({ trailers }) => trailers.size > 100));
    });

    test(`is refused where it asks for a tunnel, ${lane}`, async () => {
      const { origin, proxy } = await setup({ fastLane });
      assert.match((await rawRequest(proxy.port, `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${fields(98)}\r\n`)).toString('latin1'), /^HTTP\/1\.1 431 /);
      assert.equal(origin.requests.length, 0);
    });
  }

  test('is refused, HTTP/2', async () => {
    const { origin, proxy } = await setup();
    const client = await openHttp2(proxy);
    // Host is one of them, which stands in :authority.
    assert.equal((await client.request('/', { headers: record(99) })).status, 200);
    for (const count of [100, 500]) assert.equal((await client.request('/', { headers: record(count) })).status, 431);
    assert.equal((await client.request('/', { method: 'POST', body: 'a', trailers: record(101) })).status, 431);
    assert.ok(!origin.requests.some(({ trailers }) => trailers.size > 0));
  });

  test('is not what has a long cookie in pieces, as HTTP/2 sends it', async () => {
    const { origin, proxy } = await setup();
    const client = await openHttp2(proxy);
    const cookies = Array.from({ length: 150 }, (_, i) => ['cookie', `c${i}=v`]).flat();
    assert.equal((await client.request('/', { headers: cookies })).status, 200);
    assert.equal(origin.requests[0]!.headers.get('cookie')!.split('; ').length, 150);
  });
});

describe('content that stalls', () => {
  const stall = async (run: (proxy: TestProxy) => Promise<void>, fastLane: boolean): Promise<void> => {
    const arrived = new PassThrough();
    const origin = closing(await startOrigin(async (message) => {
      await once(message, 'data');
      arrived.write('some');
    }));
    const proxy = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0, fastLane }));
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      void once(arrived, 'data').then(() => mock.timers.tick(60_000));
      await run(proxy);
      const { status, error } = await proxy.outcomeOf('/upload');
      assert.deepEqual([status, error?.code], [408, 'ERR_REQUEST_TIMEOUT']);
    } finally {
      mock.timers.reset();
    }
  };

  for (const [lane, fastLane] of LANES) {
    test(`is answered with 408, and the connection ends, ${lane}`, async () => {
      await stall(async (proxy) => {
        const connection = await openRaw(proxy.port);
        await connection.send('POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
        assert.match((await connection.readAll()).toString('latin1'), /^HTTP\/1\.1 408 Request Timeout\r\n[^]*connection: close[^]*ERR_REQUEST_TIMEOUT/i);
      }, fastLane);
    });
  }

  test('is answered with 408, HTTP/2', async () => {
    await stall(async (proxy) => {
      const client = await openHttp2(proxy);
      const body = new PassThrough();
      body.write('abc');
      const response = await client.open('/upload', { method: 'POST', body });
      assert.equal(response.status, 408);
    }, true);
  });
});
