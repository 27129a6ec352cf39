import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type FieldLines, LETTER, SAFE, STATED, TTL, after, httpDate, request, stored } from '../../test/kit/messages.ts';
import { freshnessLifetime } from './freshness.ts';
import type { RequestHead, StoredResponse } from './message.ts';
import { REASONS, type Reason, type ReasonCode, reasonKind } from './reason.ts';
import { type Failure, decide, staleOnError } from './reuse.ts';
import type { Settings } from './settings.ts';
import { storable } from './storable.ts';
import { OTHER_HOST } from './vary.ts';

interface Case {
  readonly asked?: FieldLines;
  readonly ask?: Partial<RequestHead>;
  readonly changes?: Partial<StoredResponse>;
  readonly softPurged?: boolean;
  readonly settings?: Settings;
  readonly failure?: Failure;
}

/** Why this is done with a response that came 70 s ago. */
const reusing = (fields: FieldLines, { asked, ask, changes, softPurged = false, settings = STATED }: Case = {}): readonly Reason[] =>
  decide(request(asked, ask), { stored: stored(fields, changes), mismatch: undefined, softPurged }, settings, after(70)).reasons;
/** Why it is stored, or not. */
const storing = (fields: FieldLines, { asked, ask, changes, settings = STATED }: Case = {}): readonly Reason[] =>
  storable(request(asked, ask), stored(fields, changes), settings).reasons;
const failing = (fields: FieldLines, { failure = 'no-response', settings = STATED }: Case = {}): readonly Reason[] =>
  [staleOnError(request(), stored(fields), failure, settings, after(70))?.reason].filter((reason) => reason !== undefined);
const finding = (mismatch: string | undefined): readonly Reason[] => decide(request(), { stored: undefined, mismatch }, STATED, after(70)).reasons;
const living = (fields: FieldLines, settings: Settings, changes: Partial<StoredResponse> = {}): readonly Reason[] => [freshnessLifetime(stored(fields, changes), settings).reason];

const cc = (value: string): FieldLines => ({ 'Cache-Control': value });
const fresh = cc('max-age=600');
const off: Settings = { ...SAFE, cache: false };

/** The codes that policy gives, each with a case that leads to it. */
const REACHED: Partial<Record<ReasonCode, () => readonly Reason[]>> = {
  fresh: () => reusing(fresh),
  'stale-while-revalidate': () => reusing(cc('max-age=60, stale-while-revalidate=60')),
  'stale-if-error': () => failing(cc('max-age=60, stale-if-error=60'), { failure: { status: 503 } }),
  'origin-unreachable': () => failing(cc('max-age=60'), { settings: { ...STATED, staleIfUnreachable: 60 } }),
  'max-stale': () => reusing(cc('max-age=60'), { asked: cc('max-stale') }),
  'not-stored': () => finding(undefined),
  'vary-mismatch': () => finding('accept'),
  'other-host': () => finding(OTHER_HOST),
  'head-only': () => reusing(fresh, { changes: { method: 'HEAD' } }),
  'partial-only': () => reusing(fresh, { changes: { range: { first: 0, last: 1, length: 9 } } }),
  expired: () => reusing(cc('max-age=60')),
  invalidated: () => reusing(fresh, { changes: { invalidated: true } }),
  'soft-purged': () => reusing(fresh, { softPurged: true }),
  'no-cache': () => reusing(cc('no-cache')),
  'request-no-cache': () => reusing(fresh, { asked: cc('no-cache') }),
  'request-max-age': () => reusing(fresh, { asked: cc('max-age=60') }),
  'request-min-fresh': () => reusing(fresh, { asked: cc('min-fresh=600') }),
  'only-if-cached': () => reusing(cc('max-age=60'), { asked: cc('only-if-cached') }),
  'stale-not-allowed': () => reusing(cc('max-age=60, must-revalidate'), { asked: cc('max-stale') }),
  'caching-off': () => reusing(fresh, { settings: off }),
  'ttl-zero': () => reusing(fresh, { settings: { ...TTL, ttl: 0 } }),
  method: () => reusing(fresh, { ask: { method: 'PUT' } }),
  'request-body': () => reusing(fresh, { ask: { hasBody: true } }),
  'origin-condition': () => reusing(fresh, { asked: { 'If-Match': '*' } }),
  'too-many-ranges': () => reusing(fresh, { asked: { Range: `bytes=${Array.from({ length: 257 }, (_, i) => `${2 * i}-${2 * i}`).join()}` }, changes: { range: { first: 0, last: 0, length: 600 } } }),
  'private-in-play': () => reusing({}, { asked: { Cookie: 'a=b' }, settings: SAFE }),
  authorization: () => reusing(fresh, { asked: { Authorization: 'Basic eA==' } }),
  'no-store': () => storing(cc('no-store')),
  'request-no-store': () => storing(fresh, { asked: cc('no-store') }),
  private: () => storing(cc('private')),
  'must-understand': () => storing(cc('must-understand'), { changes: { status: 299 } }),
  status: () => storing({}, { changes: { status: 500 } }),
  'status-never': () => storing(fresh, { changes: { status: 429 } }),
  'status-under-ttl': () => storing(fresh, { changes: { status: 500 }, settings: TTL }),
  'large-request-head': () => storing(fresh, { asked: { Cookie: 'a'.repeat(9000) }, changes: { status: 404 } }),
  partial: () => storing(fresh, { changes: { status: 206 } }),
  'vary-star': () => storing({ ...fresh, Vary: '*' }),
  stream: () => storing({ 'Content-Type': 'text/event-stream' }, { settings: SAFE }),
  'never-reusable': () => storing(cc('max-age=0')),
  'lifetime-s-maxage': () => living(cc('s-maxage=9'), SAFE),
  'lifetime-max-age': () => living(cc('max-age=9'), SAFE),
  'lifetime-expires': () => living({ Expires: httpDate(9) }, SAFE),
  'lifetime-heuristic': () => living({ 'Last-Modified': httpDate(-900) }, LETTER),
  'lifetime-default': () => living({}, SAFE),
  'lifetime-error': () => living({}, SAFE, { status: 404 }),
  'lifetime-ttl': () => living({}, TTL),
  'lifetime-invalid': () => living({ Expires: '0' }, SAFE),
  'lifetime-none': () => living({}, LETTER),
};

