import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FieldLines, request, stored } from '../../test/kit/messages.ts';
import { parseCacheControl } from '../http/cache-control.ts';
import { forbids, qualifiedNames, requestDirectives, responseDirectives } from './cache-control.ts';

describe('responseDirectives', () => {
  const cases: [rule: string, fields: FieldLines, field: string, names: string[]][] = [
    ['Cache-Control governs where nothing is targeted', { 'Cache-Control': 'max-age=1, public' }, 'Cache-Control', ['max-age', 'public']],
    ['all its lines count', { 'Cache-Control': ['max-age=1', 'no-store'] }, 'Cache-Control', ['max-age', 'no-store']],
    ['without it there are no directives', {}, 'Cache-Control', []],
    ['RFC 9213 §2.2: a targeted field governs alone', { 'CDN-Cache-Control': 'max-age=1', 'Cache-Control': 'no-store' }, 'CDN-Cache-Control', ['max-age']],
    ['RFC 9213 §2.2: the first of the target list governs alone', { 'CDN-Cache-Control': 'no-store', 'Millrace-Cache-Control': 'max-age=1' }, 'Millrace-Cache-Control', ['max-age']],
    ['RFC 9213 §2.1: an invalid targeted field is ignored', { 'CDN-Cache-Control': 'max-age=1,,', 'Cache-Control': 'private' }, 'Cache-Control', ['private']],
    ['RFC 9213 §2.1: an empty targeted field is ignored', { 'CDN-Cache-Control': '', 'Cache-Control': 'private' }, 'Cache-Control', ['private']],
    ['an invalid first of the list gives way to the second', { 'Millrace-Cache-Control': '&', 'CDN-Cache-Control': 'max-age=1' }, 'CDN-Cache-Control', ['max-age']],
    ['RFC 9213 §2.1: parameters are ignored', { 'CDN-Cache-Control': 'max-age=1;x=2, private;y' }, 'CDN-Cache-Control', ['max-age', 'private']],
    ['RFC 9213 §2.1: several lines are one dictionary', { 'CDN-Cache-Control': ['max-age=1', 'private'] }, 'CDN-Cache-Control', ['max-age', 'private']],
    ['RFC 9111 §5.4: Pragma stands in for Cache-Control', { Pragma: 'no-cache' }, 'Pragma', ['no-cache']],
    ['RFC 9111 §5.4: nothing else of Pragma counts', { Pragma: 'no-store, max-age=1' }, 'Cache-Control', []],
    ['RFC 9111 §5.4: Pragma gives way to Cache-Control', { Pragma: 'no-cache', 'Cache-Control': 'max-age=1' }, 'Cache-Control', ['max-age']],
    ['RFC 9213 §2.2: Pragma does not count beside a targeted field', { Pragma: 'no-cache', 'CDN-Cache-Control': 'max-age=1' }, 'CDN-Cache-Control', ['max-age']],
    ['Surrogate-Control is no targeted field', { 'Surrogate-Control': 'max-age=1', 'Cache-Control': 'private' }, 'Cache-Control', ['private']],
  ];
  for (const [rule, fields, field, names] of cases) {
    test(rule, () => {
      const governing = responseDirectives(stored(fields).fields);
      assert.equal(governing.field, field);
      assert.equal(governing.targeted, field.endsWith('-Cache-Control'));
      assert.deepEqual([...governing.directives.names()], names);
    });
  }
});

describe('requestDirectives', () => {
  const cases: [rule: string, fields: FieldLines, names: string[]][] = [
    ['Cache-Control of all lines', { 'cache-control': ['no-store', 'max-age=0'] }, ['no-store', 'max-age']],
    ['RFC 9111 §5.4: Pragma stands in for Cache-Control', { Pragma: 'no-cache' }, ['no-cache']],
    ['RFC 9111 §5.4: nothing else of Pragma counts', { Pragma: 'no-store, max-age=0' }, []],
    ['RFC 9111 §5.4: Pragma gives way to Cache-Control', { Pragma: 'no-cache', 'Cache-Control': 'max-stale' }, ['max-stale']],
    ['targeted fields are for responses', { 'CDN-Cache-Control': 'no-store' }, []],
  ];
  for (const [rule, fields, names] of cases) test(rule, () => assert.deepEqual([...requestDirectives(request(fields).fields).names()], names));
});

describe('forbids and qualifiedNames', () => {
  // RFC 9111 §5.2.2.4 and §5.2.2.7: the qualified form concerns only the fields it lists.
  const cases: [value: string, name: 'no-store' | 'no-cache' | 'private', forbidden: boolean, names?: string[]][] = [
    ['', 'private', false],
    ['private', 'private', true],
    ['PRIVATE', 'private', true],
    ['private="X-User, Set-Cookie"', 'private', false, ['x-user', 'set-cookie']],
    ['private=X-User', 'private', false, ['x-user']],
    ['private="X-User", private', 'private', true],
    ['private, private="X-User"', 'private', true],
    ['private=""', 'private', true],
    ['private="not a name"', 'private', true],
    ['private="x', 'private', true],
    ['private=', 'private', true],
    ['private;', 'private', true],
    ['private="X-User", private=', 'private', true],
    ['private="A", private="B, a"', 'private', false, ['a', 'b']],
    ['no-cache', 'no-cache', true],
    ['no-cache="Set-Cookie"', 'no-cache', false, ['set-cookie']],
    ['no-cache=', 'no-cache', true],
    ['no-cache', 'private', false],
    ['no-store', 'no-store', true],
    ['no-store="Set-Cookie"', 'no-store', true],
    ['no-store = yes', 'no-store', true],
    ['x="no-store"', 'no-store', false],
    ['no-storage', 'no-store', false],
  ];
  for (const [value, name, forbidden, names = []] of cases) {
    test(`${name} in ${JSON.stringify(value)}`, () => {
      const directives = parseCacheControl([value]);
      assert.equal(forbids(directives, name), forbidden);
      if (name !== 'no-store') assert.deepEqual(qualifiedNames(directives, name), names);
    });
  }
});
