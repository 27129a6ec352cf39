import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { Fields } from '../../http/fields.ts';
import { STALLED } from '../node-reply.ts';
import { PlainReply } from './plain-reply.ts';

/** A client's connection of which the test says what has left. */
class Client extends Writable {
  text = '';
  timeout = 0;
  #taken: (() => void) | undefined;
  #takes = true;

  constructor() {
    super({ decodeStrings: true, highWaterMark: 64 });
  }

  /** From now on nothing leaves, until take(). */
  stop(): void {
    this.#takes = false;
  }

  take(): void {
    this.#takes = true;
    this.#taken?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    const done = (): void => {
      this.text += chunk.toString('latin1');
      callback();
    };
    if (this.#takes) done();
    else this.#taken = done;
  }

  setTimeout(milliseconds: number): this {
    this.timeout = milliseconds;
    return this;
  }
}

interface Scene {
  readonly client: Client;
  readonly reply: PlainReply;
  readonly over: () => number;
  /** What the client got, once all of this turn has left. */
  readonly got: () => Promise<string>;
}

function scene({ isHead = false, draining = false } = {}): Scene {
  const client = new Client();
  let over = 0;
  const later: PlainReply[] = [];
  const lane = { draining, keepAliveLines: 'Connection: keep-alive\r\n', flushLater: (reply: PlainReply) => void later.push(reply) };
  const reply = new PlainReply(client as unknown as Socket, lane, isHead, () => over++);
  client.on('drain', () => reply.drained());
  client.on('close', () => reply.left());
  const got = async (): Promise<string> => {
    for (const each of later.splice(0)) each.flush();
    await new Promise(setImmediate);
    return client.text;
  };
  return { client, reply, over: () => over, got };
}

const FIELDS = (): Fields => new Fields(['Date', 'now', 'X-A', 'b']);
const HEAD = 'HTTP/1.1 200 OK\r\nDate: now\r\nX-A: b\r\n';
const KEPT = 'Connection: keep-alive\r\n';

describe('a plain reply', () => {
  test('of a known length', async () => {
    const { reply, over, got } = scene();
    reply.head(200, FIELDS(), 4);
    reply.write(Buffer.from('ab'));
    reply.write(Buffer.from('cd'));
    assert.equal(over(), 0);
    reply.end();
    assert.equal(over(), 1);
    assert.equal(await got(), `${HEAD}Content-Length: 4\r\n${KEPT}\r\nabcd`);
    assert.equal(reply.bytesWritten, 4);
  });

  test('in chunks, of which none is empty but the last', async () => {
    const { reply, got } = scene();
    reply.head(200, FIELDS(), undefined);
    for (const chunk of ['a'.repeat(26), '', 'b'.repeat(20_000), 'c']) reply.write(Buffer.from(chunk));
    reply.end();
    assert.equal(await got(), `${HEAD}${KEPT}Transfer-Encoding: chunked\r\n\r\n1a\r\n${'a'.repeat(26)}\r\n4e20\r\n${'b'.repeat(20_000)}\r\n1\r\nc\r\n0\r\n\r\n`);
  });

  test('with trailers that were announced, and without others', async () => {
    for (const announced of [true, false]) {
      const { reply, got } = scene();
      const fields = FIELDS();
      if (announced) fields.append('Trailer', 'X-Sum');
      reply.head(200, fields, undefined);
      reply.end(new Fields(['X-Sum', '1', 'Connection', 'close']));
      assert.match(await got(), announced ? /\r\n0\r\nX-Sum: 1\r\n\r\n$/ : /\r\n0\r\n\r\n$/);
    }
  });

  test('without a body', async () => {
    for (const [isHead, status, length] of [[true, 200, 4], [true, 200, undefined], [false, 204, undefined], [false, 304, undefined]] as const) {
      const { reply, over, got } = scene({ isHead });
      reply.head(status, FIELDS(), length);
      reply.write(Buffer.from('abcd'));
      reply.end();
      assert.match(await got(), length === undefined ? /X-A: b\r\nConnection: keep-alive\r\n\r\n$/ : /Content-Length: 4\r\nConnection: keep-alive\r\n\r\n$/);
      assert.deepEqual([over(), reply.bytesWritten], [1, 0]);
    }
  });

  test('tells the end of the connection, where that is known before its head', async () => {
    const last = scene();
    last.reply.closeAfter();
    for (const { reply, got } of [last, scene({ draining: true })]) {
      reply.head(200, FIELDS(), 0);
      reply.closeAfter();
      reply.end();
      assert.equal(await got(), `${HEAD}Content-Length: 0\r\nConnection: close\r\n\r\n`);
      assert.equal(reply.saidClose, true);
    }
    const { reply } = scene();
    reply.head(200, FIELDS(), 0);
    reply.closeAfter();
    assert.equal(reply.saidClose, false);
  });

  test('has a Date, behind what it was given', async () => {
    const { reply, got } = scene();
    reply.head(200, new Fields(['X-A', 'b']), 0);
    reply.end();
    assert.match(await got(), /^HTTP\/1\.1 200 OK\r\nX-A: b\r\nContent-Length: 0\r\nDate: \w{3}, [^\r]* GMT\r\nConnection: keep-alive\r\n\r\n$/);
  });

  test('has early hints before its head, and none behind it', async () => {
    const { reply, got } = scene();
    for (const status of [100, 101, 103]) reply.informational(status, new Fields(['Link', '</a>', 'Connection', 'x']));
    reply.head(200, FIELDS(), 0);
    reply.informational(103, FIELDS());
    reply.end();
    assert.equal(await got(), `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${HEAD}Content-Length: 0\r\n${KEPT}\r\n`);
  });

  test('ends visibly incomplete where it has fewer bytes than announced, or more, or is aborted', async () => {
    for (const [body, more] of [['abc', ''], ['abcd', 'e'], ['abc', 'abort']] as const) {
      const { client, reply, over, got } = scene();
      reply.head(200, FIELDS(), 4);
      reply.write(Buffer.from(body));
      if (more === 'abort') reply.abort();
      else reply.write(Buffer.from(more));
      reply.end();
      assert.match(await got(), new RegExp(`\\r\\n\\r\\n${body}$`));
      assert.deepEqual([client.destroyed, reply.closed, over()], [true, true, 0]);
    }
  });
});

