import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { withNormalEscapes } from './normal-url.ts';
import { sortedQuery } from './sorted-query.ts';

describe('a query is sorted', () => {
  for (const [query, sorted] of [
    ['b=1&a=2', 'a=2&b=1'],
    ['b&a=2&a=1', 'a=2&a=1&b'],
    ['utm_source=1&utm_medium=2&id=3', 'id=3&utm_medium=2&utm_source=1'],
    ['b&&a', '&a&b'],
    ['z=1&b[]=2&b[]=1&a=3', 'a=3&b[]=2&b[]=1&z=1'],
    ['z=1&%62=1&a=%31', 'a=%31&%62=1&z=1'],
  ] as const) test(query, () => assert.equal(sortedQuery(query), sorted));
});

describe('an order is kept that an application may tell apart', () => {
  for (const query of ['a=2&a=1', 'a=1&%61=2', '%61=2&a=1', 'B=1&b=2', 'b=1&B=2', 'b[]=1&b=2', 'b=1&b[0]=2&b[]=3', 'b.y=1&b.x=2', 'a_b=1&a.b=2', 'b=1;c=2&a=3', 'b=1&%20a=2', 'b=1&+a=2', 'b=1&[a]=2', 'b=1&%5Ba]=2', 'b=1&%C3%A4=2', 'b=1&%u0061=2', 'b=1&.a=2']) {
    test(query, () => assert.equal(sortedQuery(query), query));
  }
});

/** The names that some program reads, each with its values in order. */
function read(query: string, nameOf: (name: string) => string, separator: RegExp): string {
  const values = new Map<string, string[]>();
  for (const parameter of query.split(separator)) {
    const [name, ...value] = parameter.split('=');
    const known = nameOf(name!);
    values.set(known, [...(values.get(known) ?? []), value.join('=')]);
  }
  return JSON.stringify([...values].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const decoded = (name: string): string => name.replaceAll('+', ' ').replace(/%([\da-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
const READERS: readonly [string, (name: string) => string, RegExp][] = [
  ['bytes', (name) => name, /&/],
  ['decoded', decoded, /&/],
  ['ASP.NET', (name) => decoded(name).toLowerCase(), /&/],
  ['Perl', decoded, /[&;]/],
  ['Rails', (name) => decoded(name).split('[')[0]!, /&/],
  ['Struts', (name) => decoded(name).split(/[.[]/)[0]!, /&/],
  ['PHP', (name) => decoded(name).replace(/^ +/, '').replace(/\0[^]*/, '').replace(/^([^[]*)[^]*/, (_, before: string) => before.replace(/[ .]/g, '_')), /&/],
];

const name = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '_', '.', '-', '[', ']', '%', '%61', '%2E', '%5b', '%20', '%00', '+', '1'), maxLength: 3 });
const parameters = fc.array(fc.tuple(name, fc.option(fc.constantFrom('1', '2', '1;a=2'))), { maxLength: 5 }).map((pairs) => pairs.map(([text, value]) => (value === null ? text : `${text}=${value}`)));

test('queries that are sorted into one mean the same to all readers', () => {
  fc.assert(fc.property(parameters, fc.infiniteStream(fc.nat()), (some, places) => {
    const others = some.map((text) => ({ text, place: places.next().value! })).toSorted((a, b) => a.place - b.place).map(({ text }) => text);
    const [left, right] = [some.join('&'), others.join('&')];
    if (sortedQuery(left) !== sortedQuery(right)) return;
    for (const [reader, nameOf, separator] of READERS) assert.equal(read(left, nameOf, separator), read(right, nameOf, separator), reader);
  }), { numRuns: 5000 });
});

test('a sorted query is sorted, in every spelling', () => {
  fc.assert(fc.property(parameters, (some) => {
    const sorted = sortedQuery(some.join('&'));
    assert.equal(sortedQuery(sorted), sorted);
    assert.equal(sortedQuery(withNormalEscapes(some.join('&'))), withNormalEscapes(sorted));
  }), { numRuns: 5000 });
});
