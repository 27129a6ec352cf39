import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cacheKey, urlOfKey } from './key.ts';
import type { Target } from './ports.ts';

function target(path: string, authority = 'example.com'): Target {
  return { scheme: 'http', host: 'example.com', port: 80, authority, path };
}

describe('cacheKey', () => {
  const rows: [a: string, b: string, same: boolean][] = [
    ['/p?a=1&b=2', '/p?b=2&a=1', true],
    ['/p?a=1&a=2', '/p?a=2&a=1', false],
    ['/p?b&a=2&a=1', '/p?a=2&b&a=1', true],
    ['/p?a=%31', '/p?a=1', false],
    ['/p?', '/p', false],
    ['/p?a=1', '/p?a=1&', false],
    ['/p?A=1&a=2', '/p?a=2&A=1', false],
    ['/P', '/p', false],
    ['/p?a?b=1&c=2', '/p?c=2&a?b=1', true],
  ];
  for (const [a, b, same] of rows) {
    test(`${a} ${same ? 'is' : 'is not'} ${b}`, () => assert.equal(cacheKey(target(a), true) === cacheKey(target(b), true), same));
  }

  test('different origins never share a key, and the key gives the URL back', () => {
    fc.assert(
      fc.property(fc.webUrl(), fc.webUrl(), (a, b) => {
        const [left, right] = [new URL(a), new URL(b)].map(({ protocol, host, pathname, search }) => ({
          scheme: protocol.slice(0, -1) as 'http', host, port: 80, authority: host, path: pathname + search,
        }));
        const same = JSON.stringify([left!.scheme, left!.authority, left!.path]) === JSON.stringify([right!.scheme, right!.authority, right!.path]);
        assert.equal(cacheKey(left!, false) === cacheKey(right!, false), same);
        assert.equal(urlOfKey(cacheKey(left!, false)), `${left!.scheme}://${left!.authority}${left!.path}`);
      }),
    );
  });

  test('without sorting the query is left as it is', () => {
    assert.notEqual(cacheKey(target('/p?b=1&a=2'), false), cacheKey(target('/p?a=2&b=1'), false));
  });
});
