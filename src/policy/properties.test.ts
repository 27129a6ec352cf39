/**
 * @module policy/properties.test
 * What RFC 9111 says of all messages, held against messages of all kinds: sensible ones, broken
 * ones, and mixtures of both.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { LETTER, RECEIVED, SAFE, STATED, TTL, after, httpDate } from '../../test/kit/messages.ts';
import { Fields } from '../http/fields.ts';
import { responseDirectives } from './cache-control.ts';
import { currentAge, dateValue, freshnessLifetime } from './freshness.ts';
import { alsoInvalidated, invalidates } from './invalidate.ts';
import type { RequestHead, StoredRange, StoredResponse } from './message.ts';
import { announcedRange, completion, joins } from './partial.ts';
import { answerRange } from './range.ts';
import { type Decision, decide, staleOnError } from './reuse.ts';
import type { Settings } from './settings.ts';
import { storable } from './storable.ts';
import { headDescribes, isNotModified, updatedFields, validates, withConditions } from './validate.ts';
import { SelectingFields, firstMismatch, selectionOf } from './vary.ts';

const valueOf = (fields: Fields, name: string): string | null => new SelectingFields(fields).value(name);

type Pair = readonly [name: string, value: string];

const seconds = fc.oneof(fc.nat({ max: 200 }), fc.constantFrom(0, 1, 3600, 2 ** 31, 2 ** 40));
const garbage = fc.oneof(anyText({ maxLength: 12 }), fc.constantFrom('', '0', '*', ',', '"', '=', ';', 'x=', '-1', '\\'));
const figure = fc.oneof({ weight: 6, arbitrary: seconds.map(String) }, { weight: 1, arbitrary: garbage });
const date = fc.oneof({ weight: 6, arbitrary: fc.integer({ min: -400, max: 400 }).map(httpDate) }, { weight: 1, arbitrary: garbage });
const tag = fc.oneof({ weight: 6, arbitrary: fc.constantFrom('"a"', '"b"', 'W/"a"', 'W/"b"') }, { weight: 1, arbitrary: garbage });

const directive = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error', 'max-stale', 'min-fresh'), figure).map(([name, value]) => `${name}=${value}`) },
  { weight: 3, arbitrary: fc.constantFrom('no-store', 'no-cache', 'private', 'public', 'must-revalidate', 'proxy-revalidate', 'must-understand', 'immutable', 'only-if-cached', 'max-stale', 'no-cache="a"', 'private="x-user"', 'No-Store', 'private=') },
  { weight: 1, arbitrary: garbage },
);
const cacheControl = fc.array(directive, { maxLength: 4 }).map((list) => list.join(', '));
const list = (value: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.array(value, { minLength: 1, maxLength: 3 }).map((members) => members.join(', '));

const pair = (names: string | readonly string[], value: fc.Arbitrary<string>): fc.Arbitrary<Pair> =>
  fc.tuple(fc.constantFrom(...(typeof names === 'string' ? [names] : names)), value);

const responsePair = fc.oneof(
  { weight: 4, arbitrary: pair(['Cache-Control', 'Cache-Control', 'CDN-Cache-Control', 'Millrace-Cache-Control', 'Pragma'], cacheControl) },
  { weight: 2, arbitrary: pair(['Date', 'Expires', 'Last-Modified'], date) },
  { weight: 1, arbitrary: pair('Age', figure) },
  { weight: 1, arbitrary: pair('ETag', tag) },
  { weight: 1, arbitrary: pair('Vary', list(fc.constantFrom('*', 'Accept', 'accept-language', 'Foo', ''))) },
  { weight: 1, arbitrary: pair(['Set-Cookie', 'Content-Length', 'Content-Encoding', 'Content-Language', 'Content-Location', 'Content-Range', 'X-User'], garbage) },
);
const requestPair = fc.oneof(
  { weight: 4, arbitrary: pair('Cache-Control', cacheControl) },
  { weight: 1, arbitrary: pair(['Cookie', 'Authorization', 'Pragma', 'Foo', 'Accept', 'Accept-Language'], garbage) },
  { weight: 1, arbitrary: pair(['If-None-Match', 'If-Match', 'If-Range'], list(tag)) },
  { weight: 1, arbitrary: pair(['If-Modified-Since', 'If-Unmodified-Since', 'If-Range'], date) },
  { weight: 1, arbitrary: pair('Range', fc.constantFrom('bytes=0-4', 'bytes=5-', 'bytes=-3', 'bytes=0-0,2-2', 'bytes=99-', 'x')) },
);

const fieldsOf = (pairs: readonly Pair[]): Fields => new Fields(pairs.flat());
const requestPairs = fc.array(requestPair, { maxLength: 4 });
const responsePairs = fc.array(responsePair, { maxLength: 6 });
const method = fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'QUERY', 'get');

const request: fc.Arbitrary<RequestHead> = fc.record({
  method,
  fields: requestPairs.map(fieldsOf),
  hasBody: fc.constant(false),
  url: fc.constant('http://example.com/page'),
}, { noNullPrototype: true });
const range: fc.Arbitrary<StoredRange> = fc.tuple(fc.nat(9), fc.nat(9), fc.option(fc.constant(20), { nil: undefined })).map(([first, more, length]) => ({ first, last: first + more, length }));
const rest = {
  method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'QUERY'),
  requestTime: fc.integer({ min: -20_000, max: 5000 }).map((ms) => RECEIVED + ms),
  responseTime: fc.constant(RECEIVED),
  privateInPlay: fc.boolean(),
  range: fc.option(range, { nil: undefined, freq: 8 }),
  invalidated: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
};
const status = fc.oneof({ weight: 4, arbitrary: fc.constant(200) }, { weight: 1, arbitrary: fc.constantFrom(103, 206, 299, 302, 304, 404, 416, 429, 500, 503) });
const stored: fc.Arbitrary<StoredResponse> = fc.record({ status, fields: responsePairs.map(fieldsOf), ...rest }, { noNullPrototype: true });
const settings: fc.Arbitrary<Settings> = fc.constantFrom(STATED, SAFE, LETTER, TTL, { ...SAFE, staleIfUnreachable: 60 }, { ...STATED, cache: false }, { ...STATED, ttl: 0 });
const now = fc.oneof(fc.integer({ min: -10, max: 400 }), seconds).map(after);

const found = (response: StoredResponse | undefined): { stored: StoredResponse | undefined; mismatch: undefined } => ({ stored: response, mismatch: undefined });
const served = (decision: Decision): boolean => decision.action === 'hit' || decision.action === 'stale' || decision.action === 'stale-while-revalidate';
const snapshot = (value: unknown): string => JSON.stringify(value);
const RUNS = { numRuns: 2000 };

/** Whether the words stand anywhere in any of the fields, readable or not. */
const says = (fields: Fields, words: RegExp): boolean => [...fields].some(([, value]) => words.test(value));

