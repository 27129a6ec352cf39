import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { parseItem, serializeDictionary, Token } from 'structured-headers';
import { Decimal, formatInteger, formatString, formatTokenOrString, parseDictionary, parseList } from './structured.ts';

const none = new Map();

describe('parseDictionary', () => {
  test('reads the examples of RFC 9651 §3.2', () => {
    assert.deepEqual(parseDictionary('a=?0, b, c;foo=bar'), new Map([
      ['a', [false, none]],
      ['b', [true, none]],
      ['c', [true, new Map([['foo', new Token('bar')]])]],
    ]));
    assert.deepEqual(parseDictionary('rating=1.5, feelings=(joy sadness)')?.get('rating'), [new Decimal(1.5), none]);
    assert.deepEqual(parseDictionary('a=1,a=2.0,a=3'), new Map([['a', [3, none]]]));
    assert.deepEqual(parseDictionary(''), none);
  });

  test('tells a Decimal from an Integer', () => {
    const value = (text: string): unknown => parseDictionary(text)?.get('a')?.[0];
    assert.equal(value('a=3600'), 3600);
    assert.deepEqual(value('a=3600.0'), new Decimal(3600));
    assert.deepEqual(value('b="x, a=1", a=-1.0;p=1'), new Decimal(-1));
    assert.equal(value('a=1, b="x, a=1.0"'), 1);
    assert.equal(value('a=1;p=1.0'), 1);
    assert.equal(value('a=1.0, a=2'), 2);
    assert.deepEqual(value('a=2, a=1.0'), new Decimal(1));
  });

  for (const text of ['a=', 'a= 1', 'a =1', 'A=1', 'a=1,', ',a=1', 'a=1,,b', 'a=1, &&&', 'a="x', 'a=\'1\'', 'a=1.', 'a=1.0000', 'a=é', 'a;b=,c']) {
    test(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseDictionary(text), undefined));
  }

  test('never throws', () => {
    const unit = fc.constantFrom(...'ab=1.0?:"\\;,()%@- \té');
    fc.assert(fc.property(fc.oneof(anyText(), fc.string({ unit })), (text) => {
      parseDictionary(text);
      parseList(text);
    }));
  });

  test('what is serialised is read back', () => {
    const value = fc.oneof(fc.boolean(), fc.integer(), fc.stringMatching(/^[ -~]*$/));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.stringMatching(/^[a-z][a-z0-9_.*-]*$/), value)), (entries) => {
        const dictionary = new Map(entries.map(([key, item]) => [key, [item, none] as [typeof item, typeof none]]));
        assert.deepEqual(parseDictionary(serializeDictionary(dictionary)), dictionary);
      }),
    );
  });
});

test('parseList reads lists strictly', () => {
  assert.deepEqual(parseList('sugar, "tea";x'), [[new Token('sugar'), none], ['tea', new Map([['x', true]])]]);
  assert.equal(parseList('a,,b'), undefined);
});

describe('writing', () => {
  test('strings are read back, printable ASCII unchanged', () => {
    fc.assert(fc.property(fc.stringMatching(/^[ -~]{0,256}$/), (text) => assert.equal(parseItem(formatString(text))[0], text)));
    assert.equal(formatString('a"b\\c\r\né'), '"a\\"b\\\\c???"');
    assert.equal(formatString('"'.repeat(300)).length, 2 + 2 * 256);
  });

  test('any string is a String or a Token', () => {
    fc.assert(fc.property(anyText(), (text) => void parseItem(formatTokenOrString(text))));
    assert.equal(formatTokenOrString('uri-miss'), 'uri-miss');
    assert.equal(formatTokenOrString('9'), '"9"');
    assert.equal(formatTokenOrString(''), '""');
  });

  test('any number is an Integer', () => {
    fc.assert(fc.property(fc.double(), (value) => assert.ok(Number.isInteger(parseItem(formatInteger(value))[0]))));
    assert.equal(formatInteger(-1.5), '-2');
    assert.equal(formatInteger(Infinity), '999999999999999');
    assert.equal(formatInteger(NaN), '0');
  });
});
