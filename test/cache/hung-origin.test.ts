/**
 * @module test/cache/hung-origin
 * An origin that takes requests and does not respond: who may be served a stale response does not wait for it.
 */
import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import type { Explanation } from '../../src/cache/explanation.ts';
import type { Options } from '../../src/config.ts';
import { type ClientResponse, request } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';
import { until } from '../kit/until.ts';

/** Longer than a test takes: whoever waits for the origin fails by it. */
const FOREVER = '1h';
const STALE = { 'Cache-Control': 'max-age=60, stale-if-error=600', Age: '100' };

interface Setup extends AsyncDisposable {
  readonly origin: TestOrigin;
  readonly proxy: TestProxy;
  readonly get: (path: string, headers?: Record<string, string>) => Promise<ClientResponse>;
  /** Requests for the path that have reached the origin. */
  readonly asked: (path: string) => number;
  /** The origin does not respond from now on, but to paths with "well" in them. */
  readonly hang: () => void;
  /** It responds again, also to what it has left unanswered. */
  readonly recover: () => void;
}

async function setup(headers: OutgoingHttpHeaders = STALE, options: Options = {}): Promise<Setup> {
  let hangs = false;
  const held: ServerResponse[] = [];
  const answer = (response: ServerResponse): void => void response.writeHead(200, headers).end('body');
  const origin = await startOrigin((message, response) => {
    if (hangs && !message.url!.includes('well')) held.push(response);
    else answer(response);
  });
  const proxy = await startMillrace({ origin: origin.url, staleWait: '100ms', originTimeout: FOREVER, ...options });
  return {
    origin,
    proxy,
    get: (path, more = {}) => request(proxy.url + path, { headers: more }),
    asked: (path) => origin.requests.filter(({ url }) => url === path).length,
    hang: () => void (hangs = true),
    recover: () => {
      hangs = false;
      for (const response of held.splice(0)) response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('new');
    },
    [Symbol.asyncDispose]: async () => {
      await proxy.close();
      await origin.close();
    },
  };
}

