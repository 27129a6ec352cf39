/**
 * @module test/cache/reasons
 * The reasons that only the engine can give, as the record of a request tells them.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { open, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';

const codesOf = (proxy: TestProxy, index: number): string[] => proxy.outcomes[index]!.reasons.map(({ code }) => code);

describe('reasons of the engine', () => {
  test('validated', async () => {
    await using origin = await startOrigin((message, response) => void response.writeHead(message.headers['if-none-match'] === undefined ? 200 : 304, { 'Cache-Control': 'no-cache', ETag: '"1"' }).end());
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/a`);
    await request(`${proxy.url}/a`);
    await proxy.finished(2);
    assert.deepEqual(codesOf(proxy, 1), ['validated', 'no-cache']);
  });

  test('collapsed', async () => {
    const rest = gate();
    await using origin = await startOrigin(async (_message, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).write('first');
      await rest.wait;
      response.end();
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const clients = [await open(`${proxy.url}/a`), await open(`${proxy.url}/a`)];
    rest.open();
    await Promise.all(clients.map((client) => client.finish()));
    await proxy.finished(2);
    assert.deepEqual(new Set([0, 1].map((index) => codesOf(proxy, index)[0])), new Set(['not-stored', 'collapsed']));
  });

  test('validation-deferred', async () => {
    const held = gate();
    await using origin = await startOrigin(async (_message, response, { index }) => {
      if (index >= 2) await held.wait;
      response.writeHead(200, { 'Cache-Control': 'max-age=0, stale-while-revalidate=60' }).end();
    });
    await using proxy = await startMillrace({ origin: origin.url, maxOriginConcurrency: 1 });
    for (const path of ['/a', '/b', '/a', '/b']) await request(proxy.url + path);
    await proxy.finished(4);
    held.open();
    assert.deepEqual([codesOf(proxy, 2), codesOf(proxy, 3)], [['stale-while-revalidate', 'lifetime-max-age'], ['validation-deferred', 'stale-while-revalidate', 'lifetime-max-age']]);
  });

  test('too-large', async () => {
    await using origin = await startOrigin((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Content-Length': 2000 }).end('x'.repeat(2000)));
    await using proxy = await startMillrace({ origin: origin.url, maxObject: 1024 });
    await request(`${proxy.url}/a`);
    await proxy.finished(1);
    assert.deepEqual(codesOf(proxy, 0), ['too-large', 'not-stored']);
  });
});
