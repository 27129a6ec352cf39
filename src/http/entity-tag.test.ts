import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { type EntityTag, parseEntityTag, parseEntityTagList, strongMatch, weakMatch } from './entity-tag.ts';

const strong = (opaque: string): EntityTag => ({ weak: false, opaque });
const weak = (opaque: string): EntityTag => ({ weak: true, opaque });

describe('parseEntityTag', () => {
  const cases: [text: string, tag: EntityTag | undefined][] = [
    // RFC 9110 §8.8.3
    ['"xyzzy"', strong('"xyzzy"')],
    ['W/"xyzzy"', weak('"xyzzy"')],
    ['""', strong('""')],
    [' \t"a" ', strong('"a"')],
    ['"a,b\\"', strong('"a,b\\"')],
    ['"abcdef\u00fc"', strong('"abcdef\u00fc"')],
    ['"a b"', strong('"a b"')],
    ['abcdef', strong('abcdef')],
    ['W/abcdef', weak('abcdef')],
    ['', undefined],
    ['W/', strong('W/')],
    ['"', undefined],
    ['"a', undefined],
    ['a"', undefined],
    ['"a"b"', undefined],
    ['w/"a"', undefined],
    ['W"a"', undefined],
    ['W\\"a"', undefined],
    ['W/ "a"', undefined],
    ['a b', undefined],
  ];
  for (const [text, tag] of cases) {
    test(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(parseEntityTag(text), tag));
  }
});

describe('parseEntityTagList', () => {
  const cases: [value: string, tags: EntityTag[] | '*'][] = [
    // RFC 9110 §13.1.2
    ['"xyzzy"', [strong('"xyzzy"')]],
    ['W/"xyzzy", W/"r2d2xxxx", W/"c3piozzzz"', [weak('"xyzzy"'), weak('"r2d2xxxx"'), weak('"c3piozzzz"')]],
    [' * ', '*'],
    ['', []],
    [', "a,b" ,, "c\\","d"', [strong('"a,b"'), strong('"c\\"'), strong('"d"')]],
    ['"a" x, "b', []],
    ['"a", b c, d, w/"e"', [strong('"a"'), strong('d')]],
  ];
  for (const [value, tags] of cases) {
    test(`reads ${JSON.stringify(value)}`, () => assert.deepEqual(parseEntityTagList(value), tags));
  }

  test('never throws', () => {
    const unit = fc.constantFrom('"', 'W/', '*', ',', ' ', 'a', '\\', '\n', 'é');
    fc.assert(fc.property(fc.oneof(anyText(), fc.string({ unit })), (text) => {
      parseEntityTag(text);
      parseEntityTagList(text);
    }));
  });

  test('what is printed is read back', () => {
    const opaque = fc.stringMatching(/^"[\x21\x23-\x7e\x80-\xff]*"$/);
    fc.assert(
      fc.property(fc.array(fc.record({ weak: fc.boolean(), opaque }, { noNullPrototype: true })), (tags) => {
        const value = tags.map((tag) => (tag.weak ? 'W/' : '') + tag.opaque).join(', ');
        assert.deepEqual(parseEntityTagList(value), tags);
      }),
    );
  });
});

describe('comparison', () => {
  // The table of RFC 9110 §8.8.3.2, and tags without quotes.
  const cases: [a: string, b: string, strong: boolean, weak: boolean][] = [
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
    ['1', '1', true, true],
    ['1', '"1"', false, false],
    ['W/1', '1', false, true],
  ];
  for (const [a, b, strongly, weakly] of cases) {
    test(`of ${a} and ${b}`, () => {
      for (const [x, y] of [[parseEntityTag(a)!, parseEntityTag(b)!], [parseEntityTag(b)!, parseEntityTag(a)!]] as const) {
        assert.equal(strongMatch(x, y), strongly);
        assert.equal(weakMatch(x, y), weakly);
      }
    });
  }
});
