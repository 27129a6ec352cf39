/**
 * @module test/cache/collapsing
 * Collapsed forwarding: many clients, one request to the origin.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { open, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin, startRawOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';
import { until } from '../kit/until.ts';

const CLIENTS = 10;

/** Settles once the proxy has read all that was sent to it before: it accepts connections in their order, and these come last. */
async function read({ url }: TestProxy): Promise<void> {
  for (let i = 0; i < 3; i++) await request(`${url}/health`);
}

const collapsed = ({ outcomes }: TestProxy): number => outcomes.filter((outcome) => outcome.collapsed).length;

describe('collapsed forwarding', () => {
  test('concurrent requests for one missing object make one origin request, and all stream from the first byte', async () => {
    const rest = gate();
    await using origin = await startOrigin(async (_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' });
      response.write('first ');
      await rest.wait;
      response.end('second');
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const early = await Promise.all(Array.from({ length: CLIENTS }, () => open(`${proxy.url}/object`)));
    await Promise.all(early.map((response) => response.received('first ')));
    // One that comes when the body is half there gets it from the beginning too.
    const late = await open(`${proxy.url}/object`);
    await late.received('first ');
    rest.open();
    const responses = await Promise.all([...early, late].map((response) => response.finish()));
    for (const response of responses) {
      assert.equal(response.body.toString(), 'first second');
      assert.equal(response.complete, true);
    }
    assert.equal(origin.requests.length, 1);
    await proxy.finished(CLIENTS + 1);
    assert.equal(collapsed(proxy), CLIENTS);
    assert.equal(responses.filter((response) => response.headers.get('cache-status')!.includes(';collapsed')).length, CLIENTS);
  });

  test('concurrent requests for one stale object make one validation', async () => {
    const answer = gate();
    await using origin = await startOrigin(async (message, response, { index }) => {
      if (index === 0) {
        response.writeHead(200, { 'Cache-Control': 'max-age=60', Age: '100', ETag: '"1"' });
        response.end('body');
        return;
      }
      await answer.wait;
      assert.equal(message.headers['if-none-match'], '"1"');
      response.writeHead(304, { 'Cache-Control': 'max-age=60', ETag: '"1"' });
      response.end();
    });
    await using proxy = await startMillrace({ origin: origin.url });
    await request(`${proxy.url}/object`);
    const waiting = Promise.all(Array.from({ length: CLIENTS }, () => request(`${proxy.url}/object`)));
    await origin.arrived(2);
    await read(proxy);
    answer.open();
    for (const response of await waiting) assert.deepEqual([response.body.toString(), response.headers.get('x-cache')], ['body', 'REVALIDATED']);
    assert.equal(origin.requests.length, 2);
    await until('all but one have collapsed', () => collapsed(proxy) === CLIENTS - 1);
  });

  test('when the response is not storable, waiters go on their own at once and later requests do not wait', async () => {
    const first = gate();
    const others = gate();
    await using origin = await startOrigin(async (_request, response, { index }) => {
      if (index === 0) await first.wait;
      response.writeHead(200, { 'Cache-Control': 'no-store' });
      response.write(`body ${index}`);
      await others.wait;
      response.end();
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const early = Array.from({ length: CLIENTS }, () => open(`${proxy.url}/object`));
    await origin.arrived(1);
    await read(proxy);
    assert.equal(origin.requests.length, 1, 'the others wait');
    first.open();
    // All of them reach the origin while none of the responses has ended.
    await origin.arrived(CLIENTS);
    const late = Array.from({ length: CLIENTS }, () => open(`${proxy.url}/object`));
    await origin.arrived(2 * CLIENTS);
    others.open();
    const bodies = await Promise.all([...early, ...late].map(async (response) => (await (await response).finish()).body.toString()));
    assert.equal(new Set(bodies).size, 2 * CLIENTS);
  });

  test('clients that differ in what Vary names get their own, with one request for each', async () => {
    const first = gate();
    await using origin = await startOrigin(async (message, response, { index }) => {
      if (index === 0) await first.wait;
      response.writeHead(200, { 'Cache-Control': 'max-age=60', Vary: 'Accept-Language' });
      response.end(message.headers['accept-language']);
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const ask = (language: string) => request(`${proxy.url}/object`, { headers: { 'Accept-Language': language } });
    const leader = ask('en');
    await origin.arrived(1);
    const waiting = ['en', 'de', 'de', 'de', 'en'].map(ask);
    await read(proxy);
    assert.equal(origin.requests.length, 1, 'the others wait');
    first.open();
    const bodies = (await Promise.all([leader, ...waiting])).map((response) => response.body.toString());
    assert.deepEqual(bodies, ['en', 'en', 'de', 'de', 'de', 'en']);
    assert.equal(origin.requests.length, 2);
    await until('all but one in each language have collapsed', () => collapsed(proxy) === 4);
  });

  test('a client that gets a cookie keeps it to itself', async () => {
    const first = gate();
    await using origin = await startOrigin(async (_message, response) => {
      await first.wait;
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Set-Cookie': 'session=1' });
      response.end('body');
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const leader = request(`${proxy.url}/object`);
    await origin.arrived(1);
    const waiter = request(`${proxy.url}/object`);
    await read(proxy);
    first.open();
    const [own, shared] = await Promise.all([leader, waiter]);
    const later = await request(`${proxy.url}/object`);
    assert.equal(origin.requests.length, 1);
    assert.equal(own.headers.get('set-cookie'), 'session=1');
    assert.equal(shared.headers.has('set-cookie'), false);
    assert.equal(shared.headers.get('cache-status')!.includes(';collapsed'), true);
    assert.equal(later.headers.has('set-cookie'), false);
  });

  test('when the client that began it goes away, the others and the cache still get the whole', async () => {
    const rest = gate();
    await using origin = await startOrigin(async (_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' });
      response.write('first ');
      await rest.wait;
      response.end('second');
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const leader = await open(`${proxy.url}/object`);
    await leader.received('first ');
    const follower = await open(`${proxy.url}/object`);
    await follower.received('first ');
    leader.abort();
    await proxy.finished(1);
    rest.open();
    assert.equal((await follower.finish()).body.toString(), 'first second');
    const later = await request(`${proxy.url}/object`);
    assert.equal(later.headers.get('x-cache'), 'HIT');
    assert.equal(later.body.toString(), 'first second');
    assert.equal(origin.requests.length, 1);
  });

  test('when the only client goes away, the fetch goes on to fill the cache', async () => {
    const rest = gate();
    await using origin = await startOrigin(async (_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' });
      response.write('first ');
      await rest.wait;
      response.end('second');
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const leader = await open(`${proxy.url}/object`);
    await leader.received('first ');
    leader.abort();
    await proxy.finished(1);
    rest.open();
    const later = await request(`${proxy.url}/object`);
    assert.equal(later.body.toString(), 'first second');
    assert.equal(origin.requests.length, 1);
  });

  test('when the origin dies in the middle, everyone sees an incomplete message and nothing is stored', async () => {
    const die = gate();
    await using origin = await startRawOrigin(async (connection) => {
      await connection.send('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 100\r\n\r\nfirst ');
      await die.wait;
      connection.reset();
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => open(`${proxy.url}/object`)));
    await Promise.all(clients.map((client) => client.received('first ')));
    assert.equal(origin.requests.length, 1);
    die.open();
    for (const response of await Promise.all(clients.map((client) => client.finish()))) {
      assert.equal(response.complete, false);
      assert.equal(response.body.toString(), 'first ');
    }
    const later = await open(`${proxy.url}/object`);
    assert.equal(later.headers.get('x-cache'), 'MISS');
    assert.equal((await later.finish()).complete, false);
    assert.equal(origin.requests.length, 2);
  });

  test('when the origin fails before it answers, each waiter is told so', async () => {
    const die = gate();
    await using origin = await startRawOrigin(async (connection) => {
      await die.wait;
      connection.reset();
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const clients = Array.from({ length: CLIENTS }, () => request(`${proxy.url}/object`));
    await origin.arrived(1);
    await read(proxy);
    die.open();
    for (const response of await Promise.all(clients)) {
      assert.equal(response.status, 502);
      assert.equal(response.headers.get('content-type'), 'application/problem+json');
      assert.match(response.headers.get('proxy-status')!, /error=connection_terminated/);
    }
    assert.equal(origin.requests.length, 1);
  });

  test('a purge while it is being fetched keeps it out of the cache, and later requests out of the flight', async () => {
    const rest = gate();
    await using origin = await startOrigin(async (_request, response, { index }) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' });
      response.write(`${index} `);
      if (index === 0) await rest.wait;
      response.end('end');
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const before = await open(`${proxy.url}/object`);
    await before.received('0 ');
    assert.equal((await request(`${proxy.url}/__admin/purge`, { method: 'POST', body: 'url=/object' })).status, 200);
    const after = await request(`${proxy.url}/object`);
    assert.equal(after.body.toString(), '1 end');
    rest.open();
    assert.equal((await before.finish()).body.toString(), '0 end');
    const last = await request(`${proxy.url}/object`);
    assert.equal(last.body.toString(), '1 end');
    assert.equal(last.headers.get('x-cache'), 'HIT');
  });
});
