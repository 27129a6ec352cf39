import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MillraceError } from '../errors.ts';
import { Fields } from './fields.ts';
import { completeResponse, Forwarding } from './forwarding.ts';
import type { ForwardedRequest, ForwardingRules, ProxyMode, ReceivedRequest } from './forwarding.ts';

interface Parts extends Partial<Omit<ReceivedRequest, 'fields'>>, Partial<ForwardingRules> {
  readonly mode?: ProxyMode;
}

function forward(fields: Record<string, string | string[]>, { mode = 'reverse', preserveHost = false, trustProxy = [], instance = 'millrace-1', ...request }: Parts = {}): ForwardedRequest {
  const forwarding = new Forwarding({ instance, preserveHost, trustProxy });
  return forwarding.forward({ method: 'GET', fields: Fields.of(fields), httpVersion: '1.1', scheme: 'http', clientAddress: '::ffff:192.0.2.1', ...request }, 'origin.example:81', mode);
}

describe('a request on its way to the origin', () => {
  test('tells the operator\'s origin about the client', () => {
    const { fields, forwardedAs } = forward({ Accept: '*/*', Host: 'localhost:8080', 'X-a': '1' });
    assert.deepEqual(fields.lines, [
      'Host', 'origin.example:81', 'Accept', '*/*', 'X-a', '1', 'Via', '1.1 millrace', 'CDN-Loop', 'millrace-1',
      'X-Forwarded-For', '192.0.2.1', 'X-Forwarded-Proto', 'http', 'X-Forwarded-Host', 'localhost:8080', 'Forwarded', 'for=192.0.2.1;host="localhost:8080";proto=http',
    ]);
    assert.equal(forwardedAs, 'http://localhost:8080');
  });

  test('tells a stranger nothing', () => {
    for (const mode of ['embedded', 'forward'] as const) {
      const { fields, forwardedAs } = forward({ Host: 'localhost:8888', Via: '1.0 first', 'X-Forwarded-For': '10.0.0.1', Forwarded: 'for=x' }, { mode, preserveHost: true, trustProxy: ['0.0.0.0/0'], httpVersion: '1.0' });
      assert.deepEqual(fields.lines, ['Host', 'origin.example:81', 'Via', '1.0 first, 1.0 millrace', 'CDN-Loop', 'millrace-1']);
      assert.equal(forwardedAs, '');
    }
  });

  test('carries nothing that a client claims in the name of a proxy', () => {
    const claims = { 'X-Forwarded-For': '1.1.1.1', 'X-Forwarded-Host': 'evil', 'x_forwarded_proto': 'https', 'X-Forwarded-Prefix': '/x', Forwarded: 'for=1.1.1.1', 'X-Real-IP': '1.1.1.1', 'X-Original-URL': '/admin', 'X-Rewrite-URL': '/admin', 'X-HTTP-Method-Override': 'DELETE' };
    const { fields } = forward(claims);
    assert.deepEqual([...fields.names()], ['host', 'via', 'cdn-loop', 'x-forwarded-for', 'x-forwarded-proto', 'forwarded']);
    assert.equal(fields.get('x-forwarded-for'), '192.0.2.1');
    assert.equal(forward(claims, { method: 'POST' }).fields.get('x-http-method-override'), 'DELETE');
  });

  test('adds to what a trusted proxy says', () => {
    const { fields, forwardedAs } = forward({ Host: 'inner', 'X-Forwarded-For': '198.51.100.7', 'X-Forwarded-Host': 'www.example', 'X-Forwarded-Proto': 'https', Forwarded: 'for=198.51.100.7' }, { trustProxy: ['192.0.2.0/24'] });
    assert.equal(fields.get('x-forwarded-for'), '198.51.100.7, 192.0.2.1');
    assert.equal(fields.get('forwarded'), 'for=198.51.100.7, for=192.0.2.1;host=inner;proto=http');
    assert.equal(forwardedAs, 'https://www.example');
    assert.equal(forward({ 'X-Forwarded-For': '1.1.1.1' }, { trustProxy: ['192.0.2.2', '2001:db8::/32'] }).fields.get('x-forwarded-for'), '192.0.2.1');
    assert.equal(forward({ 'X-Forwarded-For': '1.1.1.1' }, { trustProxy: ['2001:db8::/32'], clientAddress: '2001:db8::9' }).fields.get('x-forwarded-for'), '1.1.1.1, 2001:db8::9');
  });

  test('quotes what is no token in Forwarded', () => {
    const { fields } = forward({ Host: 'a"\\b' }, { clientAddress: '2001:db8::1', scheme: 'https' });
    assert.equal(fields.get('forwarded'), 'for="[2001:db8::1]";host="a\\"\\\\b";proto=https');
  });

  test('keeps the client\'s Host where told so', () => {
    assert.equal(forward({ Host: 'www.example' }, { preserveHost: true }).fields.get('host'), 'www.example');
    // A client of HTTP/1.0 need not send one, nor fill it.
    for (const fields of [{}, { Host: '' }]) assert.equal(forward(fields, { preserveHost: true }).fields.get('host'), 'origin.example:81');
  });

  test('is kept apart by the host and scheme that the origin is told, however they are spelled', () => {
    const told = (host: string, parts: Parts = {}, fields: Record<string, string> = {}): string => forward({ Host: host, ...fields }, parts).forwardedAs;
    for (const host of ['www.example', 'WWW.Example', 'www.example:80']) assert.equal(told(host), 'http://www.example');
    assert.equal(told('www.example:443', { scheme: 'https' }), 'https://www.example');
    assert.equal(told('www.example:443'), 'http://www.example:443');
    const trusted: Parts = { trustProxy: ['192.0.2.1'] };
    // Of two hosts the origin is told both where it gets the client's.
    assert.equal(told('a.example', trusted, { 'X-Forwarded-Host': 'www.example' }), 'http://www.example');
    assert.notEqual(told('a.example', { ...trusted, preserveHost: true }, { 'X-Forwarded-Host': 'www.example' }), told('b.example', { ...trusted, preserveHost: true }, { 'X-Forwarded-Host': 'www.example' }));
    assert.equal(told('www.example', { ...trusted, preserveHost: true }, { 'X-Forwarded-Host': 'WWW.example' }), 'http://www.example');
  });

  test('says where its client sees the proxy', () => {
    const trusted: Parts = { trustProxy: ['192.0.2.1'] };
    const cases: [fields: Record<string, string>, parts: Parts, base: ForwardedRequest['client']][] = [
      [{ Host: 'A.example:8080' }, {}, { scheme: 'http', host: 'a.example:8080' }],
      [{}, { scheme: 'https' }, { scheme: 'https', host: undefined }],
      [{ Host: 'a', 'X-Forwarded-Host': 'evil', 'X-Forwarded-Proto': 'https', Forwarded: 'host=evil' }, {}, { scheme: 'http', host: 'a' }],
      [{ Host: 'a', 'X-Forwarded-Host': 'www.example, b', 'X-Forwarded-Proto': 'https, http' }, trusted, { scheme: 'https', host: 'www.example' }],
      [{ Host: 'a', Forwarded: 'for=1.2.3.4;host="www.example:81";proto=https, host=b;proto=http' }, trusted, { scheme: 'https', host: 'www.example:81' }],
      [{ Host: 'a' }, trusted, { scheme: 'http', host: 'a' }],
      [{ Host: 'a' }, { mode: 'embedded' }, undefined],
    ];
    for (const [fields, parts, base] of cases) assert.deepEqual(forward(fields, parts).client, base, JSON.stringify(fields));
  });

  test('is refused when it has been here before', () => {
    const loop = (error: unknown): boolean => error instanceof MillraceError && error.code === 'ERR_LOOP';
    assert.throws(() => forward({ 'CDN-Loop': 'other, Millrace-1; x=1' }), loop);
    assert.throws(() => forward({ 'CDN-Loop': ['other', 'millrace-1'] }, { mode: 'forward' }), loop);
    assert.equal(forward({ 'CDN-Loop': 'millrace-2, "millrace-1"' }).fields.get('cdn-loop'), 'millrace-2, "millrace-1", millrace-1');
    assert.throws(() => forward({ Via: Array.from({ length: 10 }, () => '1.1 millrace') }), loop);
    assert.ok(forward({ Via: Array.from({ length: 9 }, () => '1.1 millrace') }));
    assert.ok(forward({ Via: Array.from({ length: 20 }, (_, i) => `1.1 other${i} (millrace)`) }));
  });

  test('needs ranges that are some', () => {
    for (const range of ['x', '10.0.0.0/99', '']) assert.throws(() => forward({}, { trustProxy: [range] }), (error) => error instanceof MillraceError && error.code === 'ERR_CONFIG' && error.message.includes(`"${range}"`));
  });
});

test('a response on its way back gets Via, and Date where it has none', () => {
  const without = Fields.of({ 'X-a': '1' });
  completeResponse(without, '1.0', 784111777000);
  assert.deepEqual(without.lines, ['X-a', '1', 'Via', '1.0 millrace', 'Date', 'Sun, 06 Nov 1994 08:49:37 GMT']);
  const has = Fields.of({ Date: 'odd', Via: '1.1 cdn' });
  completeResponse(has, '1.1', 0);
  assert.deepEqual(has.lines, ['Date', 'odd', 'Via', '1.1 cdn, 1.1 millrace']);
});
