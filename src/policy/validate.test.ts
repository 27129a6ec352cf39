import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FieldLines, RECEIVED, after, httpDate, request, stored } from '../../test/kit/messages.ts';
import { Fields } from '../http/fields.ts';
import { headDescribes, isNotModified, isOriginConditional, updatedFields, validates, withConditions, withoutConditions } from './validate.ts';

test('RFC 9111 §4.3.2: If-Match and If-Unmodified-Since are for the origin', () => {
  const names = ['If-Match', 'if-unmodified-since', 'If-None-Match', 'If-Modified-Since', 'If-Range'];
  assert.deepEqual(names.filter((name) => isOriginConditional(Fields.of({ [name]: 'x' }))), ['If-Match', 'if-unmodified-since']);
});

describe('isNotModified', () => {
  const tag: FieldLines = { ETag: '"a"' };
  const weak: FieldLines = { ETag: 'W/"a"' };
  const old: FieldLines = { 'Last-Modified': httpDate(-60) };
  const cases: [rule: string, asked: FieldLines, fields: FieldLines, notModified: boolean][] = [
    ['no condition', {}, { ...tag, ...old }, false],
    ['If-None-Match, the same tag', { 'If-None-Match': '"a"' }, tag, true],
    ['If-None-Match, another tag', { 'If-None-Match': '"b"' }, tag, false],
    ['RFC 9110 §13.1.2 weak comparison, weak in the request', { 'If-None-Match': 'W/"a"' }, tag, true],
    ['RFC 9110 §13.1.2 weak comparison, weak in the response', { 'If-None-Match': '"a"' }, weak, true],
    ['RFC 9110 §13.1.2 weak comparison, weak in both', { 'If-None-Match': 'W/"a"' }, weak, true],
    ['If-None-Match, any of a list', { 'If-None-Match': '"x", W/"y" , "a"' }, tag, true],
    ['If-None-Match, any of several lines', { 'If-None-Match': ['"x"', '"a"'] }, tag, true],
    ['If-None-Match, a tag with a comma', { 'If-None-Match': '"x", "a,b"' }, { ETag: '"a,b"' }, true],
    ['If-None-Match, none of a list', { 'If-None-Match': '"x", "y"' }, tag, false],
    ['RFC 9110 §13.1.2 "*" is any representation', { 'If-None-Match': '*' }, {}, true],
    ['"*" in a list is no tag', { 'If-None-Match': '"x", *' }, {}, false],
    ['If-None-Match, no tag stored', { 'If-None-Match': '"a"' }, old, false],
    ['If-None-Match, an empty tag stored', { 'If-None-Match': '"a"' }, { ETag: '' }, false],
    ['a stored "*" is no tag', { 'If-None-Match': '"*"' }, { ETag: '*' }, false],
    ['an empty If-None-Match', { 'If-None-Match': '' }, tag, false],
    ['RFC 9110 §13.1.3 If-Modified-Since gives way to If-None-Match', { 'If-None-Match': '"b"', 'If-Modified-Since': httpDate() }, { ...tag, ...old }, false],
    ['RFC 9110 §13.1.3 even to an unreadable one', { 'If-None-Match': ',', 'If-Modified-Since': httpDate() }, old, false],
    ['If-None-Match holds, whatever the dates say', { 'If-None-Match': '"a"', 'If-Modified-Since': httpDate(-500) }, { ...tag, ...old }, true],
    ['If-Modified-Since at Last-Modified', { 'If-Modified-Since': httpDate(-60) }, old, true],
    ['If-Modified-Since after Last-Modified', { 'If-Modified-Since': httpDate(-59) }, old, true],
    ['If-Modified-Since before Last-Modified', { 'If-Modified-Since': httpDate(-61) }, old, false],
    ['If-Modified-Since in an obsolete form', { 'If-Modified-Since': 'Friday, 31-Oct-25 23:59:00 GMT' }, old, true],
    ['RFC 9110 §13.1.3 an invalid If-Modified-Since', { 'If-Modified-Since': 'yesterday' }, old, false],
    ['RFC 9110 §13.1.3 more than one member', { 'If-Modified-Since': [httpDate(), httpDate()] }, old, false],
    ['an invalid Last-Modified', { 'If-Modified-Since': httpDate() }, { 'Last-Modified': 'x' }, false],
    ['RFC 9111 §4.3.2 without Last-Modified, Date', { 'If-Modified-Since': httpDate(-30) }, { Date: httpDate(-30) }, true],
    ['RFC 9111 §4.3.2 without Last-Modified, a later Date', { 'If-Modified-Since': httpDate(-31) }, { Date: httpDate(-30) }, false],
    ['RFC 9111 §4.3.2 without Last-Modified and Date, the arrival', { 'If-Modified-Since': httpDate() }, { Date: [] }, true],
    ['RFC 9111 §4.3.2 without Last-Modified and Date, a later arrival', { 'If-Modified-Since': httpDate(-1) }, { Date: [] }, false],
  ];
  for (const [rule, asked, fields, notModified] of cases) test(rule, () => assert.equal(isNotModified(request(asked).fields, stored(fields), RECEIVED), notModified));

  for (const [status, notModified] of [[200, true], [206, true], [404, false], [301, false], [204, false]] as const) {
    test(`RFC 9111 §4.3.2 of a stored ${status}: ${notModified}`, () => {
      assert.equal(isNotModified(request({ 'If-None-Match': '"a"' }).fields, stored(tag, { status }), RECEIVED), notModified);
    });
  }
});

