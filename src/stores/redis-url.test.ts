import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotOf } from './redis-slot.ts';
import { parseRedisUrl } from './redis-url.ts';

test('a URL of Redis says all that is to be known', () => {
  const plain = { kind: 'single', tls: false, hosts: [{ host: 'a', port: 6379 }], user: undefined, password: undefined, database: 0, master: '', prefix: 'millrace:', shown: 'redis://a' };
  assert.deepEqual(parseRedisUrl('redis://a'), plain);
  assert.deepEqual(parseRedisUrl('rediss://u:p%40ss@a:1/3?prefix=x:'), { ...plain, tls: true, hosts: [{ host: 'a', port: 1 }], user: 'u', password: 'p@ss', database: 3, prefix: 'x:', shown: 'rediss://a:1' });
  assert.deepEqual(parseRedisUrl('redis://:secret@[::1]:7'), { ...plain, hosts: [{ host: '::1', port: 7 }], password: 'secret', shown: 'redis://[::1]:7' });
  assert.deepEqual(parseRedisUrl('redis+cluster://a:1,b'), { ...plain, kind: 'cluster', hosts: [{ host: 'a', port: 1 }, { host: 'b', port: 6379 }], shown: 'redis+cluster://a:1,b' });
  assert.deepEqual(parseRedisUrl('rediss+sentinel://a,b:2/1?master=m'), { ...plain, kind: 'sentinel', tls: true, hosts: [{ host: 'a', port: 26_379 }, { host: 'b', port: 2 }], database: 1, master: 'm', shown: 'rediss+sentinel://a,b:2' });
});

test('what is none is refused', () => {
  for (const text of ['', 'a:6379', 'http://a', 'redis://', 'redis://a,b', 'redis://a:0', 'redis://a:65536', 'redis://a/x', 'redis://a?master=m', 'redis+sentinel://a', 'redis+sentinel://a?master=', 'redis+cluster://a/1', 'redis://a?prefix={x}', 'redis://a?x=y', 'redis://%@a', 'redis://a#b']) {
    assert.equal(parseRedisUrl(text), undefined, text);
  }
});

test('a key lies in the slot that Redis says', () => {
  // Source: redis-cli cluster keyslot
  for (const [key, slot] of [['123456789', 12_739], ['foo', 12_182], ['a{foo}b', 12_182], ['{}foo', slotOf(Buffer.from('{}foo'))], ['{user1000}.following', 3443]] as const) assert.equal(slotOf(key), slot, key);
});
