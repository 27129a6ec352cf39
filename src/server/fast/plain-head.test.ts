import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ABSENT, REPEATED } from '../../cache/plain-request.ts';
import { PlainHead } from './plain-head.ts';

const plain = (options = { embedsHosts: false, trustsProxies: false }): PlainHead => new PlainHead(options);
const get = (...lines: string[]): string => ['GET /a?b HTTP/1.1', 'Host: example.test', ...lines, '', ''].join('\r\n');

function recognises(text: string, head = plain()): boolean {
  const bytes = Buffer.from(text, 'latin1');
  return head.recognise(bytes, 0, bytes.length);
}

describe('a plain head', () => {
  test('tells where its parts are', () => {
    const head = plain();
    const bytes = Buffer.from(`....${get('Cookie: a', 'X-A:  b \t', 'x-a: c', 'If-None-Match: "1"')}GET /next`, 'latin1');
    assert.ok(head.recognise(bytes, 4, bytes.length));
    const part = (start: number, end: number): string => bytes.toString('latin1', start, end);
    assert.deepEqual([head.isHead, head.hasCookie, part(head.targetStart, head.targetEnd), part(head.hostStart, head.hostEnd)], [false, true, '/a?b', 'example.test']);
    assert.equal(part(head.end, bytes.length), 'GET /next');
    assert.deepEqual([head.find('x-b'), head.find('x-a'), head.find('x-')], [ABSENT, REPEATED, ABSENT]);
    const condition = head.find('if-none-match');
    assert.deepEqual([head.decidingCount, head.deciding[0], head.nameOf(condition)], [1, condition, 'if-none-match']);
    assert.equal(part(head.valueStart(condition), head.valueEnd(condition)), '"1"');
  });

  test('has values without the white space around them', () => {
    for (const [line, value] of [['X-A:', ''], ['X-A: \t ', ''], ['X-A:b', 'b'], ['X-A: b c\t', 'b c']] as const) {
      const head = plain();
      assert.ok(recognises(get(line), head));
      const field = head.find('x-a');
      assert.equal(head.bytes.toString('latin1', head.valueStart(field), head.valueEnd(field)), value);
    }
  });

  test('says whether the connection ends with it', () => {
    const long = `X-Long: ${'x'.repeat(200)}`;
    const head = plain();
    // Also where its lines are remembered.
    for (let i = 0; i < 50; i++) {
      for (const [line, closes] of [['Connection: close', true], ['Connection: keep-alive', false], ['X-A: close', false]] as const) {
        assert.ok(recognises(get(long, line), head));
        assert.equal(head.closes, closes);
        assert.ok(recognises(get(line), head));
        assert.equal(head.closes, closes);
        for (const lines of [[long, line], [line]]) {
          assert.ok(recognises(get(...lines).replace('1.1', '1.0'), head));
          assert.deepEqual([head.isHttp10, head.closes], [true, line !== 'Connection: keep-alive']);
        }
      }
    }
  });

  test('is told apart by target and by Host, wherever the one ends and the other begins', () => {
    const hashes = ['/ab c', '/a bc', '/abc ', '/b c', '/ab d'].map((both) => {
      const [target, host] = both.split(' ');
      const head = plain();
      assert.ok(recognises(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, head));
      return head.hash;
    });
    assert.equal(new Set(hashes).size, hashes.length);
  });
});

