import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { test } from 'node:test';
import { StalledStreams } from './http2-stalled.ts';

test('a stream that takes nothing between two looks is ended, one that takes something or has nothing to take is not', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const stream = (writableLength: number, headersSent = true): { writableLength: number; headersSent: boolean; ended: boolean; destroy(): void } => ({
    writableLength,
    headersSent,
    ended: false,
    destroy() {
      this.ended = true;
    },
  });
  const [stuck, slow, idle, unanswered] = [stream(100), stream(100), stream(0), stream(100, false)];
  const session = new EventEmitter() as unknown as ServerHttp2Session;
  new StalledStreams().add(session, new Set([stuck, slow, idle, unanswered] as unknown as ServerHttp2Stream[]));
  t.mock.timers.tick(60_000);
  slow.writableLength = 90;
  t.mock.timers.tick(60_000);
  assert.deepEqual([stuck, slow, idle, unanswered].map(({ ended }) => ended), [true, false, false, false]);
  // Nobody looks any more once the last connection is closed.
  session.emit('close');
  t.mock.timers.tick(120_000);
  assert.equal(slow.ended, false);
});
