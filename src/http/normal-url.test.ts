import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cacheKey, urlOfKey } from '../cache/key.ts';
import { beginsWith, normalUrl } from './normal-url.ts';

describe('the normal spelling of a URL', () => {
  for (const [url, normal] of [
    ['http://h/~a', 'http://h/~a'],
    ['http://h/%7Ea', 'http://h/~a'],
    ['http://h/%d9%8a', 'http://h/%D9%8A'],
    ['http://h/%61%2fb', 'http://h/a%2Fb'],
    ['http://h/%zz%', 'http://h/%zz%'],
    ['http://h/%2541', 'http://h/%2541'],
    ['http://h/a/./b/../c', 'http://h/a/c'],
    ['http://h/a/%2E%2e/c', 'http://h/c'],
    ['http://h/../a/..', 'http://h/'],
    ['http://h//a', 'http://h//a'],
    ['http://h/?q=/../%7e', 'http://h/?q=/../~'],
    ['http://h/?%7ea=1&b=2', 'http://h/?~a=1&b=2'],
  ] as const) test(url, () => assert.equal(normalUrl(url), normal));

  test('is its own, and that of every way to escape it', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '~', '/', '.', '&', '=', '?', '%41', '%2F', 'z'), maxLength: 12 });
    fc.assert(
      fc.property(text, fc.infiniteStream(fc.integer({ min: 0, max: 2 })), (path, choices) => {
        const key = (raw: string): string => urlOfKey(cacheKey({ scheme: 'http', host: 'h', port: 80, authority: 'h', path: `/${raw}` }, true));
        const escaped = path.replace(/%..|[a-z~]/g, (each) => (each.startsWith('%') ? each.toLowerCase() : choices.next().value === 0 ? each : `%${each.charCodeAt(0).toString(16)}`));
        assert.equal(normalUrl(normalUrl(key(path))), normalUrl(key(path)));
        assert.equal(normalUrl(key(escaped)), normalUrl(key(path)));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('what a URL begins with', () => {
  for (const [url, prefix, begins] of [
    ['http://h/%7Ea/x', 'http://h/~a/', true],
    ['http://h/~a/x', 'http://h/%7ea', true],
    ['http://h/%d9x', 'http://h/%D9', true],
    ['http://h/a/../b', 'http://h/b', true],
    ['http://h/a', 'http://h/.', false],
    ['http://h/.well-known/x', 'http://h/.', true],
    ['http://h/b', 'http://h/a', false],
  ] as const) test(`${url} ${prefix}`, () => assert.equal(beginsWith(url, prefix), begins));
});
