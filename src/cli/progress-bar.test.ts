import assert from 'node:assert/strict';
import { once } from 'node:events';
import { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ProgressBar, barText } from './progress-bar.ts';

describe('the line', () => {
  const cases: [name: string, progress: Parameters<typeof barText>[1], columns: number, expected: string][] = [
    ['at the start', { done: 0, total: 10, failed: 0, seconds: 0 }, 40, 'warming ░░░░░░░░░░░░░░░░ 0 of 10  0 %'],
    ['in the middle', { done: 50, total: 100, failed: 2, seconds: 10 }, 80, 'warming ████████████████░░░░░░░░░░░░░░░░░ 50 of 100  50 %  2 failed  5.0/s  10s left'],
    ['at the end', { done: 300, total: 300, failed: 0, seconds: 2 }, 60, 'warming ██████████████████████ 300 of 300  100 %  150/s'],
    ['without room for the bar', { done: 1, total: 2, failed: 0, seconds: 1 }, 30, 'warming  1 of 2  50 %  1.0/s '],
    ['of nothing', { done: 0, total: 0, failed: 0, seconds: 1 }, 40, 'warming ███████████████ 0 of 0  100 %'],
  ];
  for (const [name, progress, columns, expected] of cases) {
    test(name, () => {
      const text = barText('warming', progress, columns);
      assert.equal(text.replace(/[█░]+/, ''), expected.replace(/[█░]+/, ''));
      if (expected.includes('█')) assert.ok(text.includes('█'));
      assert.ok(text.length < columns);
    });
  }

  test('never wraps, and its bar is as full as it is far', () => {
    const progress = fc.nat({ max: 1e6 }).chain((total) => fc.record({ done: fc.nat({ max: total }), total: fc.constant(total), failed: fc.nat({ max: total }), seconds: fc.double({ min: 0, max: 1e5, noNaN: true }) }));
    fc.assert(fc.property(progress, fc.integer({ min: 1, max: 300 }), (given, columns) => {
      const text = barText('warming', given, columns);
      assert.ok(text.length < columns);
      const [bar = ''] = /[█░]+/.exec(text) ?? [];
      if (bar !== '' && given.done === given.total) assert.ok(!bar.includes('░'));
      if (given.done === 0 && given.total > 0) assert.ok(!bar.includes('█'));
    }));
  });
});

test('it is drawn where somebody is watching, and leaves nothing behind', async () => {
  const drawn = new EventEmitter();
  const written: string[] = [];
  const stream = { isTTY: true, columns: 60, write: (text: string) => (written.push(text), drawn.emit('line'), true) };
  const bar = new ProgressBar('warming', 2, stream);
  bar.advance(false);
  bar.advance(true);
  await once(drawn, 'line');
  bar.end();
  assert.match(written[0]!, /^\rwarming █+ 2 of 2 {2}100 % {2}1 failed .*\u001B\[K$/);
  assert.equal(written.at(-1), '\r\u001B[K');
});

test('and nowhere else', () => {
  const bar = new ProgressBar('warming', 1, { write: () => assert.fail() });
  bar.advance(false);
  bar.end();
});
