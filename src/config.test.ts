import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../test/kit/text.ts';
import { OPTIONS } from './config/options.ts';
import { readValue } from './config/values.ts';
import { defineConfig, resolveConfig } from './config.ts';
import type { Config, Options } from './config.ts';
import type { MillraceError } from './errors.ts';

const DEFAULTS: Config = {
  origin: undefined,
  originCa: undefined,
  originCert: undefined,
  originKey: undefined,
  insecureOrigin: false, port: 8888, host: '127.0.0.1', tlsCert: undefined,
  tlsKey: undefined,
  upstreamPort: 80, cache: true, ttl: undefined, defaultTtl: 120, staleWait: 2, staleIfError: 3600, letter: false,
  maxMemory: 268_435_456,
  maxConnections: undefined, maxRequests: 10_000, minBodyRate: 100, maxOriginConnections: 1024, maxConnectionsPerAddress: 512, maxUnread: 128 * 1024 * 1024, cacheDir: undefined, maxDisk: 10_737_418_240, redis: undefined, memcached: [], maxObject: 33_554_432, sortQuery: true, workers: 1, fastLane: true, keepTags: false, preserveHost: undefined, trustProxy: [], allowHost: [], allowConnect: false, allowPurge: [],
  maxRequestFields: 100,
  admin: true, adminPort: undefined, adminToken: undefined, adminTokenFile: undefined, logFormat: 'auto', verbose: false, shutdownTimeout: 10, connectTimeout: 10, originTimeout: 60, maxResponseFields: 200, maxOriginConcurrency: 32,
};

describe('resolved values', () => {
  const cases: [string, Options, Partial<Config>][] = [
    ['nothing given', {}, {}],
    ['undefined counts as not given', { port: undefined, ttl: undefined }, {}],
    ['an origin moves the port', { origin: 'http://example.com' }, { origin: 'http://example.com', port: 8080 }],
    ['a base path keeps no slash at its end', { origin: 'HTTP://Example.com:80/base/' }, { origin: 'http://example.com/base', port: 8080 }],
    ['a host that is no ASCII', { origin: 'https://bücher.example' }, { origin: 'https://xn--bcher-kva.example', port: 8080 }],
    ['numbers', { port: 0, ttl: 0, defaultTtl: 1.5, maxMemory: 1_048_576 }, { port: 0, ttl: 0, defaultTtl: 1.5, maxMemory: 1_048_576, maxObject: 131_072 }],
    ['a directory', { cacheDir: 'x', maxDisk: '1GB' }, { cacheDir: 'x', maxDisk: 1_073_741_824, maxObject: 134_217_728 }],
    ['text', { port: '0', ttl: '5m', maxMemory: '2GB', maxObject: '1KB' }, { port: 0, ttl: 300, maxMemory: 2_147_483_648, maxObject: 1024 }],
    ['lists', { host: '0.0.0.0', allowHost: ['API.example.com,*.example.org', '10.0.0.5:80'], trustProxy: '10.0.0.0/8, ::1' },
      { host: '0.0.0.0', allowHost: ['api.example.com', '*.example.org', '10.0.0.5:80'], trustProxy: ['10.0.0.0/8', '::1'] }],
    ['preset rfc9111', { preset: 'rfc9111' }, { defaultTtl: 0, letter: true }],
    ['a lifetime wins over the preset', { preset: 'rfc9111', defaultTtl: '1m' }, { defaultTtl: 60, letter: true }],
    ['IPv6 in brackets', { host: '[::1]' }, { host: '::1' }],
    ['a name of this machine', { host: 'LocalHost' }, { host: 'localhost' }],
  ];
  for (const [name, options, expected] of cases) test(name, () => assert.deepEqual(resolveConfig(defineConfig(options)), { ...DEFAULTS, ...expected }));
});

