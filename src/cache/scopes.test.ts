import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { groupScope, hostScope, scopesOf, tagScope, urlScope } from './scopes.ts';

describe('the scopes of a response', () => {
  test('are its URL, its hosts, and its tags, of any origin and of its own', () => {
    const key = 'GET https://origin.example:8443/a?b';
    assert.deepEqual(
      new Set(scopesOf(key, 'https://www.example.com', ['news'])),
      new Set([urlScope(key), hostScope('origin.example:8443'), hostScope('www.example.com'), tagScope('news'), groupScope(key, 'news')]),
    );
    assert.deepEqual(scopesOf(key, ''), [urlScope(key), hostScope('origin.example:8443')]);
  });

  const hosts: [key: string, forwardedAs: string, named: string[]][] = [
    ['GET http://a.example/', '', ['a.example', 'A.Example', 'a.example:80']],
    ['GET https://a.example', '', ['a.example', 'a.example:443']],
    ['GET http://a.example?b', '', ['a.example']],
    ['QUERY http://a.example:8000/b digest', '', ['a.example:8000']],
    ['GET http://[::1]:8000/', 'http://[::2]', ['[::1]:8000', '[::2]']],
    ['GET http://o/', 'https://WWW.example.com:443', ['www.example.com']],
    // What trusted proxies tell besides stands behind it, and of several hosts the first is the client's.
    ['GET http://o/', 'https://a.example x-forwarded-port: 80', ['a.example']],
    ['GET http://o/', 'https, http://a.example, b.example', ['a.example']],
  ];
  for (const [key, forwardedAs, named] of hosts) {
    test(`${key} ${forwardedAs}`, () => {
      const scopes = scopesOf(key, forwardedAs);
      for (const host of named) assert.ok(scopes.includes(hostScope(host)), `${host} of ${scopes.join()}`);
      for (const host of ['example', 'a.example:81', '[::1]', 'b.example']) assert.ok(!scopes.includes(hostScope(host)), host);
    });
  }
});
