/**
 * @module test/workers/weather
 * One request to the origin, also in bad weather, for all workers together.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin } from '../kit/origin.ts';
import { until } from '../kit/until.ts';
import { startCrew } from './crew.ts';

/** A connection goes to either of two workers with equal chance. */
const CLIENTS = 30;
const BODY = Buffer.alloc(100_000, 7);

test('ranges that are asked for at one moment are asked for once', async (t) => {
  const held = gate();
  t.after(held.open);
  await using origin = await startOrigin(async (_incoming, response) => {
    await held.wait;
    response.writeHead(206, { 'Cache-Control': 'max-age=60', ETag: '"1"', 'Content-Range': `bytes 0-${BODY.length - 1}/${BODY.length}`, 'Content-Length': BODY.length }).end(BODY);
  });
  const crew = await startCrew(t, '--origin', origin.url, '--log-format', 'off');
  const waiting = Array.from({ length: CLIENTS }, () => request(`${crew.url}/a`, { headers: { Range: 'bytes=0-' } }));
  await origin.arrived(1);
  held.open();
  for (const { status, body } of await Promise.all(waiting)) {
    assert.equal(status, 206);
    assert.ok(body.equals(BODY));
  }
  assert.equal(origin.requests.length, 1);
});

test('after a 503 the next requests make one', async (t) => {
  const held = gate();
  t.after(held.open);
  await using origin = await startOrigin(async (_incoming, response, { index }) => {
    if (index === 0) return void response.writeHead(503).end();
    await held.wait;
    response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(BODY);
  });
  const crew = await startCrew(t, '--origin', origin.url, '--log-format', 'off');
  assert.equal((await request(`${crew.url}/a`)).status, 503);
  const waiting = Array.from({ length: CLIENTS }, () => request(`${crew.url}/a`));
  await origin.arrived(2);
  held.open();
  for (const { status } of await Promise.all(waiting)) assert.equal(status, 200);
  assert.equal(origin.requests.length, 2);
});

test('an origin that does not respond keeps one client waiting, and gets one request', async (t) => {
  let hangs = false;
  await using origin = await startOrigin((incoming, response) => {
    if (hangs && incoming.url === '/a') return;
    response.writeHead(200, { 'Cache-Control': 'max-age=60, stale-if-error=600', Age: '100' }).end(BODY);
  });
  const crew = await startCrew(t, '--origin', origin.url, '--log-format', 'off', '--stale-wait', '2s', '--origin-timeout', '1h', '--shutdown-timeout', '0');
  await request(`${crew.url}/a`);
  // The client has its answer a moment before the store has: without it, the next ones would wait for the origin.
  await until('/a is stored', async () => (await crew.stats()).store.objects === 1);
  hangs = true;
  const before = origin.requests.length;
  // Both workers may have clients that wait.
  for (const response of await Promise.all(Array.from({ length: CLIENTS }, () => request(`${crew.url}/a`)))) assert.equal(response.headers.get('x-cache'), 'STALE');
  assert.equal(origin.requests.length, before + 1);
  const start = Date.now();
  for (const response of await Promise.all(Array.from({ length: CLIENTS }, () => request(`${crew.url}/a`)))) assert.equal(response.headers.get('x-cache'), 'STALE');
  assert.ok(Date.now() - start < 2000, 'nobody waits any more');
  assert.equal(origin.requests.length, before + 1);
});
