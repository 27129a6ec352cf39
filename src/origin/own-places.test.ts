import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';
import { OwnPlaces, type Place } from './own-places.ts';

function places(...all: Place[]): OwnPlaces {
  const own = new OwnPlaces();
  for (const place of all) own.add(place);
  return own;
}

const LOOPBACK = ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', 'localhost', 'x.localhost', '0.0.0.0', '::'];
const MACHINE = Object.values(networkInterfaces()).flatMap((each) => each ?? []).map(({ address }) => address);

describe('a place of our own', () => {
  const own = places({ address: '127.0.0.1', port: 8080 }, { address: '127.0.0.1', port: 9090 });
  for (const host of LOOPBACK) test(host, () => assert.deepEqual([8080, 9090, 80].map((port) => own.has(host, port)), [true, true, false]));

  test('is every address of the machine, where all are listened on', () => {
    assert.ok(MACHINE.length > 0);
    for (const every of ['0.0.0.0', '::', 'name-of-this-machine']) {
      for (const address of MACHINE) assert.deepEqual([8080, 80].map((port) => places({ address: every, port: 8080 }).has(address, port)), [true, false], address);
    }
  });

  test('is the one address that is listened on, in each spelling', () => {
    const one = places({ address: '192.0.2.7', port: 8080 });
    assert.ok(one.has('192.0.2.7', 8080));
    assert.ok(one.has('::ffff:192.0.2.7', 8080));
    assert.ok(!one.has('192.0.2.8', 8080));
    const six = places({ address: '2001:db8::7', port: 8080 });
    assert.ok(six.has('2001:db8:0:0:0:0:0:7', 8080));
  });

  test('is no other address of the machine where loopback is listened on, nor another machine', () => {
    for (const host of [...MACHINE.filter((address) => !address.startsWith('127.') && address !== '::1'), '198.51.100.1', '2001:db8::1', 'www.example.com']) assert.ok(!own.has(host, 8080), host);
    assert.ok(!places({ address: '::', port: 8080 }).has('198.51.100.1', 8080));
  });
});
