import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FieldLines } from '../../test/kit/messages.ts';
import { Fields } from '../http/fields.ts';
import { alsoInvalidated, invalidates } from './invalidate.ts';

describe('invalidates', () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'M-SEARCH', 'get']) {
    test(`${method}: a method that is unsafe or unknown, a non-error status`, () => {
      assert.deepEqual([199, 200, 204, 302, 399, 400, 404, 500].filter((status) => invalidates(method, status)), [200, 204, 302, 399]);
    });
  }
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH']) {
    test(`${method} is safe`, () => assert.equal(invalidates(method, 200), false));
  }
});

describe('alsoInvalidated', () => {
  const target = new URL('http://a.example:8080/dir/page?x=1');
  const cases: [rule: string, fields: FieldLines, urls: string[]][] = [
    ['nothing is named', {}, []],
    ['Location', { Location: 'http://a.example:8080/other' }, ['http://a.example:8080/other']],
    ['Content-Location', { 'Content-Location': '/other' }, ['http://a.example:8080/other']],
    ['both', { Location: '1', 'Content-Location': '?2' }, ['http://a.example:8080/dir/1', 'http://a.example:8080/dir/page?2']],
    ['§4.4 another host', { Location: 'http://b.example:8080/' }, []],
    ['§4.4 another port', { Location: 'http://a.example/' }, []],
    ['§4.4 another scheme', { Location: 'https://a.example:8080/' }, []],
    ['§4.4 another host without a scheme', { 'Content-Location': '//b.example/' }, []],
    ['a URL without origin', { Location: 'data:,x' }, []],
    ['no URL', { Location: 'http://[', 'Content-Location': 'http://a:b:c/' }, []],
  ];
  for (const [rule, fields, urls] of cases) test(rule, () => assert.deepEqual(alsoInvalidated(target, Fields.of(fields)).map(String), urls));
});
