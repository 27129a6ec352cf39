import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FieldLines, request } from '../../test/kit/messages.ts';
import { Fields } from '../http/fields.ts';
import { OTHER_HOST, SelectingFields, firstMismatch, requestedNames, selectionOf, varyNames } from './vary.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `x-${String(i).padStart(5, '0')}`);

describe('varyNames', () => {
  const cases: [value: string[], names: string[] | '*'][] = [
    [[], []],
    [[''], []],
    [['Accept'], ['accept']],
    [['B, a,,A ,'], ['a', 'b']],
    [['b', 'a'], ['a', 'b']],
    // RFC 9111 §4.1: a member "*" always fails to match.
    [['*'], '*'],
    [['a, *'], '*'],
    [[', * ,b'], '*'],
    [['a', '\t*'], '*'],
    [['*, *'], '*'],
    [['*a'], ['*a']],
    [[names(64).join()], names(64)],
    [[names(64).join(), names(64).join().toUpperCase()], names(64)],
    // What is no list of field names, or too long a one, counts as "*".
    [['a b'], '*'],
    [['a', 'b;c'], '*'],
    [['"a"'], '*'],
    [['a\u00a0'], '*'],
    [[names(65).join()], '*'],
    [['*', names(65).join()], '*'],
  ];
  for (const [value, expected] of cases) test(JSON.stringify(value).slice(0, 100), () => assert.deepEqual(varyNames(Fields.of({ Vary: value })), expected));
});

