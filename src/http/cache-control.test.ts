import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { type Directive, type Directives, MAX_SECONDS, parseCacheControl, parseTargetedCacheControl } from './cache-control.ts';

const read = (...lines: string[]): Directives => parseCacheControl(lines);

/** name → its arguments, and the malformed names. */
function shape(directives: Directives): [Record<string, string[]>, string[]] {
  return [Object.fromEntries([...directives.names()].map((name) => [name, directives.values(name)])), [...directives.malformedNames]];
}

describe('parseCacheControl', () => {
  const cases: [value: string, directives: Record<string, string[]>, malformed?: string[]][] = [
    ['', {}],
    [' , ,', {}],
    ['no-store', { 'no-store': [] }],
    ['MaX-aGe=3600', { 'max-age': ['3600'] }],
    ['public,max-age=60 , \tmust-revalidate,,', { public: [], 'max-age': ['60'], 'must-revalidate': [] }],
    // RFC 9111 §5.2.3
    ['private, community="UCI"', { private: [], community: ['UCI'] }],
    ['private="Set-Cookie, X-User", max-age=5', { private: ['Set-Cookie, X-User'], 'max-age': ['5'] }],
    ['x="a\\"b, no-store\\\\", max-age=1', { x: ['a"b, no-store\\'], 'max-age': ['1'] }],
    ['x="", y=z', { x: [''], y: ['z'] }],
    ['max-age=1, max-age="2", max-age', { 'max-age': ['1', '2'] }],
    ['extension="max-age=3600", max-age=1', { extension: ['max-age=3600'], 'max-age': ['1'] }],
    ["max-age='3600'", { 'max-age': ["'3600'"] }],
    ['max-age = 5', {}, ['max-age']],
    ['max-age =5, a', { a: [] }, ['max-age']],
    ['max-age= 5', {}, ['max-age']],
    ['No-Store;, PRIVATE=, no-cache = ', { 'no-store': [] }, ['private', 'no-cache']],
    ['public; max-age=1', { public: [], 'max-age': ['1'] }],
    ['max-age=1;s-maxage=2 ; , private="a;b, c"', { 'max-age': ['1'], 's-maxage': ['2'], private: ['a;b, c'] }],
    ['x="a; no-store', { 'no-store': [] }, ['x']],
    ['no-store foo, no-cache"x", max-age=5"', {}, ['no-store', 'no-cache', 'max-age']],
    ['x="a" b, y="a"b', {}, ['x', 'y']],
    ['=5, "no-store", ;a, @', { a: [] }],
    // A quote that never ends hides nothing.
    ['x="a, no-store', { 'no-store': [] }, ['x']],
    ['private="a, max-age=60', { 'max-age': ['60'] }, ['private']],
    ['no-störe', {}, ['no-st']],
    ['__proto__=1, constructor', { ['__proto__']: ['1'], constructor: [] }],
  ];
  for (const [value, directives, malformed = []] of cases) {
    test(`reads ${JSON.stringify(value)}`, () => {
      const result = shape(read(value));
      assert.deepEqual(Object.entries(result[0]), Object.entries(directives));
      assert.deepEqual(result[1], malformed);
    });
  }

  test('reads each line on its own', () => {
    assert.deepEqual(shape(read('x="a', 'no-store, y="', 'max-age=1')), [{ 'no-store': [], 'max-age': ['1'] }, ['x', 'y']]);
    assert.deepEqual(shape(read('a', 'b, a=1')), [{ a: ['1'], b: [] }, []]);
  });

  test('never throws, whatever is asked', () => {
    const unit = fc.constantFrom('a', 'no-store', 'private', 'max-age', '=', '"', '\\', ',', ' ', ';', '9', '\n', 'é');
    fc.assert(
      fc.property(fc.array(fc.oneof(anyText(), fc.string({ unit }))), fc.string(), (lines, other) => {
        for (const directives of [parseCacheControl(lines), parseTargetedCacheControl(lines)]) {
          for (const name of [...(directives?.names() ?? []), 'max-age', 'private', other]) {
            const seconds = directives?.seconds(name);
            assert.ok(typeof seconds !== 'number' || (seconds >= 0 && seconds <= MAX_SECONDS));
            assert.equal(directives?.isQualified(name) === true && directives.fieldNames(name).length === 0, false);
          }
        }
      }),
    );
  });

  test('is done with hostile lines in linear time', () => {
    assert.equal(read('a \\",'.repeat(100_000)).malformedNames.size, 1);
    assert.equal(read('a="'.repeat(100_000)).size, 0);
    assert.equal(read(`a="${'\\"'.repeat(1_000_000)}"`).value('a')?.length, 1_000_000);
  });

  const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9a-z-]+$/);
  test('what is printed is read back', () => {
    const print = ([name, argument]: Directive): string => (argument === undefined ? name : `${name}="${argument.replace(/["\\]/g, '\\$&')}"`);
    const directive = fc.tuple(token, fc.option(anyText(), { nil: undefined }));
    fc.assert(
      fc.property(fc.array(directive), (list) => {
        const directives = read(list.map(print).join(', '));
        assert.deepEqual([...directives.malformedNames], []);
        assert.deepEqual([...directives.names()], [...new Set(list.map(([name]) => name))]);
        for (const name of directives.names()) {
          assert.deepEqual(directives.values(name), list.flatMap(([n, a]) => (n === name && a !== undefined ? [a] : [])));
        }
      }),
    );
  });
});

