/**
 * @module test/cache/not-stored
 * Collapsed forwarding where responses are not stored: a bad answer does not end it, and nobody waits for long.
 */
import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import { describe, test } from 'node:test';
import { type ClientResponse, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

const CLIENTS = 15;

const ANSWERS: readonly (readonly [status: number, headers: OutgoingHttpHeaders])[] = [
  [503, {}],
  [500, { 'Cache-Control': 'no-store' }],
  [302, { Location: '/elsewhere' }],
  [404, { 'Cache-Control': 'no-store' }],
  [429, { 'Retry-After': '1' }],
  [200, { 'Cache-Control': 'private' }],
  [200, { 'Set-Cookie': 'a=b' }],
];

const all = (url: string): Promise<ClientResponse[]> => Promise.all(Array.from({ length: CLIENTS }, () => request(url)));

for (const [status, headers] of ANSWERS) {
  describe(`after a ${status} ${JSON.stringify(headers)}`, () => {
    test('the next requests make one origin request', async () => {
      const answer = gate();
      await using origin = await startOrigin(async (_request, response, { index }) => {
        if (index === 0) return void response.writeHead(status, headers).end('bad');
        await answer.wait;
        response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('good');
      });
      await using proxy = await startMillrace({ origin: origin.url });
      assert.equal((await request(`${proxy.url}/object`)).body.toString(), 'bad');
      const waiting = all(`${proxy.url}/object`);
      await origin.arrived(2);
      answer.open();
      for (const response of await waiting) assert.equal(response.body.toString(), 'good');
      assert.equal(origin.requests.length, 2);
    });

    test('which comes while others wait, these go on together', async () => {
      const first = gate();
      const second = gate();
      const others = gate();
      await using origin = await startOrigin(async (_request, response, { index }) => {
        await [first, second][index]?.wait;
        response.writeHead(status, headers).write('bad');
        await others.wait;
        response.end();
      });
      await using proxy = await startMillrace({ origin: origin.url });
      const waiting = all(`${proxy.url}/object`);
      await origin.arrived(1);
      first.open();
      // One more tries for the others where the origin failed; then nobody waits for anybody.
      await origin.arrived(2);
      if (status >= 500) assert.equal(origin.requests.length, 2);
      second.open();
      await origin.arrived(CLIENTS);
      others.open();
      for (const response of await waiting) assert.equal(response.status, status);
    });
  });
}

test('those who waited for a 503 share the next response', async () => {
  const bad = gate();
  const good = gate();
  await using origin = await startOrigin(async (_request, response, { index }) => {
    await (index === 0 ? bad : good).wait;
    if (index === 0) response.writeHead(503).end('bad');
    else response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('good');
  });
  await using proxy = await startMillrace({ origin: origin.url });
  const waiting = all(`${proxy.url}/object`);
  await origin.arrived(1);
  bad.open();
  await origin.arrived(2);
  good.open();
  const bodies = (await waiting).map((response) => response.body.toString());
  assert.deepEqual([bodies.filter((body) => body === 'bad').length, bodies.filter((body) => body === 'good').length], [1, CLIENTS - 1]);
  assert.equal(origin.requests.length, 2);
});

test('a URL that always redirects makes nobody wait, once that is known', async () => {
  const held = gate();
  await using origin = await startOrigin(async (_request, response, { index }) => {
    if (index >= 2) await held.wait;
    response.writeHead(302, { Location: '/elsewhere' }).end();
  });
  await using proxy = await startMillrace({ origin: origin.url });
  for (let i = 0; i < 2; i++) await request(`${proxy.url}/object`);
  const waiting = all(`${proxy.url}/object`);
  await origin.arrived(2 + CLIENTS);
  held.open();
  await waiting;
});
