import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { parseWeighted } from './weighted.ts';

describe('parseWeighted', () => {
  const cases: [value: string, members: [value: string, q: number][]][] = [
    ['', []],
    // RFC 9110 §12.5.1, §12.5.3, §12.5.4
    ['audio/*; q=0.2, audio/basic', [['audio/basic', 1], ['audio/*', 0.2]]],
    ['text/plain; q=0.5, text/html, text/x-dvi; q=0.8, text/x-c', [['text/html', 1], ['text/x-c', 1], ['text/x-dvi', 0.8], ['text/plain', 0.5]]],
    ['text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5',
      [['text/plain;format=flowed', 1], ['text/plain', 0.7], ['*/*', 0.5], ['text/plain;format=fixed', 0.4], ['text/*', 0.3]]],
    ['gzip;q=1.0, identity; q=0.5, *;q=0', [['gzip', 1], ['identity', 0.5], ['*', 0]]],
    ['compress;q=0.5, gzip;q=1.0', [['gzip', 1], ['compress', 0.5]]],
    ['da, en-GB;q=0.8, en;q=0.7', [['da', 1], ['en-gb', 0.8], ['en', 0.7]]],
    ['A ; Q=0.5 ,, B', [['b', 1], ['a', 0.5]]],
    ['a;q=2, b;q=x, c;q=-1, d;q=, e;q=.5, f;q=0.', [['a', 1], ['b', 1], ['c', 1], ['d', 1], ['e', 0.5], ['f', 0]]],
    ['text/html;level="1;q=0,2";q=0.4;ext=1', [['text/html;level="1;q=0,2"', 0.4]]],
    [';q=1, ;, q=0.3', [['q=0.3', 1]]],
  ];
  for (const [value, members] of cases) {
    test(`reads ${JSON.stringify(value)}`, () => assert.deepEqual(parseWeighted(value).map(({ value: name, q }) => [name, q]), members));
  }

  test('never throws, and sorts by weight', () => {
    const unit = fc.constantFrom('a', ';', 'q=', '0', '.', '5', ',', ' ', '"', '*', '/');
    fc.assert(
      fc.property(fc.oneof(anyText(), fc.string({ unit })), (value) => {
        const members = parseWeighted(value);
        members.forEach(({ q, value: name }, i) => assert.ok(q >= 0 && q <= 1 && q <= (members[i - 1]?.q ?? 1) && name === name.toLowerCase()));
      }),
    );
  });

  test('what is printed is read back, equal weights in order', () => {
    const member = fc.record({ value: fc.stringMatching(/^[a-z*][a-z0-9*/-]*$/), q: fc.nat({ max: 1000 }).map((n) => n / 1000) }, { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(member), (members) => {
        const value = members.map((m) => `${m.value};q=${m.q}`).join(', ');
        assert.deepEqual(parseWeighted(value), members.toSorted((a, b) => b.q - a.q));
      }),
    );
  });
});
