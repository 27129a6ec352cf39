import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Fields } from '../http/fields.ts';
import { FrontProxy, type Traced, traceOfProxy } from './front-proxy.ts';

type Case = [name: string, headers: Readonly<Record<string, string>>, request?: Partial<Traced>];

const HERE = { Host: 'localhost:8080' };

function traced(headers: Readonly<Record<string, string>>, request: Partial<Traced> = {}): Traced {
  return { fields: Fields.of(headers), httpVersion: '1.1', port: 8080, secure: false, ...request };
}

describe('what shows a proxy in front', () => {
  const shown: Case[] = [
    ['HTTP/1.0', HERE, { httpVersion: '1.0' }],
    ['another name', { Host: 'www.example.com' }],
    ['another name with our port', { Host: 'www.example.com:8080' }],
    ['another port', { Host: 'localhost:3000' }],
    ['no port', { Host: 'localhost' }],
    ['no Host', {}],
    ['an address of another machine', { Host: '192.0.2.1:8080' }],
    ['Via', { ...HERE, Via: '1.1 x' }],
    ['CDN-Loop', { ...HERE, 'CDN-Loop': 'x' }],
    ['X-Forwarded-For', { ...HERE, 'X-Forwarded-For': '203.0.113.9' }],
    ['X-Forwarded-Proto', { ...HERE, 'X-Forwarded-Proto': 'https' }],
    ['X-Forwarded-Anything', { ...HERE, 'X-Forwarded-Anything': '1' }],
    ['X-Real-IP', { ...HERE, 'X-Real-IP': '203.0.113.9' }],
    ['Forwarded', { ...HERE, Forwarded: 'for=203.0.113.9' }],
    ['underscores', { ...HERE, X_Forwarded_For: '203.0.113.9' }],
    ['a page that asks its own server, by its Referer', { ...HERE, 'Sec-Fetch-Site': 'same-origin', Referer: 'https://www.example.com/a' }],
    ['a form that asks its own server, by its Origin', { ...HERE, 'Sec-Fetch-Site': 'same-origin', Origin: 'https://www.example.com' }],
    ['plain HTTP\'s port over https', { Host: 'localhost:80' }, { port: 443, secure: true }],
  ];
  for (const [name, headers, request] of shown) test(name, () => assert.match(traceOfProxy(traced(headers, request)) ?? 'nothing', /^(?:has|came) /u));

  const direct: Case[] = [
    ['curl', { ...HERE, 'User-Agent': 'curl/8', Accept: '*/*' }],
    ['by address', { Host: '127.0.0.1:8080' }],
    ['by IPv6', { Host: '[::1]:8080' }],
    ['by a name below localhost', { Host: 'app.localhost:8080' }],
    ['on port 80', { Host: 'localhost' }, { port: 80 }],
    ['on port 443', { Host: 'localhost' }, { port: 443, secure: true }],
    ['over HTTP/2', HERE, { httpVersion: '2.0' }],
    ['a browser', { ...HERE, 'Sec-Fetch-Site': 'same-origin', Referer: 'http://localhost:8080/a', Cookie: 'a=b' }],
    ['a link of another site', { ...HERE, 'Sec-Fetch-Site': 'cross-site', Referer: 'https://www.example.com/' }],
    ['a page of another port', { ...HERE, 'Sec-Fetch-Site': 'same-site', Origin: 'http://localhost:3000' }],
  ];
  for (const [name, headers, request] of direct) test(`not ${name}`, () => assert.equal(traceOfProxy(traced(headers, request)), undefined));

  test('not the Host of what a forward proxy is asked for', () => {
    assert.equal(traceOfProxy(traced({ Host: 'www.example.com' }), false), undefined);
    assert.notEqual(traceOfProxy(traced({ Host: 'www.example.com', Via: '1.1 x' }), false), undefined);
  });
});

test('all who share the memory know it, and it is told once', () => {
  const memory = FrontProxy.memory();
  const told: string[] = [];
  const [one, other] = [1, 2].map((number) => new FrontProxy(memory, (trace) => told.push(`${number}: ${trace}`))) as [FrontProxy, FrontProxy];
  one.look(traced(HERE), true);
  assert.equal(other.isSeen, false);
  one.look(traced({ Host: 'www.example.com' }), true);
  for (const each of [one, other]) {
    assert.equal(each.isSeen, true);
    each.look(traced({ ...HERE, Via: '1.1 x' }), true);
  }
  assert.deepEqual(told, ['1: has the Host "www.example.com", and not localhost with the port of Millrace']);
});
