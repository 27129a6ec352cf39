import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AnsweredHit, outcomeOfHit } from '../cache/answered-hit.ts';
import type { Reason } from '../policy/reason.ts';
import { AccessLog } from './access-log.ts';
import { HitLines } from './hit-lines.ts';
import { JsonLines } from './json-lines.ts';

/** With reasons as a prepared answer has them: the same list for a second, another one in the next. */
function answered(url: string, status = 200, bodyLength = 1024): AnsweredHit {
  const lists = new Map<number, readonly Reason[]>();
  const reasons = (now: number): readonly Reason[] => {
    const age = Math.floor(now / 1000) % 100;
    const list = lists.get(age) ?? [{ code: 'fresh', detail: `age ${age} s of 100 s` }];
    lists.set(age, list);
    return list;
  };
  return { logged: undefined, method: 'GET', url, status, bodyLength, reasons };
}

function openLog(logFormat: 'json' | 'pretty', verbose: boolean): { log: AccessLog; text: () => string } {
  let text = '';
  const stream = { isTTY: true, hasColors: () => true, write: (lines: Uint8Array, done: () => void) => (text += Buffer.from(lines).toString(), done(), true), on: () => undefined };
  const log = new AccessLog({ logFormat, verbose }, stream);
  return { log, text: () => (log.flush(), text) };
}

test('the lines of hits are those that are put together from their fields', () => {
  const answers = [answered('/a'), answered('/\u00E4"\u001B'), answered('/b', 304, 0), answered(`/${'x'.repeat(3000)}`)];
  const hit = fc.record({ answer: fc.constantFrom(...answers), later: fc.constantFrom(0, 0, 1, 999, 1000, 60_000), client: fc.constantFrom('127.0.0.1', '10.0.0.12', '::1', '2001:db8::ffff:192.168.100.200', '', 'fe80::1%a"b') });
  for (const logFormat of ['json', 'pretty'] as const) {
    for (const verbose of [false, true]) {
      fc.assert(fc.property(fc.array(hit, { maxLength: 50 }), (hits) => {
        const [kept, whole] = [openLog(logFormat, verbose), openLog(logFormat, verbose)];
        let now = Date.UTC(2030, 0, 1, 23, 59, 58, 998);
        for (const { answer, later, client } of hits) {
          now += later;
          kept.log.writeHit(answer, now, client);
          whole.log.write(outcomeOfHit(answer, { startedAt: now, duration: 0, bytes: answer.bodyLength, clientAddress: client, error: undefined }));
        }
        assert.equal(kept.text(), whole.text());
      }), { numRuns: 200 });
    }
  }
});

test('many of them do not wait, and none is cut', () => {
  const { log, text } = openLog('json', false);
  const answer = answered('/a');
  for (let i = 0; i < 5000; i++) log.writeHit(answer, 1e12 + i, '127.0.0.1');
  const lines = text().trimEnd().split('\n').map((line) => (JSON.parse(line) as { time: string }).time);
  assert.deepEqual(lines, Array.from({ length: 5000 }, (_, i) => new Date(1e12 + i).toISOString()));
});

test('a line is kept from the second time on, and a long one never', () => {
  const lines = new HitLines(new JsonLines());
  const seek = (answer: AnsweredHit, time = 0): boolean => lines.find(answer, time, '::1') !== undefined;
  const [short, long] = [answered('/a'), answered(`/${'x'.repeat(3000)}`)];
  assert.deepEqual([seek(short), seek(short), seek(short), seek(short, 1000), seek(short, 1000)], [false, true, true, true, true]);
  assert.deepEqual([seek(long), seek(long), seek(long)], [false, false, false]);
});