describe('serving', () => {
  test('a hit is fresh, and not marked stale', () => {
    fc.assert(fc.property(request, stored, settings, now, (asking, response, set, at) => {
      const decision = decide(asking, found(response), set, at);
      if (decision.action !== 'hit') return;
      assert.ok(decision.age < decision.lifetime.seconds);
      assert.equal(decision.age, currentAge(response, at));
      assert.deepEqual(decision.lifetime, freshnessLifetime(response, set));
      assert.equal(response.invalidated, false);
    }), RUNS);
  });

  test('§4.2.4: nothing stale without permission, and nothing stale where it is forbidden', () => {
    fc.assert(fc.property(request, stored, settings, now, (asking, response, set, at) => {
      const decision = decide(asking, found(response), set, at);
      if (decision.action !== 'stale' && decision.action !== 'stale-while-revalidate') return;
      const permission = decision.action === 'stale' ? says(asking.fields, /max-stale/i) : says(response.fields, /stale-while-revalidate=/i);
      assert.ok(permission);
      assert.equal(response.invalidated, false);
      const { directives } = responseDirectives(response.fields);
      for (const name of ['must-revalidate', 'proxy-revalidate']) assert.equal(directives.has(name), false);
      if (decision.action === 'stale' || set.letter) assert.equal(directives.has('s-maxage'), false);
      assert.ok(decision.age >= decision.lifetime.seconds);
    }), RUNS);
  });

  test('§4.2.4: the same where the origin fails', () => {
    const failure = fc.constantFrom('no-response' as const, { status: 503 }, { status: 404 });
    fc.assert(fc.property(request, stored, settings, now, failure, (asking, response, set, at, what) => {
      const used = staleOnError(asking, response, what, set, at);
      if (used === undefined) return;
      assert.ok(what === 'no-response' || what.status === 503);
      assert.ok(used.reason.code === 'origin-unreachable' ? what === 'no-response' : says(response.fields, /stale-if-error/i) || says(asking.fields, /stale-if-error/i));
      const { directives } = responseDirectives(response.fields);
      for (const name of ['must-revalidate', 'proxy-revalidate']) assert.equal(directives.has(name), false);
      assert.equal(response.invalidated, false);
    }), RUNS);
  });

  test('§5.2.2.4, §5.2.1: nothing is served against no-cache, or against what the request wants', () => {
    fc.assert(fc.property(request, stored, fc.constantFrom(STATED, SAFE, LETTER), now, (asking, response, set, at) => {
      const decision = decide(asking, found(response), set, at);
      if (!served(decision) || !('age' in decision)) return;
      const { directives } = responseDirectives(response.fields);
      assert.ok(!directives.has('no-cache') || directives.isQualified('no-cache'));
      if (directives.has('no-cache')) assert.deepEqual(decision.omit, directives.fieldNames('no-cache'));
      // RFC 8246 §2: while it is fresh, an immutable response is not validated for being older than a request wishes.
      const isImmutable = decision.action === 'hit' && directives.has('immutable');
      for (const value of asking.fields.all('cache-control')) {
        const [, maxAge] = /^max-age=(\d+)$/.exec(value) ?? [];
        if (maxAge !== undefined) assert.ok(isImmutable || decision.age <= Number(maxAge));
        const [, minFresh] = /^min-fresh=(\d+)$/.exec(value) ?? [];
        if (minFresh !== undefined) assert.ok(decision.lifetime.seconds - decision.age >= Math.min(Number(minFresh), 2 ** 31));
        assert.notEqual(value, 'no-cache');
      }
    }), RUNS);
  });

  test('§5.2.1.7: only-if-cached never asks the origin', () => {
    fc.assert(fc.property(request, fc.option(stored, { nil: undefined }), fc.constantFrom(STATED, SAFE, LETTER), now, (asking, response, set, at) => {
      fc.pre(asking.method === 'GET' || asking.method === 'HEAD');
      const fields = new Fields(['Cache-Control', 'only-if-cached', ...asking.fields.lines]);
      const decision = decide({ ...asking, fields }, found(response), set, at);
      assert.ok(served(decision) || decision.action === 'unavailable');
    }), RUNS);
  });

  test('§3.5: nothing is served to credentials unless the response allows it', () => {
    fc.assert(fc.property(request, stored, settings, now, (asking, response, set, at) => {
      const fields = asking.fields.clone().set('Authorization', 'Basic eA==');
      if (!served(decide({ ...asking, fields }, found(response), set, at))) return;
      const { directives } = responseDirectives(response.fields);
      assert.ok(directives.has('public') || directives.has('must-revalidate') || directives.has('s-maxage'));
    }), RUNS);
  });

  test('a stored head serves no GET, a stored part only what lies in it', () => {
    fc.assert(fc.property(request, stored, settings, now, (asking, response, set, at) => {
      if (!served(decide(asking, found(response), set, at))) return;
      assert.ok(response.method !== 'HEAD' || asking.method === 'HEAD');
      if (response.range === undefined) return;
      const answer = answerRange(asking.fields, response, response.range.length!);
      assert.ok(answer.kind === 'parts' && answer.spans.every(({ first, last }) => first >= response.range!.first && last <= response.range!.last));
    }), RUNS);
  });

  test('as time goes by, what was stale is never a hit again', () => {
    fc.assert(fc.property(request, stored, settings, now, fc.nat(), (asking, response, set, at, later) => {
      if (decide(asking, found(response), set, at).action === 'hit') return;
      assert.notEqual(decide(asking, found(response), set, at + later).action, 'hit');
    }), RUNS);
  });
});