describe('selection', () => {
  type Row = [rule: string, vary: string, first: FieldLines, second: FieldLines, mismatch: string | undefined, response?: FieldLines];
  const cases: Row[] = [
    ['nothing selects', '', { Foo: '1' }, { Foo: '2' }, undefined],
    ['the same value', 'Foo', { Foo: '1' }, { foo: '1' }, undefined],
    ['another value', 'Foo', { Foo: '1' }, { Foo: '2' }, 'foo'],
    ['§4.1 absent in both', 'Foo', {}, {}, undefined],
    ['§4.1 absent in one', 'Foo', { Foo: '1' }, {}, 'foo'],
    ['§4.1 absent in the other', 'Foo', {}, { Foo: '1' }, 'foo'],
    ['§4.1 absent is not empty', 'Foo', {}, { Foo: '' }, 'foo'],
    ['RFC 9110 §12.5.3 no Accept-Encoding is not an empty one', 'Accept-Encoding', {}, { 'Accept-Encoding': '' }, 'accept-encoding'],
    ['one of two differs', 'Foo, Bar', { Foo: '1', Bar: '1' }, { Foo: '2', Bar: '1' }, 'foo'],
    ['the other of two differs', 'Foo, Bar', { Foo: '1', Bar: '1' }, { Foo: '1', Bar: '2' }, 'bar'],
    ['§4.1 white space', 'Foo', { Foo: '1,2' }, { Foo: ' 1 ,\t2 ' }, undefined],
    ['§4.1 white space within a member counts', 'Foo', { Foo: '1 2' }, { Foo: '1  2' }, 'foo'],
    ['§4.1 lines are combined', 'Foo', { Foo: '1, 2' }, { Foo: ['1', '2'] }, undefined],
    ['order of an unknown list counts', 'Foo', { Foo: '1, 2' }, { Foo: '2, 1' }, 'foo'],
    ['case of an unknown list counts', 'Foo', { Foo: 'a' }, { Foo: 'A' }, 'foo'],
    ['empty members of an unknown list count', 'Foo', { Foo: '1,,2' }, { Foo: '1,2' }, 'foo'],
    ['white space in quotes counts', 'Foo', { Foo: '"a, b"' }, { Foo: '"a,b"' }, 'foo'],
    ['bytes that are no white space count', 'Foo', { Foo: 'a' }, { Foo: 'a\u00a0' }, 'foo'],
    ['languages in any order', 'Accept-Language', { 'Accept-Language': 'en, de' }, { 'Accept-Language': 'de, en' }, undefined],
    ['languages in any case', 'Accept-Language', { 'Accept-Language': 'en, de' }, { 'Accept-Language': 'eN,De' }, undefined],
    ['languages with weights written otherwise', 'Accept-Language', { 'Accept-Language': 'en;q=0.5, de' }, { 'Accept-Language': 'de;q=1.0, en; q=0.50' }, undefined],
    ['languages with other weights', 'Accept-Language', { 'Accept-Language': 'en;q=0.5, de' }, { 'Accept-Language': 'en, de;q=0.5' }, 'accept-language'],
    ['languages with the same order of other weights', 'Accept-Language', { 'Accept-Language': 'en, de;q=0.5' }, { 'Accept-Language': 'en, de;q=0' }, 'accept-language'],
    ['codings in any order and case', 'Accept-Encoding', { 'Accept-Encoding': 'gzip, br' }, { 'Accept-Encoding': 'BR,GZIP' }, undefined],
    ['other codings', 'Accept-Encoding', { 'Accept-Encoding': 'gzip' }, { 'Accept-Encoding': 'gzip, br' }, 'accept-encoding'],
    ['charsets in any order', 'Accept-Charset', { 'Accept-Charset': 'a, b' }, { 'Accept-Charset': 'b, a' }, undefined],
    ['Accept counts as it is', 'Accept', { Accept: 'text/a, text/b' }, { Accept: 'text/b, text/a' }, 'accept'],
    ['the language preferred over all is stored', 'Accept-Language', { 'Accept-Language': 'en, de' }, { 'Accept-Language': 'fr;q=0.5, DE' }, undefined, { 'Content-Language': ' De ' }],
    ['a language as good as another', 'Accept-Language', { 'Accept-Language': 'en' }, { 'Accept-Language': 'de, fr' }, 'accept-language', { 'Content-Language': 'de' }],
    ['the only language wanted', 'Accept-Language', { 'Accept-Language': 'en' }, { 'Accept-Language': 'de' }, undefined, { 'Content-Language': 'de' }],
    ['a language not wanted at all', 'Accept-Language', { 'Accept-Language': 'en' }, { 'Accept-Language': 'de;q=0' }, 'accept-language', { 'Content-Language': 'de' }],
    ['a language preferred less', 'Accept-Language', { 'Accept-Language': 'en' }, { 'Accept-Language': 'de;q=0.1, fr' }, 'accept-language', { 'Content-Language': 'de' }],
    ['a Vary of the request names fields that select', '', { Vary: 'Foo', Foo: '1' }, { Vary: 'Foo', Foo: '2' }, 'foo'],
    ['beside those of the response', 'Bar', { Vary: 'Foo', Foo: '1', Bar: '1' }, { Vary: 'Foo', Foo: '1', Bar: '2' }, 'bar'],
    ['a Vary of the request that names another field', '', { Vary: 'Foo', Foo: '1' }, { Vary: 'Bar', Foo: '1' }, 'vary'],
    ['a Vary of the request alone', '', {}, { Vary: 'Foo' }, 'vary'],
    ['a Vary of the request alone, where Vary names the same field', 'Foo', { Foo: '1' }, { Vary: 'Foo', Foo: '1' }, 'vary'],
    ['a Vary of the stored request alone', '', { Vary: 'Foo' }, {}, 'vary'],
    ['a Vary of the request with "*"', '', { Vary: 'Foo' }, { Vary: '*' }, 'vary'],
    ['a coding that is not asked for', '', { 'Accept-Encoding': 'gzip' }, {}, 'accept-encoding', { 'Content-Encoding': 'gzip' }],
    ['a coding that is refused', '', { 'Accept-Encoding': 'gzip' }, { 'Accept-Encoding': 'gzip;q=0' }, 'accept-encoding', { 'Content-Encoding': ' GZip ' }],
    ['a coding that is asked for alike', '', { 'Accept-Encoding': 'gzip, br' }, { 'Accept-Encoding': 'br,gzip' }, undefined, { 'Content-Encoding': 'br' }],
    ['several codings', '', {}, { 'Accept-Encoding': 'gzip' }, 'accept-encoding', { 'Content-Encoding': ['identity', 'gzip'] }],
    ['no coding', '', { 'Accept-Encoding': 'gzip' }, {}, undefined, { 'Content-Encoding': 'Identity' }],
    ['an empty coding', '', { 'Accept-Encoding': 'gzip' }, {}, undefined, { 'Content-Encoding': '' }],
    ['no language is asked for', 'Accept-Language', { 'Accept-Language': 'en' }, {}, 'accept-language', { 'Content-Language': 'de' }],
    ['the language does not help other fields', 'Accept-Language, Foo', { 'Accept-Language': 'en', Foo: '1' }, { 'Accept-Language': 'de', Foo: '2' }, 'foo', { 'Content-Language': 'de' }],
    ['two languages in the response are none to choose by', 'Accept-Language', { 'Accept-Language': 'en' }, { 'Accept-Language': 'de' }, 'accept-language', { 'Content-Language': 'de, en' }],
  ];
  for (const [rule, vary, first, second, mismatch, response = {}] of cases) {
    test(rule, () => {
      const selection = selectionOf(request(first).fields, '', Fields.of({ Vary: vary, ...response }));
      assert.ok(selection);
      assert.equal(firstMismatch(selection, new SelectingFields(request(first).fields), ''), undefined);
      assert.equal(firstMismatch(selection, new SelectingFields(request(second).fields), ''), mismatch);
    });
  }

  test('Vary: * selects nothing', () => assert.equal(selectionOf(new Fields(), '', Fields.of({ Vary: 'a, *' })), undefined));

  test('a request whose Vary has "*" or is very long has a response that serves nobody else', () => {
    for (const vary of ['*', 'foo, *', ['a', '*'], 'a'.repeat(513)]) {
      const asked = Fields.of({ Vary: vary });
      assert.equal(requestedNames(asked), '*');
      assert.equal(selectionOf(asked, '', new Fields()), undefined);
    }
    assert.deepEqual(requestedNames(Fields.of({ Vary: 'B, a,b' })), ['vary', 'a', 'b']);
    assert.deepEqual(requestedNames(new Fields()), []);
  });

  test('remembers the language only where Vary names Accept-Language', () => {
    const language = (fields: FieldLines): unknown => selectionOf(new Fields(), '', Fields.of(fields))?.language;
    assert.equal(language({ Vary: 'Accept-Language', 'Content-Language': 'DE' }), 'de');
    assert.equal(language({ Vary: 'Accept', 'Content-Language': 'DE' }), null);
    assert.equal(language({ Vary: 'Accept-Language' }), null);
  });

  test('what the origin was told of the client’s URL selects too', () => {
    const selection = selectionOf(new Fields(), 'https://a', new Fields())!;
    assert.deepEqual([firstMismatch(selection, new SelectingFields(new Fields()), 'https://a'), firstMismatch(selection, new SelectingFields(new Fields()), 'https://b')], [undefined, OTHER_HOST]);
  });
});

