import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { didYouMean } from './suggestion.ts';

const WORDS = ['port', 'origin', 'max-memory', 'max-object', 'stats', 'purge'];

const cases: [string, string][] = [
  ['prot', '; did you mean --port?'],
  ['orign', '; did you mean --origin?'],
  ['Port', '; did you mean --port?'],
  ['max-mem', '; did you mean --max-memory?'],
  ['maxmemory', '; did you mean --max-memory?'],
  ['stat', '; did you mean --stats?'],
  ['cache-dir', ''],
  ['', ''],
  ['x'.repeat(1000), ''],
];
for (const [word, expected] of cases) {
  test(`${JSON.stringify(word.slice(0, 20))}: ${expected || 'nothing is near'}`, () => assert.equal(didYouMean(word, WORDS, '--'), expected));
}

test('any word gets an answer', () => {
  fc.assert(fc.property(anyText(), (word) => assert.match(didYouMean(word, WORDS), /^$|^; did you mean [a-z-]+\?$/u)));
});
