import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Fields } from '../http/fields.ts';
import { type Caller, Gate, type GateOptions } from './gate.ts';

type Headers = Readonly<Record<string, string>>;

const HERE = { Host: 'localhost:8080' };

function check(headers: Headers, { options, ...caller }: Partial<Caller> & { options?: Partial<GateOptions> } = {}): void {
  new Gate({ tokens: ['secret', 'of-this-start'], anyHost: false, isOwnPort: false, ...options }).check({ fields: Fields.of(headers), httpVersion: '1.1', address: '127.0.0.1', port: 8080, secure: false, ...caller });
}

const denied = { code: 'ERR_ADMIN_DENIED' };

describe('who may administer', () => {
  const allowed: [name: string, headers: Headers, caller?: Parameters<typeof check>[1]][] = [
    ['curl on this machine', HERE],
    ['over IPv6', { Host: '[::1]:8080' }, { address: '::1' }],
    ['over IPv4 on a socket for both', { Host: '127.0.0.1:8080' }, { address: '::ffff:127.0.0.1' }],
    ['by any name of loopback', { Host: '127.0.0.2:8080' }, { address: '127.0.0.2' }],
    ['over HTTP/2', HERE, { httpVersion: '2.0' }],
    ['on the default port', { Host: 'localhost' }, { port: 80 }],
    ['on the default port of https', { Host: 'localhost' }, { port: 443, secure: true }],
    ['a person who typed the URL', { ...HERE, 'Sec-Fetch-Site': 'none' }],
    ['a page of its own', { ...HERE, 'Sec-Fetch-Site': 'same-origin', Origin: 'http://localhost:8080' }],
    ['the token, from anywhere', { Host: 'cache.example', Authorization: 'Bearer secret' }, { address: '203.0.113.9' }],
    ['another token', { Host: 'cache.example', Authorization: 'Bearer of-this-start' }, { address: '203.0.113.9' }],
    ['the token, where nobody may do without', { ...HERE, Authorization: 'Bearer secret' }, { options: { why: 'x' } }],
    ['a page of the own port, where that is not the proxy\'s', { ...HERE, 'Sec-Fetch-Site': 'same-origin', Origin: 'http://localhost:8080' }, { options: { anyHost: true, isOwnPort: true } }],
    ['the token, through a proxy', { ...HERE, Authorization: 'bearer  secret ', 'X-Forwarded-For': '203.0.113.9' }],
  ];
  for (const [name, headers, caller] of allowed) test(name, () => check(headers, caller));
});

describe('who may not', () => {
  const refused: [name: string, headers: Headers, caller?: Parameters<typeof check>[1]][] = [
    ['another machine', HERE, { address: '192.168.1.9' }],
    ['a socket without an address', HERE, { address: undefined }],
    ['a client of a proxy on this machine: Via', { ...HERE, Via: '1.1 nginx' }],
    ['a client of a proxy on this machine: X-Forwarded-For', { ...HERE, 'X-Forwarded-For': '127.0.0.1' }],
    ['a client of a proxy on this machine: Forwarded', { ...HERE, Forwarded: 'for=127.0.0.1' }],
    ['a client of a proxy on this machine: X-Real-IP', { ...HERE, 'x-real-ip': '127.0.0.1' }],
    ['a client of a proxy on this machine that tells the scheme alone', { ...HERE, 'X-Forwarded-Proto': 'https' }],
    ['a client of a proxy on this machine that writes names with underscores', { ...HERE, X_Forwarded_For: '127.0.0.1' }],
    ['a name that was made to point here', { Host: 'evil.example:8080' }],
    ['a name that only begins like ours', { Host: 'localhost.evil.example:8080' }],
    ['another port of ours', { Host: 'localhost:3000' }],
    ['no Host', {}],
    ['an empty Host', { Host: '' }],
    ['a page of another site', { ...HERE, Origin: 'http://evil.example' }],
    ['a page of another port', { ...HERE, Origin: 'http://localhost:3000' }],
    ['a page of nowhere', { ...HERE, Origin: 'null' }],
    ['an image of another site', { ...HERE, 'Sec-Fetch-Site': 'cross-site' }],
    ['another port, by its site', { ...HERE, 'Sec-Fetch-Site': 'same-site' }],
    ['a wrong token', { ...HERE, Authorization: 'Bearer guess' }],
    ['a wrong token of the same length', { ...HERE, Authorization: 'Bearer secreT' }],
    ['an empty token', { ...HERE, Authorization: 'Bearer ' }],
    ['a token under another scheme', { ...HERE, Authorization: 'Basic secret' }],
    ['a token where there is none', { ...HERE, Authorization: 'Bearer secret' }, { options: { tokens: [] } }],
    ['curl on this machine, where nobody may do without a token', HERE, { options: { why: 'x' } }],
    ['a wrong token, where nobody may do without', { ...HERE, Authorization: 'Bearer guess' }, { options: { why: 'x' } }],
    ['HTTP/1.0', HERE, { httpVersion: '1.0' }],
    ['the address it listens on, which is not loopback', { Host: '192.168.1.5:8080' }],
    ['a page that asks its own server by another name', { ...HERE, 'Sec-Fetch-Site': 'same-origin', Referer: 'https://www.example.com/' }],
    ['a page that shares our origin', { ...HERE, 'Sec-Fetch-Site': 'same-origin' }, { options: { anyHost: true } }],
    ['a form of a page that shares our origin', { ...HERE, Origin: 'http://localhost:8080' }, { options: { anyHost: true } }],
  ];
  for (const [name, headers, caller] of refused) test(name, () => assert.throws(() => check(headers, caller), denied));

  test('each refusal says what to do', () => {
    assert.throws(() => check(HERE, { address: '192.168.1.9' }), /Authorization: Bearer TOKEN/);
    assert.throws(() => check({ Host: 'evil.example:8080' }), /Ask for localhost/);
    assert.throws(() => check(HERE, { options: { why: 'of a reason' } }), /needs a token\. That is because of a reason\. Send .*--admin-port/u);
  });
});
