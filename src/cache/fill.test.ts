import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Reply } from './exchange.ts';
import { type Storing, Fill } from './fill.ts';
import type { BodySink, Lender, OriginBody, StoreWriter } from './ports.ts';
import { type Span, sendFill } from './reply-body.ts';
import { UnreadBytes } from './unread-bytes.ts';

const CHUNK = 64 * 1024;
const UNBOUNDED = new UnreadBytes(Infinity, Date.now);

function send(fill: Fill, reply: Reply, span: Span | undefined): ReturnType<typeof sendFill> {
  return sendFill(fill, reply, span, UNBOUNDED);
}

class ScriptedBody implements OriginBody {
  sink!: BodySink;
  isPaused = false;
  isAborted = false;
  readonly givenBack: Buffer[] = [];
  pipe(sink: BodySink): void {
    this.sink = sink;
  }
  resume(): void {
    this.isPaused = false;
  }
  giveBack(chunk: Buffer): void {
    this.givenBack.push(chunk);
  }
  abort(): void {
    this.isAborted = true;
  }
  /** The n-th chunk has the byte n everywhere. */
  send(n: number): void {
    this.isPaused = !this.sink.data(Buffer.alloc(CHUNK, n));
  }
}

/** Keeps what it takes, as if on a disk. */
class FarWriter implements StoreWriter {
  chunks: Buffer[] = [];
  backlog = 0;
  isRefusing = false;
  isAborted = false;
  drained: (() => void) | undefined;
  stores = true;
  get written(): number {
    return this.chunks.length * CHUNK;
  }
  write(chunk: Buffer): boolean {
    if (!this.isRefusing) this.chunks.push(Buffer.from(chunk));
    return !this.isRefusing;
  }
  reads = 0;
  chunkAt(position: number): Buffer | undefined {
    this.reads++;
    if (this.isAborted) return undefined;
    return this.chunks[Math.floor(position / CHUNK)]?.subarray(position % CHUNK);
  }
  onDrain(listener: () => void): void {
    this.drained = listener;
  }
  async commit(): Promise<boolean> {
    return this.stores;
  }
  abort(): void {
    this.isAborted = true;
  }
}

/** A client that takes so many bytes and then one more write for each drain(). */
class SlowClient {
  readonly got: Buffer[] = [];
  room: number;
  isEnded = false;
  isCut = false;
  #drain: (() => void) | undefined;
  readonly reply: Reply;