/** The codes that come from carrying decisions out: where, and the test that sees each. */
const BY_THE_ENGINE: Partial<Record<ReasonCode, { readonly source: string; readonly test?: string }>> = {
  validated: { source: 'src/cache/serving.ts', test: 'test/cache/reasons.test.ts' },
  collapsed: { source: 'src/cache/engine.ts', test: 'test/cache/reasons.test.ts' },
  'too-large': { source: 'src/cache/fetcher.ts', test: 'test/cache/reasons.test.ts' },
  'validation-deferred': { source: 'src/cache/refresher.ts', test: 'test/cache/reasons.test.ts' },
  'validation-paused': { source: 'src/cache/refresher.ts', test: 'test/cache/hung-origin.test.ts' },
  // The stale response is served in its place, with a reason of its own.
  'origin-failed': { source: 'src/cache/fetcher.ts' },
};

/** What a hit rests on, where a valid lifetime comes from, and what no change can store: nothing is to be mended there. */
const SATISFIED: ReadonlySet<string> = new Set([
  'fresh', 'stale-while-revalidate', 'stale-if-error', 'origin-unreachable', 'max-stale', 'validated', 'collapsed', 'status-never',
  'lifetime-s-maxage', 'lifetime-max-age', 'lifetime-expires', 'lifetime-heuristic', 'lifetime-default', 'lifetime-error', 'lifetime-ttl',
]);

const codes = Object.keys(REASONS) as ReasonCode[];

describe('every reason', () => {
  test('is given somewhere, and nowhere but in one list', () => {
    assert.deepEqual([...Object.keys(REACHED), ...Object.keys(BY_THE_ENGINE)].sort(), [...codes].sort());
  });
  for (const [code, lead] of Object.entries(REACHED)) {
    test(`${code} is reached`, () => assert.ok(lead().some((reason) => reason.code === code), JSON.stringify(lead())));
  }
  for (const [code, { source, test: seen }] of Object.entries(BY_THE_ENGINE)) {
    test(`${code} stands in the source, and in the test that sees it`, () => {
      const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
      for (const path of seen === undefined ? [source] : [source, seen]) assert.ok(read(path).includes(`'${code}'`), path);
    });
  }
  for (const code of codes) {
    const { words, source, remedy } = reasonKind(code);
    test(`${code} has words, a section that exists in form, and a remedy where it is no hit`, () => {
      assert.match(words, /^\S.*[^.\s]$/);
      if (source !== undefined) assert.match(source, /^https:\/\/www\.rfc-editor\.org\/rfc\/rfc\d{4,5}\.html#section-\d+(\.\d+)*$/);
      assert.equal(remedy === undefined, SATISFIED.has(code));
      if (remedy !== undefined) assert.match(remedy, /^[A-Z].*\.$/);
    });
  }
});
