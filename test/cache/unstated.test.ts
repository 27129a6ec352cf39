/**
 * @module test/cache/unstated
 * How long responses are kept that state no lifetime, as Cache-Status tells it.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

const DAY = 86_400;

/** The HTTP date so many seconds ago. */
const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toUTCString();

interface Case {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly options?: { readonly ttl?: number; readonly defaultTtl?: number };
  /** Seconds; undefined: it is not stored. */
  readonly kept: number | undefined;
}

/** The seconds that a test may take, and Last-Modified has whole ones. */
const SLACK = 3;

describe('a response that states no lifetime', () => {
  const cases: Readonly<Record<string, Case>> = {
    'is kept for --default-ttl': { kept: 120 },
    'is kept for --default-ttl where it has not changed for a week': { headers: { 'Last-Modified': ago(7 * DAY) }, kept: 120 },
    'is kept for a tenth of a week under --default-ttl 0': { headers: { 'Last-Modified': ago(7 * DAY) }, options: { defaultTtl: 0 }, kept: 0.7 * DAY },
    'is kept for half of the time since it changed': { headers: { 'Last-Modified': ago(80) }, kept: 40 },
    'is validated each time where it changed just now': { headers: { 'Last-Modified': ago(0) }, kept: 0 },
    'is kept for --ttl': { headers: { 'Last-Modified': ago(0) }, options: { ttl: 60 }, kept: 60 },
    'is not kept with Pragma: no-cache': { headers: { Pragma: 'no-cache' }, kept: undefined },
    'is not kept for longer than a lifetime behind a semicolon': { headers: { 'Cache-Control': 'public; max-age=30' }, kept: 30 },
    'is a 404 that states more than ten seconds under --ttl': { status: 404, headers: { 'Cache-Control': 'max-age=30' }, options: { ttl: 60 }, kept: 30 },
    'is a 414 that states a lifetime': { status: 414, headers: { 'Cache-Control': 'max-age=30' }, kept: undefined },
    'is a 501 under --ttl': { status: 501, options: { ttl: 60 }, kept: undefined },
    ...Object.fromEntries([404, 405, 410].map((status) => [`is a ${status}`, { status, kept: 10 }])),
    ...Object.fromEntries([404, 405, 410].map((status) => [`is a ${status} under --ttl`, { status, options: { ttl: 60 }, kept: 10 }])),
  };
  for (const [name, { status = 200, headers = {}, options = {}, kept }] of Object.entries(cases)) {
    test(name, async () => {
      await using origin = await startOrigin((message, response) => void response.writeHead(message.headers['if-modified-since'] === undefined ? status : 304, headers).end());
      await using proxy = await startMillrace({ origin: origin.url, ...options });
      await request(proxy.url);
      const second = await request(proxy.url);
      const expected = kept === undefined ? 'MISS' : kept > 0 ? 'HIT' : 'REVALIDATED';
      assert.equal(second.headers.get('x-cache'), expected);
      if (kept === undefined || kept === 0) return;
      const ttl = Number(/;ttl=(-?\d+)/.exec(second.headers.get('cache-status')!)![1]);
      assert.ok(ttl <= kept && ttl >= kept - SLACK, `${ttl} seconds left`);
    });
  }
});
