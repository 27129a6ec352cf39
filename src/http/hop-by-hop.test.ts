import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Fields } from './fields.ts';
import { endToEnd, endToEndTrailers } from './hop-by-hop.ts';

describe('end-to-end fields', () => {
  test('are all but those of one connection', () => {
    const fields = Fields.of({ Connection: 'close', 'Keep-Alive': 'timeout=5', 'Proxy-Connection': 'x', TE: 'trailers', 'Transfer-Encoding': 'chunked', Upgrade: 'h2c', 'Proxy-Authorization': 'x', 'proxy-authenticate': 'x', 'Proxy-Authentication-Info': 'x', 'HTTP2-Settings': 'x', 'X-b': '1', 'x-A': '2', Trailer: 'X' });
    assert.deepEqual(endToEnd(fields).lines, ['X-b', '1', 'x-A', '2', 'Trailer', 'X']);
    assert.equal(fields.size, 13);
  });

  test('leave out what Connection names, in any case and on any line', () => {
    const fields = new Fields(['X-Hop', '1', 'Connection', ' x-hop,, keep-alive', 'A', '2', 'connection', 'a', 'B', '3', 'x-HOP', '4']);
    assert.deepEqual(endToEnd(fields).lines, ['B', '3']);
  });

  test('keep what Connection may not name', () => {
    const kept = ['Cookie', 'Authorization', 'Host', 'Content-Length', 'X-Forwarded-For', 'Forwarded', 'Cache-Control', 'Set-Cookie', 'Vary', 'Via', 'CDN-Loop', 'Range', 'Expires'];
    const fields = new Fields(['Connection', kept.join(', '), ...kept.flatMap((name) => [name, 'x'])]);
    assert.deepEqual([...endToEnd(fields).names()], kept.map((name) => name.toLowerCase()));
  });

  test('of trailers leave out what must come before the body', () => {
    assert.equal(endToEndTrailers(new Fields()), undefined);
    assert.equal(endToEndTrailers(Fields.of({ 'Content-Length': '1', Host: 'x', 'Transfer-Encoding': 'x', 'Set-Cookie': 'x', 'Cache-Control': 'x', Authorization: 'x' })), undefined);
    assert.deepEqual(endToEndTrailers(Fields.of({ 'X-Sum': '1', Age: '2', ETag: '"x"' }))?.lines, ['X-Sum', '1', 'ETag', '"x"']);
  });
});