describe('the pace of a plain reply', () => {
  test('is the client’s, which may not be silent for ever', async () => {
    const { client, reply, got } = scene();
    client.stop();
    reply.head(200, FIELDS(), 300);
    assert.equal(reply.write(Buffer.alloc(200)), false);
    assert.equal(client.timeout, STALLED);
    let drains = 0;
    reply.onDrain(() => drains++);
    await got();
    assert.equal(drains, 0);
    client.take();
    await got();
    assert.deepEqual([drains, client.timeout], [1, 0]);
    reply.onDrain(() => drains++);
    await got();
    assert.equal(drains, 2);
  });

  test('holds back what comes next until the last of it has left', async () => {
    const { client, reply, over, got } = scene();
    client.stop();
    reply.head(200, FIELDS(), 200);
    reply.write(Buffer.alloc(200));
    reply.end();
    await got();
    assert.deepEqual([over(), client.timeout], [0, STALLED]);
    client.take();
    await got();
    assert.deepEqual([over(), client.timeout], [1, 0]);
  });

  test('is told to whoever waits for a client that has left', async () => {
    for (const leave of [(client: Client) => void client.destroy(), (client: Client, reply: PlainReply) => void (client.end(), reply.write(Buffer.from('c')))]) {
      const { client, reply, over } = scene();
      client.stop();
      reply.head(200, FIELDS(), 400);
      reply.write(Buffer.alloc(200));
      const told: string[] = [];
      reply.onClose(() => told.push('closed'));
      reply.onDrain(() => told.push('drained'));
      const closed = client.destroyed ? undefined : once(client, 'close');
      leave(client, reply);
      if (client.destroyed) await closed;
      assert.deepEqual(told, ['closed', 'drained']);
      assert.deepEqual([reply.closed, reply.write(Buffer.from('d')), over()], [true, true, 0]);
      reply.onClose(() => told.push('closed before'));
      await new Promise(setImmediate);
      assert.equal(told.at(-1), 'closed before');
    }
  });
});

describe('a plain reply gives a chunk back', () => {
  const BIG = 20_000;

  /** A reply of which nothing leaves, and the numbers of the chunks it gave back. */
  function lending(length: number | undefined): Scene & { readonly write: (n: number) => void; readonly back: number[] } {
    const given = scene();
    const back: number[] = [];
    const lender = { giveBack: (chunk: Buffer) => void back.push(chunk[0]!) };
    given.client.stop();
    given.reply.head(200, FIELDS(), length);
    return { ...given, back, write: (n) => void given.reply.write(Buffer.alloc(BIG, n), lender) };
  }

  for (const [framing, length] of [['of a known length', 4 * BIG], ['in chunks', undefined]] as const) {
    test(`${framing}: at once where it has left at once, else when all before it has left too`, async () => {
      const { client, reply, got, write, back } = lending(length);
      write(1);
      await got();
      write(2);
      await got();
      assert.deepEqual(back, []);
      client.take();
      await got();
      assert.deepEqual(back, [1, 2]);
      write(3);
      await got();
      if (length !== undefined) assert.deepEqual(back, [1, 2, 3]);
      write(4);
      reply.end();
      await got();
      assert.deepEqual(back, [1, 2, 3, 4]);
    });
  }

  test('never, where the client has left before', async () => {
    const { client, got, write, back } = lending(4 * BIG);
    for (const n of [1, 2]) write(n);
    client.destroy();
    await got();
    write(3);
    assert.deepEqual(back, []);
  });
});