test('values that attack are normalised in linear time', () => {
  const length = 1_000_000;
  for (const value of [`a${' '.repeat(length)}b`, '"\\'.repeat(length / 2), `"${'\\"'.repeat(length / 2)}`, ' ,'.repeat(length / 2)]) {
    for (const name of ['foo', 'accept-language']) assert.ok(new SelectingFields(Fields.of({ [name]: value })).value(name)!.length <= length + 9);
  }
});

test('the fields of a request are looked through once, however many names select among however many variants', () => {
  const lines = names(100).flatMap((name) => [name, 'x']);
  let reads = 0;
  const counted = new Proxy(lines, { get: (target, property) => (typeof property === 'string' && /^\d+$/.test(property) && reads++, Reflect.get(target, property)) });
  const fields = new SelectingFields(new Fields(counted));
  for (let variant = 0; variant < 32; variant++) {
    const selection = selectionOf(new Fields(lines.slice()), '', Fields.of({ Vary: names(64).join() }))!;
    assert.equal(firstMismatch(selection, fields, ''), undefined);
  }
  assert.equal(reads, lines.length);
});

test('a Vary of ten thousand names is looked at as far as its limit', () => {
  let looked = 0;
  const line = names(10_000).join();
  const counted = { split: () => ({ [Symbol.iterator]: () => line.split(',').values().map((name) => (looked++, name)) }) } as unknown as string;
  assert.equal(varyNames(new Fields(['Vary', counted])), '*');
  assert.equal(looked, 65);
});