describe('what is recognised', () => {
  const accepted = [
    get(), get().replace('GET', 'HEAD'), get('Connection: keep-alive'), get('CONNECTION:Keep-Alive'), get('Accept: */*'), get('X-High: \xe9'), get('Via: 1.1 a'), get('Range: bytes=0-1'),
    get('Upgrade-Insecure-Requests: 1'), get('Referer: http://a/'), get('X-Forwarded-Host: a'), get('Connection: close'), get('connection:CLOSE '),
  ];
  for (const text of accepted) test(JSON.stringify(text), () => assert.ok(recognises(text)));

  const declined = [
    '', 'GET / HTTP/1.1\r\n\r\n', get().slice(0, -1), get().slice(0, -2), get().slice(0, -4), get('Host: b'), get().replace('\r\n\r\n', '\n\n'), get().replaceAll('\r\n', '\n'),
    get().replace('GET', 'get'), get().replace('GET', 'POST'), get().replace('GET ', 'GET  '), get().replace('/a', 'http://h/a'), get().replace('/a?b', '*'), get().replace('/a', '/a\x7f'), get().replace('/a', '/\xe9'), get().replace('/a', '/#'),
    get().replace('1.1', '1.2'), get().replace('1.1', '2.0'), get().replace('HTTP/1.1', 'HTTP/1.1 '), get().replace(' HTTP/1.1', ''), `\r\n${get()}`,
    get('X-A : b'), get(' X-A: b'), get('X-A: b', ' c'), get('X A: b'), get(': b'), get('X-A'), get('X-A: b\0'), get('X-A: b\x7f'), get('X-A: \rb'), get('X-A: \nb'), get('X-\xe9: b'),
    get('Content-Length: 0'), get('content_length: 1'), get('Transfer-Encoding: chunked'), get('TE: trailers'), get('Trailer: a'), get('Expect: 100-continue'), get('Upgrade: h2c'), get('HTTP2-Settings: a'),
    get('Connection: close', 'Connection: close'), get('Connection: close', 'Connection: keep-alive'), get('Connection: keep-alive', 'Connection: close'), get('Connection: close, x'), get('Connection: keep-alive, x'), get('Connection: keep_alive'), get('Connection:'), get('Keep-Alive: a'), get('Proxy-Connection: keep-alive'), get('Proxy-Authorization: a'), get('Max-Forwards: 1'),
    get('Authorization: a'), get('Cache-Control: max-age=0'), get('Pragma: no-cache'), get('If-Match: "a"'), get('If-Unmodified-Since: a'),
    get(...Array.from({ length: 64 }, () => 'X-A: b')), get(`X-A: ${'b'.repeat(16_384)}`),
  ];
  for (const text of declined) test(`not ${JSON.stringify(text.slice(0, 80))}`, () => assert.ok(!recognises(text)));

  test('nothing of what proxies say, where some are believed', () => {
    const head = plain({ embedsHosts: false, trustsProxies: true });
    for (const line of ['X-Forwarded-Host: a', 'x_forwarded_proto: a', 'Forwarded: host=a', 'X-Real-IP: a', 'X-Forwarded-: a']) assert.ok(!recognises(get(line), head), line);
    assert.ok(recognises(get('X-Forwarder: a'), head));
  });

  test('a Referer as it is, where it decides', () => {
    const head = plain({ embedsHosts: true, trustsProxies: false });
    assert.ok(recognises(get('Referer: http://a/'), head));
    assert.equal(head.decidingCount, 1);
  });
});

test('what it remembers reads as what it recognises', () => {
  const line = fc.constantFrom('Cookie: a', 'X-A:  b \t', 'x-a: c', 'If-None-Match: "1"', 'Authorization: a', 'Accept: text/html', `X-Long: ${'l'.repeat(150)}`, `X-Long: ${'m'.repeat(150)}`, 'Host: b', 'X-API-Key: k');
  const target = fc.constantFrom('/', '/a', '/a?b');
  const head = plain();
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), target, fc.nat(5), fc.boolean(), (lines, at, before, more) => {
      const bytes = Buffer.from(`${'.'.repeat(before)}GET ${at} HTTP/1.1\r\nHost: a\r\n${lines.join('\r\n')}${lines.length > 0 ? '\r\n' : ''}\r\n${more ? 'GET' : ''}`, 'latin1');
      const fresh = plain();
      const recognised = fresh.recognise(bytes, before, bytes.length);
      // So often that it remembers.
      for (let times = 0; times < 10; times++) {
        assert.equal(head.recognise(bytes, before, bytes.length), recognised);
        if (recognised) assert.deepEqual(said(head), said(fresh));
      }
    }),
    { numRuns: 2000 },
  );
});

function said(head: PlainHead): unknown {
  const { hash, end, hasCookie, hostStart, hostEnd, targetStart, targetEnd, decidingCount } = head;
  const named = ['host', 'cookie', 'x-a', 'x-long', 'if-none-match', 'accept'].map((name) => {
    const field = head.find(name);
    return field < 0 ? field : [head.nameOf(field), head.valueStart(field), head.valueEnd(field)];
  });
  return { hash, end, hasCookie, hostStart, hostEnd, targetStart, targetEnd, deciding: [...head.deciding.subarray(0, decidingCount)], named };
}

test('no bytes make it read past their end, or fail', () => {
  const head = plain();
  const part = fc.constantFrom('GET /', 'HEAD /', ' HTTP/1.1\r\n', ' HTTP/1.0\r\n', 'Host: a\r\n', 'X: y\r\n', '\r\n', '\r', '\n', ':', ' ', '\0');
  fc.assert(
    fc.property(fc.array(fc.oneof(part, fc.string({ maxLength: 3 })), { maxLength: 12 }), fc.nat(5), (parts, before) => {
      const text = Buffer.from(parts.join(''), 'latin1');
      // What stands behind the end would complete any head.
      const bytes = Buffer.concat([Buffer.alloc(before), text, Buffer.from(' HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n')]);
      if (!head.recognise(bytes, before, before + text.length)) return;
      assert.ok(head.end <= before + text.length);
      const whole = bytes.toString('latin1', before, head.end);
      assert.match(whole, /^(?:GET|HEAD) \/[!-~]* HTTP\/1\.[01]\r\n(?:[\w!#$%&'*+.^`|~-]+:[\t -~\x80-\xff]*\r\n)+\r\n$/);
      assert.equal(whole.match(/^host:/gim)?.length, 1);
    }),
    { numRuns: 20_000 },
  );
});
