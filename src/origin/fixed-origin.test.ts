import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Target } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import { FixedOrigin } from './fixed-origin.ts';

function resolve(origin: string, requestTarget: string, method = 'GET'): Target {
  const resolution = new FixedOrigin(origin).resolve({ method, requestTarget, fields: new Fields() });
  assert.ok(resolution.kind === 'target');
  assert.equal(resolution.mode, 'reverse');
  return resolution.target;
}

const refused = (error: unknown): boolean => error instanceof MillraceError && error.code === 'ERR_BAD_TARGET';

describe('a fixed origin', () => {
  test('gets every request, its path byte for byte below the base path', () => {
    assert.deepEqual(resolve('http://Example.com', '/a%2fb//c/../d?x=%zz&y'), { scheme: 'http', host: 'example.com', port: 80, authority: 'example.com', path: '/a%2fb//c/../d?x=%zz&y' });
    assert.deepEqual(resolve('https://[::1]:8443/base/path/', '/x'), { scheme: 'https', host: '::1', port: 8443, authority: '[::1]:8443', path: '/base/path/x' });
    assert.equal(resolve('http://h:80/b', '/?q').path, '/b/?q');
    assert.equal(resolve('http://h', 'http://other.example:99/x?y').path, '/x?y');
    assert.equal(resolve('http://h', 'http://other.example').path, '/');
    assert.equal(resolve('http://h', '*', 'OPTIONS').path, '*');
  });

  test('is not reached outside its base path', () => {
    for (const path of ['/..', '/../x', '/a/../../x', '/%2e%2e/x', '/%2E./x', '/a//../../x', '/..%2fx', '/%252e%252e/x', '/..\\x', '/%5c..%5cx', '/..;a=b/x', '/..%3bx/y', '/./../x']) {
      assert.throws(() => resolve('http://h/base', path), refused, path);
      assert.equal(resolve('http://h', path).path, path);
    }
    assert.equal(resolve('http://h/base', '/a/../b?/../..').path, '/base/a/../b?/../..');
    assert.equal(resolve('http://h/base', '/..a/...').path, '/base/..a/...');
  });

  test('never reaches outside its base path, whatever is asked', () => {
    const piece = fc.constantFrom('.', '..', '/', '//', '%2e', '%2E', '%2f', '%5c', '\\', ';', 'a', '?', '%25', '%', '*', 'http://h');
    const target = fc.oneof(fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')), fc.string());
    fc.assert(
      fc.property(target, (requestTarget) => {
        let path: string;
        try {
          path = resolve('http://h/base', requestTarget).path;
        } catch (error) {
          assert.ok(refused(error), String(error));
          return;
        }
        assert.ok(path.startsWith('/base/'));
        // As a URL parser reads it, and as an origin that decodes first and merges slashes does.
        assert.ok(new URL(`http://h${path}`).pathname.startsWith('/base'), path);
        let decoded = path.split('?')[0]!;
        for (let i = 0; i < 3; i++) decoded = decoded.replace(/%(2e|2f|5c|25)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
        const merged = decoded.replaceAll('\\', '/').replace(/\/+/g, '/');
        assert.ok(new URL(`http://h${merged}`).pathname.startsWith('/base'), path);
      }),
      { numRuns: 2000 },
    );
  });

  test('is told from what is no origin', () => {
    for (const url of ['', 'h', 'ftp://h', 'http://', 'http://h:0', 'http://h:99999', 'http://u:p@h', 'http://h/?q', 'http://h/#x', 'http://a b', '/x']) {
      assert.throws(() => new FixedOrigin(url), (error) => error instanceof MillraceError && error.code === 'ERR_CONFIG' && error.message.includes(`"${url}"`), url);
    }
  });

  test('refuses targets that are none', () => {
    for (const target of ['', 'x', '*', '/a b', '/a#b', '/\x00', '/\x7f', '/\u0100', 'ftp://h/', 'http://', 'h:80']) assert.throws(() => resolve('http://h', target), refused, target);
  });
});