  constructor(room: number) {
    this.room = room;
    this.reply = {
      closed: false,
      write: (chunk: Buffer) => {
        this.got.push(chunk);
        this.room -= chunk.length;
        return this.room > 0;
      },
      onDrain: (listener: () => void) => (this.#drain = listener),
      onClose: () => {},
      end: () => (this.isEnded = true),
      abort: () => (this.isCut = true),
    } as unknown as Reply;
  }

  drain(room: number): void {
    this.room = room;
    const listener = this.#drain;
    this.#drain = undefined;
    listener?.();
  }

  /** The bytes it got are those of the body from that chunk on, each once. */
  assertGot(chunks: number, first = 0): void {
    const all = Buffer.concat(this.got);
    assert.equal(all.length, (chunks - first) * CHUNK);
    for (let n = first; n < chunks; n++) assert.ok(all.subarray((n - first) * CHUNK, (n - first + 1) * CHUNK).equals(Buffer.alloc(CHUNK, n)), `chunk ${n} is at its place`);
  }
}

/** A client that takes everything until it leaves. */
class LeavingClient {
  #onClose: (() => void) | undefined;
  readonly reply: Reply = { closed: false, write: () => true, onClose: (listener: () => void) => (this.#onClose = listener), end: () => {}, abort: () => {} } as unknown as Reply;

  leave(): void {
    this.#onClose!();
  }
}

function start(writer: StoreWriter | undefined, storing: Partial<Storing> = {}): { body: ScriptedBody; fill: Fill } {
  const body = new ScriptedBody();
  const fill = new Fill(body, writer, { commit: async (written) => written.commit(Buffer.alloc(0)), stands: () => true, unreadMs: () => undefined, ...storing });
  return { body, fill };
}

describe('a client that is slower than the origin', () => {
  test('reads from the store what it was not given, and holds up neither the origin nor memory', async () => {
    const writer = new FarWriter();
    const { body, fill } = start(writer);
    const client = new SlowClient(2 * CHUNK);
    const fast = new SlowClient(Infinity);
    const over = [send(fill, client.reply, undefined)!, send(fill, fast.reply, undefined)!];
    fill.start();
    for (let n = 0; n < 100; n++) {
      body.send(n);
      assert.equal(body.isPaused, false);
      if (n === 50) client.drain(20 * CHUNK);
    }
    fast.assertGot(100);
    body.sink.end(undefined);
    assert.equal(fast.isEnded, true);
    assert.equal(await fill.stored, true);
    assert.equal(writer.isAborted, false, 'somebody still reads it');
    while (!client.isEnded) client.drain(3 * CHUNK);
    client.assertGot(100);
    assert.ok(writer.reads > 70, `it was given few, and read ${writer.reads}`);
    await Promise.all(over);
    assert.equal(writer.isAborted, true, 'let go of');
  });

  test('gets all when the store gives up, which then comes at its pace', async () => {
    const writer = new FarWriter();
    const { body, fill } = start(writer);
    const client = new SlowClient(CHUNK);
    const over = send(fill, client.reply, undefined)!;
    fill.start();
    for (let n = 0; n < 30; n++) body.send(n);
    writer.isRefusing = true;
    body.send(30);
    assert.equal(body.isPaused, true, 'nothing keeps what comes now');
    assert.equal(await fill.stored, false);
    assert.equal(writer.isAborted, false);
    body.send(31);
    for (let i = 0; body.isPaused && i < 100; i++) client.drain(2 * CHUNK);
    assert.equal(writer.isAborted, true);
    for (let n = 32; n < 40; n++) {
      body.send(n);
      if (body.isPaused) client.drain(8 * CHUNK);
    }
    body.sink.end(undefined);
    for (let i = 0; !client.isEnded && i < 100; i++) client.drain(2 * CHUNK);
    client.assertGot(40);
    assert.equal(await over, undefined);
  });

  test('gets all when the store could not keep it in the end', async () => {
    const writer = new FarWriter();
    writer.stores = false;
    const { body, fill } = start(writer);
    const client = new SlowClient(CHUNK);
    void send(fill, client.reply, undefined);
    fill.start();
    for (let n = 0; n < 30; n++) body.send(n);
    body.sink.end(undefined);
    assert.equal(await fill.stored, false);
    await new Promise(setImmediate);
    while (!client.isEnded) client.drain(4 * CHUNK);
    client.assertGot(30);
    assert.equal(writer.isAborted, true);
  });

  test('gets what came before a break, and the break', async () => {
    const writer = new FarWriter();
    const { body, fill } = start(writer);
    const client = new SlowClient(CHUNK);
    const over = send(fill, client.reply, undefined)!;
    fill.start();
    for (let n = 0; n < 30; n++) body.send(n);
    body.sink.error(new Error('broken'));
    for (let i = 0; !client.isCut && i < 100; i++) client.drain(4 * CHUNK);
    client.assertGot(30);
    assert.ok((await over) !== undefined);
    assert.equal(writer.isAborted, true);
  });

  test('who joins late reads from the store, also a part', async () => {
    const { body, fill } = start(new FarWriter());
    const first = new SlowClient(Infinity);
    void send(fill, first.reply, undefined);
    fill.start();
    for (let n = 0; n < 20; n++) body.send(n);
    const late = new SlowClient(3 * CHUNK);
    const part = new SlowClient(Infinity);
    void send(fill, late.reply, undefined);
    void send(fill, part.reply, { start: 10 * CHUNK, end: 25 * CHUNK });
    for (let n = 20; n < 40; n++) body.send(n);
    assert.equal(part.isEnded, true);
    part.assertGot(25, 10);
    body.sink.end(undefined);
    while (!late.isEnded) late.drain(5 * CHUNK);
    late.assertGot(40);
  });

  test('whose bytes the store has lost is told so by a response that breaks off', async () => {
    const writer = new FarWriter();
    const { body, fill } = start(writer);
    const client = new SlowClient(CHUNK);
    const over = send(fill, client.reply, undefined)!;
    fill.start();
    for (let n = 0; n < 30; n++) body.send(n);
    writer.chunkAt = (): undefined => undefined;
    for (let i = 0; !client.isCut && i < 20; i++) client.drain(4 * CHUNK);
    assert.equal(client.isEnded, false);
    assert.match(String(await over), /could not be read from the store/);
  });
});

test('a store that is slower than the origin holds it up, until it has caught up', () => {
  const writer = new FarWriter();
  const { body, fill } = start(writer);
  const client = new SlowClient(Infinity);
  void send(fill, client.reply, undefined);
  fill.start();
  body.send(0);
  assert.equal(body.isPaused, false);
  writer.backlog = 4 * 1024 * 1024;
  body.send(1);
  assert.equal(body.isPaused, true);
  writer.backlog = 0;
  writer.drained?.();
  assert.equal(body.isPaused, false);
});

describe('a chunk is given back', () => {
  /** A client whose system takes what it was given when the test says so. */
  class Client {
    readonly reply: Reply;
    closed: (() => void) | undefined;
    #untaken: [Buffer, Lender][] = [];

    constructor() {
      this.reply = {
        closed: false,
        write: (chunk: Buffer, lender: Lender) => this.#untaken.push([chunk, lender]) > 0,
        onDrain: () => {},
        onClose: (listener: () => void) => (this.closed = listener),
        end: () => {},
        abort: () => {},
      } as unknown as Reply;
    }

    take(): void {
      for (const [chunk, lender] of this.#untaken.splice(0)) lender.giveBack(chunk);
    }
  }

  const numbers = (body: ScriptedBody): number[] => body.givenBack.map((chunk) => chunk[0]!);

  test('once the only client has taken it, stored or not', () => {
    for (const writer of [undefined, new FarWriter()]) {
      const { body, fill } = start(writer);
      const client = new Client();
      void send(fill, client.reply, undefined);
      fill.start();
      for (const n of [1, 2]) body.send(n);
      assert.deepEqual(numbers(body), []);
      client.take();
      body.send(3);
      assert.deepEqual(numbers(body), [1, 2]);
      body.sink.end(undefined);
      client.take();
      assert.deepEqual(numbers(body), [1, 2, 3]);
    }
  });

  test('once it is stored, where there is no client', () => {
    const { body, fill } = start(new FarWriter());
    fill.start();
    for (const n of [1, 2]) body.send(n);
    assert.deepEqual(numbers(body), [1, 2]);
  });

  test('never, where the client wanted a part of it, or left with it', () => {
    for (const span of [undefined, { start: 10, end: 20 }]) {
      const { body, fill } = start(new FarWriter());
      const client = new Client();
      const write = client.reply.write.bind(client.reply);
      client.reply.write = (chunk, lender) => {
        if (span === undefined) client.closed!();
        return write(chunk, lender);
      };
      void send(fill, client.reply, span);
      fill.start();
      body.send(1);
      assert.deepEqual(numbers(body), []);
      // Now there is none.
      body.send(2);
      assert.deepEqual(numbers(body), [2]);
    }
  });

  test('never, where there were two clients at any time', () => {
    const { body, fill } = start(new FarWriter());
    const [first, second, third] = [new Client(), new Client(), new Client()];
    for (const { reply } of [first, second]) void send(fill, reply, undefined);
    fill.start();
    body.send(1);
    first.take();
    body.send(2);
    // What they were given may still be on its way.
    second.closed!();
    body.send(3);
    first.closed!();
    void send(fill, third.reply, undefined);
    first.take();
    assert.deepEqual(numbers(body), []);
  });
});

describe('a body that nobody reads', () => {
  const GRACE_MS = 2000;
  const LONG_MS = 60_000;
  const waiting: Partial<Storing> = { unreadMs: (wasRead) => (wasRead ? GRACE_MS : LONG_MS) };

  test('ends a while after its last reader has left', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const writer = new FarWriter();
    const { body, fill } = start(writer, waiting);
    const [first, second] = [new LeavingClient(), new LeavingClient()];
    void send(fill, first.reply, undefined);
    void send(fill, second.reply, undefined);
    fill.start();
    body.send(0);
    first.leave();
    t.mock.timers.tick(LONG_MS);
    assert.equal(body.isAborted, false, 'somebody reads it');
    second.leave();
    t.mock.timers.tick(GRACE_MS - 1);
    body.send(1);
    assert.equal(body.isAborted, false, 'not at once');
    t.mock.timers.tick(1);
    assert.equal(body.isAborted, true);
    assert.equal(await fill.stored, false);
    assert.equal(writer.isAborted, true);
    assert.equal(fill.joinable, false);
  });

  test('goes on for one who comes in time', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { body, fill } = start(new FarWriter(), waiting);
    const first = new LeavingClient();
    void send(fill, first.reply, undefined);
    fill.start();
    body.send(0);
    first.leave();
    t.mock.timers.tick(GRACE_MS - 1);
    const second = new SlowClient(Infinity);
    void send(fill, second.reply, undefined);
    t.mock.timers.tick(LONG_MS);
    body.send(1);
    body.sink.end(undefined);
    t.mock.timers.tick(LONG_MS);
    assert.equal(body.isAborted, false);
    assert.equal(await fill.stored, true);
    second.assertGot(2);
  });

  test('goes on for longer where nobody has read it yet, as for a refresh in the background', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { body, fill } = start(new FarWriter(), waiting);
    fill.start();
    t.mock.timers.tick(LONG_MS - 1);
    body.send(0);
    assert.equal(body.isAborted, false);
    t.mock.timers.tick(1);
    assert.equal(body.isAborted, true);
  });

  test('goes on to its end where that is known', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { body, fill } = start(new FarWriter());
    const client = new LeavingClient();
    void send(fill, client.reply, undefined);
    fill.start();
    client.leave();
    t.mock.timers.tick(2 ** 31 - 1);
    body.send(0);
    body.sink.end(undefined);
    assert.equal(await fill.stored, true);
  });

