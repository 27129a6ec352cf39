import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MillraceError } from '../errors.ts';
import { MAX_BACKLOG, STUCK_MS, UnreadBytes } from './unread-bytes.ts';

const LIMIT = 1000;

class Client {
  cutBy: MillraceError | undefined;
  cut(error: MillraceError): void {
    this.cutBy = error;
  }
}

describe('bytes that clients have not taken', () => {
  let now = 0;
  const open = (): UnreadBytes => {
    now = 1_000_000;
    return new UnreadBytes(LIMIT, () => now);
  };

  test('are counted until they are taken, or the reply is over', () => {
    const unread = open();
    const [a, b] = [new Client(), new Client()];
    unread.add(a, 100);
    unread.add(a, 50);
    unread.add(b, 70);
    unread.take(a, 50);
    assert.equal(unread.bytes, 170);
    unread.remove(b);
    unread.remove(b);
    assert.equal(unread.bytes, 100);
    unread.take(a, 100);
    unread.take(a, 100);
    assert.equal(unread.bytes, 0);
  });

  test('may be fewer for each reply as they become many', () => {
    const unread = open();
    unread.add(new Client(), LIMIT / 4);
    assert.equal(unread.allowance, MAX_BACKLOG);
    const other = new Client();
    unread.add(other, 1);
    assert.equal(unread.allowance, 0);
    unread.remove(other);
    assert.equal(unread.allowance, MAX_BACKLOG);
  });

  test('cut clients that are stuck, the longest first, once half of the budget is used', () => {
    const unread = open();
    const [first, second, third, lively] = [new Client(), new Client(), new Client(), new Client()];
    unread.add(lively, 100);
    unread.add(first, 200);
    now += 1;
    unread.add(second, 200);
    now += STUCK_MS - 1;
    unread.take(lively, 50);
    unread.add(third, 100);
    assert.deepEqual([first, second, third, lively].map(({ cutBy }) => cutBy?.code), ['ERR_CLIENT_SLOW', undefined, undefined, undefined]);
    assert.equal(unread.bytes, 350);
    now += 1;
    unread.add(third, 200);
    assert.equal(second.cutBy?.code, 'ERR_CLIENT_SLOW');
    assert.equal(lively.cutBy, undefined);
  });

  test('cut clients that have just stopped only where the whole budget is used', () => {
    const unread = open();
    const clients = Array.from({ length: 12 }, () => new Client());
    for (const client of clients) {
      unread.add(client, 100);
      now += 500;
    }
    assert.equal(clients.filter(({ cutBy }) => cutBy !== undefined).length, 2);
    assert.equal(clients.findIndex(({ cutBy }) => cutBy === undefined), 2, 'the oldest were cut');
    assert.ok(unread.bytes <= LIMIT);
    for (const client of clients) unread.remove(client);
    assert.equal(unread.bytes, 0);
  });
});