describe('requests made for the cache', () => {
  const asked: FieldLines = { Accept: 'a/b', 'if-none-match': '"own"', 'If-Modified-Since': httpDate(), range: 'bytes=0-1', 'If-Range': '"own"' };

  test('RFC 9111 §4.3.1: our validators take the place of the client’s', () => {
    const fields = withConditions(request(asked).fields, stored({ ETag: 'W/"a"', 'Last-Modified': httpDate(-60) }));
    assert.deepEqual([...fields], [['Accept', 'a/b'], ['If-None-Match', 'W/"a"'], ['If-Modified-Since', httpDate(-60)]]);
  });
  test('with the one validator there is', () => {
    assert.deepEqual([...withConditions(new Fields(), stored({ ETag: '"a"' }))], [['If-None-Match', '"a"']]);
    assert.deepEqual([...withConditions(new Fields(), stored({ 'Last-Modified': 'x' }))], [['If-Modified-Since', 'x']]);
  });
  test('without conditions the whole is asked for', () => assert.deepEqual([...withoutConditions(request(asked).fields)], [['Accept', 'a/b']]));
  test('the client’s own fields stay as they are', () => {
    const { fields } = request(asked);
    const before = [...fields];
    withConditions(fields, stored({ ETag: '"a"' }));
    assert.deepEqual([...fields], before);
  });
});

describe('validates', () => {
  const date = httpDate(-60);
  const cases: [rule: string, notModified: FieldLines, fields: FieldLines, expected: boolean][] = [
    ['§4.3.4 the same strong tag', { ETag: '"a"' }, { ETag: '"a"' }, true],
    ['§4.3.4 another strong tag', { ETag: '"b"' }, { ETag: '"a"' }, false],
    ['§4.3.4 another strong tag, the same date', { ETag: '"b"', 'Last-Modified': date }, { ETag: '"a"', 'Last-Modified': date }, false],
    ['§4.3.4 a strong tag where a weak one is stored', { ETag: '"a"' }, { ETag: 'W/"a"' }, false],
    ['§4.3.4 a strong tag where none is stored', { ETag: '"a"', 'Last-Modified': date }, { 'Last-Modified': date }, false],
    ['§4.3.4 a weak tag that matches a strong one', { ETag: 'W/"a"' }, { ETag: '"a"' }, true],
    ['§4.3.4 the same weak tag', { ETag: 'W/"a"' }, { ETag: 'W/"a"' }, true],
    ['§4.3.4 another weak tag', { ETag: 'W/"b"' }, { ETag: 'W/"a"' }, false],
    ['an unreadable tag, written alike', { ETag: 'a b' }, { ETag: 'a b' }, true],
    ['an unreadable tag, written otherwise', { ETag: 'a b' }, { ETag: '"a"' }, false],
    ['a tag where an unreadable one is stored', { ETag: '"a"' }, { ETag: 'a b' }, false],
    ['the same tag, another date', { ETag: '"a"', 'Last-Modified': httpDate() }, { ETag: '"a"', 'Last-Modified': date }, true],
    ['§4.3.4 the same Last-Modified', { 'Last-Modified': date }, { 'Last-Modified': date }, true],
    ['§4.3.4 another Last-Modified', { 'Last-Modified': httpDate() }, { 'Last-Modified': date }, false],
    ['§4.3.4 another Last-Modified, whatever tag is stored', { 'Last-Modified': httpDate() }, { ETag: '"a"', 'Last-Modified': date }, false],
    ['a Last-Modified where a tag alone is stored, which it was asked with', { 'Last-Modified': date }, { ETag: '"a"' }, true],
    ['no validator at all', {}, { ETag: '"a"', 'Last-Modified': date }, true],
    ['§4.3.4 no validator on either side', {}, {}, true],
  ];
  for (const [rule, fields, own, expected] of cases) test(rule, () => assert.equal(validates({ status: 304, fields: Fields.of(fields) }, stored(own)), expected));
});

