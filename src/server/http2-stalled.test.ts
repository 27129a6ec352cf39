import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import { test } from 'node:test';
import { StalledStreams } from './http2-stalled.ts';

test('a stream that takes nothing between two looks is ended, one that takes something or has nothing to take is not', () => {
  const stream = (writableLength: number, headersSent = true): { writableLength: number; headersSent: boolean; ended: boolean; destroy(): void } => ({
    writableLength,
    headersSent,
    ended: false,
    destroy() {
      this.ended = true;
    },
  });
  const [stuck, slow, idle, unanswered] = [stream(100), stream(100), stream(0), stream(100, false)];
  const all = [stuck, slow, idle, unanswered] as unknown as ServerHttp2Stream[];
  const stalled = new StalledStreams();
  stalled.look(all);
  slow.writableLength = 90;
  stalled.look(all);
  assert.deepEqual([stuck, slow, idle, unanswered].map(({ ended }) => ended), [true, false, false, false]);
});
