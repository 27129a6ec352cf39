import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeuristicallyCacheable, isNeverStored, isStaleIfError, isUnderstood } from './status.ts';

const all = Array.from({ length: 500 }, (_, i) => 100 + i);

test('RFC 9110 §15.1 lists what is cacheable by default', () => {
  assert.deepEqual(all.filter(isHeuristicallyCacheable), [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);
});

test('understood are the final statuses of RFC 9110 §15 that may be stored', () => {
  const unlisted = new Set([201, 202, 205, 207, 208, 226, 304, 305, 306, 418]);
  const listed = all.filter((status) => (status >= 200 && status <= 206) || (status >= 300 && status <= 308) || (status >= 400 && status <= 417) || (status >= 421 && status <= 422) || status === 426 || (status >= 500 && status <= 505));
  assert.deepEqual(all.filter(isUnderstood), listed.filter((status) => !unlisted.has(status) && !isNeverStored(status)));
});

test('RFC 6585: 428, 429, 431 and 511 MUST NOT be stored; 412 and 416 speak of one request', () => {
  assert.deepEqual(all.filter(isNeverStored), [412, 416, 428, 429, 431, 511]);
});

test('RFC 5861 §4 lists what is an error', () => assert.deepEqual(all.filter(isStaleIfError), [500, 502, 503, 504]));