describe('refusals name the field and what it takes', () => {
  const origin = 'http://localhost:3000';
  const cases: [unknown, RegExp][] = [
    [{ redis: 'redis://me:secret@host:x' }, /^redis takes a URL such as redis:(?!.*secret)/u],
    [{ redis: 'redis://a', memcached: 'b' }, /^redis and memcached have no meaning together/u],
    [{ redis: 'redis://a', cacheDir: 'x' }, /^redis stands behind memory, and not behind a disk; leave out cacheDir/u],
    [{ memcached: ['a:1'], cacheDir: 'x' }, /^memcached stands behind memory/u],
    [{ memcached: '*:1' }, /^memcached takes servers such as/u],
    [{ prot: 80 }, /^prot is no option; did you mean port\?$/u],
    [{ letter: true }, /^letter is no option\.$/u],
    [{ port: 'abc' }, /^port takes a whole number, from 0 to 65535, not "abc"\.$/u],
    [{ port: 70_000 }, /^port takes .*not 70000\.$/u],
    [{ port: -1 }, /^port takes/u],
    [{ port: 80.5 }, /^port takes/u],
    [{ port: '' }, /^port takes/u],
    [{ port: null }, /^port takes .*not null\.$/u],
    [{ ttl: 'soon' }, /^ttl takes a duration such as 90 \(seconds\), 5m or 1h30m, not "soon"\.$/u],
    [{ ttl: NaN }, /^ttl takes/u],
    [{ connectTimeout: 0 }, /^connectTimeout takes .*from 1ms to 1d, not 0\.$/u],
    [{ originTimeout: '2d' }, /^originTimeout takes/u],
    [{ maxMemory: 256 }, /^maxMemory takes a size such as 64KB, 256MB or 2GB, at least 64KB, not 256\.$/u],
    [{ maxMemory: '1MB', maxObject: '2MB' }, /^maxObject is larger than maxMemory/u],
    [{ cacheDir: 'x', maxDisk: '16MB', maxObject: '17MB' }, /^maxObject is larger than maxDisk/u],
    [{ maxDisk: '1GB' }, /^maxDisk has no meaning without cacheDir/u],
    [{ cache: 'false' }, /^cache takes true or false, not "false"\.$/u],
    [{ logFormat: 'jsn' }, /^logFormat takes auto, pretty, json or off, not "jsn"; did you mean json\?$/u],
    [{ logFormat: 3 }, /^logFormat takes auto, pretty, json or off, not 3\.$/u],
    [{ preset: 'rfc7234' }, /^preset takes rfc9111/u],
    [{ origin: 'localhost:3000' }, /^origin takes a URL such as .*; did you mean http:\/\/localhost:3000\?$/u],
    [{ origin: 'http:/localhost' }, /did you mean http:\/\/localhost\?$/u],
    [{ origin: 'http://' }, /^origin takes a URL .*valid host/u],
    [{ origin: 'http:///path' }, /^origin takes a URL .*valid host/u],
    [{ origin: 'http://a:99999' }, /^origin takes a URL .*valid host and port/u],
    [{ origin: 'ftp://example.com' }, /^origin takes an http:\/\/ or https:\/\/ URL; ftp:\/\/ is not supported\.$/u],
    [{ origin: 'http://a/?q' }, /^origin takes no query/u],
    [{ origin: 'http://a/#f' }, /^origin takes no fragment/u],
    [{ origin: 'http://a b' }, /^origin takes a URL .*without spaces/u],
    [{ origin: 'http://a/\n' }, /^origin takes a URL .*without spaces/u],
    [{ origin: 7 }, /^origin takes a URL/u],
    [{ host: '0.0.0.0' }, /^host 0\.0\.0\.0 lets others use this proxy, .*allowHost/u],
    [{ host: '::' }, /lets others use this proxy/u],
    [{ host: '10.0.0.1' }, /lets others use this proxy/u],
    [{ host: '1.2.3' }, /^host takes an address/u],
    [{ host: 'http://x' }, /^host takes an address/u],
    [{ trustProxy: '10.0.0.0/33' }, /^trustProxy takes addresses or ranges .*not "10\.0\.0\.0\/33"\.$/u],
    [{ trustProxy: ['proxy.example.com'] }, /^trustProxy takes addresses/u],
    [{ allowHost: 'http://a.example' }, /^allowHost takes hosts such as/u],
    [{ allowHost: 'a.*.example' }, /^allowHost takes hosts such as/u],
    [{ allowHost: 'a,,b' }, /^allowHost takes hosts such as/u],
    [{ allowHost: [1] }, /^allowHost takes a list of hosts/u],
    [{ adminToken: 'two words' }, /^adminToken takes letters/u],
    [{ admin: false, adminPort: 9000 }, /^adminPort has no meaning with admin;/u],
    [{ port: 9000, adminPort: 9000 }, /^adminPort is the port of the proxy itself/u],
    [{ origin, allowHost: ['a'] }, /^allowHost has no meaning with origin/u],
    [{ origin, upstreamPort: 81 }, /^upstreamPort has no meaning with origin/u],
    [{ originCa: 'ca.pem' }, /^originCa has no meaning without origin/u],
    [{ origin, insecureOrigin: true }, /^insecureOrigin has no meaning for a plain http:\/\/ origin/u],
    [{ origin: 'https://a', insecureOrigin: true, originCa: 'ca.pem' }, /^insecureOrigin and originCa have no meaning together/u],
    [{ origin: 'https://a', originCert: 'cert.pem' }, /^originCert and originKey are given together/u],
    [{ origin, allowConnect: true }, /^allowConnect has no meaning with origin/u],
  ];
  for (const [options, message] of cases) {
    test(JSON.stringify(options), () => assert.throws(() => resolveConfig(options as Options), { code: 'ERR_CONFIG', message }));
  }

  test('a password in the origin is refused and not repeated', () => {
    assert.throws(() => resolveConfig({ origin: 'http://me:secret@a.example' }), (error: MillraceError) => error.code === 'ERR_CONFIG' && !error.message.includes('secret'));
  });

  test('the place the caller names stands in the message', () => {
    assert.throws(() => resolveConfig({ port: 'x' }, () => '--port'), { message: /^--port takes/u });
  });
});

describe('any value', () => {
  test('of any option is read or refused, never an exception', () => {
    fc.assert(fc.property(fc.constantFrom(...OPTIONS), fc.oneof(fc.anything(), anyText(), fc.webUrl()), (option, raw) => {
      const reading = readValue(option, raw);
      assert.ok('value' in reading || /^takes .*[.?]$|^takes /su.test(reading.refused));
    }), { numRuns: 1000 });
  });

  test('an origin that is accepted reads back the same', () => {
    const option = OPTIONS.find(({ name }) => name === 'origin')!;
    fc.assert(fc.property(fc.oneof(fc.webUrl(), fc.string().map((text) => `http://${text}`)), (text) => {
      const reading = readValue(option, text);
      if ('value' in reading) assert.deepEqual(readValue(option, reading.value), reading);
    }), { numRuns: 500 });
  });
});

test('every default in the table is one the option itself accepts', () => {
  for (const option of OPTIONS) {
    for (const text of [option.default, option.min, option.max]) {
      if (text !== undefined) assert.ok('value' in readValue(option, text), `${option.name} ${text}`);
    }
  }
});
