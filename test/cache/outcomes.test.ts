/**
 * @module test/cache/outcomes
 * What is told of a request once it is over: whether its response was stored, and who ended it.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { open, request } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

const MB = 1024 * 1024;

describe('what is told of a request', () => {
  test('"stored" is what was stored, and not what was meant to be', async () => {
    await using origin = await startOrigin(({ url }, response) => {
      response.setHeader('Cache-Control', 'max-age=60');
      if (url === '/broken') {
        response.setHeader('Content-Length', '1000');
        response.write('x', () => response.destroy());
        return;
      }
      // Its length is not told: it is too large only once it has come.
      response.write(Buffer.alloc(url === '/large' ? 2 * MB : 1000));
      response.end();
    });
    await using proxy = await startMillrace({ origin: origin.url, maxMemory: '8MB', maxObject: '1MB' });
    for (const path of ['/small', '/large']) assert.equal((await request(`${proxy.url}${path}`)).status, 200);
    await request(`${proxy.url}/broken`);
    await proxy.finished(3);
    assert.deepEqual(proxy.outcomes.map(({ url, stored }) => [url.slice(-6), stored]), [['/small', true], ['/large', false], ['broken', false]]);
    const stats = (await request(`${proxy.adminUrl}/__admin/stats`)).body.toString();
    assert.equal((JSON.parse(stats) as { stored: number }).stored, 1);
  });

  test('a response that the end of the proxy cuts off was not ended by its client', async () => {
    await using origin = await startOrigin((_message, response) => void response.write('never whole'));
    const proxy = await startMillrace({ origin: origin.url });
    const response = await open(`${proxy.url}/`);
    await proxy.close();
    await proxy.finished(1);
    assert.equal(proxy.outcomes[0]?.error?.code, 'ERR_SHUTTING_DOWN');
    response.abort();
  });

  test('a response that the origin lets hang is the fault of the origin', async () => {
    await using origin = await startOrigin((_message, response) => void response.writeHead(200, { 'Content-Length': '1000' }).write('x'));
    await using proxy = await startMillrace({ origin: origin.url, originTimeout: '100ms' });
    await request(`${proxy.url}/`);
    await proxy.finished(1);
    assert.equal(proxy.outcomes[0]?.error?.code, 'ERR_ORIGIN_TIMEOUT');
  });
});
