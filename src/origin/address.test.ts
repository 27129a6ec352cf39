import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MillraceError } from '../errors.ts';
import { canonicalHost, checkAddress, forbidden, isLoopback, isPrivateHost } from './address.ts';

const nobody = { isOwn: () => false, names: (): boolean => false };

/** Every way known to write an IPv4 address as a host. */
function spellings(octets: readonly number[]): string[] {
  const [a, b, c, d] = octets as [number, number, number, number];
  const number = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const hex = (n: number): string => `0x${n.toString(16)}`;
  const octal = (n: number): string => `0${n.toString(8)}`;
  const low24 = (b << 16) | (c << 8) | d;
  const low16 = (c << 8) | d;
  const dotted = octets.join('.');
  const group = (high: number, low: number): string => ((high << 8) | low).toString(16);
  return [
    dotted, `${dotted}.`, String(number), hex(number), hex(number).toUpperCase(), octal(number),
    octets.map(hex).join('.'), octets.map(octal).join('.'), `${a}.${low24}`, `${hex(a)}.${octal(low24)}`, `${a}.${b}.${low16}`, `${a}.${hex(b)}.${low16}.`,
    ...ipv6Spellings(octets).map((address) => `[${address}]`),
    `[::ffff:${group(a, b)}:${group(c, d)}]`, `[0:0:0:0:0:FFFF:${dotted}]`,
  ];
}

/** Every IPv6 address that stands for that IPv4 one. */
function ipv6Spellings(octets: readonly number[]): string[] {
  const [a, b, c, d] = octets as [number, number, number, number];
  const high = (a << 8) | b;
  const low = (c << 8) | d;
  const tail = `${high.toString(16)}:${low.toString(16)}`;
  const flipped = `${(high ^ 0xffff).toString(16)}:${(low ^ 0xffff).toString(16)}`;
  return [
    `::ffff:${octets.join('.')}`, `::ffff:${tail}`, `::ffff:0:${tail}`, `64:ff9b::${tail}`, `64:ff9b:1::${tail}`, `64:ff9b:1:2:3:4:${tail}`,
    `2002:${tail}::1`, `2001:0:${tail}:1:2:3:4`, `2001:0:8080:8080:0:0:${flipped}`,
    `2001:db8::5efe:${tail}`, `2001:db8::200:5efe:${tail}`, `fe80::5efe:${tail}`, ...(high === 0 ? [] : [`::${tail}`]),
  ];
}

const forbiddenIPv4 = fc.oneof(
  fc.tuple(fc.constant(169), fc.constant(254), fc.nat(255), fc.nat(255)),
  fc.tuple(fc.constant(0), fc.nat(255), fc.nat(255), fc.nat(255)),
  fc.tuple(fc.integer({ min: 224, max: 239 }), fc.nat(255), fc.nat(255), fc.nat(255)),
  fc.constantFrom([169, 254, 169, 254], [100, 100, 100, 200], [192, 0, 0, 192], [168, 63, 129, 16], [255, 255, 255, 255], [0, 0, 0, 0]),
);

describe('addresses', () => {
  test('any spelling of a forbidden address is refused', () => {
    fc.assert(
      fc.property(forbiddenIPv4, (octets) => {
        for (const spelling of spellings(octets)) {
          const host = canonicalHost(spelling);
          // What is no host at all reaches nothing either.
          if (host === undefined) continue;
          assert.throws(() => checkAddress(host, host, 80, nobody), (error) => error instanceof MillraceError && error.code === 'ERR_ADDRESS_DENIED', spelling);
        }
        for (const address of ipv6Spellings(octets)) assert.notEqual(forbidden(address), undefined, address);
      }),
    );
  });

  test('spellings are hosts where a resolver would take them', () => {
    for (const spelling of ['0x7f.1', '2130706433', '0177.0.0.1', '127.1', '127.0.0.1.', '0X7F000001']) assert.equal(canonicalHost(spelling), '127.0.0.1', spelling);
    assert.equal(canonicalHost('[0:0:0:0:0:FFFF:169.254.169.254]'), '::ffff:a9fe:a9fe');
    assert.equal(canonicalHost('Example.COM.'), 'example.com');
    assert.equal(canonicalHost('my_service'), 'my_service');
  });

  test('what is no host is none', () => {
    for (const text of ['', '.', '..', 'a..b', 'a b', 'a%2eb', 'user@host', 'a/b', '[::1', '::1', '[fe80::1%25eth0]', '1.2.3.4.5', '256.1.1.1', '-', '@vite', 'h\xf6st', 'a\tb', 'a'.repeat(300)]) {
      assert.equal(canonicalHost(text), undefined, JSON.stringify(text));
    }
    fc.assert(fc.property(fc.string(), (text) => void canonicalHost(text)));
  });

  test('other addresses are allowed', () => {
    for (const address of ['128.0.0.1', '::2', '10.0.0.1', '192.168.1.1', '100.100.100.201', '8.8.8.8', '2606:4700::1111', 'fd00::1', '::ffff:10.0.0.1', '64:ff9b::808:808', '2002:808:808::1', '223.255.255.255']) {
      assert.equal(forbidden(address), undefined, address);
    }
    for (const text of ['', 'localhost', 'x']) assert.notEqual(forbidden(text), undefined);
  });

  test('a refused address can be named', () => {
    assert.doesNotThrow(() => checkAddress('169.254.169.254', 'metadata', 80, { isOwn: () => false, names: (host) => host === 'metadata' }));
  });

  test('loopback is known by its names', () => {
    for (const host of ['localhost', 'app.localhost', '127.0.0.1', '127.9.9.9', '::1', '::ffff:7f00:1']) assert.ok(isLoopback(host), host);
    for (const host of ['localhost.example', '128.0.0.1', '::2', 'example.com']) assert.ok(!isLoopback(host), host);
  });
});

describe('isPrivateHost', () => {
  const privates = ['localhost', 'a.localhost', '127.9.9.9', '::1', '10.0.0.1', '172.31.0.1', '192.168.1.1', '169.254.1.1', '100.64.0.1', 'fd00::1', 'fe80::1', '::ffff:10.0.0.1', '0.0.0.0', 'app', 'printer.local', 'api.internal', 'nas.home.arpa', 'web.default.svc.cluster.local', 'x.test', 'box.lan'];
  for (const host of privates) test(`${host} is`, () => assert.equal(isPrivateHost(host), true));
  for (const host of ['api.github.com', 'example.com', '8.8.8.8', '172.32.0.1', '100.128.0.1', '2001:4860:4860::8888', 'local.example.com', 'home.arpa.example', 'notlocal']) {
    test(`${host} is ${host.includes('.') || host.includes(':') ? 'not' : ''}`, () => assert.equal(isPrivateHost(host), !host.includes('.') && !host.includes(':')));
  }
});
