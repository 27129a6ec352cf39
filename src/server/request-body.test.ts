import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { describe, mock, test } from 'node:test';
import { type RequestBody, messageBody } from './request-body.ts';

/** A request whose bytes the test brings, on a connection that only notes its end. */
class FakeMessage extends Readable {
  complete = false;
  readonly rawTrailers: string[] = [];
  readonly socket = Object.assign(new EventEmitter(), {
    destroyed: false,
    destroy(this: EventEmitter & { destroyed: boolean }) {
      this.destroyed = true;
      this.emit('close');
    },
  });

  override _read(): void {}

  finish(): void {
    this.complete = true;
    this.push(null);
  }
}

function make(): { message: FakeMessage; body: RequestBody } {
  const message = new FakeMessage();
  return { message, body: messageBody(message as unknown as IncomingMessage, { maxTrailers: 100, minRate: 100 }) };
}

describe('the body of a request', () => {
  test('comes whole, and not before somebody reads it', async () => {
    const { message, body } = make();
    message.push('one ');
    await new Promise(setImmediate);
    assert.equal(message.readableFlowing, null);
    message.push('two');
    message.finish();
    assert.equal(Buffer.concat(await body.toArray()).toString(), 'one two');
  });

  test('stands still when its reader does', async () => {
    const { message, body } = make();
    body.once('data', () => body.pause());
    for (let i = 0; i < 10; i++) message.push(Buffer.alloc(body.readableHighWaterMark));
    await new Promise(setImmediate);
    assert.equal(message.isPaused(), true);
    assert.ok(body.readableLength <= 2 * body.readableHighWaterMark);
  });

  test('destroyed by its reader, it leaves the request alone', async () => {
    const { message, body } = make();
    body.resume();
    message.push('some');
    await new Promise(setImmediate);
    body.destroy(new Error('the origin failed'));
    await new Promise((closed) => body.once('close', closed));
    assert.deepEqual([message.destroyed, message.socket.destroyed, message.isPaused()], [false, false, true]);
  });

  test('breaks off with the connection', async () => {
    const { message, body } = make();
    body.resume();
    const error = once(body, 'error');
    message.destroy();
    assert.equal(((await error)[0] as { code: string }).code, 'ERR_CLIENT_GONE');
  });

  test('breaks off when the client is silent for a minute, but not while its reader lets it wait', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const { message, body } = make();
      body.once('data', () => body.pause());
      for (let i = 0; i < 3; i++) message.push(Buffer.alloc(body.readableHighWaterMark));
      await new Promise(setImmediate);
      mock.timers.tick(600_000);
      assert.equal(body.destroyed, false);
      body.resume();
      await new Promise(setImmediate);
      const error = once(body, 'error');
      mock.timers.tick(60_000);
      assert.equal(((await error)[0] as { code: string }).code, 'ERR_REQUEST_TIMEOUT');
    } finally {
      mock.timers.reset();
    }
  });
});

describe('a body that drips', () => {
  /** Bytes that come each 10 seconds, until it breaks off or 5 minutes are over. */
  const drip = async (bytes: number, pausedMs = 0): Promise<string | undefined> => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    try {
      const { message, body } = make();
      let code: string | undefined;
      body.on('error', (error) => (code = (error as unknown as { code: string }).code)).resume();
      for (let i = 0; i < 30 && code === undefined; i++) {
        message.push(Buffer.alloc(bytes));
        await new Promise(setImmediate);
        mock.timers.tick(10_000);
        if (pausedMs === 0) continue;
        body.pause();
        message.push(Buffer.alloc(2 * body.readableHighWaterMark));
        await new Promise(setImmediate);
        mock.timers.tick(pausedMs);
        body.resume();
        await new Promise(setImmediate);
      }
      return code;
    } finally {
      mock.timers.reset();
    }
  };

  test('breaks off where it comes at less than the least rate', async () => assert.equal(await drip(900), 'ERR_REQUEST_TIMEOUT'));
  test('goes on where it comes at that rate', async () => assert.equal(await drip(1100), undefined));
  test('goes on where its reader lets it wait', async () => assert.equal(await drip(1, 300_000), undefined));
});

describe('the rest of a request that is answered', () => {
  test('is read and forgotten, so that the connection can go on', async () => {
    const { message, body } = make();
    body.answered();
    for (let i = 0; i < 4; i++) message.push(Buffer.alloc(60_000));
    message.finish();
    await once(message, 'end');
    assert.equal(message.socket.destroyed, false);
    assert.equal(message.socket.listenerCount('close'), 0);
  });

  test('ends the connection where it is long', async () => {
    const { message, body } = make();
    body.destroy();
    body.answered();
    for (let i = 0; i < 5; i++) message.push(Buffer.alloc(60_000));
    await once(message.socket, 'close');
    assert.equal(message.socket.destroyed, true);
  });

  test('ends the connection where it does not come', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const { message, body } = make();
      body.answered();
      mock.timers.tick(60_000);
      assert.equal(message.socket.destroyed, true);
    } finally {
      mock.timers.reset();
    }
  });

  test('still goes to a reader that wants it', async () => {
    const { message, body } = make();
    body.resume();
    await new Promise(setImmediate);
    body.answered();
    const received = body.toArray();
    message.push('late');
    message.finish();
    assert.equal(Buffer.concat(await received).toString(), 'late');
  });
});
