/** The origin client against scripted origins: what goes out, what comes back, and how it fails. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import tls from 'node:tls';
import type { BodySink, OriginRequest, OriginResponse } from '../../src/cache/ports.ts';
import { MillraceError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { Fields } from '../../src/http/fields.ts';
import { OriginClient } from '../../src/origin/client.ts';
import type { OriginClientOptions } from '../../src/origin/client.ts';
import { FixedOrigin } from '../../src/origin/fixed-origin.ts';
import { HostRules } from '../../src/origin/host-rules.ts';
import { makeTarget } from '../../src/origin/targets.ts';
import { localhostCertificate } from '../kit/certificate.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin, startRawOrigin } from '../kit/origin.ts';
import type { OriginHandler, RawOrigin, TestOrigin } from '../kit/origin.ts';
import type { RawConnection } from '../kit/raw-connection.ts';

function client(t: TestContext, options: Partial<OriginClientOptions> = {}): OriginClient {
  const made = new OriginClient({ addresses: new HostRules({ patterns: [], anyByDefault: true }), connectTimeout: 10, originTimeout: 30, ...options });
  t.after(() => made.close());
  return made;
}

async function origin(t: TestContext, handler: OriginHandler): Promise<TestOrigin> {
  const started = await startOrigin(handler);
  t.after(() => started.close());
  return started;
}

async function raw(t: TestContext, handler: string | ((connection: RawConnection, request: Buffer) => void | Promise<void>)): Promise<RawOrigin> {
  const started = await startRawOrigin(typeof handler === 'string' ? (connection) => connection.send(handler) : handler);
  t.after(() => started.close());
  return started;
}

interface RequestParts extends Partial<Omit<OriginRequest, 'fields'>> {
  readonly fields?: Record<string, string | string[]>;
  readonly path?: string;
}

function request(to: { readonly port: number }, { fields = {}, path = '/', ...parts }: RequestParts = {}): OriginRequest {
  const target = makeTarget('http', '127.0.0.1', to.port, path);
  return { method: 'GET', target, fields: Fields.of({ Host: target.authority, ...fields }), body: undefined, signal: new AbortController().signal, ...parts };
}

/** The whole body, and the trailers. */
function collect(response: OriginResponse): Promise<{ body: string; trailers: Fields | undefined }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.body.pipe({
      data: (chunk) => chunks.push(chunk) > 0,
      end: (trailers) => resolve({ body: Buffer.concat(chunks).toString('latin1'), trailers }),
      error: reject,
    });
  });
}

/** Until the connection of a response just read can be used again. */
async function free(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
}

function fails(code: ErrorCode, message = /127\.0\.0\.1:\d+/): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof MillraceError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

/** Both ways out: undici, and node:http (which takes what has `trailers`). */
const lanes: [string, RequestParts][] = [
  ['without a body', {}],
  ['by node:http', { trailers: () => undefined }],
];

