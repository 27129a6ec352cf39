import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import type { Options } from '../../src/config.ts';
import { open, openRaw, rawRequest, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { type OriginHandler, type RawOrigin, type TestOrigin, startOrigin, startRawOrigin } from '../kit/origin.ts';
import type { RawConnection } from '../kit/raw-connection.ts';
import { type TestProxy, startProxy } from './start-proxy.ts';

async function before(origin: TestOrigin | RawOrigin, options: Options, use: (proxy: TestProxy) => Promise<void>): Promise<void> {
  const proxy = await startProxy({ origin: origin.url, ...options });
  try {
    await use(proxy);
  } finally {
    await proxy.close();
    await origin.close();
  }
  assert.deepEqual(proxy.errors, []);
}

async function withOrigin(handler: OriginHandler, use: (proxy: TestProxy, origin: TestOrigin) => Promise<void>, options: Options = {}): Promise<void> {
  const origin = await startOrigin(handler);
  await before(origin, options, (proxy) => use(proxy, origin));
}

async function withRawOrigin(handler: (connection: RawConnection, request: Buffer) => void | Promise<void>, use: (proxy: TestProxy, origin: RawOrigin) => Promise<void>): Promise<void> {
  const origin = await startRawOrigin(handler);
  await before(origin, {}, (proxy) => use(proxy, origin));
}

describe('what passes through', () => {
  test('the origin is told by which version it came', async () => {
    const version = process.env['MILLRACE_TEST_CLIENT'] === 'http2' ? '2.0' : '1.1';
    await withOrigin(
      (_request, response) => void response.end(),
      async (proxy, origin) => {
        await request(`${proxy.url}/`);
        assert.equal(origin.requests[0]!.headers.get('via'), `${version} millrace`);
      },
    );
  });

  test('a body in each direction, piece by piece, with trailers', async () => {
    await withRawOrigin(
      async (connection) => void connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n'),
      async (proxy, origin) => {
        const response = await request(`${proxy.url}/`, { method: 'POST', body: Readable.from(['a', 'bc']), trailers: { 'X-Up': '1' } });
        assert.equal(response.body.toString(), 'hi');
        assert.equal(response.trailers.get('x-sum'), '7');
        assert.match(origin.requests[0]!.toString(), /\r\na(?:\r\n2\r\n)?bc\r\n0\r\nX-Up: 1\r\n\r\n$/i);
      },
    );
  });

  test('1xx responses before the final one', async () => {
    await withRawOrigin(
      async (connection) => void connection.send('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'),
      async (proxy) => {
        for (const method of ['GET', 'POST']) {
          const response = await request(`${proxy.url}/${method}`, { method });
          assert.deepEqual(response.informational.map(({ status, headers }) => [status, headers.get('link')]), [[102, undefined], [103, '</a.css>; rel=preload']]);
        }
      },
    );
  });

  test('events as they come', async () => {
    const steps = [gate(), gate()];
    await withOrigin(
      async (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
        response.flushHeaders();
        await steps[0]!.wait;
        response.write('data: 1\n\n');
        await steps[1]!.wait;
        response.end('data: 2\n\n');
      },
      async (proxy) => {
        const response = await open(`${proxy.url}/events`);
        steps[0]!.open();
        await response.received('data: 1\n\n');
        steps[1]!.open();
        assert.equal((await response.finish()).body.toString(), 'data: 1\n\ndata: 2\n\n');
      },
    );
  });

  test('pipelined requests, answered in their order', async () => {
    const slow = gate();
    await withOrigin(
      async (message, response) => {
        if (message.url === '/first') await slow.wait;
        response.end(message.url);
        if (message.url === '/second') slow.open();
      },
      async (proxy) => {
        const connection = await openRaw(proxy.port);
        void connection.send('GET /first HTTP/1.1\r\nHost: localhost\r\n\r\nGET /second HTTP/1.1\r\nHost: localhost\r\n\r\n');
        assert.match((await connection.readMessage()).toString(), /\/first$/);
        assert.match((await connection.readMessage()).toString(), /\/second$/);
        connection.reset();
      },
    );
  });

  test('an upload at the pace of the origin, with bounded memory', async () => {
    const resume = gate();
    let taken = 0;
    await withOrigin(
      async (message, response) => {
        message.pause();
        await resume.wait;
        message.on('data', (chunk: Buffer) => (taken += chunk.length));
        message.resume();
        message.on('end', () => response.end());
      },
      async (proxy) => {
        const chunk = Buffer.alloc(1 << 20);
        let produced = 0;
        const source = new Readable({
          read() {
            produced++;
            this.push(produced <= 200 ? chunk : null);
          },
        });
        const answer = request(`${proxy.url}/`, { method: 'POST', body: source, headers: { 'Content-Length': String(200 * chunk.length) } });
        // It stands still once every buffer on the way is full.
        let last = -1;
        while (last !== produced) {
          last = produced;
          for (let i = 0; i < 50; i++) await new Promise(setImmediate);
        }
        assert.ok(produced < 100, `${produced} MB were taken before the origin read any`);
        resume.open();
        assert.equal((await answer).status, 200);
        assert.equal(taken, 200 * chunk.length);
      },
    );
  });
});

describe('Expect: 100-continue', () => {
  const post = 'POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n';

  test('goes on to the origin, and its 100 comes back', async () => {
    await withRawOrigin(
      async (connection) => {
        void connection.send('HTTP/1.1 100 Continue\r\n\r\n');
        const body = await connection.readBytes(5);
        void connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${body.toString()}`);
      },
      async (proxy, origin) => {
        const connection = await openRaw(proxy.port);
        void connection.send(post);
        assert.equal((await connection.readUntil('\r\n\r\n')).toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
        assert.match(origin.requests[0]!.toString(), /\r\nexpect: 100-continue\r\n/i);
        void connection.send('hello');
        assert.match((await connection.readMessage()).toString(), /^HTTP\/1\.1 200 [^]*hello$/);
        connection.reset();
      },
    );
  });

  test('a refusal reaches the client, which keeps its body', async () => {
    await withRawOrigin(
      async (connection) => void connection.send('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n'),
      async (proxy) => {
        const connection = await openRaw(proxy.port);
        void connection.send(post);
        assert.match((await connection.readAll()).toString(), /^HTTP\/1\.1 413 [^]*\r\nconnection: close\r\n/i);
      },
    );
  });

  test('of an HTTP/1.0 client means nothing', async () => {
    await withOrigin(
      async (_request, response, { body }) => void response.end(await body()),
      async (proxy) => {
        const received = await rawRequest(proxy.port, 'POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello', { until: () => false });
        assert.match(received.toString(), /^HTTP\/1\.1 200 [^]*hello$/);
      },
    );
  });
});

describe('an answer before the whole request has come', () => {
  test('of the origin reaches the client, and a small rest leaves the connection usable', async () => {
    await withOrigin(
      (_request, response) => {
        response.writeHead(413, { 'Content-Length': '4', Connection: 'close' });
        response.end('nope');
      },
      async (proxy) => {
        const connection = await openRaw(proxy.port);
        void connection.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nbegin');
        assert.match((await connection.readMessage()).toString(), /^HTTP\/1\.1 413 [^]*nope$/);
        void connection.send(Buffer.alloc(995));
        void connection.send('GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
        assert.match((await connection.readAll()).toString(), /^HTTP\/1\.1 200 /);
      },
    );
  });

  test('ends the connection of a client that sends on without end', async () => {
    await withOrigin(
      (_request, response) => void response.end('nope'),
      async (proxy) => {
        // Refused by Millrace itself.
        const connection = await openRaw(proxy.port);
        void connection.send(`POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n`);
        assert.match((await connection.readMessage()).toString(), /^HTTP\/1\.1 405 /);
        const chunk = `10000\r\n${'a'.repeat(65_536)}\r\n`;
        let closed = false;
        void connection.closed.then(() => (closed = true));
        let sent = 0;
        while (!closed) {
          await connection.send(chunk);
          sent += chunk.length;
          assert.ok(sent < 100_000_000);
        }
      },
    );
  });

  test('a client that leaves in the middle of its body ends the exchange with the origin', async () => {
    await withOrigin(
      (_request, _response, { body }) => void body().catch(() => undefined),
      async (proxy, origin) => {
        const connection = await openRaw(proxy.port);
        void connection.send('POST /gone HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nbegin');
        await origin.arrived(1);
        connection.reset();
        const outcome = await proxy.outcomeOf('/gone');
        assert.equal(outcome.status, 499);
        assert.equal(outcome.error?.code, 'ERR_CLIENT_GONE');
        assert.equal(origin.requests[0]!.complete, false);
      },
    );
  });
});

describe('Max-Forwards', () => {
  const echo: OriginHandler = (message, response) => {
    response.setHeader('X-Seen', JSON.stringify(message.rawHeaders));
    response.end();
  };

  test('0: OPTIONS and TRACE are answered here, TRACE without credentials', async () => {
    await withOrigin(echo, async (proxy, origin) => {
      const options = await request(`${proxy.url}/`, { method: 'OPTIONS', headers: { 'Max-Forwards': '0' } });
      assert.equal(options.status, 200);
      assert.match(options.headers.get('allow')!, /GET/);
      const trace = await request(`${proxy.url}/x?y`, { method: 'TRACE', headers: { 'Max-Forwards': '0', Cookie: 'secret', Authorization: 'secret', X_Api_Key: 'secret', 'X-A': 'b' } });
      assert.equal(trace.headers.get('content-type'), 'message/http');
      assert.match(trace.body.toString(), /^TRACE \/x\?y HTTP\/1\.1\r\n[^]*X-A: b\r\n[^]*\r\n$/i);
      assert.doesNotMatch(trace.body.toString(), /secret/);
      assert.equal(origin.requests.length, 0);
    });
  });

  test('is lowered on the way; other methods are not touched', async () => {
    await withOrigin(echo, async (proxy, origin) => {
      await request(`${proxy.url}/`, { method: 'TRACE', headers: { 'Max-Forwards': '3', Cookie: 'secret' } });
      await request(`${proxy.url}/`, { method: 'OPTIONS', target: '*', headers: { 'Max-Forwards': '1' } });
      await request(`${proxy.url}/`, { headers: { 'Max-Forwards': '0' } });
      await request(`${proxy.url}/`, { method: 'OPTIONS', headers: { 'Max-Forwards': 'many' } });
      assert.deepEqual(origin.requests.map(({ headers }) => headers.get('max-forwards')), ['2', '0', '0', 'many']);
      assert.deepEqual(origin.requests.map(({ url }) => url), ['/', '*', '/', '/']);
      assert.equal(origin.requests[0]!.headers.has('cookie'), false);
    });
  });
});

describe('HTTP/1.0', () => {
  test('is served without Host, and chunked bodies come as they are', async () => {
    await withOrigin(
      (_request, response) => {
        response.write('one ');
        response.end('two');
      },
      async (proxy) => {
        const received = (await rawRequest(proxy.port, 'GET / HTTP/1.0\r\n\r\n', { until: () => false })).toString();
        assert.match(received, /^HTTP\/1\.1 200 [^]*\r\n\r\none two$/);
        assert.doesNotMatch(received, /transfer-encoding/i);
      },
    );
  });
});

describe('embedded hosts', () => {
  const site: OriginHandler = (message, response) => {
    if (message.url === '/old') response.writeHead(301, { Location: '/new', 'Set-Cookie': 'a=b; Path=/' });
    response.end(message.url);
  };

  async function embedded(use: (proxy: TestProxy, host: string) => Promise<void>): Promise<void> {
    const origin = await startOrigin(site);
    await before(origin, { origin: undefined }, (proxy) => use(proxy, `127.0.0.1:${origin.port}`));
  }

  test('Location and Path stay inside the proxy, from the cache too', async () => {
    await embedded(async (proxy, host) => {
      for (let i = 0; i < 2; i++) {
        const { headers } = await request(`${proxy.url}/${host}/old`);
        assert.equal(headers.get('location'), `/${host}/new`);
      }
    });
  });

  test('a host alone, and a link relative to the root of a page, are redirected', async () => {
    await embedded(async (proxy, host) => {
      const alone = await request(`${proxy.url}/${host}`);
      assert.deepEqual([alone.status, alone.headers.get('location'), alone.headers.get('cache-control')], [307, `/${host}/`, 'no-store']);
      const link = await request(`${proxy.url}/style.css`, { headers: { Referer: `${proxy.url}/${host}/page` } });
      assert.deepEqual([link.status, link.headers.get('location')], [307, `/${host}/style.css`]);
    });
  });

  test('absolute-form is served as by a forward proxy', async () => {
    await embedded(async (proxy, host) => {
      const response = await request(proxy.url, { target: `http://${host}/a?b`, headers: { Host: host } });
      assert.equal(response.body.toString(), '/a?b');
    });
  });

  test('a request for the proxy itself is a loop, whatever name it goes by', async () => {
    await embedded(async (proxy) => {
      for (const host of ['localhost', '127.0.0.1', '[::1]', '127.1', 'x.localhost']) {
        const response = await request(`${proxy.url}/${host}:${proxy.port}/__admin/clear-cache`, { method: 'POST' });
        assert.equal(response.status, 508, host);
      }
    });
  });

  test('a refusal is told as a page to a browser, and says what became of it', async () => {
    await embedded(async (proxy) => {
      const page = await request(`${proxy.url}/169.254.169.254/latest/meta-data`, { headers: { Accept: 'text/html' } });
      assert.equal(page.status, 403);
      assert.match(page.headers.get('content-type')!, /^text\/html/);
      assert.match(page.headers.get('proxy-status')!, /error=destination_ip_prohibited/);
      assert.equal((await proxy.outcomeOf('/169.254.169.254/latest/meta-data')).error?.code, 'ERR_ADDRESS_DENIED');
    });
  });
});
