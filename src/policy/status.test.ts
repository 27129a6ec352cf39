import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeuristicallyCacheable, isNeverStored, isStaleIfError, isUnderstood } from './status.ts';

const all = Array.from({ length: 900 }, (_, i) => 100 + i);
const valid = all.filter((status) => status < 600);

test('RFC 9110 §15.1 lists what is cacheable by default', () => {
  assert.deepEqual(all.filter(isHeuristicallyCacheable), [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);
});

test('understood are the final statuses of RFC 9110 §15 that may be stored', () => {
  const unlisted = new Set([201, 202, 205, 207, 208, 226, 304, 305, 306, 418]);
  const listed = all.filter((status) => (status >= 200 && status <= 206) || (status >= 300 && status <= 308) || (status >= 400 && status <= 417) || (status >= 421 && status <= 422) || status === 426 || (status >= 500 && status <= 505));
  assert.deepEqual(all.filter(isUnderstood), listed.filter((status) => !unlisted.has(status) && !isNeverStored(status, true)));
});

test('RFC 6585: 428, 429, 431 and 511 MUST NOT be stored; 412 and 416 speak of one request', () => {
  assert.deepEqual(valid.filter((status) => isNeverStored(status, true)), [412, 416, 428, 429, 431, 511]);
});

test('what speaks of how one client has asked is not stored, but by the letter', () => {
  assert.deepEqual(valid.filter((status) => isNeverStored(status, false) && !isNeverStored(status, true)), [400, 408, 411, 413, 414, 415, 417, 421, 426, 501, 505]);
});

test('no status above 599 is stored', () => {
  for (const letter of [true, false]) assert.deepEqual(all.filter((status) => status > 599 && !isNeverStored(status, letter)), []);
});

test('RFC 5861 §4 lists what is an error', () => assert.deepEqual(all.filter(isStaleIfError), [500, 502, 503, 504]));
