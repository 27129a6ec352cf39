/**
 * @module test/cache/ranges
 * Many ranges of one stored response.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

const BODY = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));

/** So many ranges of 20 bytes, each 100 bytes behind the one before. */
function spread(count: number): string {
  return `bytes=${Array.from({ length: count }, (_, i) => `${i * 100}-${i * 100 + 19}`).join(',')}`;
}

/** The bytes of all parts of a multipart/byteranges body, one after the other. */
function partsOf(body: Buffer, type: string): Buffer {
  const boundary = /boundary=(.+)$/.exec(type)![1]!;
  const parts = body.toString('latin1').split(`--${boundary}`).slice(1, -1);
  return Buffer.from(parts.map((part) => part.slice(part.indexOf('\r\n\r\n') + 4, -2)).join(''), 'latin1');
}

describe('many ranges of a stored response', () => {
  for (const count of [2, 17, 40, 256]) {
    test(`${count} are answered from the cache`, async () => {
      await using origin = await startOrigin((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(BODY));
      await using proxy = await startMillrace({ origin: origin.url });
      await request(`${proxy.url}/a`);
      const response = await request(`${proxy.url}/a`, { headers: { Range: spread(count) } });
      assert.deepEqual([response.status, response.headers.get('x-cache')], [206, 'HIT']);
      const expected = Buffer.concat(Array.from({ length: count }, (_, i) => BODY.subarray(i * 100, i * 100 + 20)));
      assert.deepEqual(partsOf(response.body, response.headers.get('content-type')!), expected);
    });
  }

  test('more are the origin’s, and the reason says so', async () => {
    await using origin = await startOrigin((message, response) => void response.writeHead(message.headers.range === undefined ? 200 : 206, { 'Cache-Control': 'max-age=60' }).end(BODY));
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/a`);
    const response = await request(`${proxy.url}/a`, { headers: { Range: spread(257) } });
    assert.deepEqual([response.status, response.headers.get('x-cache')], [206, 'BYPASS']);
    assert.match(response.headers.get('cache-status')!, /fwd=request.*detail=too-many-ranges/);
    assert.equal(origin.requests[1]!.headers.get('range'), spread(257));
    await proxy.finished(2);
    assert.deepEqual(proxy.outcomes[1]!.reasons[0], { code: 'too-many-ranges', detail: '257 ranges, at most 256' });
    assert.equal((await request(`${proxy.url}/a`)).headers.get('x-cache'), 'HIT');
  });

  test('ranges that overlap cannot make a response longer than the representation', async () => {
    await using origin = await startOrigin((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(BODY));
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/a`);
    for (const range of [`bytes=${Array.from({ length: 1000 }, () => '0-').join(',')}`, 'bytes=0-,0-', 'bytes=0-,1-,2-']) {
      const response = await request(`${proxy.url}/a`, { headers: { Range: range } });
      assert.deepEqual([response.status, response.body.length, response.headers.get('x-cache')], [200, BODY.length, 'HIT']);
    }
    assert.equal(origin.requests.length, 1);
  });
});
