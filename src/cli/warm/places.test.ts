import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Places, type Serving } from './places.ts';

const url = 'http://127.0.0.1:8080';
const reverse: Serving = { url, origin: { only: 'http://localhost:3000/base/' } };
const any: Serving = { url, origin: 'any' };

describe('where a URL is served', () => {
  const cases: [text: string, serving: Serving, target: string | RegExp, host?: string][] = [
    ['/a?b', reverse, '/a?b', '127.0.0.1:8080'],
    ['/a b#c', reverse, '/a%20b', '127.0.0.1:8080'],
    ['/\u00e9\u{1f600}', reverse, '/%C3%A9%F0%9F%98%80', '127.0.0.1:8080'],
    ['http://localhost:8080/a', reverse, '/a', 'localhost:8080'],
    ['http://127.0.0.1:8080', reverse, '/', '127.0.0.1:8080'],
    ['http://localhost:3000/base/a?b#c', reverse, '/a?b', '127.0.0.1:8080'],
    ['http://localhost:3000/other', reverse, /not below http:\/\/localhost:3000\/base/],
    ['https://localhost:3000/base/a', reverse, /of another host, localhost:3000/],
    ['http://www.example.com/a', reverse, /of another host, www\.example\.com/],
    ['https://site.example/a', reverse, '/a', 'site.example'],
    ['a', reverse, /neither a path nor an http URL/],
    ['mailto:a@b', reverse, /neither/],
    ['http://', reverse, /neither/],
    ['http://example.com/a', any, 'http://example.com/a', 'example.com'],
    ['https://example.com', any, 'https://example.com/', 'example.com'],
    ['/example.com/a', any, '/example.com/a', '127.0.0.1:8080'],
    ['http://[::1]:8080/a', any, '/a', '[::1]:8080'],
    ['http://example.com/a', { url, origin: 'unknown' }, /of another host/],
  ];
  for (const [text, serving, target, host] of cases) {
    test(`${JSON.stringify(text)} ${typeof serving.origin === 'string' ? serving.origin : 'reverse'}`, () => {
      const found = new Places(serving, ['Site.example:80']).find(text);
      if (typeof target === 'string') assert.deepEqual(found, { requestTarget: target, host });
      else assert.match((found as { why: string }).why, target);
    });
  }
});
