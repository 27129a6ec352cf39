import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Fields } from '../http/fields.ts';
import { HostCookies } from './host-cookies.ts';
import { makeTarget } from './targets.ts';

const cookies = new HostCookies('secret');
const shop = makeTarget('https', 'shop.example', 443, '/');
const others = [makeTarget('http', 'shop.example', 443, '/'), makeTarget('https', 'shop.example', 444, '/'), makeTarget('https', 'www.shop.example', 443, '/'), makeTarget('https', '::1', 443, '/')];

/** What a browser sends for a Set-Cookie value. */
const pairOf = (line: string): string => line.split(';', 1)[0]!;

/** The Cookie that a host gets of it. */
function sent(cookie: string, target = shop): string | undefined {
  const fields = Fields.of({ Cookie: cookie });
  cookies.toOrigin(fields, target);
  return fields.get('cookie');
}

describe("a host's cookie", () => {
  test('comes back to that host under its own name, and to no other', () => {
    fc.assert(fc.property(fc.stringMatching(/^[\w!#$%&'*+.^`|~-]{0,20}$/), fc.stringMatching(/^[!-+\--:<-~]{0,40}$/), (name, value) => {
      fc.pre(!/^__(?:host|secure|http)-/i.test(name) && (name !== '' || !value.includes('=')));
      const pair = pairOf(cookies.toClient(`${name}=${value}; Path=/`, shop, '/shop')!);
      assert.equal(sent(`a=b; ${pair}; ${pair}x; c`), name === '' ? value : `${name}=${value}`);
      for (const other of others) assert.equal(sent(pair, other), undefined);
    }));
  });

  test('passes with the seal of this proxy alone, for that name and value', () => {
    const pair = pairOf(cookies.toClient('sid=1', shop, '/shop')!);
    assert.equal(sent(pair), 'sid=1');
    for (const forged of [`${pair}2`, pair.replace('~sid', '~uid'), pair.replace(/=.{22}/, '='), pair.replace(/=.{22}/, `=${'A'.repeat(22)}`), pairOf(new HostCookies('other').toClient('sid=1', shop, '/shop')!), 'sid=1', '=sid=1', '']) {
      assert.equal(sent(forged), undefined, forged);
    }
  });

  test('is not taken for the one that says that a host was opened', () => {
    const name = pairOf(cookies.opened(shop)).split('=', 1)[0]!;
    const tricked = pairOf(cookies.toClient('=', shop, '/shop')!);
    assert.ok(cookies.hasOpened(Fields.of({ Cookie: pairOf(cookies.opened(shop)) }), shop));
    for (const seal of [tricked.slice(-22), cookies.sealOfLink(''), '']) assert.ok(!cookies.hasOpened(Fields.of({ Cookie: `${name}=${seal}` }), shop));
    for (const other of others) assert.ok(!cookies.hasOpened(Fields.of({ Cookie: pairOf(cookies.opened(shop)) }), other));
  });
});

describe('a cookie whose name promises attributes', () => {
  const cases: [line: string, isKept: boolean][] = [
    ['__Secure-a=1; Secure', true], ['__Secure-a=1', false], ['__secure-a=1; Path=/', false],
    ['__Host-a=1; Secure; Path=/', true], ['__Host-a=1; Secure', false], ['__Host-a=1; Path=/', false], ['__Host-a=1; Secure; Path=/x', false], ['__Host-a=1; Secure; Path=/; Domain=shop.example', false], ['__Host-a=1; Secure; Path=/; Path=/x', false],
    ['__Http-a=1; Secure; HttpOnly', true], ['__Http-a=1; Secure', false],
    ['__Host-Http-a=1; Secure; HttpOnly; Path=/', true], ['__Host-Http-a=1; Secure; Path=/', false], ['__Host-Http-a=1; Secure; HttpOnly', false],
  ];
  for (const [line, isKept] of cases) {
    test(line, () => assert.equal(cookies.toClient(line, shop, '/shop') !== undefined, isKept));
  }
});
