/**
 * @module test/lanes/fuzz
 * Bytes nobody thought of: requests put together from parts good and bad, bent, cut into packets and
 * sent to both lanes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SEED, rounds } from '../kit/random.ts';
import { LanePair } from './pair.ts';
import { site } from './site.ts';

const RUNS = rounds(100);

const TARGETS = ['/page', '/page', '/page', '/page?b&a', '/vary', '/vary-cookie', '/empty', '/odd', '/nothing', '/moved', '/implicit', '/chunked', '/private', '/stale', '/health', '*', 'http://example.test/page', '/page#x', ''];
const HOSTS = ['Host: example.test', 'Host: example.test', 'Host: example.test', 'Host: example.test', 'host:other.test:80', 'HOST:\texample.test ', 'Host: example.test', 'Host: example.test', 'Host: a b', 'Host:', ''];
const PLAIN_FIELDS = [
  'Accept: */*', 'User-Agent: fuzz/1.0', 'accept-encoding: gzip, br', 'Accept-Language: de', 'Accept-Language: en', 'X-Empty:', 'X-Tab:\ta\tb\t', 'X-High: caf\xe9', '_: underscore',
];
const FIELDS = [
  'Cookie: a=b', 'Cookie: c=d', 'Referer: http://example.test/', 'Connection: keep-alive', 'connection: Keep-Alive', 'Connection: close', 'connection: Close', 'Connection: X-Empty', 'Connection: keep-alive, close', 'Keep-Alive: 5',
  'If-None-Match: "1"', 'If-None-Match: "2"', 'If-None-Match: *', 'If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT', 'If-Match: "1"', 'Range: bytes=0-3', 'Range: bytes=0-0,2-2', 'Range: bytes=900-', 'If-Range: "1"',
  'Cache-Control: max-age=0', 'Cache-Control: max-stale', 'Pragma: no-cache', 'Authorization: Basic YTpi', 'Via: 1.1 other', 'CDN-Loop: other', 'X-Forwarded-Host: evil.test', 'X_Forwarded_Proto: https', 'Forwarded: for=a', 'TE: trailers', 'Max-Forwards: 0',
  'Content-Length: 0', 'Content-Length: 4', 'Content_Length: 4', 'Content-Length: 4, 4', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip', 'Expect: 100-continue', 'Upgrade: h2c', 'Proxy-Connection: keep-alive', 'Trailer: X-A',
  'X Space: a', 'X-Space : a', ' folded', ': no name', 'no colon', 'X-Nul: a\0b', 'X-Lf: a\nb', 'X-Cr: a\rb', 'Host: twice.test',
];

const line = (values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...values);
const weighted = (usual: string, ...others: string[]): fc.Arbitrary<string> => fc.oneof({ weight: 40, arbitrary: fc.constant(usual) }, ...others.map((other) => ({ weight: 1, arbitrary: fc.constant(other) })));

const PLAIN = 'GET /page HTTP/1.1\r\nHost: example.test\r\n\r\n';

/** A request put together, mostly a good one. */
const made = fc
  .record({
    method: weighted('GET', 'HEAD', 'HEAD', 'POST', 'get', 'OPTIONS'),
    target: line(TARGETS),
    version: weighted('HTTP/1.1', 'HTTP/1.0', 'HTTP/1.0', 'HTTP/1.0', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1'),
    host: line(HOSTS),
    fields: fc.array(fc.oneof({ weight: 3, arbitrary: line(PLAIN_FIELDS) }, { weight: 2, arbitrary: line(FIELDS) }), { maxLength: 3 }),
    hostAt: fc.nat(3),
    end: weighted('\r\n', '\n', '\r\r\n'),
    body: weighted('', 'body', '4\r\nbody\r\n0\r\n\r\n', '\r\n'),
  })
  .map(({ method, target, version, host, fields, hostAt, end, body }) => {
    const lines = host === '' ? fields : fields.toSpliced(hostAt, 0, host);
    return `${[`${method} ${target} ${version}`, ...lines].map((each) => each + end).join('')}${end}${body}`;
  });

const request = fc.oneof({ weight: 1, arbitrary: fc.constant(PLAIN) }, { weight: 2, arbitrary: made });

/** What is done to the bytes of a request. */
const bend = fc.oneof(
  { weight: 16, arbitrary: fc.constant((bytes: string) => bytes) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(200), fc.nat(255)).map(([at, byte]) => (bytes: string) => bytes.slice(0, at) + String.fromCharCode(byte) + bytes.slice(at + 1)) },
  { weight: 1, arbitrary: fc.nat(200).map((at) => (bytes: string) => bytes.slice(0, at) + bytes.slice(at + 1)) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(200), fc.nat(255)).map(([at, byte]) => (bytes: string) => bytes.slice(0, at) + String.fromCharCode(byte) + bytes.slice(at)) },
  { weight: 1, arbitrary: fc.nat(200).map((at) => (bytes: string) => bytes.slice(0, at)) },
);

/** The same request several times, so that it may be a hit, in packets of its own or in one. */
const repeated = fc.tuple(request, bend, fc.integer({ min: 1, max: 5 }), fc.nat(3)).map(([bytes, change, times, together]) => {
  const all = Array.from({ length: times }, (_, i) => (i === times - 1 ? change(bytes) : bytes));
  return together === 0 ? [all.join('')] : all;
});

const packets = fc.tuple(fc.array(repeated, { minLength: 1, maxLength: 3 }), fc.array(fc.nat(400), { maxLength: 2 })).map(([sends, cuts]) => cut(sends.flat(), cuts));

/** Cuts the packets once more, at these places of the whole. */
function cut(sends: readonly string[], cuts: readonly number[]): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const bytes of sends) {
    const inside = cuts.map((at) => at - from).filter((at) => at > 0 && at < bytes.length).sort((a, b) => a - b);
    let last = 0;
    for (const at of [...inside, bytes.length]) {
      if (at > last) pieces.push(bytes.slice(last, at));
      last = at;
    }
    from += bytes.length;
  }
  return pieces;
}

test('whatever is sent, both lanes answer the same and ask the origin the same', { timeout: 120_000 + RUNS * 200 }, async () => {
  await using pair = await LanePair.start(site);
  await fc.assert(
    fc.asyncProperty(packets, async (sends) => {
      await pair.forget();
      // Both lanes have it then, and the fast one an answer to it.
      await pair.sameOnPackets([PLAIN, PLAIN, ...sends]);
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
  const answers = await pair.fastAnswers();
  assert.ok(answers > RUNS / 2, `${answers} answers of the fast lane are too few to have tried it`);
});
