import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Fields } from '../http/fields.ts';
import { FixedOrigin } from './fixed-origin.ts';

const origin = new FixedOrigin('http://127.0.0.1:3000/base');
const site = origin.site({ scheme: 'http', host: 'www.example' }, '127.0.0.1:3000');

/** ms: what looks at each character a few times takes less than one. */
const PATIENCE_MS = 200;
const LENGTH = 64 * 1024;

function quickly(name: string, act: () => void): void {
  test(name, () => {
    const begun = process.cpuUsage();
    act();
    const tookMs = process.cpuUsage(begun).user / 1000;
    assert.ok(tookMs < PATIENCE_MS, `${tookMs} ms`);
  });
}

describe('a long field takes no time', () => {
  const long = (piece: string): string => piece.repeat(Math.ceil(LENGTH / piece.length));
  for (const piece of ['(', '<', '(<', '<(', '()', '<>', ' ']) quickly(`If: ${piece}…`, () => origin.toOrigin(Fields.of({ If: long(piece), Destination: long(piece) }), site));
  const responses: readonly (readonly [name: string, value: string])[] = [
    ['Link', long('<')], ['Link', long('<>"')], ['Link', `<a>;rel=${long(' ')}x`], ['Link', long('<a>;rel=" ')], ['Link', long('<a>;')], ['Link', long('"\\')],
    ['Set-Cookie', `a=b; domain=a${long(' ')}b`], ['Set-Cookie', `a=b; path=/a${long(' ')}b`], ['Set-Cookie', long('a=b; path=/;')],
    ['Refresh', `5${long(' ')}"`], ['Refresh', `5${long(' ')};`], ['Refresh', long('5.')], ['Location', long('/..')], ['Location', long('//')],
  ];
  for (const [name, value] of responses) quickly(`${name}: ${value.slice(0, 12)}…${value.slice(-3)}`, () => origin.toClient(Fields.of({ [name]: value }), site, { method: 'GET', target: origin.origin }));
});

describe('what is mapped', () => {
  const toOrigin = (value: string): string | undefined => {
    const fields = Fields.of({ If: value });
    origin.toOrigin(fields, site);
    return fields.get('if');
  };
  const toClient = (name: string, value: string): string | undefined => {
    const fields = Fields.of({ [name]: value });
    origin.toClient(fields, site, { method: 'GET', target: { ...origin.origin, path: '/base/a' } });
    return fields.get(name);
  };

  test('in If: resources, but no tokens and entity tags', () => {
    assert.equal(toOrigin('<http://www.example/a> (<urn:uuid:1> ["<http://www.example/b>"]) </c> (Not <x>)'), '<http://127.0.0.1:3000/base/a> (<urn:uuid:1> ["<http://www.example/b>"]) </base/c> (Not <x>)');
    assert.equal(toOrigin('</a'), '</a');
    assert.equal(toOrigin('(</a>'), '(</a>');
  });

  test('in Link: all but the canonical', () => {
    assert.equal(toClient('link', '</base/a>; rel=next, </base/b>;rel="x canonical", </base/c>; rel= canonical'), '</a>; rel=next, </base/b>;rel="x canonical", </base/c>; rel= canonical');
  });

  test('in Set-Cookie: the Domain that is the origin\'s, and a Path below the base path', () => {
    assert.equal(toClient('set-cookie', 'a=b; Domain=127.0.0.1 ; Path=/base/x '), 'a=b; Path=/x');
    assert.equal(toClient('set-cookie', 'a=b; domain = .other.example; path = /elsewhere'), 'a=b; domain = .other.example; path = /elsewhere');
  });
});