describe('storing', () => {
  /** A request, and the response to it. */
  const exchange = fc.tuple(request, stored).map(([asking, response]): [RequestHead, StoredResponse] => [asking, { ...response, method: asking.method }]);

  const stricter = fc.constantFrom('no-store', 'NO-STORE', 'no-store=1', 'no-store;', 'private', 'private=', 'Private="a b"');

  test('§3: a directive that forbids storing is obeyed, whatever else is there', () => {
    fc.assert(fc.property(exchange, fc.constantFrom(STATED, SAFE, LETTER), stricter, fc.boolean(), ([asking, response], set, forbidding, first) => {
      fc.pre(![...response.fields.names()].some((name) => name === 'cdn-cache-control' || name === 'millrace-cache-control'));
      const line = ['Cache-Control', forbidding];
      const fields = new Fields(first ? [...line, ...response.fields.lines] : [...response.fields.lines, ...line]);
      const understood = !/private/i.test(forbidding) && responseDirectives(fields).directives.has('must-understand');
      assert.ok(!storable(asking, { ...response, fields }, set).store || understood);
    }), RUNS);
  });

  test('adding no-store, in the request or the response, never makes anything storable', () => {
    fc.assert(fc.property(exchange, settings, ([asking, response], set) => {
      if (storable(asking, response, set).store) return;
      const withNoStore = (fields: Fields): Fields => fields.clone().append('Cache-Control', 'no-store');
      assert.equal(storable(asking, { ...response, fields: withNoStore(response.fields) }, set).store, false);
      assert.equal(storable({ ...asking, fields: withNoStore(asking.fields) }, response, set).store, false);
    }), RUNS);
  });

  test('§3, §3.3, §4.1: what can never be stored is not', () => {
    fc.assert(fc.property(exchange, settings, ([asking, response], set) => {
      const verdict = storable(asking, response, set);
      if (!verdict.store) return;
      assert.ok(set.cache && set.ttl !== 0);
      assert.ok(['GET', 'HEAD', 'POST', 'QUERY'].includes(asking.method));
      assert.ok(response.status >= 200 && ![304, 412, 416, 428, 429, 431, 511].includes(response.status));
      assert.ok(response.status !== 206 || response.range !== undefined);
      assert.equal(says(new Fields(response.fields.all('vary').flatMap((value) => ['Vary', value])), /(^|,)\s*\*\s*(,|$)/), false);
      if (set.ttl === undefined) assert.equal(says(asking.fields, /(^|,)\s*no-store\s*(,|$)/i) && asking.fields.all('cache-control').some((value) => /^no-store$/i.test(value)), false);
      if (!set.letter && response.fields.has('set-cookie')) assert.ok(verdict.omit.includes('set-cookie'));
      if (response.privateInPlay && !set.letter) assert.equal(verdict.lifetime.implicit, false);
    }), RUNS);
  });

  test('what is stored can be of use: it is fresh, can be validated, or may be used stale', () => {
    fc.assert(fc.property(exchange, settings, ([asking, response], set) => {
      const verdict = storable(asking, response, set);
      if (!verdict.store || set.ttl !== undefined) return;
      assert.ok(verdict.lifetime.seconds > currentAge(response, RECEIVED) || response.fields.has('etag') || response.fields.has('last-modified') || says(response.fields, /stale-/i));
    }), RUNS);
  });
});

