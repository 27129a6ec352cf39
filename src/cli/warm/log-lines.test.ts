import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Outcome } from '../../cache/outcome.ts';
import { AccessLog, type LogStream } from '../../server/access-log.ts';
import { parseLogLine } from './log-lines.ts';

const OUTCOME: Outcome = {
  startedAt: Date.UTC(2026, 0, 1), duration: 1.25, method: 'GET', url: '/a?b=c', clientAddress: '127.0.0.1', status: 200, result: 'MISS', reasons: [{ code: 'not-stored' }],
  bytes: 2500, originDuration: 1, originStatus: 200, stored: true, collapsed: false, error: undefined,
};

describe("a line of Millrace's own log reads back", () => {
  for (const logFormat of ['json', 'pretty'] as const) {
    for (const verbose of [false, true]) {
      for (const isTTY of [false, true]) {
        test(`${logFormat}${verbose ? ', verbose' : ''}${isTTY ? ', in colours' : ''}`, () => {
          let text = '';
          const stream: LogStream = { isTTY, hasColors: () => true, write: (more) => ((text += Buffer.from(more).toString()), true), on: () => undefined };
          const log = new AccessLog({ logFormat, verbose }, stream);
          for (const outcome of [OUTCOME, { ...OUTCOME, result: 'HIT' as const, duration: 12_345, bytes: 0 }]) log.write(outcome);
          log.flush();
          for (const line of text.trimEnd().split('\n')) assert.deepEqual(parseLogLine(line), { method: 'GET', target: '/a?b=c', status: 200 }, line);
        });
      }
    }
  }
});

describe('a line of another server', () => {
  const cases: [name: string, line: string, expected: ReturnType<typeof parseLogLine>][] = [
    ['common', '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326', { method: 'GET', target: '/apache_pb.gif', status: 200 }],
    ['combined', '::1 - - [10/Oct/2026:13:55:36 +0000] "POST /a?b HTTP/1.1" 404 - "http://x/ \\"y\\"" "Mozilla/5.0 [x]"', { method: 'POST', target: '/a?b', status: 404 }],
    ['combined, with the virtual host', 'www.example.com:80 10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/2.0" 304 0 "-" "-"', { method: 'GET', target: '/', status: 304 }],
    ['a user of several words', '10.0.0.1 - John Doe [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "-"', { method: 'GET', target: '/a', status: 200 }],
    ['HTTP/0.9', '10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a" 200 5', { method: 'GET', target: '/a', status: 200 }],
    ['what was no request', '10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "\\x16\\x03\\x01" 400 150 "-" "-"', undefined],
    ['an escape in the target', '10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a\\x22b HTTP/1.1" 400 150 "-" "-"', undefined],
    ['no request', '10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "-" 408 0', undefined],
    ['other JSON', '{"method":"GET","path":"/a"}', undefined],
    ['JSON that is cut off', '{"method":"GET","ur', undefined],
    ['a warning', 'warning: the origin http://localhost:3000 cannot be reached now (connection refused).', undefined],
    ['nothing', '', undefined],
  ];
  for (const [name, line, expected] of cases) test(name, () => assert.deepEqual(parseLogLine(line), expected));
});

test('any line is read or refused, in little time', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => void parseLogLine(line)));
  for (const evil of ['a '.repeat(50_000), 'a - b [x] '.repeat(10_000), '[ '.repeat(50_000)]) assert.equal(parseLogLine(evil), undefined);
});
