import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fields } from '../http/fields.ts';
import { type Entry, encodeEntry } from './entry.ts';
import { EntryLines } from './entry-lines.ts';
import { WORDS } from './packed-words.ts';

const date = fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }).map((each) => each.toUTCString());
const character = fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code));
const text = fc.oneof(fc.string({ unit: character, maxLength: 300 }), fc.constantFrom(...WORDS), date);
const time = fc.oneof(fc.integer({ min: 0, max: 4e12 }), fc.double({ min: 0, max: 4e12, noDefaultInfinity: true, noNaN: true }));
const lines = new EntryLines(['xkey']);

function entry(pairs: readonly [string, string][], requestTime = 0, responseTime = 0): Entry {
  const selection = { names: [], values: [], language: null, forwardedAs: '' };
  return { status: 200, fields: new Fields(pairs.flat()), method: 'GET', requestTime, responseTime, privateInPlay: false, invalidated: false, range: undefined, selection, stamp: 0, tags: [], parts: [], others: [] };
}

/** Of a description that does not stand at the beginning, in a target that is as long as given. */
function written(each: Entry, length = 100_000): string | undefined {
  const meta = encodeEntry(each);
  const target = Buffer.alloc(length);
  const end = lines.write(Buffer.concat([Buffer.from('key'), meta, Buffer.from('body')]), 3, 3 + meta.length, target, 1);
  return end === -1 ? undefined : target.toString('latin1', 1, end);
}

test('the lines are those of the fields, but for the length and what is withheld', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 8 }), time, time, (pairs, requestTime, responseTime) => {
      const kept = pairs.filter(([name]) => !['content-length', 'xkey'].includes(name.toLowerCase()));
      assert.equal(written(entry(pairs, requestTime, responseTime)), kept.map(([name, value]) => `${name}: ${value}\r\n`).join(''));
      assert.equal(lines.responseTime, responseTime);
    }),
  );
});

test('what does not fit, or has no byte for a character, is left to others', () => {
  const each = entry([['ETag', '"a"'], ['X-A', 'b'.repeat(20)], ['Date', 'Thu, 01 Jan 2026 00:00:00 GMT']]);
  const { length } = written(each)!;
  for (let room = 1; room <= length + 1; room++) assert.equal(written(each, room)?.length, room === length + 1 ? length : undefined, `in ${room} bytes`);
  assert.equal(written(entry([['X-A', '\u{1f300}']])), undefined);
});

test('bytes that are no description have no lines, and are not read for ever', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (content) => {
      const bytes = Buffer.concat([Buffer.alloc(5), content]);
      assert.equal(lines.write(bytes, 0, bytes.length, Buffer.alloc(1000), 0), -1);
      bytes[0] = 2;
      bytes.writeUInt32LE(bytes.length, 1);
      lines.write(bytes, 0, bytes.length, Buffer.alloc(1000), 0);
    }),
  );
});