describe('time', () => {
  test('§4.2.3: the age never falls as time goes by, and is never below Age or the apparent age', () => {
    fc.assert(fc.property(stored, now, fc.nat(), (response, at, later) => {
      const age = currentAge(response, at);
      assert.ok(age >= 0 && Number.isFinite(age));
      assert.ok(currentAge(response, at + later) >= age);
      assert.ok(age >= (RECEIVED - dateValue(response)) / 1000);
      const stated = response.fields.first('age');
      if (stated !== undefined && /^\d+$/.test(stated)) assert.ok(age >= Math.min(Number(stated), 2 ** 31));
    }), RUNS);
  });

  test('a lifetime is a number of seconds, and only a stated one is not implicit', () => {
    fc.assert(fc.property(stored, settings, (response, set) => {
      const lifetime = freshnessLifetime(response, set);
      assert.ok(lifetime.seconds >= 0 && Number.isFinite(lifetime.seconds));
      assert.equal(lifetime.implicit, ['default-ttl', 'heuristic', 'none'].includes(lifetime.source));
    }), RUNS);
  });
});

describe('decisions', () => {
  const other = (name: string, upper: boolean): string => (upper ? name.toUpperCase() : name.toLowerCase());
  /** The same fields, those of one name in their order, but the names in another order and case. */
  const reordered = (fields: Fields, order: number, upper: boolean): Fields => {
    const names = [...fields.names()];
    const turned = [...names.slice(order % (names.length || 1)), ...names.slice(0, order % (names.length || 1))];
    if (upper) turned.reverse();
    return new Fields(turned.flatMap((name) => fields.all(name).flatMap((value) => [other(name, upper), value])));
  };

  test('do not depend on the order of fields, or the case of their names', () => {
    fc.assert(fc.property(request, stored, settings, now, fc.nat(5), fc.boolean(), (asking, response, set, at, order, upper) => {
      const ask = { ...asking, fields: reordered(asking.fields, order, upper) };
      const own = { ...response, fields: reordered(response.fields, order, upper) };
      assert.deepEqual(decide(ask, found(own), set, at), decide(asking, found(response), set, at));
      assert.deepEqual(storable(ask, own, set), storable(asking, response, set));
      assert.equal(isNotModified(ask.fields, own, at), isNotModified(asking.fields, response, at));
      assert.deepEqual(answerRange(ask.fields, own, 20), answerRange(asking.fields, response, 20));
    }), RUNS);
  });

  test('are the same for the same, and change nothing they are given', () => {
    fc.assert(fc.property(request, stored, settings, now, (asking, response, set, at) => {
      const before = snapshot([asking, response, set]);
      const first = [decide(asking, found(response), set, at), storable(asking, response, set), staleOnError(asking, response, 'no-response', set, at), updatedFields(response.fields, asking.fields, [])];
      const second = [decide(asking, found(response), set, at), storable(asking, response, set), staleOnError(asking, response, 'no-response', set, at), updatedFields(response.fields, asking.fields, [])];
      assert.deepEqual(second, first);
      assert.equal(snapshot([asking, response, set]), before);
    }));
  });

  test('give a first reason, and know it', () => {
    fc.assert(fc.property(request, fc.option(stored, { nil: undefined }), settings, now, (asking, response, set, at) => {
      const decision = decide(asking, found(response), set, at);
      assert.ok(decision.reasons.length > 0);
      assert.equal('forward' in decision, !served(decision) && decision.action !== 'unavailable');
    }), RUNS);
  });
});

