import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { rawRequest } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { FLAG, GET, PREFACE, SETTINGS, TYPE, block, endOf, frame, headers, openFrames, readFrame, readUntil } from '../kit/http2-frames.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';
import type { RawConnection } from '../kit/raw-connection.ts';
import { until } from '../kit/until.ts';

const LARGE = Buffer.alloc(1_000_000, 'large ');
const POST = [[':method', 'POST'], ...GET.slice(1)] as const;
const PATH = (path: string): readonly (readonly [string, string])[] => GET.map(([name, value]) => [name, name === ':path' ? path : value]);

describe('HTTP/2 clients that ask for too much', () => {
  let origin: TestOrigin;
  let proxy: TestProxy;
  before(async () => {
    origin = await startOrigin(async (message, response, { body }) => {
      // It never answers those who wait.
      if (message.url!.startsWith('/wait')) return;
      await body().catch(() => undefined);
      response.writeHead(200, { 'Cache-Control': message.url === '/large' ? 'max-age=60' : 'no-store' }).end(message.url === '/large' ? LARGE : 'small');
    });
    proxy = await startMillrace({ origin: origin.url });
  });
  after(async () => {
    await proxy.close();
    await origin.close();
  });

  /** Sends until the proxy has closed; what it said at last. */
  const flood = async (connection: RawConnection, next: (turn: number) => Buffer): Promise<number | 'closed'> => {
    const told = readUntil(connection, ({ type }) => type === TYPE.goaway).then(({ payload }) => payload.readUInt32BE(4), () => 'closed' as const);
    let isOver = false;
    void connection.closed.then(() => (isOver = true));
    for (let turn = 0; turn < 10_000 && !isOver; turn++) {
      await connection.send(next(turn));
      await new Promise(setImmediate);
    }
    assert.ok(isOver, 'it went on');
    return told;
  };

  const isServing = async (): Promise<void> => {
    await using client = await Http2Client.connect(proxy.url);
    assert.equal((await client.request('/')).body.toString(), 'small');
  };

  test('streams that are reset at once end the connection, and hardly any reaches the origin', async () => {
    const connection = await openFrames(proxy.port);
    const asked = origin.requests.length;
    let stream = -1;
    await flood(connection, () => Buffer.concat(Array.from({ length: 20 }, () => [headers((stream += 2), PATH('/wait')), frame(TYPE.rstStream, 0, stream, Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]))]).flat()));
    assert.ok(origin.requests.length - asked < 100, String(origin.requests.length - asked));
    await isServing();
  });

  const floods: readonly (readonly [name: string, start: Buffer, turn: Buffer])[] = [
    ['CONTINUATION without an end', headers(1, GET, 0), frame(TYPE.continuation, 0, 1, block([['x-a', 'b']]))],
    ['empty CONTINUATION', headers(1, GET, 0), frame(TYPE.continuation, 0, 1)],
    ['empty DATA', headers(1, POST, FLAG.endHeaders), Buffer.concat(Array.from({ length: 100 }, () => frame(TYPE.data, 0, 1)))],
  ];
  for (const [name, start, turn] of floods) {
    test(`a flood of ${name} ends the connection`, async () => {
      const connection = await openFrames(proxy.port);
      await connection.send(start);
      await flood(connection, () => turn);
      await isServing();
    });
  }

  for (const [name, turn] of [['SETTINGS', SETTINGS], ['PING', frame(TYPE.ping, 0, 0, '12345678')]] as const) {
    test(`a flood of ${name} by a client that does not read the answers ends the connection`, async () => {
      const connection = await openFrames(proxy.port);
      connection.socket.pause();
      const many = Buffer.concat(Array.from({ length: 10_000 }, () => turn));
      let isOver = false;
      connection.socket.once('close', () => (isOver = true));
      for (let sent = 0; sent < 1000 && !isOver; sent++) {
        await Promise.race([connection.send(many), once(connection.socket, 'close')]);
        await new Promise(setImmediate);
      }
      assert.ok(isOver, 'it went on');
      await isServing();
    });
  }

  // A value into the table (https://www.rfc-editor.org/rfc/rfc7541.html#section-6.2.1), and then a byte for each time it is there.
  const ENTRY = Buffer.concat([Buffer.from([0x40, 3]), Buffer.from('x-a'), Buffer.from([0x7f, 0xa1, 0x1e]), Buffer.alloc(4000, 'x')]);

  for (const [name, blocks] of [
    ['refer to one large field again and again', [Buffer.concat([block(GET), ENTRY]), Buffer.concat([block(GET), Buffer.alloc(8000, 0xbe)])]],
    ['are larger than what is taken', [Buffer.concat([block(GET), ENTRY]), Buffer.concat([block(GET), Buffer.alloc(12, 0xbe)])]],
    ['are malformed', [block(GET), block([...GET, ['X-Upper', 'a']])]],
  ] as const) {
    test(`header blocks that ${name} end the connection`, async () => {
      const earlier = proxy.outcomes.length;
      const connection = await openFrames(proxy.port);
      let stream = 1;
      const send = (one: Uint8Array): Buffer => frame(TYPE.headers, FLAG.endStream | FLAG.endHeaders, (stream += 2) - 2, one);
      await connection.send(send(blocks[0]));
      const told = await flood(connection, () => send(blocks[1]));
      assert.ok(told === constants.NGHTTP2_ENHANCE_YOUR_CALM || told === 'closed', String(told));
      await until('the end of the connection is told', () => proxy.outcomes.slice(earlier).some(({ method, error }) => method === '-' && error?.code === 'ERR_FIELDS_TOO_LARGE'));
      await isServing();
    });
  }

  test('a connection on which some requests are refused goes on', async () => {
    await using client = await Http2Client.connect(proxy.url);
    const large = { 'X-A': 'x'.repeat(33_000) };
    for (let i = 0; i < 200; i++) assert.equal((await client.request('/', i % 20 === 0 ? { headers: large } : {})).status, i % 20 === 0 ? 431 : 200);
  });

  test('heads over the limit are refused', async () => {
    const asked = origin.requests.length;
    await using client = await Http2Client.connect(proxy.url);
    const value = 'x'.repeat(12_000);
    for (const large of [{ 'X-A': value, 'X-B': value, 'X-C': value }, Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`x-${i}`, 'x'.repeat(30)]))]) {
      assert.equal((await client.request('/', { headers: large })).status, 431);
    }
    await assert.rejects(client.request('/', { headers: Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`x-${i}`, value])) }));
    assert.equal(origin.requests.length, asked);
    assert.equal((await client.request('/', { headers: { 'X-A': value } })).status, 200);
    await isServing();
  });

  test('a few bytes do not become a large head', async () => {
    const asked = origin.requests.length;
    for (const times of [9, 10_000]) {
      const connection = await openFrames(proxy.port);
      await connection.send(frame(TYPE.headers, FLAG.endStream | FLAG.endHeaders, 1, Buffer.concat([block(GET), ENTRY, Buffer.alloc(times, 0xbe)])));
      const end = await endOf(connection, 1);
      assert.equal(times === 9 ? end : typeof end, times === 9 ? 'answered' : 'number');
      connection.reset();
    }
    assert.equal(origin.requests.length, asked);
    await isServing();
  });

  test('no more than 128 streams at once, further ones are refused and can be sent again', async () => {
    const connection = await openFrames(proxy.port);
    const settings = await readUntil(connection, ({ type, flags }) => type === TYPE.settings && (flags & FLAG.ack) === 0);
    const values = new Map(Array.from({ length: settings.payload.length / 6 }, (_, i) => [settings.payload.readUInt16BE(i * 6), settings.payload.readUInt32BE(i * 6 + 2)]));
    assert.equal(values.get(constants.NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS), 128);
    assert.equal(values.get(constants.NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE), 65_536);
    const asked = origin.requests.length;
    for (let stream = 1; stream < 260; stream += 2) await connection.send(headers(stream, PATH(`/wait/${stream}`)));
    assert.equal(await endOf(connection, 257), constants.NGHTTP2_REFUSED_STREAM);
    await origin.arrived(asked + 128);
    assert.equal(origin.requests.length, asked + 128);
    // Who has said to know the limit breaks the rules.
    await connection.send(Buffer.concat([frame(TYPE.settings, FLAG.ack, 0), headers(261, PATH('/wait/261'))]));
    assert.equal(await endOf(connection, 261), constants.NGHTTP2_PROTOCOL_ERROR);
    connection.reset();
    await isServing();
  });

  test('bodies that are not read stand still, and the others go on', async () => {
    await using filling = await Http2Client.connect(proxy.url);
    assert.equal((await filling.request('/large')).body.length, LARGE.length);
    const memory = (): number => process.memoryUsage().external + process.memoryUsage().arrayBuffers;
    const atStart = memory();
    const waiting: RawConnection[] = [];
    for (let i = 0; i < 4; i++) {
      const connection = await openFrames(proxy.port);
      // A window of nothing for every stream.
      await connection.send(frame(TYPE.settings, 0, 0, Buffer.from([0, constants.NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0, 0, 0, 0])));
      for (let stream = 1; stream < 255; stream += 2) await connection.send(headers(stream, PATH('/large')));
      for (let seen = 0; seen < 127; ) if ((await readFrame(connection)).type === TYPE.headers) seen++;
      waiting.push(connection);
    }
    const growth = memory() - atStart;
    const bodies = 4 * 127 * LARGE.length;
    assert.ok(growth < bodies / 5, `${growth} bytes of memory for bodies of ${bodies}`);
    assert.equal((await filling.request('/large')).body.length, LARGE.length);
    for (const connection of waiting) connection.reset();
    await isServing();
  });

  test('an upload that the origin does not read stands still, and the others go on', async () => {
    const go = gate();
    const slow = await startOrigin(async (message, response, { body }) => {
      if (message.url === '/slow') {
        message.pause();
        await go.wait;
        message.resume();
      }
      response.end(String((await body()).length));
    });
    await using other = await startMillrace({ origin: slow.url });
    await using client = await Http2Client.connect(other.url, { maxSessionMemory: 100 });
    // More than windows and buffers on the way hold.
    const whole = client.request('/slow', { method: 'POST', body: Buffer.alloc(50_000_000) });
    await slow.arrived(1);
    assert.equal((await client.request('/other', { method: 'POST', body: LARGE })).body.toString(), String(LARGE.length));
    go.open();
    assert.equal((await whole).body.toString(), '50000000');
    await slow.close();
  });

  test('the end of the server lets streams finish, and takes no new ones', async () => {
    const go = gate();
    const slow = await startOrigin(async (_message, response) => {
      response.writeHead(200).write('begun ');
      await go.wait;
      response.end('ended');
    });
    const other = await startMillrace({ origin: slow.url, shutdownTimeout: 3600 });
    const idle = await Http2Client.connect(other.url);
    const client = await Http2Client.connect(other.url);
    const response = await client.open('/');
    await response.received('begun');
    const [away, idleEnd] = [once(client.session, 'goaway'), once(idle.session, 'close')];
    const closed = other.close();
    assert.equal((await away)[0], constants.NGHTTP2_NO_ERROR);
    await idleEnd;
    await assert.rejects(async () => client.request('/late'));
    go.open();
    assert.equal((await response.finish()).body.toString(), 'begun ended');
    await closed;
    await slow.close();
  });

  test('the end cuts what does not finish in time', async () => {
    const other = await startMillrace({ origin: origin.url, shutdownTimeout: 0 });
    await using client = await Http2Client.connect(other.url);
    const asked = origin.requests.length;
    const stream = client.send('/wait/for/ever');
    await origin.arrived(asked + 1);
    await other.close();
    await until('the stream is closed', () => stream.closed);
    assert.deepEqual(other.outcomes.map(({ url }) => url), ['/wait/for/ever']);
  });

  test('bytes that are no frames end the connection alone', async () => {
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\0\0\0\0\0\0\0\0\0'.repeat(10), '\xff'.repeat(100)]) {
      const received = await rawRequest(proxy.port, PREFACE + bytes, { until: () => false });
      assert.ok(!received.includes('small'));
    }
    await isServing();
  });
});
