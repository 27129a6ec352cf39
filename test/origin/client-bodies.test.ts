/**
 * @module test/origin/client-bodies
 * Request bodies on their way to an origin.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import type { OriginRequest } from '../../src/cache/ports.ts';
import { Fields } from '../../src/http/fields.ts';
import { gate } from '../kit/gate.ts';
import { until } from '../kit/until.ts';
import { type RequestParts, client, collect, fails, origin, raw, request } from './client-fixture.ts';

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
    await until('no more of the body is read', () => body.isPaused());
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
