import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Site, type SiteNames } from './site.ts';

const site = (names: Partial<SiteNames> = {}): Site => new Site({ scheme: 'http', authority: '10.0.0.1:3000', base: '', toldHost: 'www.example', client: { scheme: 'http', host: 'www.example' }, mount: '', ...names });

describe('a reference in a response', () => {
  const https = { client: { scheme: 'https', host: 'www.example' } };
  const based = { base: '/base' };
  const own = { toldHost: '10.0.0.1:3000' };
  const cases: [names: Partial<SiteNames>, reference: string, atClient: string][] = [
    // The origin's own address, however it is written.
    [{}, 'http://10.0.0.1:3000/x?y#z', 'http://www.example/x?y#z'],
    [{}, '//10.0.0.1:3000/x', 'http://www.example/x'],
    [{}, 'HTTP://10.0.0.1:3000', 'http://www.example'],
    [{ authority: '127.0.0.1:3000' }, 'http://localhost:3000/x', 'http://www.example/x'],
    [https, 'http://10.0.0.1:3000/x', 'https://www.example/x'],
    [{ ...own, ...https }, 'http://10.0.0.1:3000/x', 'https://www.example/x'],
    // The Host that it is told, by the scheme that it is asked by.
    [https, 'http://www.example/dir/', 'https://www.example/dir/'],
    [{ toldHost: 'www.example:8443', client: { scheme: 'https', host: 'www.example:8443' } }, 'http://www.example:8443/dir/', 'https://www.example:8443/dir/'],
    [{}, 'http://WWW.example:80/dir/', 'http://WWW.example:80/dir/'],
    // A redirect to the other scheme that would lead to itself stays one.
    [https, 'http://www.example/page?q', 'http://www.example/page?q'],
    // Its host as it is told, with the port that it listens on.
    [{ toldHost: 'www.example:8080', client: { scheme: 'http', host: 'www.example:8080' } }, 'http://www.example:3000/dir/', 'http://www.example:8080/dir/'],
    [{}, 'https://www.example/page?q', 'https://www.example/page?q'],
    // The base path.
    [based, '/base/login', '/login'],
    [based, '/base', '/'],
    [based, '/base?q', '/?q'],
    [based, '/based', '/based'],
    [based, '/login', '/login'],
    [based, 'http://10.0.0.1:3000/base/login', 'http://www.example/login'],
    [based, 'http://www.example/base/login', 'http://www.example/login'],
    [based, 'http://www.example/login', 'http://www.example/login'],
    [based, 'http://10.0.0.1:3000/other', 'http://10.0.0.1:3000/other'],
    [based, 'sub', 'sub'],
    [based, '../base/x', '/x'],
    [based, '../other', '../other'],
    [based, 'x..y', 'x..y'],
    [based, 'mailto:a@b..c', 'mailto:a@b..c'],
    // Never to another host, whatever stands behind the base path.
    [based, '/base//evil.example', '/.//evil.example'],
    [based, '/base/\\evil.example', '/./\\evil.example'],
    [{ ...based, client: { scheme: 'http', host: undefined } }, 'http://10.0.0.1:3000/base//evil.example', '/.//evil.example'],
    // Nobody knows by what name the client came: a path leads it back all the same.
    [{ client: { scheme: 'http', host: undefined } }, 'http://10.0.0.1:3000/x', '/x'],
    [{ client: { scheme: 'http', host: 'a b' } }, 'http://10.0.0.1:3000', '/'],
    // Elsewhere.
    ...['http://10.0.0.1/x', 'https://10.0.0.1:3000/x', 'http://other.example/', '//other.example/', 'http://user@10.0.0.1:3000/', 'http://10.0.0.1:3000@evil.example/', 'ftp://10.0.0.1:3000/', 'data:,x', '/x', '', '?q', '#f', '../x', 'http://[', 'http://'].map((reference): [Partial<SiteNames>, string, string] => [{}, reference, reference]),
  ];
  for (const [names, reference, expected] of cases) test(`${JSON.stringify(names)} ${reference}`, () => assert.equal(site(names).toClient(reference, `${names.base ?? ''}/page?q`, true), expected));

  test('to itself by the other scheme is mapped where nobody follows it', () => {
    assert.equal(site(https).toClient('http://www.example/page?q', '/page?q'), 'https://www.example/page?q');
  });

  test('that names another host is never touched, and none that does not is led there', () => {
    const reference = fc.array(fc.constantFrom('http:', 'https:', '//', '/', '/base', '\\', '..', '.', 'evil.example', 'www.example', '10.0.0.1:3000', '@', '?', '#', 'x'), { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(reference, (text) => {
        const hostAt = (value: string, base: string): string | undefined => URL.parse(value, base)?.host;
        const before = hostAt(text, 'http://www.example/page');
        const after = hostAt(site(based).toClient(text, '/base/page'), 'http://www.example/page');
        if (before !== '10.0.0.1:3000' && before !== 'www.example:3000') assert.equal(after, before, text);
        else assert.ok(after === 'www.example' || after === before, text);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('a reference in a request', () => {
  const toPath = (path: string): string => `/base${path}`;
  for (const [reference, expected] of [
    ['http://www.example/b?c', 'http://www.example/base/b?c'],
    ['/b', '/base/b'],
    ['http://10.0.0.1:3000/base/b', 'http://10.0.0.1:3000/base/b'],
    ['http://other.example/b', 'http://other.example/b'],
  ] as const) test(reference, () => assert.equal(site({ base: '/base' }).toOrigin(reference, toPath), expected));
  test('by the Host and scheme that the origin compares it with', () => {
    assert.equal(site({ toldHost: '10.0.0.1:3000', client: { scheme: 'https', host: 'www.example' } }).toOrigin('https://WWW.example/b', (path) => path), 'http://10.0.0.1:3000/b');
  });
});

test('the path at the origin of what a response names', () => {
  const path = (url: string, names: Partial<SiteNames> = {}): string | undefined => site(names).pathAtOrigin(new URL(url));
  assert.equal(path('http://www.example/x?y#z'), '/x?y');
  assert.equal(path('https://www.example/x'), undefined);
  assert.equal(path('https://www.example/x', { client: { scheme: 'https', host: 'www.example' } }), '/x');
  assert.equal(path('http://www.example/base/x', { base: '/base' }), '/base/x');
  assert.equal(path('http://www.example/x', { base: '/base' }), '/base/x');
  assert.equal(path('http://other.example/x'), undefined);
});