describe('nothing throws', () => {
  test('whatever the fields hold', () => {
    const name = fc.constantFrom('Cache-Control', 'CDN-Cache-Control', 'Date', 'Age', 'Expires', 'Last-Modified', 'ETag', 'Vary', 'Range', 'If-Range', 'If-None-Match', 'If-Modified-Since', 'Content-Range', 'Content-Length', 'Location', 'Content-Location', 'Accept-Language', 'Pragma');
    const wild = fc.array(fc.tuple(name, anyText()), { maxLength: 8 }).map(fieldsOf);
    const wildStored = fc.record({ status: fc.integer({ min: 100, max: 999 }), fields: wild, ...rest }, { noNullPrototype: true });
    fc.assert(fc.property(wild, wild, wildStored, settings, now, method, (fields, newer, response, set, at, how) => {
      const asking: RequestHead = { method: how, fields, hasBody: false, url: 'http://example.com/page' };
      const head = { status: response.status, fields: newer };
      decide(asking, found(response), set, at);
      storable(asking, response, set);
      staleOnError(asking, response, 'no-response', set, at);
      validates(head, response);
      headDescribes(head, response, 5);
      isNotModified(fields, response, at);
      withConditions(fields, response);
      answerRange(fields, response, 100);
      const selection = selectionOf(fields, '', newer);
      if (selection !== undefined) firstMismatch(selection, new SelectingFields(newer), '');
      invalidates(how, response.status);
      alsoInvalidated(new URL('http://a/'), newer);
      completion(response, set);
      const part = announcedRange({ status: 206, fields: newer });
      if (part !== undefined) joins(response, head, part);
    }), RUNS);
  });
});

