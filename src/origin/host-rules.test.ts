import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MillraceError } from '../errors.ts';
import { HostRules } from './host-rules.ts';

const allows = (rules: HostRules, host: string, port: number): boolean => {
  try {
    rules.check(host, port);
    return true;
  } catch (error) {
    assert.ok(error instanceof MillraceError && error.code === 'ERR_HOST_DENIED');
    return false;
  }
};

describe('host rules', () => {
  test('without patterns any host may be asked for, or none', () => {
    assert.ok(allows(new HostRules({ patterns: [], anyByDefault: true }), 'example.com', 80));
    assert.ok(!allows(new HostRules({ patterns: [], anyByDefault: false }), 'example.com', 80));
  });

  test('with patterns only what they match', () => {
    const rules = new HostRules({ patterns: ['API.example.com', '*.example.net', '10.0.0.5:8080', '[::1]:81', 'fd00:ec2::254'], anyByDefault: true });
    assert.ok(!rules.any);
    for (const [host, port] of [['api.example.com', 80], ['api.example.com', 444], ['a.example.net', 80], ['a.b.example.net', 80], ['10.0.0.5', 8080], ['::1', 81], ['fd00:ec2::254', 80]] as const) assert.ok(allows(rules, host, port), host);
    for (const [host, port] of [['example.com', 80], ['xapi.example.com', 80], ['example.net', 80], ['evilexample.net', 80], ['10.0.0.5', 80], ['::1', 80], ['api.example.com.evil.com', 80]] as const) assert.ok(!allows(rules, host, port), host);
    assert.ok(allows(new HostRules({ patterns: ['*'], anyByDefault: false }), 'anything', 1));
    assert.ok(!allows(new HostRules({ patterns: ['*:80'], anyByDefault: false }), 'anything', 1));
  });

  test('only an exact pattern names a refused address', () => {
    const rules = new HostRules({ patterns: ['metadata.internal', '169.254.169.254:80', '*.internal', '*'], anyByDefault: false });
    assert.ok(rules.names('metadata.internal', 80, '169.254.1.1'));
    assert.ok(rules.names('other.example', 80, '169.254.169.254'));
    assert.ok(!rules.names('other.example', 81, '169.254.169.254'));
    assert.ok(!rules.names('other.internal', 80, '169.254.1.1'));
  });

  test('loopback is for those on this machine, unless it is named', () => {
    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) {
      for (const patterns of [[], ['*'], ['*.example']]) {
        assert.ok(new HostRules({ patterns, anyByDefault: true }).names('a.test', 80, address));
        // A stranger can make it lead here.
        assert.ok(!new HostRules({ patterns: [], anyByDefault: true }).names('a.example', 80, address));
        assert.ok(!new HostRules({ patterns, anyByDefault: false }).names('a.test', 80, address));
      }
      assert.ok(new HostRules({ patterns: ['a.example'], anyByDefault: false }).names('a.example', 80, address));
    }
    assert.ok(new HostRules({ patterns: ['127.0.0.1'], anyByDefault: false }).names('a.example', 80, '127.0.0.1'));
  });

  test('a pattern that is none is refused with its name', () => {
    for (const pattern of ['', '*x.com', 'a b', 'http://x', 'x:0', 'x:99999', '**.com', 'a.*.com', '1.2.3.4/8']) {
      assert.throws(() => new HostRules({ patterns: [pattern], anyByDefault: true }), (error) => error instanceof MillraceError && error.code === 'ERR_CONFIG' && error.message.includes(`"${pattern}"`), pattern);
    }
  });
});