describe('Directives', () => {
  const seconds: [value: string, expected: number | undefined | 'invalid'][] = [
    ['max-age=60', 60],
    ['max-age="60"', 60],
    ['max-age=003600', 3600],
    ['max-age=0', 0],
    ['max-age=2147483647', 2147483647],
    ['max-age=2147483648', 2147483648],
    ['max-age=2147483649', 2147483648],
    [`max-age=${'9'.repeat(500)}`, 2147483648],
    ['max-age=1800, max-age=1', 1],
    ['max-age=1, max-age=1800', 1],
    ['max-age=7, max-age=7', 7],
    ['s-maxage=5', undefined],
    ...['-1', '3600.0', 'a100', '100a', "'3600'", '""', '" 5"', '+5', '1e3', '0x10', ' 5', ''].map(
      (argument): [string, 'invalid'] => [`max-age=${argument}`, 'invalid'],
    ),
    ['max-age', 'invalid'],
    ['max-age=5, max-age=x', 'invalid'],
    ['max-age=5, max-age =7', 'invalid'],
  ];
  for (const [value, expected] of seconds) {
    test(`seconds of ${value.slice(0, 40)} is ${expected}`, () => assert.equal(read(value).seconds('max-age'), expected));
  }

  test('names the fields a directive is limited to', () => {
    assert.deepEqual(read('private="Set-Cookie,  X-User,,", no-cache, private=set-cookie').fieldNames('private'), ['set-cookie', 'x-user']);
    assert.deepEqual(read('no-cache').fieldNames('no-cache'), []);
  });

  for (const [value, qualified] of [
    ['private="a"', true], ['private=a', true], ['private="a, b", private=c', true],
    ['private', false], ['private=""', false], ['private=" ,"', false], ['private="a b"', false], ['private="a", private', false],
    ['private="a", private=', false], ['no-cache="a"', false], ['private="a;"', false],
  ] as const) {
    test(`${value} is ${qualified ? '' : 'not '}qualified`, () => assert.equal(read(value).isQualified('private'), qualified));
  }

  test('counts different directives', () => {
    const directives = read('a, b=1, A=2, c=');
    assert.equal(directives.size, 2);
    assert.equal(directives.value('a'), '2');
    assert.equal(directives.value('b'), '1');
    assert.equal(directives.value('d'), undefined);
    assert.equal(directives.has('a'), true);
    assert.equal(directives.has('c'), false);
  });
});

describe('parseTargetedCacheControl', () => {
  const cases: [value: string, directives: Record<string, string[]>, malformed?: string[]][] = [
    // RFC 9213 §3.1
    ['max-age=600', { 'max-age': ['600'] }],
    ['none', { none: [] }],
    ['max-age=60, no-store, s-maxage=5;p=1', { 'max-age': ['60'], 'no-store': [], 's-maxage': ['5'] }],
    ['no-cache="a, b", private', { 'no-cache': ['a, b'], private: [] }],
    ['max-age=1, max-age=2', { 'max-age': ['2'] }],
    ['foobar, bar=(1 2), baz=?0, tok=x/y, n=1.5, max-age=3600', { foobar: [], tok: ['x/y'], 'max-age': ['3600'] }],
    ['public, max-age="10"', { public: [] }, ['max-age']],
    ['public, max-age=10.0', { public: [] }, ['max-age']],
    ['public, max-age', { public: [] }, ['max-age']],
    ['max-age=-5', { 'max-age': ['-5'] }],
    ['no-store=1', {}, ['no-store']],
    ['no-store=?0, max-age=5', { 'max-age': ['5'] }, ['no-store']],
    ['private=set-cookie, no-cache=(a b)', {}, ['private', 'no-cache']],
  ];
  for (const [value, directives, malformed = []] of cases) {
    test(`reads ${value}`, () => assert.deepEqual(shape(parseTargetedCacheControl([value])!), [directives, malformed]));
  }

  for (const lines of [
    [], [''], ['max-age=10000, &&&&&'], ['max-age="10000"'], ['max-age=5.0, s-maxage'], ['max-age =100'], ['max-age= 100'],
    ['MaX-aGe=3600'], ['max-age=60,'], ['no-store;'], ["max-age='60'"], ['a', 'b='],
  ]) {
    test(`ignores ${JSON.stringify(lines)}`, () => assert.equal(parseTargetedCacheControl(lines), undefined));
  }

  test('combines lines', () => {
    assert.deepEqual(shape(parseTargetedCacheControl(['max-age=1, a', 'max-age=2'])!), [{ 'max-age': ['2'], a: [] }, []]);
  });
});
