import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FieldLines } from '../../test/kit/messages.ts';
import { Fields } from '../http/fields.ts';
import { ANY_TAG, TAG_FIELD_NAMES, invalidatedGroups, tagsOf } from './groups.ts';

describe('tagsOf', () => {
  const many = Array.from({ length: 1025 }, (_, i) => `t${i}`);
  const long = 'x'.repeat(16 * 1024);
  const cases: [rule: string, fields: FieldLines, tags: string[]][] = [
    ['none', {}, []],
    ['RFC 9875 §2 a List of Strings', { 'Cache-Groups': '"scripts", "a b"' }, ['scripts', 'a b']],
    ['RFC 9875 §2 on several lines', { 'Cache-Groups': ['"a"', '"b"'] }, ['a', 'b']],
    ['RFC 9875 §2 case-sensitive', { 'Cache-Groups': '"a", "A"' }, ['a', 'A']],
    ['RFC 9875 §2 parameters are ignored', { 'Cache-Groups': '"a";x=1' }, ['a']],
    ['RFC 9875 §2 only Strings', { 'Cache-Groups': 'a, 1, ?1, ("b"), "c"' }, ['c']],
    ['RFC 9651 §4.2 an invalid List is ignored as a whole', { 'Cache-Groups': '"a", "b' }, []],
    ['Surrogate-Key, by spaces', { 'Surrogate-Key': ' a  b,c ' }, ['a', 'b,c']],
    ['Cache-Tag, by commas', { 'Cache-Tag': 'a , b c,,d' }, ['a', 'b c', 'd']],
    ['xkey, by both', { xkey: ['a b', 'c,d'] }, ['a', 'b', 'c', 'd']],
    ['of all the fields, each once', { 'Cache-Groups': '"a"', 'Surrogate-Key': 'a b', xkey: 'b c' }, ['a', 'b', 'c']],
    ['1,024', { 'Surrogate-Key': many.slice(1).join(' ') }, many.slice(1)],
    ['more than 1,024', { 'Surrogate-Key': many.join(' ') }, [ANY_TAG]],
    ['32 KB of them', { 'Surrogate-Key': `${long} y${long.slice(1)}` }, [long, `y${long.slice(1)}`]],
    ['more than 32 KB of them', { 'Surrogate-Key': `${long} y${long}` }, [ANY_TAG]],
    ['an empty group is none', { 'Cache-Groups': '"", "a"' }, ['a']],
    ['an empty field', { 'Surrogate-Key': '', 'Cache-Tag': ' ' }, []],
  ];
  for (const [rule, fields, tags] of cases) test(rule, () => assert.deepEqual(tagsOf(Fields.of(fields)), tags));
});

test('invalidatedGroups: RFC 9875 §3, a List of Strings', () => {
  const groups = (value: string | string[]): string[] => invalidatedGroups(Fields.of({ 'Cache-Group-Invalidation': value }));
  assert.deepEqual(groups(['"a", b', '"c"']), ['a', 'c']);
  assert.deepEqual(groups('"a", "b'), []);
  assert.deepEqual(invalidatedGroups(Fields.of({ 'Cache-Groups': '"a"' })), []);
});

test('Cache-Groups is for every cache, the older names for this one', () => {
  assert.deepEqual(TAG_FIELD_NAMES, ['surrogate-key', 'cache-tag', 'xkey']);
});
