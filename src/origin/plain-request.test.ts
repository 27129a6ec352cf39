import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from '../http/fields.ts';
import { plainRequestHead } from './plain-request.ts';
import { makeTarget } from './targets.ts';

function head(fields: Fields, method = 'GET', path = '/a?b', scheme: 'http' | 'https' = 'http'): string | undefined {
  return plainRequestHead({ method, target: makeTarget(scheme, 'a.example', 80, path), fields, body: undefined, signal: new AbortController().signal });
}

test('a request without content is one string', () => {
  assert.equal(head(new Fields(['Host', 'a', 'X-b', '\t\xe9', 'X-b', ''])), 'GET /a?b HTTP/1.1\r\nHost: a\r\nX-b: \t\xe9\r\nX-b: \r\n\r\n');
  assert.equal(head(new Fields(['Host', 'a', 'Content-Length', '0'])), 'GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(head(new Fields(['Host', 'a']), 'POST'), 'POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
});

test('what is changed after it was sent is sent so', () => {
  const fields = new Fields(['Host', 'a', 'X', '1']);
  const sent = (): string => head(fields)!.slice('GET /a?b HTTP/1.1\r\nHost: a\r\n'.length);
  assert.equal(sent(), 'X: 1\r\n\r\n');
  assert.equal(head(fields, 'HEAD', '/c'), 'HEAD /c HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n');
  fields.append('Y', '2');
  assert.equal(sent(), 'X: 1\r\nY: 2\r\n\r\n');
  fields.set('X', '3');
  assert.equal(sent(), 'X: 3\r\nY: 2\r\n\r\n');
  fields.delete('y');
  assert.equal(sent(), 'X: 3\r\n\r\n');
  assert.ok(fields.clone().append('Z\r\n', '').size === 3 && head(fields.clone().append('Z\r\n', '')) === undefined);
});

test('what could be read in two ways is left to others', () => {
  for (const lines of [['X', 'a\r\nY: b'], ['X', 'a\n'], ['X', 'a\0'], ['X', '\u0100'], ['X', 'a\x7f'], ['X y', ''], ['X:', ''], ['', 'a'], ['X\r\n', ''], ['Host', 'b'], ['host', 'b'], ['Transfer-Encoding', 'chunked'], ['Connection', 'close'], ['Expect', '100-continue'], ['Upgrade', 'x'], ['TE', 'trailers']]) {
    assert.equal(head(new Fields(['Host', 'a', ...lines])), undefined, JSON.stringify(lines));
  }
  assert.equal(head(new Fields(['X', 'a'])), undefined);
  const fields = (): Fields => new Fields(['Host', 'a']);
  for (const path of ['*', '', 'a', '/a b', '/a\r\n', '/\u0100']) assert.equal(head(fields(), 'GET', path), undefined, path);
  for (const method of ['GE T', 'get\r\n', '']) assert.equal(head(fields(), method), undefined, method);
  assert.equal(head(fields(), 'GET', '/', 'https'), undefined);
});
