import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { splitList, trimOws } from './list.ts';

describe('splitList', () => {
  const cases: [value: string, members: string[]][] = [
    ['', []],
    [' , ,\t,', []],
    // RFC 9110 §5.6.1.2
    ['foo,bar', ['foo', 'bar']],
    ['foo ,bar,', ['foo', 'bar']],
    ['foo , ,bar,charlie', ['foo', 'bar', 'charlie']],
    ['a="x, y", b', ['a="x, y"', 'b']],
    ['a="x\\", y", b', ['a="x\\", y"', 'b']],
    ['a="x\\\\", y', ['a="x\\\\"', 'y']],
    ['a="x, b, c', ['a="x', 'b', 'c']],
    ['a="x\\", b, c="y", d', ['a="x\\", b, c="y"', 'd']],
    ['"a,b"c"d,e"', ['"a,b"c"d,e"']],
  ];
  for (const [value, members] of cases) {
    test(`splits ${JSON.stringify(value)}`, () => assert.deepEqual(splitList(value), members));
  }

  test('splits at semicolons, and without escapes, where asked', () => {
    assert.deepEqual(splitList('a;b="x;y" ; c,d', { separator: ';' }), ['a', 'b="x;y"', 'c,d']);
    assert.deepEqual(splitList('"a\\", "b,c"', { escapes: false }), ['"a\\"', '"b,c"']);
  });

  test('what is joined is split again', () => {
    const quoted = fc.string().map((text) => JSON.stringify(text));
    const token = fc.stringMatching(/^[a-z0-9-]+$/);
    fc.assert(
      fc.property(fc.array(fc.oneof(quoted, token)), fc.constantFrom(',', ' , ', ',,\t'), (members, comma) =>
        assert.deepEqual(splitList(members.join(comma)), members)),
    );
  });

  test('is done with quotes that never close in linear time', () => {
    assert.equal(splitList('a \\",'.repeat(100_000)).length, 100_000);
  });

  test('loses nothing but separators and whitespace', () => {
    const bare = (text: string): string => text.replaceAll(/[, \t]/g, '');
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '"', '\\', ',', ' ', '\t', 'é') }), (value) =>
        assert.equal(bare(splitList(value).join(',')), bare(value))),
    );
  });
});

test('trimOws takes spaces and tabs only', () => {
  assert.equal(trimOws(' \t a \t '), 'a');
  assert.equal(trimOws('\u00a0a\n'), '\u00a0a\n');
  assert.equal(trimOws('  '), '');
});
