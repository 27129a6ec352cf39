/**
 * @module test/http2/idle
 * What becomes of connections on which nothing moves. The timers are Node's own; a test lets them
 * be over.
 */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type Http2Session, constants } from 'node:http2';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { test } from 'node:test';
import { resolveConfig } from '../../src/config.ts';
import { ProxyParts } from '../../src/proxy.ts';
import { Http2Lane } from '../../src/server/http2.ts';
import { gate } from '../kit/gate.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { startOrigin } from '../kit/origin.ts';
import { until } from '../kit/until.ts';

/** Node keeps it at the socket under a symbol of its own. */
function sessionOf(socket: Socket): Http2Session {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'bound-session');
  const session: unknown = Reflect.get(socket, symbol!);
  assert.ok(session instanceof EventEmitter);
  return session as Http2Session;
}

interface Opened extends AsyncDisposable {
  readonly url: string;
  /** The session of the connection that came last. */
  session(): Http2Session;
}

/** The lane alone, behind a server that hands it every connection. */
async function openLane(origin: string): Promise<Opened> {
  const proxy = new ProxyParts(resolveConfig({ origin, port: 0 }));
  const lane = new Http2Lane(proxy, undefined, (error) => assert.fail(String(error)));
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    lane.take(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    session: () => sessionOf(sockets.at(-1)!),
    [Symbol.asyncDispose]: async () => {
      server.close();
      lane.cut();
      await proxy.close();
    },
  };
}

test('an idle connection ends, one with a stream under way does not, however often its time is over', async () => {
  const go = gate();
  await using origin = await startOrigin(async (_message, response) => {
    await go.wait;
    response.end('answered');
  });
  await using lane = await openLane(origin.url);
  await using client = await Http2Client.connect(lane.url);
  const session = lane.session();
  const answer = client.request('/');
  await origin.arrived(1);
  for (let i = 0; i < 3; i++) session.emit('timeout');
  assert.equal(session.closed, false);
  go.open();
  assert.equal((await answer).body.toString(), 'answered');
  const closed = once(client.session, 'close');
  // The client may see the end of its stream a little before.
  await until('the session is closed', () => session.emit('timeout') && session.closed);
  await closed;
});

test('where nothing moves, streams that are answered and not taken are reset', async () => {
  await using origin = await startOrigin((_message, response) => void response.end('answered'));
  await using lane = await openLane(origin.url);
  await using client = await Http2Client.connect(lane.url, { settings: { initialWindowSize: 0 } });
  const session = lane.session();
  const stream = client.send('/');
  await once(stream, 'response');
  const closed = new Promise((resolve) => void stream.once('close', resolve));
  // All of it may be written a little later.
  await until('the stream is reset', async () => {
    await new Promise(setImmediate);
    session.emit('timeout');
    return stream.closed;
  });
  await closed;
  assert.equal(stream.rstCode, constants.NGHTTP2_INTERNAL_ERROR);
});
