import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from '../http/fields.ts';
import { UNREAD_GRACE_MS, unreadMs, usefulFor } from './keep.ts';
import type { StoredResponse } from './message.ts';
import type { Settings } from './settings.ts';

const NOW = Date.UTC(2026, 0, 1);
const SETTINGS: Settings = { cache: true, ttl: undefined, defaultTtl: 0, staleIfUnreachable: 0, letter: false };

function stored(...fields: [string, string][]): StoredResponse {
  const lines = new Fields();
  for (const [name, value] of [['Date', new Date(NOW).toUTCString()] as [string, string], ...fields]) lines.append(name, value);
  return { status: 200, fields: lines, method: 'GET', requestTime: NOW, responseTime: NOW, privateInPlay: false, range: undefined, invalidated: false };
}

test('a response is of use while it is fresh, and for as long as it may be used stale', () => {
  assert.equal(usefulFor(stored(['Cache-Control', 'max-age=100']), SETTINGS, NOW), 100);
  assert.equal(usefulFor(stored(['Cache-Control', 'max-age=100']), SETTINGS, NOW + 30_000), 70);
  assert.equal(usefulFor(stored(['Cache-Control', 'max-age=100, stale-while-revalidate=20, stale-if-error=50']), SETTINGS, NOW), 150);
  assert.equal(usefulFor(stored(['Cache-Control', 'max-age=100']), { ...SETTINGS, staleIfUnreachable: 3600 }, NOW), 3700);
  assert.equal(usefulFor(stored(['Cache-Control', 'max-age=100']), { ...SETTINGS, ttl: 7 }, NOW), 7);
});

test('what can be validated is of use for a while when it is stale', () => {
  assert.equal(usefulFor(stored(['Cache-Control', 'max-age=100'], ['ETag', '"a"']), SETTINGS, NOW), 3700);
  assert.equal(usefulFor(stored(['Cache-Control', 'no-cache'], ['ETag', '"a"']), SETTINGS, NOW), 3600);
  assert.equal(usefulFor(stored(['Cache-Control', 'max-age=100'], ['ETag', '"a"']), SETTINGS, NOW + 200_000), 3600);
});

test('however long it says, there is an end', () => {
  assert.equal(usefulFor(stored(['Cache-Control', 'max-age=10, stale-if-error=999999999']), SETTINGS, NOW), 10 + 86_400);
  assert.equal(usefulFor(stored(['Cache-Control', 'max-age=999999999']), SETTINGS, NOW), 30 * 86_400);
});

test('a body of unknown length is taken for the store alone for a time', () => {
  const DEFAULT: Settings = { ...SETTINGS, defaultTtl: 120 };
  const rows: [rule: string, fields: [string, string][], settings: Settings, wasRead: boolean, passedMs: number, ms: number][] = [
    ['a default lifetime, once it was read', [], DEFAULT, true, 0, UNREAD_GRACE_MS],
    ['a default lifetime that nobody has read', [], DEFAULT, false, 20_000, 100_000],
    ['a heuristic lifetime, once it was read', [['Last-Modified', new Date(NOW - 100_000).toUTCString()]], DEFAULT, true, 0, UNREAD_GRACE_MS],
    ['--ttl, which the response does not state', [['Cache-Control', 'max-age=60']], { ...SETTINGS, ttl: 60 }, true, 0, UNREAD_GRACE_MS],
    ['--ttl that nobody has read', [], { ...SETTINGS, ttl: 60 }, false, 0, 60_000],
    ['a stated lifetime, what is left of it', [['Cache-Control', 'max-age=100']], DEFAULT, true, 30_000, 70_000],
    ['a stated lifetime that is over', [['Cache-Control', 'max-age=100']], DEFAULT, true, 200_000, UNREAD_GRACE_MS],
    ['a stated lifetime of more than a timer can wait', [['Cache-Control', 'max-age=31536000']], DEFAULT, true, 0, 2 ** 31 - 1],
  ];
  for (const [rule, fields, settings, wasRead, passedMs, ms] of rows) assert.equal(unreadMs(stored(...fields), settings, NOW + passedMs, wasRead), ms, rule);
});
