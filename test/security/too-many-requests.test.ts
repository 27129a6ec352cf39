/**
 * More requests than the proxy or its origin can do at once: some wait, the others are refused soon and
 * with words, and what needs nobody is answered as ever.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { describe, test } from 'node:test';
import { request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';
import { until } from '../kit/until.ts';

describe('requests to one origin', () => {
  for (const method of ['GET', 'POST']) {
    test(`wait for one another beyond --max-origin-connections, and are refused beyond twice that: ${method}`, async () => {
      const go = gate();
      await using origin = await startOrigin(async (_request, response) => {
        await go.wait;
        response.end('good');
      });
      await using proxy = await startMillrace({ origin: origin.url, maxOriginConnections: 2 });
      const options = method === 'POST' ? { method, body: 'a' } : { headers: { Cookie: 'a=b' } };
      const first = [1, 2, 3, 4].map((i) => request(`${proxy.url}/${i}`, options));
      await origin.arrived(2);
      const refused = await until('the queue is full', () => request(`${proxy.url}/5`, { ...options, headers: { Cookie: 'a=b', Accept: 'application/json' } }), ({ status }) => status === 503);
      assert.equal(refused.headers.get('retry-after'), '5');
      assert.match(refused.body.toString(), /ERR_OVERLOADED/);
      assert.doesNotMatch(refused.body.toString(), /127\.0\.0\.1|--max/, 'strangers learn nothing of the origin');
      assert.equal(origin.requests.length, 2);
      go.open();
      for (const { status } of await Promise.all(first)) assert.equal(status, 200);
      assert.ok(origin.connections <= 4, `${origin.connections} connections`);
      assert.equal((await request(`${proxy.url}/6`, options)).status, 200, 'there is room again');
    });
  }

  test('that wait too long are refused, or answered with what is stale', async () => {
    let isStuck = false;
    const go = gate();
    await using origin = await startOrigin(async (_request, response) => {
      response.setHeader('Cache-Control', 'max-age=1, stale-if-error=600');
      if (isStuck) await go.wait;
      response.end('good');
    });
    await using proxy = await startMillrace({ origin: origin.url, maxOriginConnections: 1, connectTimeout: '300ms', staleWait: '5s' });
    await request(`${proxy.url}/stored`);
    isStuck = true;
    const stuck = request(`${proxy.url}/stuck`);
    await origin.arrived(2);
    assert.equal((await request(`${proxy.url}/waits`)).status, 503);
    await until('it is stale', () => request(`${proxy.url}/stored`), ({ headers }) => headers.get('x-cache') === 'STALE');
    go.open();
    assert.equal((await stuck).status, 200);
  });

  test('are streams of few HTTP/2 connections, but not more connections to the origin', async (t) => {
    const go = gate();
    await using origin = await startOrigin(async (_request, response) => {
      await go.wait;
      response.end('good');
    });
    await using proxy = await startMillrace({ origin: origin.url, maxOriginConnections: 20 });
    const session = connect(proxy.url);
    t.after(() => session.destroy());
    const statuses: number[] = [];
    for (let i = 0; i < 60; i++) {
      const stream = session.request({ ':path': `/${i}`, cookie: 'a=b' });
      stream.on('response', (headers) => statuses.push(headers[':status']!)).resume();
    }
    await until('those that cannot wait are refused', () => statuses.length === 20);
    assert.deepEqual(new Set(statuses), new Set([503]));
    await origin.arrived(20);
    assert.equal(origin.requests.length, 20);
    go.open();
    await until('the others are answered', () => statuses.length === 60);
    assert.equal(statuses.filter((status) => status === 200).length, 40);
    assert.ok(origin.connections <= 40, `${origin.connections} connections`);
  });
});

describe('requests under way', () => {
  for (const fastLane of [true, false]) {
    test(`are refused beyond --max-requests, and hits and the administration are answered, ${fastLane ? 'with' : 'without'} the fast lane`, async () => {
      const go = gate();
      await using origin = await startOrigin(async ({ url }, response) => {
        response.setHeader('Cache-Control', 'max-age=60');
        if (url !== '/hit') await go.wait;
        response.end('good');
      });
      await using proxy = await startMillrace({ origin: origin.url, maxRequests: 2, fastLane });
      await request(`${proxy.url}/hit`);
      await request(`${proxy.url}/hit`);
      const first = [1, 2].map((i) => request(`${proxy.url}/${i}`));
      await origin.arrived(3);
      const refused = await request(`${proxy.url}/3`);
      assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5']);
      // Without the fast lane a hit is a request like others.
      if (fastLane) assert.equal((await request(`${proxy.url}/hit`)).headers.get('x-cache'), 'HIT');
      assert.equal((await request(`${proxy.url}/health`)).status, 200);
      go.open();
      for (const { status } of await Promise.all(first)) assert.equal(status, 200);
      assert.equal((await request(`${proxy.url}/4`)).status, 200);
    });
  }
});
