import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { OPTIONS } from '../config/options.ts';
import { MillraceError } from '../errors.ts';
import { configOptions, readCommandLine, readOption } from './command-line.ts';

describe('what the flags set', () => {
  const cases: [string, object][] = [
    ['', {}],
    ['60', { ttl: '60' }],
    ['0 --port 8888 --upstream-port 81 -v', { ttl: '0', port: '8888', upstreamPort: '81', verbose: true }],
    ['http://localhost:3000', { origin: 'http://localhost:3000' }],
    ['localhost:3000', { origin: 'http://localhost:3000' }],
    ['localhost 60', { origin: 'http://localhost', ttl: '60' }],
    ['5m app:3000/base', { origin: 'http://app:3000/base', ttl: '5m' }],
    ['www.example.com', { origin: 'http://www.example.com' }],
    ['[::1]:3000', { origin: 'http://[::1]:3000' }],
    ['--port=8080 --origin http://localhost:3000', { port: '8080', origin: 'http://localhost:3000' }],
    ['--no-cache --no-sort-query --no-admin', { cache: false, sortQuery: false, admin: false }],
    ['--preserve-host --allow-connect', { preserveHost: true, allowConnect: true }],
    ['--no-preserve-host', { preserveHost: false }],
    ['--allow-host a.example,b.example --allow-host c.example', { allowHost: ['a.example,b.example', 'c.example'] }],
    ['--trust-proxy 10.0.0.0/8', { trustProxy: ['10.0.0.0/8'] }],
    ['--ttl 5m --default-ttl 0 --preset rfc9111', { ttl: '5m', defaultTtl: '0', preset: 'rfc9111' }],
    ['--max-memory 1GB --max-object 8MB', { maxMemory: '1GB', maxObject: '8MB' }],
    ['--admin-port 9000 --admin-token abc --log-format json', { adminPort: '9000', adminToken: 'abc', logFormat: 'json' }],
    ['--shutdown-timeout 1s --connect-timeout 2s --origin-timeout 3s', { shutdownTimeout: '1s', connectTimeout: '2s', originTimeout: '3s' }],
    ['--config x.ts', {}],
  ];
  for (const [line, expected] of cases) {
    test(line || '(nothing)', () => {
      const commandLine = readCommandLine(line === '' ? [] : line.split(' '));
      assert.equal(commandLine.command, 'serve');
      assert.deepEqual(configOptions(commandLine).options, expected);
    });
  }

  test('every field is named by the word it came from', () => {
    const { places } = configOptions(readCommandLine(['5', '--no-cache', '-v']));
    assert.deepEqual([...places], [['cache', '--no-cache'], ['verbose', '--verbose'], ['ttl', 'stale_time']]);
  });
});

describe('commands', () => {
  const cases: [string, string, string[]][] = [
    ['stats --port 8080 --json', 'stats', []],
    ['--port 8080 stats', 'stats', []],
    ['purge --all', 'purge', []],
    ['explain /page --header a:b --header c:d', 'explain', ['/page']],
    ['demo --port 0', 'demo', []],
    ['--clear-cache', 'clear-cache', []],
    ['--clear-cache --port 8080 --admin-token x', 'clear-cache', []],
    ['--clear-cache --origin http://a', 'serve', []],
    ['--cache-dir x --clear-cache --port 8080', 'serve', []],
    ['--clear-cache 60', 'serve', ['60']],
  ];
  for (const [line, command, operands] of cases) {
    test(line, () => {
      const commandLine = readCommandLine(line.split(' '));
      assert.equal(commandLine.command, command);
      assert.deepEqual(commandLine.operands, operands);
    });
  }

  test('a list keeps its values apart', () => {
    assert.deepEqual(readOption(readCommandLine(['explain', '/', '--header', 'Accept: a, b', '--header=-x: 1']), 'header'), ['Accept: a, b', '-x: 1']);
  });

  test('help and version come before complaints', () => {
    assert.equal(readCommandLine(['--nonsense', '--help']).help, true);
    assert.equal(readCommandLine(['stats', 'x', '-h']).command, 'stats');
    assert.equal(readCommandLine(['-V']).version, true);
  });
});

describe('refusals', () => {
  const cases: [string, RegExp][] = [
    ['--prot 80', /^There is no option --prot; did you mean --port\?$/u],
    ['--cache-die x', /^There is no option --cache-die; did you mean --cache-dir\?$/u],
    ['--worker 2', /^There is no option --worker; did you mean --workers\?$/u],
    ['-p 80', /^There is no option -p/u],
    ['--no-such', /^There is no option --no-such/u],
    ['stast', /^"stast" is neither a command, nor an origin such as http:\/\/localhost:3000, nor a stale_time such as 60 or 5m; did you mean stats\?$/u],
    ['60 70', /^millrace takes one stale_time, not "60" and "70"; leave one of them out\.$/u],
    ['localhost:3000 http://localhost:4000', /^millrace takes one origin, not "localhost:3000" and "http:\/\/localhost:4000"/u],
    ['--port 1 --port 2', /^--port is given twice, as "1" and "2"; leave one of them out\.$/u],
    ['--origin http://a --origin http://b', /^--origin is given twice/u],
    ['localhost --origin http://a', /^The origin localhost and --origin are the same setting/u],
    ['60 --ttl 70', /^The stale_time 60 and --ttl are the same setting/u],
    ['--port', /^--port needs a value: --port N\.$/u],
    ['--port --verbose', /^--port needs a value/u],
    ['--verbose=yes', /^--verbose takes no value/u],
    ['stats --ttl 5', /^millrace stats takes no option --ttl/u],
    ['stats x', /^millrace stats has no use for "x"/u],
    ['explain', /^millrace explain needs the URL/u],
    ['explain a b', /^millrace explain has no use for "b"/u],
    ['--clear-cache --origin', /^--origin needs a value/u],
    ['--clear-cache --json --all', /^millrace --clear-cache takes no option --all/u],
    ['--json', /^millrace takes no option --json/u],
    ['--__proto__ x', /^There is no option --__proto__/u],
  ];
  for (const [line, message] of cases) {
    test(line, () => assert.throws(() => configOptions(readCommandLine(line.split(' '))), { code: 'ERR_USAGE', message }));
  }

  test('the value of an option of a client command', () => {
    assert.throws(() => readOption(readCommandLine(['stats', '--port', 'x']), 'port'), { code: 'ERR_USAGE', message: /^--port takes a whole number/u });
  });

  test('any words are read or refused as usage, never anything else', () => {
    const word = fc.oneof(fc.string(), fc.constantFrom(...OPTIONS.map(({ name }) => `--${name}`), '-v', '--', '-', 'stats', 'purge', '5m', '='), fc.string().map((text) => `--${text}`));
    fc.assert(fc.property(fc.array(word, { maxLength: 6 }), (words) => {
      try {
        readCommandLine(words);
      } catch (error) {
        assert.ok(error instanceof MillraceError && error.code === 'ERR_USAGE', String(error));
      }
    }), { numRuns: 500 });
  });
});