describe('updating', () => {
  test('§3.2: every line of the newer counts, frozen ones never, and what it lacks is kept', () => {
    const frozen = ['content-length', 'content-encoding', 'content-range'];
    fc.assert(fc.property(responsePairs, responsePairs, (old, newer) => {
      const [before, after304] = [fieldsOf(old), fieldsOf(newer)];
      const updated = updatedFields(before, after304, ['set-cookie']);
      for (const name of new Set([...before.names(), ...after304.names()])) {
        const keep = frozen.includes(name) || name === 'set-cookie' || !after304.has(name);
        const expected = keep ? (name === 'age' ? [] : before.all(name)) : after304.all(name);
        assert.deepEqual(updated.all(name), expected, name);
      }
    }));
  });

  test('twice by the same is once', () => {
    fc.assert(fc.property(responsePairs, responsePairs, (old, newer) => {
      const once = updatedFields(fieldsOf(old), fieldsOf(newer), []);
      assert.deepEqual(updatedFields(once, fieldsOf(newer), []), once);
    }));
  });
});

describe('selection', () => {
  const spaces = fc.constantFrom('', ' ', '\t ', '  ');
  const member = fc.stringMatching(/^[a-z]{1,2}(;q=0\.[1-9])?$/);

  test('a request selects what it was stored for', () => {
    fc.assert(fc.property(request, responsePairs, (asking, pairs) => {
      const selection = selectionOf(asking.fields, 'x', fieldsOf(pairs));
      if (selection !== undefined) assert.equal(firstMismatch(selection, new SelectingFields(asking.fields), 'x'), undefined);
    }));
  });

  test('§4.1: white space around commas, and the spread over lines, select nothing else', () => {
    fc.assert(fc.property(fc.constantFrom('foo', 'accept-language'), fc.array(fc.tuple(member, spaces, spaces, fc.boolean()), { minLength: 1 }), (name, members) => {
      const plain = new Fields([name, members.map(([value]) => value).join(',')]);
      const lines: string[] = [];
      for (const [value, before, behind, own] of members) {
        const text = `${before}${value}${behind}`;
        if (own || lines.length === 0) lines.push(text);
        else lines.push(`${lines.pop()!},${text}`);
      }
      assert.equal(valueOf(new Fields(lines.flatMap((line) => [name, line])), name), valueOf(plain, name));
    }));
  });

  test('a normalised value is its own', () => {
    fc.assert(fc.property(fc.oneof(anyText(), fc.array(fc.constantFrom('a', ' ', ',', '"', '\\', 'q=1', ';')).map((units) => units.join(''))), (value) => {
      for (const name of ['foo', 'accept-language']) {
        const once = valueOf(new Fields([name, value]), name)!;
        assert.equal(valueOf(new Fields([name, once]), name), once);
      }
    }), RUNS);
  });

  test('a value that differs beyond white space selects something else', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => {
      fc.pre(a.replace(/[ \t]/g, '') !== b.replace(/[ \t]/g, ''));
      assert.notEqual(valueOf(new Fields(['foo', a]), 'foo'), valueOf(new Fields(['foo', b]), 'foo'));
    }));
  });
});
