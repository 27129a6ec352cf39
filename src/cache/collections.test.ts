import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collections } from './collections.ts';
import { Members } from './members.ts';

describe('collections', () => {
  test('may all have members until everything that was stored before is known, and then those that were stored', () => {
    const memory = Collections.memory();
    const collections = new Collections(memory);
    collections.add('http://h:1/%7Ea/b?c/d');
    assert.ok(collections.mayHaveMembers('http://h:1/other/'));
    collections.complete();
    for (const each of [collections, new Collections(memory)]) {
      for (const prefix of ['http://h:1/', 'http://h:1/~a/', 'http://h:1/%7ea/']) assert.ok(each.mayHaveMembers(prefix), prefix);
      for (const prefix of ['http://h:1/other/', 'http://h:1/~a/b/', 'http://h:1/~a/b?c/', 'http://h/']) assert.ok(!each.mayHaveMembers(prefix), prefix);
    }
    // An item itself is no collection, with or without a slash at its end.
    collections.add('http://h:1/items/5/');
    assert.ok(!collections.mayHaveMembers('http://h:1/items/5/'));
    assert.ok(collections.mayHaveMembers('http://h:1/items/'));
  });

  test('without members cost nothing; requests that come while one is looked through share the next look', async () => {
    const collections = new Collections();
    collections.complete();
    collections.add('http://h/a/b');
    const looks: string[] = [];
    const opened = Promise.withResolvers<void>();
    let underWay: string[] = [];
    const members = new Members(collections, () => underWay, async (prefix) => {
      looks.push(prefix);
      await opened.promise;
    });
    await members.invalidate('http://h/c/');
    assert.deepEqual(looks, []);
    underWay = ['GET http://h/c/x'];
    const all = [members.invalidate('http://h/c/')];
    await Promise.resolve();
    for (let i = 0; i < 5; i++) all.push(members.invalidate('http://h/a/'));
    opened.resolve();
    await Promise.all(all);
    assert.deepEqual(looks, ['http://h/c/', 'http://h/a/']);
  });
});
