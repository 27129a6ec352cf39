/**
 * @module test/origin/client
 * The origin client against scripted origins: what goes out, what comes back, and how it fails.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import tls from 'node:tls';
import type { BodySink } from '../../src/cache/ports.ts';
import { MillraceError } from '../../src/errors.ts';
import { Fields } from '../../src/http/fields.ts';
import { makeTarget } from '../../src/origin/targets.ts';
import { localhostCertificate } from '../kit/certificate.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin } from '../kit/origin.ts';
import { type RequestParts, client, collect, fails, free, origin, raw, request } from './client-fixture.ts';

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
      await assert.rejects(client(t).fetch({ ...request(server, parts), target }), fails('ERR_ORIGIN_CERTIFICATE', /localhost:\d+.*certificate/s));
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
      await assert.rejects(client(t).fetch({ ...request({ port }, parts), target: makeTarget('https', 'localhost', port, '/') }), fails('ERR_ORIGIN_SCHEME', /localhost/));
    });
  });
}
