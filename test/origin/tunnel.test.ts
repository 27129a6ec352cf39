/** Upgrade and CONNECT against scripted origins. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { OriginRequest } from '../../src/cache/ports.ts';
import { MillraceError } from '../../src/errors.ts';
import { Fields } from '../../src/http/fields.ts';
import { HostRules } from '../../src/origin/host-rules.ts';
import { makeTarget } from '../../src/origin/targets.ts';
import { Tunnel } from '../../src/origin/tunnel.ts';
import { startRawOrigin } from '../kit/origin.ts';
import type { RawOrigin } from '../kit/origin.ts';
import type { RawConnection } from '../kit/raw-connection.ts';

const tunnel = new Tunnel({ addresses: new HostRules({ patterns: [], anyByDefault: true }), connectTimeout: 10, originTimeout: 30, maxResponseFields: 200, maxOriginConnections: 1000 });

async function raw(t: TestContext, handler: (connection: RawConnection, request: Buffer) => void | Promise<void>): Promise<RawOrigin> {
  const started = await startRawOrigin(handler);
  t.after(() => started.close());
  return started;
}

function request(port: number, signal: AbortSignal = new AbortController().signal): OriginRequest {
  const target = makeTarget('http', '127.0.0.1', port, '/socket');
  return { method: 'GET', target, fields: Fields.of({ Host: target.authority, 'Sec-WebSocket-Key': 'abc' }), body: undefined, signal };
}

test('an upgrade hands over the socket, with what came after the head', async (t) => {
  const server = await raw(t, async (connection) => {
    await connection.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: xyz\r\n\r\nfirst');
    const heard = await connection.readUntil('!');
    await connection.send(`echo ${heard.toString()}`);
    connection.end();
  });
  const result = await tunnel.upgrade(request(server.port), 'websocket');
  assert.ok(result.kind === 'upgraded');
  assert.deepEqual(result.fields.lines, ['Sec-WebSocket-Accept', 'xyz', 'Connection', 'Upgrade', 'Upgrade', 'WebSocket']);
  assert.match(server.requests[0]!.toString(), /^GET \/socket HTTP\/1\.1\r\n[^]*\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
  const chunks = [result.head];
  result.socket.write('hello!');
  for await (const chunk of result.socket) chunks.push(chunk as Buffer);
  assert.equal(Buffer.concat(chunks).toString(), 'firstecho hello!');
});

test('an origin may decline an upgrade', async (t) => {
  const server = await raw(t, (connection) => connection.send('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'));
  const result = await tunnel.upgrade(request(server.port), 'websocket');
  assert.ok(result.kind === 'declined');
  assert.equal(result.response.status, 403);
  const body = await new Promise((resolve, reject) => result.response.body.pipe({ data: (chunk) => (resolve(chunk.toString()), true), end: () => resolve(''), error: reject }));
  assert.equal(body, 'no');
});

test('an upgrade is ended by its signal', async (t) => {
  const server = await raw(t, () => {});
  const abort = new AbortController();
  const pending = tunnel.upgrade(request(server.port, abort.signal), 'websocket');
  await server.arrived(1);
  const reason = new Error('left');
  abort.abort(reason);
  await assert.rejects(pending, reason);
});

test('connect opens a socket, and refuses what may not be reached', async (t) => {
  const server = await raw(t, async (connection) => {
    await connection.send('through');
    connection.end();
  });
  const signal = new AbortController().signal;
  const socket = await tunnel.connect('127.0.0.1', server.port, signal);
  socket.write('GET / HTTP/1.1\r\n\r\n');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  assert.equal(Buffer.concat(chunks).toString(), 'through');
  await assert.rejects(tunnel.connect('169.254.169.254', 80, signal), (error) => error instanceof MillraceError && error.code === 'ERR_ADDRESS_DENIED');
});
