/**
 * @module test/http2/idle
 * What becomes of connections on which nothing moves. The timers are Node's own; a test lets them
 * be over.
 */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { Http2Session } from 'node:http2';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { test } from 'node:test';
import { resolveConfig } from '../../src/config.ts';
import { ProxyParts } from '../../src/proxy.ts';
import { Http2Lane } from '../../src/server/http2.ts';
import { gate } from '../kit/gate.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { startOrigin } from '../kit/origin.ts';

/** Node keeps it at the socket under a symbol of its own. */
function sessionOf(socket: Socket): Http2Session {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'bound-session');
  const session: unknown = Reflect.get(socket, symbol!);
  assert.ok(session instanceof EventEmitter);
  return session as Http2Session;
}

test('an idle connection ends, one with a stream under way does not, however often its time is over', async () => {
  const go = gate();
  await using origin = await startOrigin(async (_message, response) => {
    await go.wait;
    response.end('answered');
  });
  const proxy = new ProxyParts(resolveConfig({ origin: origin.url, port: 0 }));
  const lane = new Http2Lane(proxy, undefined, (error) => assert.fail(String(error)));
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    lane.take(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  await using client = await Http2Client.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const session = sessionOf(sockets[0]!);
  const answer = client.request('/');
  await origin.arrived(1);
  for (let i = 0; i < 3; i++) session.emit('timeout');
  assert.equal(session.closed, false);
  go.open();
  assert.equal((await answer).body.toString(), 'answered');
  const closed = once(client.session, 'close');
  // The client may see the end of its stream a little before.
  while (!session.closed) {
    await new Promise(setImmediate);
    session.emit('timeout');
  }
  await closed;
  server.close();
  await proxy.close();
});
