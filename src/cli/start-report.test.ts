import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveConfig } from '../config.ts';
import type { Options } from '../config.ts';
import { startReport, unsafeOverrides } from './start-report.ts';

const origin = 'http://localhost:3000/base';

describe('where to go', () => {
  const report = (options: Options, adminUrl: string | undefined = 'http://127.0.0.1:1'): string =>
    startReport(resolveConfig(options), { url: 'http://127.0.0.1:1', adminUrl, version: '1.2.3', command: 'npm start --' });

  test('one origin', () => assert.match(report({ origin }), /Millrace 1\.2\.3 listens on http:\/\/127\.0\.0\.1:1\n.*http:\/\/127\.0\.0\.1:1\/ for http:\/\/localhost:3000\/base\//u));
  const hosts: [Options, RegExp][] = [
    [{ origin }, /host +the origin gets the client's Host, as its address is private \(--no-preserve-host: its own\)/u],
    [{ origin: 'https://api.github.com' }, /host +the origin gets its own, api\.github\.com, as its name is public \(--preserve-host: the client's\)/u],
    [{ origin: 'http://example.com:81', preserveHost: true }, /host +the origin gets the client's Host \(--preserve-host\)/u],
    [{ origin, preserveHost: false }, /host +the origin gets its own, localhost:3000 \(--no-preserve-host\)/u],
  ];
  for (const [options, words] of hosts) test(`Host with ${JSON.stringify(options)}`, () => assert.match(report(options), words));
  test('no one origin, no Host to choose', () => assert.doesNotMatch(report({}), /^ +host/mu));
  test('any host', () => assert.match(report({}), /http:\/\/127\.0\.0\.1:1\/example\.com\/ for http:\/\/example\.com\//u));
  test('an allowed host is the example', () => assert.match(report({ allowHost: '*.x.example,api.example.org:81' }), /1\/api\.example\.org:81\/ for/u));
  test('no admin, no statistics', () => {
    assert.match(report({ origin }), /npm start -- stats/u);
    assert.doesNotMatch(startReport(resolveConfig({ admin: false }), { url: 'http://127.0.0.1:1', adminUrl: undefined, version: '1', command: 'millrace' }), /stats/u);
  });

  test('what Millrace answers itself, where that is on the same port', () => {
    assert.match(report({ origin }), /^ {2}itself +answers \/health and \/__admin\//mu);
    assert.doesNotMatch(report({ origin }, 'http://127.0.0.1:2'), /itself/u);
  });
  test('a stale_time that could be meant as a port is told apart', () => {
    const started = { url: 'http://127.0.0.1:1', adminUrl: undefined, version: '1', command: 'millrace' };
    assert.match(startReport(resolveConfig({ ttl: '3000' }), { ...started, staleTime: '3000' }), /everything for 50m, .*\n +private pages too; for a port: --port 3000$/mu);
    assert.doesNotMatch(startReport(resolveConfig({ ttl: '60' }), { ...started, staleTime: '60' }), /for a port/u);
    assert.doesNotMatch(startReport(resolveConfig({ ttl: '3000' }), started), /for a port/u);
  });
  test('the addresses that others use, where it listens on all', () => {
    assert.doesNotMatch(report({ origin }), /others/u);
    for (const line of report({ origin, host: '0.0.0.0' }).split('\n').filter((each) => each.includes('  others '))) assert.match(line, /^ {2}others +http:\/\/\d+\.\d+\.\d+\.\d+:1\/$/u);
  });

  const kept: [Options, RegExp][] = [
    [{}, /keeps +what responses allow for as long as they state, or for up to 2m, in 256MB of memory/u],
    [{ preset: 'rfc9111' }, /as long as they state, in/u],
    [{ ttl: '1h' }, /keeps +everything for 1h/u],
    [{ ttl: '1h', cacheDir: './cache' }, /keeps +everything for 1h, in 256MB of memory and 10GB on disk, in \.\/cache/u],
    [{ ttl: 0 }, /keeps +nothing \(a lifetime of 0\)/u],
    [{ cache: false }, /keeps +nothing \(--no-cache\)/u],
    [{ redis: 'redis://me:secret@cache:6380/2' }, /of memory, shared by way of redis:\/\/cache:6380$/mu],
    [{ memcached: 'a:1,b' }, /shared by way of memcached a:1,b$/mu],
  ];
  for (const [options, words] of kept) test(`kept with ${JSON.stringify(options)}`, () => assert.match(report(options), words));
});

describe('unsafe overrides', () => {
  const cases: [Options, RegExp[]][] = [
    [{}, []],
    [{ origin, host: '0.0.0.0', trustProxy: '10.0.0.0/8' }, []],
    [{ host: '0.0.0.0', allowHost: 'api.example.com' }, []],
    [{ allowHost: '*', allowConnect: true }, []],
    [{ host: '0.0.0.0', allowHost: '*' }, [/^--allow-host \* on 0\.0\.0\.0/u]],
    [{ host: '0.0.0.0', allowHost: '*:443' }, [/^--allow-host \*/u]],
    [{ host: '::', allowHost: 'a.example', allowConnect: true }, [/^--allow-connect on ::/u]],
    [{ allowHost: '169.254.169.254,[fe80::1]:80' }, [/^--allow-host 169\.254\.169\.254 opens .*metadata/u, /^--allow-host \[fe80::1\]:80 opens/u]],
    [{ origin, trustProxy: '0.0.0.0/0,::/0' }, [/^--trust-proxy 0\.0\.0\.0\/0/u, /^--trust-proxy ::\/0/u]],
    [{ origin, allowPurge: '127.0.0.1,10.0.0.0/8' }, []],
    [{ origin, allowPurge: '0.0.0.0/0' }, [/^--allow-purge 0\.0\.0\.0\/0: every client/u]],
    [{ origin, preset: 'rfc9111' }, [/Set-Cookie/u]],
    [{ origin, preset: 'rfc9111', cache: false }, []],
    [{ origin: 'https://a', insecureOrigin: true }, [/^--insecure-origin: the certificate of https:\/\/a is not checked/u]],
    [{ ttl: 60 }, [/^a lifetime of 1m for everything/u]],
    [{ ttl: 0 }, []],
  ];
  for (const [options, expected] of cases) {
    test(JSON.stringify(options), () => {
      const found = unsafeOverrides(resolveConfig(options));
      assert.equal(found.length, expected.length, found.join('\n'));
      for (const [i, words] of expected.entries()) assert.match(found[i]!, words);
    });
  }
});
