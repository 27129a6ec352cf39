import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './quantity.ts';

describe('durations', () => {
  const cases: [string, number | undefined][] = [
    ['0', 0], ['90', 90], ['1.5', 1.5], ['5m', 300], ['1h30m', 5400], ['1d', 86_400], ['250ms', 0.25], ['1m1ms', 60.001], ['0.5h', 1800],
    ['', undefined], ['m', undefined], ['5 m', undefined], ['-5', undefined], ['5M', undefined], ['30m1h', undefined], ['1h1h', undefined],
    ['1e3', undefined], ['0x10', undefined], ['Infinity', undefined], ['1.', undefined], ['９', undefined], ['9'.repeat(400), undefined],
  ];
  for (const [text, seconds] of cases) test(`${JSON.stringify(text.slice(0, 20))} is ${seconds}`, () => assert.equal(parseDuration(text), seconds));

  test('what is printed reads back the same, to the millisecond', () => {
    fc.assert(fc.property(fc.nat({ max: 2 ** 46 }), (milliseconds) => {
      const text = formatDuration(milliseconds / 1000);
      assert.equal(parseDuration(text), milliseconds / 1000, text);
    }));
  });

  test('any text gives a duration or undefined, never an exception', () => {
    fc.assert(fc.property(fc.oneof(anyText(), fc.stringMatching(/^[\d.dhms]{0,20}$/u)), (text) => {
      const seconds = parseDuration(text);
      assert.ok(seconds === undefined || (Number.isFinite(seconds) && seconds >= 0), text);
    }), { numRuns: 500 });
  });
});

describe('sizes', () => {
  const cases: [string, number | undefined][] = [
    ['0', 0], ['1024', 1024], ['1K', 1024], ['1kb', 1024], ['1KiB', 1024], ['256MB', 268_435_456], ['1.5g', 1_610_612_736], ['2TB', 2_199_023_255_552], ['7b', 7],
    ['', undefined], ['MB', undefined], ['5 MB', undefined], ['-1', undefined], ['1ib', undefined], ['1PB', undefined], ['1e3', undefined], ['9'.repeat(400), undefined],
  ];
  for (const [text, bytes] of cases) test(`${JSON.stringify(text.slice(0, 20))} is ${bytes}`, () => assert.equal(parseSize(text), bytes));

  test('whole figures of a unit read back the same, others to one decimal', () => {
    fc.assert(fc.property(fc.nat(1023), fc.nat(4), (figure, power) => {
      assert.equal(parseSize(formatSize(figure * 1024 ** power)), figure * 1024 ** power);
    }));
    fc.assert(fc.property(fc.maxSafeNat().map((n) => Math.floor(n / 2)), (bytes) => {
      const text = formatSize(bytes);
      assert.match(text, /^\d{1,4}(\.\d)?[KMGT]?B$/u);
      const back = parseSize(text)!;
      assert.ok(Math.abs(back - bytes) <= bytes * 0.05, `${bytes} printed as ${text}`);
    }));
    assert.equal(formatSize(1024 ** 2 - 1), '1MB');
  });

  test('any text gives a size or undefined, never an exception', () => {
    fc.assert(fc.property(fc.oneof(anyText(), fc.stringMatching(/^[\d.kmgtibKMGTB]{0,20}$/u)), (text) => {
      const bytes = parseSize(text);
      assert.ok(bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0), text);
    }), { numRuns: 500 });
  });
});