  test('ends with a purge, or with the next bytes after one that was not told', () => {
    for (const isTold of [true, false]) {
      let stands = true;
      const { body, fill } = start(new FarWriter(), { stands: () => stands });
      const client = new LeavingClient();
      void send(fill, client.reply, undefined);
      // Readers are attached before it starts.
      fill.endIfUnwanted();
      fill.start();
      client.leave();
      body.send(0);
      fill.endIfUnwanted();
      assert.equal(body.isAborted, false);
      stands = false;
      if (isTold) fill.endIfUnwanted();
      else body.send(1);
      assert.equal(body.isAborted, true);
    }
  });

  test('that was purged ends with its last reader', () => {
    const { body, fill } = start(new FarWriter(), { stands: () => false });
    const client = new LeavingClient();
    void send(fill, client.reply, undefined);
    fill.start();
    body.send(0);
    fill.endIfUnwanted();
    assert.equal(body.isAborted, false);
    client.leave();
    assert.equal(body.isAborted, true);
  });
});

describe('a byte that is waited for', () => {
  const PATIENCE_MS = 60_000;
  const fill = (expected?: number): { fill: Fill; body: ScriptedBody; writer: FarWriter } => {
    const [body, writer] = [new ScriptedBody(), new FarWriter()];
    const made = new Fill(body, writer, { commit: async () => true, stands: () => true, unreadMs: () => undefined, expected });
    made.start();
    return { fill: made, body, writer };
  };
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

  test('is there, or comes next, or comes, or is far off', async () => {
    const { fill: filling, body } = fill();
    body.send(1);
    assert.equal(await filling.reaches(CHUNK, PATIENCE_MS), true);
    assert.equal(await filling.reaches(100 * 1024 * 1024, PATIENCE_MS), false);
    const soon = filling.reaches(2 * CHUNK + 1, PATIENCE_MS);
    body.send(2);
    body.send(3);
    assert.equal(await soon, true);
    assert.equal(timers(), 0);
  });

  test('does not come in time', async () => {
    const { fill: filling } = fill();
    assert.equal(await filling.reaches(CHUNK, 1), false);
    assert.equal(timers(), 0);
  });

  for (const [how, end] of [
    ['ends', (body: ScriptedBody) => body.sink.end(undefined)],
    ['breaks off', (body: ScriptedBody) => body.sink.error(new Error('gone'))],
  ] as const) {
    test(`holds nobody when the body ${how}`, async () => {
      const { fill: filling, body } = fill();
      const waiting = [filling.reaches(CHUNK, PATIENCE_MS), filling.reaches(2 * CHUNK, PATIENCE_MS)];
      end(body);
      await Promise.all(waiting);
      assert.equal(timers(), 0);
    });
  }

  test('keeps a part from being cut, and its timers go with its end', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { fill: filling, body } = fill(100 * CHUNK);
    body.send(1);
    const waiting = filling.reaches(2 * CHUNK, PATIENCE_MS);
    t.mock.timers.tick(5000);
    assert.equal(body.isAborted, false);
    body.send(2);
    assert.equal(await waiting, true);
    // It has what it waited for, and leaves.
    t.mock.timers.tick(999);
    assert.equal(body.isAborted, false);
    t.mock.timers.tick(1);
    assert.equal(body.isAborted, true);
    body.sink.error(new Error('aborted'));
    assert.equal(await filling.stored, true);
    assert.equal(filling.joinable, false);
  });

  test('a part without readers is cut after 8 MB, whatever the time; one that is read again is not', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { fill: filling, body } = fill(1000 * CHUNK);
    for (let n = 0; n < 100; n++) body.send(n);
    const client = new SlowClient(1e9);
    void send(filling, client.reply, { start: 0, end: 1000 * CHUNK });
    t.mock.timers.tick(10_000);
    for (let n = 0; n < 300; n++) body.send(n);
    assert.equal(body.isAborted, false);
    const { fill: unread, body: other } = fill(1000 * CHUNK);
    for (let n = 0; n < 200 && !other.isAborted; n++) other.send(n);
    assert.equal(other.isAborted, true);
    assert.ok(unread.kept > 8 * 1024 * 1024);
  });
});