for (const [lane, parts] of lanes) {
  describe(`a request ${lane}`, () => {
    test('goes out with its field lines in order, case and duplicates, any byte kept', async (t) => {
      const server = await raw(t, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      await collect(await client(t).fetch(request(server, { ...parts, path: '/a%2Fb?q=\xe9', fields: { 'X-b': ['2', '1'], 'x-A': 'caf\xe9' } })));
      const text = server.requests[0]!.toString('latin1');
      assert.ok(text.startsWith('GET /a%2Fb?q=\xe9 HTTP/1.1\r\n'), text);
      assert.match(text, /X-b: 2\r\nX-b: 1\r\nx-A: caf\xe9\r\n/);
      assert.equal(text.match(/^host:/gim)?.length, 1);
    });

    test('gets field lines back in order, case and duplicates, without those of the connection', async (t) => {
      const server = await raw(t, 'HTTP/1.1 203 Fine\r\nX-b: 2\r\nx-A: caf\xe9\r\nSet-Cookie: a=1\r\nConnection: X-Drop, Cache-Control\r\nX-Drop: 1\r\nCache-Control: private\r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nok');
      const response = await client(t).fetch(request(server, parts));
      assert.equal(response.status, 203);
      assert.equal(response.httpVersion, '1.1');
      assert.deepEqual(response.fields.lines, ['X-b', '2', 'x-A', 'caf\xe9', 'Set-Cookie', 'a=1', 'Cache-Control', 'private', 'set-cookie', 'b=2', 'Content-Length', '2']);
      assert.equal((await collect(response)).body, 'ok');
    });

    test('tells an origin of HTTP/1.0, whose body ends with the connection', async (t) => {
      const server = await raw(t, async (connection) => {
        await connection.send('HTTP/1.0 200 OK\r\n\r\nold');
        connection.end();
      });
      const response = await client(t).fetch(request(server, parts));
      assert.equal(response.httpVersion, '1.0');
      assert.equal((await collect(response)).body, 'old');
    });

    test('passes interim responses on before the final one', async (t) => {
      const server = await raw(t, 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      const interim: [number, string[]][] = [];
      const response = await client(t).fetch(request(server, { ...parts, onInformational: (status, fields) => interim.push([status, fields.lines]) }));
      assert.deepEqual(interim, [[102, []], [103, ['Link', '</a.css>; rel=preload']]]);
      assert.equal((await collect(response)).body, 'ok');
    });

    for (const status of [200, 299, 301, 418, 599, 600, 999]) {
      test(`passes status ${status}`, async (t) => {
        const server = await raw(t, `HTTP/1.1 ${status} \r\nLocation: /elsewhere\r\nContent-Length: 2\r\n\r\nok`);
        const response = await client(t).fetch(request(server, parts));
        assert.equal(response.status, status);
        assert.equal((await collect(response)).body, 'ok');
      });
    }

    test('gets trailers, without those that may not be trailers', async (t) => {
      const server = await raw(t, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nCache-Control: no-store\r\nSet-Cookie: a=1\r\n\r\n');
      const { body, trailers } = await collect(await client(t).fetch(request(server, parts)));
      assert.equal(body, 'ok');
      assert.deepEqual(trailers?.lines, ['X-Sum', '7']);
    });

    test('does not decode the content', async (t) => {
      const server = await raw(t, 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x00\x01');
      assert.equal((await collect(await client(t).fetch(request(server, parts)))).body, '\x1f\x8b\x00\x01');
    });

    for (const [name, method, head] of [
      ['HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n'],
      ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
      ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n'],
    ] as const) {
      test(`ends the empty body of ${name}`, async (t) => {
        const server = await raw(t, head);
        const response = await client(t).fetch(request(server, { ...parts, method }));
        if (name !== '204') assert.equal(response.fields.get('content-length'), '500');
        assert.equal((await collect(response)).body, '');
      });
    }

    for (const [name, fields] of [
      ['Content-Length and Transfer-Encoding', 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n'],
      ['Transfer-Encoding and Content-Length', 'Transfer-Encoding: chunked\r\nContent-Length: 2\r\n'],
      ['two Content-Lengths', 'Content-Length: 2\r\nContent-Length: 3\r\n'],
      ['a list in Content-Length', 'Content-Length: 2, 3\r\n'],
      ['a negative Content-Length', 'Content-Length: -2\r\n'],
      ['a Content-Length with a sign', 'Content-Length: +2\r\n'],
      ['another transfer coding', 'Transfer-Encoding: gzip, chunked\r\n'],
      ['a coding without chunked', 'Transfer-Encoding: gzip\r\n'],
      ['a field name with a space', 'Content-Length : 2\r\n'],
      ['a bare CR in a field', 'X-A: 1\rX-B: 2\r\nContent-Length: 2\r\n'],
      ['a NUL in a field', 'X-A: \x00\r\nContent-Length: 2\r\n'],
      ['fields larger than allowed', `X-A: ${'a'.repeat(70_000)}\r\nContent-Length: 2\r\n`],
    ] as const) {
      test(`refuses ${name}`, async (t) => {
        const server = await raw(t, `HTTP/1.1 200 OK\r\n${fields}\r\n2\r\nok\r\n0\r\n\r\n`);
        await assert.rejects(client(t).fetch(request(server, parts)), fails('ERR_ORIGIN_RESPONSE'));
      });
    }

    test('refuses what is no HTTP', async (t) => {
      const server = await raw(t, '220 mail.example ESMTP\r\n');
      await assert.rejects(client(t).fetch(request(server, parts)), fails('ERR_ORIGIN_RESPONSE'));
    });

    test('refuses a switch of protocols that nobody asked for', async (t) => {
      const server = await raw(t, 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      await assert.rejects(client(t).fetch(request(server, parts)), fails('ERR_ORIGIN_RESPONSE'));
    });

    test('tells a closed connection before the response', async (t) => {
      const server = await raw(t, (connection) => connection.end());
      await assert.rejects(client(t).fetch(request(server, parts)), fails('ERR_CONNECTION_RESET'));
      const half = await raw(t, async (connection) => {
        await connection.send('HTTP/1.1 200 OK\r\nContent-');
        connection.reset();
      });
      await assert.rejects(client(t).fetch(request(half, parts)), (error) => error instanceof MillraceError && error.kind.source === 'origin');
    });

    for (const [name, head, closing] of [
      ['Content-Length, FIN', 'Content-Length: 10', 'end'],
      ['Content-Length, RST', 'Content-Length: 10', 'reset'],
      ['chunks, FIN', 'Transfer-Encoding: chunked', 'end'],
      ['chunks, RST', 'Transfer-Encoding: chunked', 'reset'],
    ] as const) {
      test(`tells a body that breaks off (${name})`, async (t) => {
        const broken = gate();
        const server = await raw(t, async (connection) => {
          await connection.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n5\r\nhello`);
          await broken.wait;
          connection[closing]();
        });
        const response = await client(t).fetch(request(server, parts));
        const body = collect(response);
        broken.open();
        await assert.rejects(body, fails('ERR_ORIGIN_INCOMPLETE'));
      });
    }

    test('tells a chunk that is none', async (t) => {
      const server = await raw(t, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n');
      await assert.rejects(client(t).fetch(request(server, parts)).then(collect), (error) => error instanceof MillraceError && error.kind.source === 'origin');
    });

    test('gives up an origin that does not answer, or stops in its body', async (t) => {
      const silent = await raw(t, () => {});
      await assert.rejects(client(t, { originTimeout: 0.05 }).fetch(request(silent, parts)), fails('ERR_ORIGIN_TIMEOUT'));
      const stuck = await raw(t, 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
      const response = await client(t, { originTimeout: 0.05 }).fetch(request(stuck, parts));
      await assert.rejects(collect(response), fails('ERR_ORIGIN_TIMEOUT'));
    });

    test('holds a body back until it is piped, and while the sink is full', async (t) => {
      const total = 64 << 20;
      let sent = 0;
      const server = await origin(t, async (_, response) => {
        response.writeHead(200, { 'Content-Length': total });
        while (sent < total) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536))) await new Promise((drain) => response.once('drain', drain));
        }
        response.end();
      });
      const response = await client(t).fetch(request(server, parts));
      let received = 0;
      let largest = 0;
      await new Promise<void>((resolve, reject) => {
        const sink: BodySink = {
          data: (chunk) => {
            received += chunk.length;
            // Everything the origin got rid of stands in buffers between; that must not be the body.
            largest = Math.max(largest, sent - received);
            setImmediate(() => response.body.resume());
            return false;
          },
          end: () => resolve(),
          error: reject,
        };
        response.body.pipe(sink);
      });
      assert.equal(received, total);
      assert.ok(largest < 32 << 20, `${largest} bytes were under way`);
    });

    test('is ended by its signal, before and after the head', async (t) => {
      const asked = gate();
      const silent = await raw(t, async (connection) => {
        asked.open();
        await connection.closed;
      });
      const reason = new MillraceError('ERR_CLIENT_GONE', 'left');
      const early = new AbortController();
      const pending = client(t).fetch(request(silent, { ...parts, signal: early.signal }));
      await asked.wait;
      early.abort(reason);
      await assert.rejects(pending, reason);

      const seen = gate();
      const endless = await raw(t, async (connection) => {
        await connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n');
        await connection.closed;
        seen.open();
      });
      const late = new AbortController();
      const response = await client(t).fetch(request(endless, { ...parts, signal: late.signal }));
      const body = collect(response);
      late.abort(reason);
      await assert.rejects(body, reason);
      await seen.wait;

      const done = new AbortController();
      done.abort(reason);
      await assert.rejects(client(t).fetch(request(endless, { ...parts, signal: done.signal })), reason);
      assert.equal(endless.requests.length, 1);
    });

    test('is not sent when its signal comes before the connection', async (t) => {
      const server = await raw(t, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      const origins = client(t);
      const abort = new AbortController();
      const pending = origins.fetch(request(server, { ...parts, path: '/first', signal: abort.signal }));
      const reason = new Error('left');
      abort.abort(reason);
      await assert.rejects(pending, reason);
      await collect(await origins.fetch(request(server, { ...parts, path: '/second' })));
      assert.equal(server.requests.length, 1);
    });

    test('is ended by abort() of its body, piped or not', async (t) => {
      const closed: Promise<unknown>[] = [];
      const server = await raw(t, async (connection) => {
        closed.push(connection.closed);
        await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
      });
      const reason = new Error('enough');
      const origins = client(t);
      const piped = await origins.fetch(request(server, parts));
      const body = collect(piped);
      piped.body.abort(reason);
      await assert.rejects(body, reason);
      const dropped = await origins.fetch(request(server, parts));
      dropped.body.abort(reason);
      await assert.rejects(collect(dropped), reason);
      assert.equal(closed.length, 2);
      await Promise.all(closed);
    });

    test('tells refused connections, unknown names and refused addresses apart', async (t) => {
      const gone = createServer();
      await new Promise<void>((listening) => gone.listen(0, '127.0.0.1', listening));
      const { port } = gone.address() as { port: number };
      await new Promise((closed) => gone.close(closed));
      await assert.rejects(client(t).fetch(request({ port }, parts)), fails('ERR_CONNECTION_REFUSED'));
      const unknown = makeTarget('http', 'no-such-host.invalid', 80, '/');
      await assert.rejects(client(t).fetch({ ...request({ port }, parts), target: unknown }), fails('ERR_NAME_NOT_RESOLVED', /no-such-host\.invalid/));
      for (const host of ['169.254.169.254', '0.0.0.0', '::', '::ffff:a9fe:a9fe', 'fe80::1', 'fd00:ec2::254']) {
        await assert.rejects(client(t).fetch({ ...request({ port }, parts), target: makeTarget('http', host, port, '/') }), fails('ERR_ADDRESS_DENIED', /--allow-host/));
      }
    });

    test('keeps connections', async (t) => {
      const server = await raw(t, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      const origins = client(t);
      for (let i = 0; i < 5; i++) {
        await origins.fetch(request(server, parts)).then(collect);
        await free();
      }
      assert.equal(server.connections, 1);
    });

    test('speaks https and checks the certificate', async (t) => {
      const server = await startOrigin((_, response) => void response.end('safe'), { tls: true });
      t.after(() => server.close());
      const target = makeTarget('https', 'localhost', server.port, '/');
      await assert.rejects(client(t).fetch({ ...request(server, parts), target }), fails('ERR_ORIGIN_TLS', /localhost:\d+.*certificate/s));
      const trusted = tls.getCACertificates();
      tls.setDefaultCACertificates([...trusted, localhostCertificate.cert]);
      t.after(() => tls.setDefaultCACertificates(trusted));
      assert.equal((await collect(await client(t).fetch({ ...request(server, parts), target }))).body, 'safe');
      const byAddress = { ...request(server, parts), target: makeTarget('https', '127.0.0.1', server.port, '/') };
      assert.equal((await collect(await client(t).fetch({ ...byAddress, fields: Fields.of({ Host: 'other.example' }) }))).body, 'safe');
      const plain = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      await new Promise<void>((listening) => plain.listen(0, '127.0.0.1', listening));
      t.after(() => plain.close());
      const { port } = plain.address() as { port: number };
      await assert.rejects(client(t).fetch({ ...request({ port }, parts), target: makeTarget('https', 'localhost', port, '/') }), fails('ERR_ORIGIN_TLS', /localhost/));
    });
  });
}

describe('a request with a body', () => {
  const post = (to: { port: number }, body: Readable, parts: RequestParts = {}): OriginRequest => request(to, { method: 'POST', body, ...parts });

  test('is sent with its length where known, else in chunks with trailers', async (t) => {
    const server = await origin(t, async (_, response, { body }) => void response.end(await body()));
    const origins = client(t);
    assert.equal((await collect(await origins.fetch(post(server, Readable.from([Buffer.from('hello')]), { fields: { 'Content-Length': '5' } })))).body, 'hello');
    assert.equal(server.requests[0]!.headers.get('content-length'), '5');
    assert.equal(server.requests[0]!.headers.get('transfer-encoding'), undefined);
    const trailers = (): Fields => Fields.of({ 'X-Sum': '9', 'Transfer-Encoding': 'x' });
    assert.equal((await collect(await origins.fetch(post(server, Readable.from([Buffer.from('hel'), Buffer.from('lo')]), { trailers })))).body, 'hello');
    assert.equal(server.requests[1]!.headers.get('transfer-encoding'), 'chunked');
    assert.deepEqual(server.requests[1]!.trailers.lines, ['X-Sum', '9']);
    assert.equal((await collect(await origins.fetch(post(server, Readable.from([Buffer.from('get')]), { method: 'GET' })))).body, 'get');
    assert.equal((await collect(await origins.fetch(post(server, Readable.from([])))) ).body, '');
  });

  for (const [length, what] of [['4', 'longer'], ['6', 'shorter']] as const) {
    test(`fails when the body is ${what} than announced`, async (t) => {
      const server = await origin(t, () => {});
      await assert.rejects(client(t).fetch(post(server, Readable.from([Buffer.from('hello')]), { fields: { 'Content-Length': length } })), fails('ERR_BAD_REQUEST', /Content-Length/));
      assert.ok(server.requests.every(({ complete }) => !complete));
    });
  }

  test('fails when the client leaves, and the origin never takes it for complete', async (t) => {
    const server = await origin(t, () => {});
    const body = new Readable({ read() {} });
    body.push('half');
    const pending = client(t).fetch(post(server, body));
    await server.arrived(1);
    body.destroy(new Error('gone'));
    await assert.rejects(pending, fails('ERR_CLIENT_GONE', /4 bytes/));
    assert.ok(!server.requests[0]!.complete);
  });

  test('waits for an origin that reads slowly', async (t) => {
    const open = gate();
    const total = 64 << 20;
    let made = 0;
    const body = new Readable({
      read() {
        made += 65_536;
        this.push(Buffer.alloc(65_536));
        if (made === total) this.push(null);
      },
    });
    const server = await origin(t, async (incoming, response, context) => {
      incoming.pause();
      await open.wait;
      incoming.resume();
      response.end(String((await context.body()).length));
    });
    const pending = client(t).fetch(post(server, body));
    await server.arrived(1);
    while (!body.isPaused()) await new Promise(setImmediate);
    assert.ok(made < total / 2, `${made} bytes were read ahead`);
    open.open();
    assert.equal((await collect(await pending)).body, String(total));
  });

  test('takes an early answer and leaves the rest of the body alone', async (t) => {
    const server = await raw(t, () => {});
    const early = createServer((socket) => socket.once('data', () => socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno')).on('error', () => {}));
    await new Promise<void>((listening) => early.listen(0, '127.0.0.1', listening));
    t.after(() => early.close());
    const body = new Readable({ read() {} });
    body.push('begin');
    const response = await client(t).fetch(post({ ...server, port: (early.address() as { port: number }).port }, body));
    assert.equal(response.status, 413);
    assert.equal((await collect(response)).body, 'no');
    assert.ok(!body.destroyed);
  });

  test('carries Expect: 100-continue end to end', async (t) => {
    const server = await raw(t, async (connection, head) => {
      assert.match(head.toString('latin1'), /\r\nExpect: 100-continue\r\n/);
      await connection.send('HTTP/1.1 100 Continue\r\n\r\n');
      const body = await connection.readBytes(5);
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body.toString()}`);
    });
    const body = new Readable({ read() {} });
    const interim: number[] = [];
    const onInformational = (status: number): void => {
      interim.push(status);
      body.push('hello');
      body.push(null);
    };
    const response = await client(t).fetch(post(server, body, { fields: { Expect: '100-continue', 'Content-Length': '5' }, onInformational }));
    assert.deepEqual(interim, [100]);
    assert.equal((await collect(response)).body, 'hello');
  });

  test('passes a final answer to Expect: 100-continue without having sent the body', async (t) => {
    const server = await raw(t, 'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n');
    const body = new Readable({ read() {} });
    const response = await client(t).fetch(post(server, body, { fields: { Expect: '100-continue', 'Content-Length': '5' } }));
    assert.equal(response.status, 417);
    await collect(response);
  });

  test('OPTIONS * and a PUT without a body keep their form', async (t) => {
    const server = await raw(t, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await collect(await client(t).fetch(request(server, { method: 'OPTIONS', path: '*' })));
    assert.match(server.requests[0]!.toString(), /^OPTIONS \* HTTP\/1\.1\r\n/);
    await collect(await client(t).fetch(request(server, { method: 'PUT', trailers: () => undefined })));
    assert.match(server.requests[1]!.toString(), /\r\nContent-Length: 0\r\n/);
  });
});

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