describe('an origin that does not respond', () => {
  test('keeps a client waiting for --stale-wait, and those after it not at all, while one request goes on', async () => {
    await using all = await setup();
    for (const path of ['/a', '/b']) await all.get(path);
    all.hang();
    const first = await all.get('/a');
    assert.equal(first.headers.get('x-cache'), 'STALE');
    assert.match(first.headers.get('cache-status')!, /;detail=stale-if-error$/);
    // Now nobody waits, whatever the bound, nor makes another request.
    for (const path of ['/a', '/b', '/a', '/b']) assert.equal((await all.get(path)).headers.get('x-cache'), 'STALE');
    assert.deepEqual([all.asked('/a'), all.asked('/b')], [2, 1]);
    all.recover();
    await until('what came at last is stored', async () => (await all.get('/a')).body.toString(), (body) => body === 'new');
    assert.equal((await all.get('/a')).headers.get('x-cache'), 'HIT');
    await until('others are refreshed too', () => all.get('/b').then(() => all.asked('/b')), (count) => count > 1);
  });

  test('those that wait together are all served', async () => {
    await using all = await setup();
    await all.get('/a');
    all.hang();
    for (const response of await Promise.all(Array.from({ length: 10 }, () => all.get('/a')))) assert.equal(response.headers.get('x-cache'), 'STALE');
    assert.equal(all.asked('/a'), 2);
  });

  test('the outcome and explain say so', async () => {
    await using all = await setup();
    await all.get('/a');
    all.hang();
    for (let i = 0; i < 2; i++) await all.get('/a');
    await all.proxy.finished(3);
    assert.deepEqual(all.proxy.outcomes[1]!.reasons.map(({ code }) => code), ['stale-if-error', 'expired', 'lifetime-max-age']);
    assert.match(all.proxy.outcomes[1]!.reasons[0]!.detail!, /^no response in time, stale for/);
    assert.equal(all.proxy.outcomes[2]!.reasons[0]!.code, 'stale-if-error');
    const explained = JSON.parse((await all.get('/__admin/explain?url=/a')).body.toString()) as Explanation;
    assert.equal(explained.now.action, 'stale-while-revalidate');
  });

  test('for one URL alone leaves the others as they are', async () => {
    await using all = await setup();
    for (const path of ['/a', '/well']) await all.get(path);
    all.hang();
    const waiting = all.get('/a');
    await all.origin.arrived(3);
    await all.get('/well');
    assert.equal((await waiting).headers.get('x-cache'), 'STALE');
    assert.equal((await all.get('/a')).headers.get('x-cache'), 'STALE');
    const before = all.asked('/well');
    assert.equal((await all.get('/well')).headers.get('x-cache'), 'MISS');
    assert.equal(all.asked('/well'), before + 1);
    assert.equal(all.asked('/a'), 2);
  });

  for (const [name, headers, asks] of [
    ['must-revalidate', { 'Cache-Control': 'max-age=60, stale-if-error=600, must-revalidate', Age: '100' }, {}],
    ['no-cache', { 'Cache-Control': 'no-cache', ETag: '"1"' }, {}],
    ['a client that asks for validation', STALE, { 'Cache-Control': 'no-cache' }],
    ['a response that is stale for too long', { 'Cache-Control': 'max-age=60', Age: '4000' }, {}],
  ] as const) {
    test(`does not bring on stale use: ${name}`, async () => {
      await using all = await setup({ ETag: '"0"', ...headers }, { originTimeout: '1s' });
      await all.get('/a');
      all.hang();
      const left = await all.get('/a', asks);
      // It waits for the origin to the end.
      const took = all.proxy.outcomes.at(-1)!.duration;
      assert.ok(took >= 1000, `it took ${took} ms`);
      if (name !== 'a client that asks for validation') assert.equal(left.status, 504);
    });
  }

  test('after a request has failed, the next one is made after a pause, and nobody waits again', async () => {
    await using all = await setup(STALE, { staleWait: '1s', originTimeout: '1500ms' });
    await all.get('/a');
    all.hang();
    await all.get('/a');
    // The request fails while these come.
    const start = Date.now();
    let count = 0;
    while (Date.now() - start < 1400) {
      assert.equal((await all.get('/a')).headers.get('x-cache'), 'STALE');
      count++;
    }
    assert.ok(all.asked('/a') <= 3, `${all.asked('/a')} requests for ${count}`);
    await all.proxy.finished(count + 2);
    for (const { duration } of all.proxy.outcomes.slice(2)) assert.ok(duration < 1000, `one waited ${duration} ms`);
  });
});

test('a refresh in the background that fails is tried again after a pause', async () => {
  let fails = false;
  await using origin = await startOrigin((_message, response) => {
    if (fails) response.writeHead(503).end();
    else response.writeHead(200, { 'Cache-Control': 'max-age=60, stale-while-revalidate=600', Age: '100' }).end('body');
  });
  await using proxy = await startMillrace({ origin: origin.url });
  await request(`${proxy.url}/a`);
  fails = true;
  await request(`${proxy.url}/a`);
  await origin.arrived(2);
  const codes = async (): Promise<string[]> => {
    const before = proxy.outcomes.length;
    await request(`${proxy.url}/a`);
    await proxy.finished(before + 1);
    return proxy.outcomes.at(-1)!.reasons.map(({ code }) => code);
  };
  await until('the failure is noticed', codes, (seen) => seen.includes('validation-paused'));
  const made = origin.requests.length;
  for (let i = 0; i < 20; i++) await request(`${proxy.url}/a`);
  assert.equal(origin.requests.length, made);
  fails = false;
  await until('it is tried again', async () => {
    await request(`${proxy.url}/a`);
    return origin.requests.length > made;
  });
});
