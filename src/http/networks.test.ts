import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Networks } from './networks.ts';

test('has the addresses and ranges it was given, in any spelling', () => {
  const networks = new Networks(['10.0.0.0/8', '192.168.1.5', '2001:db8::/32', '::1']);
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '192.168.1.5', '2001:DB8::7', '::1', '0:0:0:0:0:0:0:1']) assert.ok(networks.has(address), address);
  for (const address of ['11.0.0.1', '192.168.1.6', '2001:db9::1', '127.0.0.1', '', 'localhost']) assert.equal(networks.has(address), false, address);
});

test('without any, has none', () => {
  assert.ok(new Networks([]).isEmpty);
  assert.equal(new Networks([]).has('127.0.0.1'), false);
});

test('what is no range is refused', () => {
  assert.throws(() => new Networks(['here']), { code: 'ERR_CONFIG', message: /"here"/ });
  assert.throws(() => new Networks(['10.0.0.0/33']), { code: 'ERR_CONFIG' });
});