describe('updatedFields', () => {
  const update = (old: FieldLines, newer: FieldLines, omit: string[] = []): [string, string][] => [...updatedFields(Fields.of(old), Fields.of(newer), omit)];
  const cases: [rule: string, old: FieldLines, newer: FieldLines, expected: [string, string][], omit?: string[]][] = [
    ['§3.2 replaces what is there', { A: '1', B: '1' }, { a: '2' }, [['B', '1'], ['a', '2']]],
    ['§3.2 keeps what is not sent', { A: '1' }, {}, [['A', '1']]],
    ['§3.2 adds what is new', {}, { A: '1' }, [['A', '1']]],
    ['§3.2 all lines of a name', { A: ['1', '2'] }, { A: ['3', '4'] }, [['A', '3'], ['A', '4']]],
    ['§3.2 Cache-Control as a whole', { 'Cache-Control': 'max-age=1, public' }, { 'Cache-Control': 'no-cache' }, [['Cache-Control', 'no-cache']]],
    ['§3.2 Content-Length stays', { 'Content-Length': '5' }, { 'Content-Length': '0' }, [['Content-Length', '5']]],
    ['§3.2 Content-Length is not added', {}, { 'content-length': '0' }, []],
    ['what describes the stored bytes stays', { 'Content-Encoding': 'gzip', 'Content-Range': 'bytes 0-1/9' }, { 'Content-Encoding': 'br', 'Content-Range': 'bytes 0-8/9', 'Content-MD5': 'x', 'Transfer-Encoding': 'gzip', Trailer: 'x' },
      [['Content-Encoding', 'gzip'], ['Content-Range', 'bytes 0-1/9']]],
    ['§3.2 other Content-* fields do not', { 'Content-Type': 'a/b' }, { 'Content-Type': 'c/d' }, [['Content-Type', 'c/d']]],
    ['§4.2.3 an old Age says nothing of what was just validated', { Age: '500' }, {}, []],
    ['§4.2.3 a new Age does', { Age: '500' }, { Age: '7' }, [['Age', '7']]],
    ['what is not to be stored is not added', {}, { 'Set-Cookie': 'a', B: '1' }, [['B', '1']], ['set-cookie']],
    ['nor does it take away what is stored', { 'Set-Cookie': 'b' }, { 'Set-Cookie': 'a' }, [['Set-Cookie', 'b']], ['set-cookie']],
  ];
  for (const [rule, old, newer, expected, omit] of cases) test(rule, () => assert.deepEqual(update(old, newer, omit), expected));
});

describe('headDescribes', () => {
  const own: FieldLines = { ETag: '"a"', 'Last-Modified': httpDate(-60) };
  const cases: [rule: string, head: FieldLines, expected: boolean, status?: number][] = [
    ['§4.3.5 the same validators and length', { ...own, 'Content-Length': '5' }, true],
    ['§4.3.5 nothing to compare', {}, true],
    ['§4.3.5 another entity tag', { ETag: '"b"' }, false],
    ['§4.3.5 another Last-Modified', { 'Last-Modified': httpDate() }, false],
    ['§4.3.5 another length', { ...own, 'Content-Length': '6' }, false],
    ['§4.3.5 an unreadable length', { 'Content-Length': 'x' }, false],
    ['another status', own, false, 404],
  ];
  for (const [rule, head, expected, status = 200] of cases) {
    test(rule, () => assert.equal(headDescribes({ status, fields: Fields.of(head) }, stored(own), 5), expected));
  }
  test('§4.3.5 a validator that is not stored', () => {
    assert.equal(headDescribes({ status: 200, fields: Fields.of({ ETag: '"a"' }) }, stored({}), 5), false);
    assert.equal(headDescribes({ status: 200, fields: Fields.of({ 'Last-Modified': 'x' }) }, stored({}), 5), false);
  });
});

test('dates with two-digit years are read from where the request stands in time', () => {
  const asked = request({ 'If-Modified-Since': 'Saturday, 01-Nov-75 00:00:00 GMT' });
  const read = (now: number): boolean => isNotModified(asked.fields, stored({ 'Last-Modified': httpDate(-60) }), now);
  assert.deepEqual([read(RECEIVED - 1000), read(after(0))], [false, true]);
});
