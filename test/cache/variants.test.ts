/**
 * @module test/cache/variants
 * Which of several stored responses a request selects, where the origin's Vary is missing or malformed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

/** "X-Cache body" of the response to a request with that Accept-Encoding. */
async function ask(url: string, coding: string): Promise<string> {
  const response = await request(url, { headers: { 'Accept-Encoding': coding } });
  return `${response.headers.get('x-cache')!} ${response.body.toString()}`;
}

describe('RFC 9111 §4.1: an origin that leaves Vary out of some responses', () => {
  const codings = startOrigin.bind(undefined, (message, response) => {
    const isCoded = message.headers['accept-encoding'] === 'br';
    response.writeHead(200, { 'Cache-Control': 'max-age=60', ...(isCoded && { Vary: 'Accept-Encoding' }) }).end(isCoded ? 'br' : 'identity');
  });

  test('the response whose Vary matches goes before a newer one without', async () => {
    await using origin = await codings();
    await using proxy = await startMillrace({ origin: origin.url });
    const seen: string[] = [];
    for (const coding of ['br', 'identity', 'br', 'br', 'identity', 'gzip']) seen.push(await ask(`${proxy.url}/a`, coding));
    assert.deepEqual(seen, ['MISS br', 'MISS identity', 'HIT br', 'HIT br', 'HIT identity', 'HIT identity']);
  });

  test('the order in which they came does not count', async () => {
    await using origin = await codings();
    await using proxy = await startMillrace({ origin: origin.url });
    await ask(`${proxy.url}/a`, 'identity');
    // A request that asks past the cache brings the other one.
    await request(`${proxy.url}/a`, { headers: { 'Accept-Encoding': 'br', 'Cache-Control': 'no-cache' } });
    assert.deepEqual([await ask(`${proxy.url}/a`, 'identity'), await ask(`${proxy.url}/a`, 'br')], ['HIT identity', 'HIT br']);
  });

  test('an origin that stops varying is believed: its response takes the place of the one that varied', async () => {
    let varies = true;
    await using origin = await startOrigin((message, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60', ...(varies && { Vary: 'Accept-Encoding' }) }).end(`${varies ? message.headers['accept-encoding'] : 'any'}`);
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const url = `${proxy.url}/a`;
    for (const coding of ['gzip', 'br']) await ask(url, coding);
    varies = false;
    for (const coding of ['gzip', 'br']) {
      await request(url, { headers: { 'Accept-Encoding': coding, 'Cache-Control': 'no-cache' } });
      assert.equal(await ask(url, coding), 'HIT any');
    }
    assert.equal(await ask(url, 'zstd'), 'HIT any');
    const explained = JSON.parse((await request(`${proxy.url}/__admin/explain?url=/a`)).body.toString()) as { stored: unknown[] };
    assert.equal(explained.stored.length, 1);
  });
});

describe('a Vary that counts as *', () => {
  const many = Array.from({ length: 65 }, (_, i) => `x-${i}`).join(', ');
  for (const [rule, vary] of [['two names without a comma', 'a b'], ['more than 64 names', many]] as const) {
    test(`${rule}: stored for nobody, and the reason shows it`, async () => {
      await using origin = await startOrigin((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60', Vary: vary }).end('x'));
      await using proxy = await startMillrace({ origin: origin.url });
      assert.deepEqual([await ask(`${proxy.url}/a`, 'br'), await ask(`${proxy.url}/a`, 'br')], ['MISS x', 'MISS x']);
      await proxy.finished(2);
      const [reason] = proxy.outcomes[0]!.reasons;
      assert.equal(reason!.code, 'vary-star');
      assert.ok(reason!.detail!.startsWith(`Vary: ${vary.slice(0, 10)}`));
    });
  }

  test('empty members are none', async () => {
    await using origin = await startOrigin((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60', Vary: ', accept-encoding,,' }).end('x'));
    await using proxy = await startMillrace({ origin: origin.url });
    assert.deepEqual([await ask(`${proxy.url}/a`, 'br'), await ask(`${proxy.url}/a`, 'br'), await ask(`${proxy.url}/a`, 'gzip')], ['MISS x', 'HIT x', 'MISS x']);
  });
});
