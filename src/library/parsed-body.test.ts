import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Fields } from '../http/fields.ts';
import { bodyAgain } from './parsed-body.ts';

const FORM = 'application/x-www-form-urlencoded';

/** What is sent, and whether it is coded; undefined where it cannot be known. */
function again(type: string, parsed: unknown, more: Readonly<Record<string, string>> = {}): string | undefined {
  const fields = Fields.of({ 'Content-Type': type, ...more });
  const lines = [...fields.lines];
  const body = bodyAgain(fields, parsed);
  assert.deepEqual(fields.lines, lines, 'the request keeps its fields');
  if (body === undefined) return undefined;
  assert.equal(body.fields.get('content-length'), String(body.bytes.length));
  return body.bytes.toString('latin1') + (body.fields.has('content-encoding') ? ` in ${body.fields.get('content-encoding')}` : '');
}

describe('a body that a parser has read is sent again', () => {
  const known: readonly [name: string, type: string, parsed: unknown, more: Record<string, string>, bytes: string][] = [
    ['JSON', 'application/json', { a: [1, 'é'] }, {}, '{"a":[1,"Ã©"]}'],
    ['a JSON type of its own', 'application/ld+json; charset=utf-8', [null], { 'Content-Length': '99' }, '[null]'],
    ['decoded JSON', 'application/json', { a: 1 }, { 'Content-Encoding': 'gzip', 'Content-Length': '40' }, '{"a":1}'],
    ['an empty object of known length', 'application/json', {}, { 'Content-Length': '2' }, '{}'],
    ['JSON that is a text', 'application/json', 'abc', { 'Content-Length': '5' }, '"abc"'],
    ['JSON left as text', 'application/json', '{"a": 1}', { 'Content-Length': '8' }, '{"a": 1}'],
    ['text', 'text/plain', 'é', {}, 'Ã©'],
    ['text in another charset', 'text/plain; charset="ISO-8859-1"', 'é', {}, 'é'],
    ['a form', FORM, { a: '1 2', 'b&': 'é' }, {}, 'a=1+2&b%26=%C3%A9'],
    ['a form with a list', FORM, { a: ['1', '2'] }, { 'Content-Length': '7' }, 'a=1&a=2'],
    ['a form with a list in brackets', FORM, { a: ['1', '2'] }, { 'Content-Length': '19' }, 'a%5B%5D=1&a%5B%5D=2'],
    ['bytes', 'application/octet-stream', Buffer.from('abc'), { 'Content-Length': '3' }, 'abc'],
    ['bytes as an array', 'application/octet-stream', new Uint8Array([97, 98]).subarray(1), {}, 'b'],
    ['bytes that were decoded', 'text/plain', Buffer.from('abc'), { 'Content-Encoding': 'gzip', 'Content-Length': '23' }, 'abc'],
  ];
  for (const [name, type, parsed, more, bytes] of known) test(name, () => assert.equal(again(type, parsed, more), bytes));

  test('bytes that are coded still', () => {
    const coded = gzipSync('abc');
    assert.equal(again('text/plain', coded, { 'Content-Encoding': 'gzip', 'Content-Length': String(coded.length) }), `${coded.toString('latin1')} in gzip`);
  });

  const unknown: readonly [name: string, type: string, parsed: unknown, more?: Record<string, string>][] = [
    ['nothing was left of it', 'application/json', undefined],
    ['it is of several parts', 'multipart/form-data; boundary=x', { name: 'a' }],
    ['an object of another type', 'application/xml', { a: 1 }],
    ['an empty object that may have been nothing', 'application/json', {}, { 'Transfer-Encoding': 'chunked' }],
    ['JSON in another charset', 'application/json; charset=utf-16', { a: 1 }],
    ['text in a charset that nobody knows', 'text/plain; charset=shift_jis', 'a'],
    ['JSON text of unknown length', 'application/json', '1'],
    ['a form that nests', FORM, { a: { b: '1' } }, { 'Content-Length': '6' }],
    ['a form with a list of unknown spelling', FORM, { a: ['1', '2'] }, { 'Content-Length': '11' }],
    ['bytes that may be coded', 'text/plain', Buffer.from('abc'), { 'Content-Encoding': 'br' }],
  ];
  for (const [name, type, parsed, more] of unknown) test(`not where ${name}`, () => assert.equal(again(type, parsed, more), undefined));
});
