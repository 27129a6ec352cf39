import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Announced, start } from '../scripts/announced.ts';
import { request } from './kit/client.ts';
import { startOrigin } from './kit/origin.ts';

function run(example: string, ...args: string[]): Promise<Announced> {
  return start(process.execPath, [new URL(`../examples/${example}`, import.meta.url).pathname, ...args], /^Listening on (\S+)$/m, { env: { ...process.env, PORT: '0' } });
}

test('examples/library.ts caches what an origin sends, and says so', async () => {
  const origin = await startOrigin((_request, response) => void response.end('hello'));
  const example = await run('library.ts', origin.url);
  try {
    for (const result of ['MISS', 'HIT']) {
      const response = await request(`${example.url}/page`);
      assert.deepEqual([response.body.toString(), response.headers.get('x-cache')], ['hello', result]);
    }
  } finally {
    await example.stop();
    await origin.close();
  }
  assert.match(example.output(), /MISS 200 GET \/page not-stored\nHIT 200 GET \/page fresh\nHit ratio: 0\.5/);
});

test('examples/own-app.ts computes again only what a change made stale', async () => {
  const example = await run('own-app.ts');
  const get = async (path: string): Promise<string> => (await request(example.url + path)).body.toString();
  try {
    for (let i = 0; i < 2; i++) {
      assert.equal(await get('/price'), '/price: the price is 10; computed 1 times.\n');
      if (i === 0) await get('/report');
    }
    assert.equal((await request(`${example.url}/price`, { method: 'POST' })).status, 204);
    assert.match(await get('/report'), /price is 11/);
    assert.match(await get('/price'), /price is 11; computed 4 times/);
  } finally {
    await example.stop();
  }
});
