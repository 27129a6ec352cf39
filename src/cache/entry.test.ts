import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import { type Entry, decodeEntry, encodeEntry } from './entry.ts';
import { WORDS } from './packed-words.ts';

const date = fc.oneof(fc.date({ noInvalidDate: true }).map((each) => each.toUTCString()), fc.constantFrom('Thu, 30 Feb 2026 00:00:00 GMT', 'Mon, 01 Jan 2026 00:00:00 GMT', 'Thu, 01 jan 2026 00:00:00 GMT', 'Wed, 31 Dec 1969 23:59:59 GMT', 'Thu, 01 Jan 2026 00:00:60 GMT'));
const text = fc.oneof(anyText({ maxLength: 20 }), fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 200 }), fc.constantFrom(...WORDS), date);
/** As JSON makes objects. */
const plain = { noNullPrototype: true };
const time = fc.oneof(fc.integer({ min: 0, max: 4e12 }), fc.double({ min: 0, max: 4e12, noDefaultInfinity: true, noNaN: true }).map((each) => each + 0));
const selection = fc.record({
  names: fc.array(text, { maxLength: 3 }),
  values: fc.array(fc.option(text), { maxLength: 3 }),
  language: fc.option(text),
  forwardedAs: text,
}, plain);
const entry: fc.Arbitrary<Entry> = fc.record({
  status: fc.integer({ min: 200, max: 999 }),
  fields: fc.array(fc.tuple(text, text), { maxLength: 5 }).map((pairs) => new Fields(pairs.flat())),
  method: fc.constantFrom('GET', 'HEAD'),
  requestTime: time,
  responseTime: time,
  privateInPlay: fc.boolean(),
  invalidated: fc.boolean(),
  range: fc.option(fc.record({ first: fc.nat(), last: fc.nat(), length: fc.option(fc.nat(), { nil: undefined }) }, plain), { nil: undefined }),
  selection,
  stamp: fc.nat(),
  tags: fc.array(text, { maxLength: 3 }),
  parts: fc.array(fc.record({ first: fc.nat(), last: fc.nat() }, plain), { maxLength: 3 }),
  others: fc.array(fc.record({ key: text, selection, at: time }, plain), { maxLength: 2 }),
}, plain);

test('what is encoded decodes to the same', () => {
  fc.assert(fc.property(entry, (each) => assert.deepEqual(decodeEntry(encodeEntry(each)), each)));
});

test('words keep their places, for what is stored names them by these', () => {
  assert.equal(new Set(WORDS).size, WORDS.length);
  const digest = (words: readonly string[]): string => createHash('sha256').update(JSON.stringify(words)).digest('hex').slice(0, 16);
  assert.equal(digest(WORDS.slice(0, 238)), '56d74a44d19c9946');
});

test('bytes of another version, or damaged ones, are refused with a code and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      try {
        decodeEntry(Buffer.from(bytes));
        assert.fail('decoded what was never encoded');
      } catch (error) {
        assert.ok(error instanceof MillraceError);
        assert.equal(error.code, 'ERR_STORED_FORMAT');
      }
    }),
  );
});

test('a truncated entry is refused', () => {
  fc.assert(
    fc.property(entry, fc.nat(), (each, cut) => {
      const bytes = encodeEntry(each);
      assert.throws(() => decodeEntry(bytes.subarray(0, cut % bytes.length)), { code: 'ERR_STORED_FORMAT' });
    }),
  );
});
