import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import { type Entry, decodeEntry, encodeEntry } from './entry.ts';

const latin1 = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 20 });
/** As JSON makes objects. */
const plain = { noNullPrototype: true };
const time = fc.integer({ min: 0, max: 4e12 });
const selection = fc.record({
  names: fc.array(latin1, { maxLength: 3 }),
  values: fc.array(fc.option(latin1), { maxLength: 3 }),
  language: fc.option(latin1),
  forwardedAs: latin1,
}, plain);
const entry: fc.Arbitrary<Entry> = fc.record({
  status: fc.integer({ min: 200, max: 999 }),
  fields: fc.array(fc.tuple(latin1, latin1), { maxLength: 5 }).map((pairs) => new Fields(pairs.flat())),
  method: fc.constantFrom('GET', 'HEAD'),
  requestTime: time,
  responseTime: time,
  privateInPlay: fc.boolean(),
  invalidated: fc.boolean(),
  range: fc.option(fc.record({ first: fc.nat(), last: fc.nat(), length: fc.nat() }, plain), { nil: undefined }),
  selection,
  stamp: fc.nat(),
  tags: fc.array(latin1, { maxLength: 3 }),
  others: fc.array(fc.record({ key: latin1, selection, at: time }, plain), { maxLength: 2 }),
}, plain);

test('what is encoded decodes to the same', () => {
  fc.assert(fc.property(entry, (each) => assert.deepEqual(decodeEntry(encodeEntry(each)), each)));
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
