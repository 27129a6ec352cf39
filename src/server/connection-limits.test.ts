import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { type TestContext, describe, test } from 'node:test';
import { until } from '../../test/kit/until.ts';
import { defaultMaxConnections, descriptorLimit } from '../config/descriptors.ts';
import { ConnectionLimits, type ConnectionLimitsOptions } from './connection-limits.ts';

/** Connections seem to come from that address. */
class From {
  readonly notices: string[] = [];
  refused = 0;
  readonly kept: Socket[] = [];
  readonly limits: ConnectionLimits;
  readonly #server: Server;

  constructor(t: TestContext, address: string, options: Partial<ConnectionLimitsOptions> = {}) {
    this.limits = new ConnectionLimits({ total: 100, perAddress: 2, trustProxy: [], isTls: false, onRefused: () => this.refused++, onNotice: (text) => this.notices.push(text), ...options });
    this.#server = createServer((socket) => this.kept.push(socket.resume()));
    this.limits.limit(this.#server);
    this.#server.prependListener('connection', (socket) => Object.defineProperty(socket, 'remoteAddress', { value: address }));
    this.#server.listen(0, '127.0.0.1');
    t.after(() => {
      for (const socket of this.kept) socket.destroy();
      this.#server.close();
    });
  }

  /** What a client is sent until it is left alone, or the connection ends. */
  async connect(): Promise<{ socket: Socket; received: () => string; ended: Promise<unknown> }> {
    if (!this.#server.listening) await once(this.#server, 'listening');
    const socket = connect((this.#server.address() as AddressInfo).port, '127.0.0.1');
    let text = '';
    socket.on('error', () => {}).on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
    const ended = once(socket, 'close');
    const before = this.kept.length + this.refused;
    await once(socket, 'connect');
    await until('it is kept or refused', () => this.kept.length + this.refused > before);
    return { socket, received: () => text, ended };
  }
}

describe('connections from one address', () => {
  test('are refused beyond the limit, with words, counted, and told once', async (t) => {
    const from = new From(t, '192.0.2.1');
    await from.connect();
    const second = await from.connect();
    for (let i = 0; i < 3; i++) {
      const third = await from.connect();
      await third.ended;
      assert.match(third.received(), /^HTTP\/1\.1 503 [^]*Retry-After: 10\r\n/);
      const [head, body] = third.received().split('\r\n\r\n');
      assert.equal(Number(/Content-Length: (\d+)/.exec(head!)![1]), body!.length);
    }
    assert.equal(from.refused, 3);
    assert.equal(from.notices.length, 1);
    assert.match(from.notices[0]!, /192\.0\.2\.1.*--max-connections-per-address.*--trust-proxy/s);
    const closed = once(from.kept[1]!, 'close');
    second.socket.destroy();
    await closed;
    await from.connect();
    assert.equal(from.kept.length, 3);
    for (const socket of from.kept) socket.destroy();
    await until('no connection is counted', () => from.limits.counted === 0);
  });

  test('are closed without a word where they speak TLS', async (t) => {
    const from = new From(t, '192.0.2.1', { isTls: true, perAddress: 1 });
    await from.connect();
    const second = await from.connect();
    await second.ended;
    assert.equal(second.received(), '');
  });

  for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.9', '10.1.2.3']) {
    test(`are not limited from ${address}`, async (t) => {
      const from = new From(t, address, { trustProxy: ['10.0.0.0/8'] });
      for (let i = 0; i < 5; i++) await from.connect();
      assert.equal(from.kept.length, 5);
      assert.equal(from.limits.counted, 0);
    });
  }
});

test('connections in all are closed beyond the limit, counted, and told once', async (t) => {
  const from = new From(t, '127.0.0.1', { total: 2 });
  await from.connect();
  await from.connect();
  for (let i = 0; i < 2; i++) await (await from.connect()).ended;
  assert.equal(from.refused, 2);
  assert.equal(from.notices.length, 1);
  assert.match(from.notices[0]!, /^2 connections .*--max-connections.*ulimit -n/s);
});

test('the limit of open files is known, and leaves room for origins and the store', () => {
  assert.ok(descriptorLimit()! > 0);
  assert.equal(defaultMaxConnections(1024, 1), 480);
  assert.equal(defaultMaxConnections(1024, 4), 456);
  assert.equal(defaultMaxConnections(64, 2), 8);
  assert.equal(defaultMaxConnections(1_048_576, 1), 50_000);
  assert.equal(defaultMaxConnections(undefined, 1), 50_000);
});
