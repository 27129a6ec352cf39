import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReasonCode } from './reason.ts';
import { type Cause, causeOf } from './uncacheable.ts';

describe('what a response that was not stored tells about the next one', () => {
  const cases: readonly (readonly [method: string, status: number, code: ReasonCode, cause: Cause])[] = [
    ['GET', 200, 'no-store', 'resource'],
    ['GET', 200, 'vary-star', 'resource'],
    ['GET', 200, 'never-reusable', 'resource'],
    ['GET', 200, 'too-large', 'resource'],
    ['GET', 200, 'stream', 'resource'],
    ['GET', 200, 'private', 'answer'],
    ['GET', 200, 'private-in-play', 'answer'],
    ['GET', 302, 'status', 'answer'],
    ['GET', 301, 'no-store', 'answer'],
    ['GET', 404, 'no-store', 'answer'],
    ['GET', 429, 'status-never', 'answer'],
    ['GET', 500, 'status', 'failure'],
    ['GET', 503, 'no-store', 'failure'],
    ['GET', 503, 'origin-failed', 'failure'],
    ['GET', 200, 'request-no-store', 'request'],
    ['GET', 206, 'partial', 'request'],
    ['GET', 206, 'no-store', 'resource'],
    ['GET', 400, 'status-never', 'request'],
    ['GET', 502, 'large-request-head', 'request'],
    ['GET', 501, 'status-never', 'failure'],
    ['GET', 416, 'status-never', 'request'],
    ['GET', 412, 'status-never', 'request'],
    ['HEAD', 200, 'no-store', 'request'],
  ];
  for (const [method, status, code, cause] of cases) {
    test(`${method} ${status}, ${code}: ${cause}`, () => assert.equal(causeOf(method, status, [{ code }]), cause));
  }
});
