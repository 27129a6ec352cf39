/**
 * @module test/cache/collapsed-ranges
 * Collapsed forwarding of requests for ranges.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Explanation } from '../../src/cache/explanation.ts';
import { type ClientResponse, type OpenResponse, open, request } from '../kit/client.ts';
import { type Gate, gate } from '../kit/gate.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';
import { until } from '../kit/until.ts';

const CLIENTS = 10;
const MB = 1024 * 1024;

/** Bytes that tell where they stand. */
function bodyOf(length: number): Buffer {
  const body = Buffer.alloc(length);
  for (let i = 0; i + 4 <= length; i += 4) body.writeUInt32BE(Math.imul(i, 2654435761) >>> 0, i);
  return body;
}

const SMALL = bodyOf(100_000);
const LARGE = bodyOf(24 * MB);

interface Served {
  /** Every response waits for it before its head. */
  readonly head?: Gate | undefined;
  /** Every response sends a quarter of what it has to send, then waits for it. */
  readonly rest?: Gate | undefined;
  readonly ignoresRange?: boolean;
  readonly tag?: () => string;
}

/** Sends the body, or the range of it that is asked for. */
async function send(body: Buffer, message: IncomingMessage, response: ServerResponse, { head, rest, ignoresRange = false, tag = () => '"1"' }: Served): Promise<void> {
  await head?.wait;
  const etag = tag();
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(message.headers.range ?? '') ?? [];
  const holds = message.headers['if-range'] === undefined || message.headers['if-range'] === etag;
  const sendsPart = from !== undefined && holds && !ignoresRange;
  const [first, last] = sendsPart ? [Number(from), to ? Math.min(Number(to), body.length - 1) : body.length - 1] : [0, body.length - 1];
  if (first >= body.length) return void response.writeHead(416, { 'Content-Range': `bytes */${body.length}` }).end();
  response.writeHead(sendsPart ? 206 : 200, {
    'Cache-Control': 'max-age=600',
    ETag: etag,
    'Content-Length': last + 1 - first,
    ...(sendsPart && { 'Content-Range': `bytes ${first}-${last}/${body.length}` }),
  });
  const quarter = first + Math.floor((last + 1 - first) / 4);
  if (rest !== undefined) {
    response.write(body.subarray(first, quarter));
    await rest.wait;
  }
  response.end(body.subarray(rest === undefined ? first : quarter, last + 1));
}

const startSending = (body: Buffer, served: Served = {}): Promise<TestOrigin> => startOrigin((message, response) => send(body, message, response, served));

const ask = (proxy: TestProxy, range: string, more: Record<string, string> = {}): Promise<ClientResponse> => request(`${proxy.url}/object`, { headers: { Range: range, ...more } });
const begin = (proxy: TestProxy, range?: string): Promise<OpenResponse> => open(`${proxy.url}/object`, { headers: range === undefined ? {} : { Range: range } });

function isPart(response: ClientResponse, body: Buffer, first: number, last: number): void {
  assert.equal(response.status, 206);
  assert.equal(response.headers.get('content-range'), `bytes ${first}-${last}/${body.length}`);
  assert.equal(response.complete, true);
  assert.ok(response.body.equals(body.subarray(first, last + 1)));
}

describe('ranges of what nobody has', () => {
  for (const [range, first, last] of [
    ['bytes=0-', 0, SMALL.length - 1],
    ['bytes=1000-1999', 1000, 1999],
    ['bytes=-500', SMALL.length - 500, SMALL.length - 1],
  ] as const) {
    test(`${CLIENTS} clients that ask for ${range} at once make one origin request`, async () => {
      const head = gate();
      await using origin = await startOrigin((message, response) => {
        if (message.headers.range === 'bytes=-500') message.headers.range = `bytes=${first}-`;
        return send(SMALL, message, response, { head });
      });
      await using proxy = await startMillrace({ origin: origin.url });
      const waiting = Promise.all(Array.from({ length: CLIENTS }, () => ask(proxy, range)));
      await origin.arrived(1);
      head.open();
      for (const response of await waiting) isPart(response, SMALL, first, last);
      assert.equal(origin.requests.length, 1);
    });
  }

  test('a range within one that is asked for waits for it, from the first byte on', async () => {
    const rest = gate();
    await using origin = await startSending(SMALL, { rest });
    await using proxy = await startMillrace({ origin: origin.url });
    const leader = await begin(proxy, 'bytes=10000-');
    const early = await ask(proxy, 'bytes=20000-20999');
    isPart(early, SMALL, 20_000, 20_999);
    const late = ask(proxy, 'bytes=90000-99999');
    const same = await begin(proxy, 'bytes=10000-');
    await same.received(100);
    rest.open();
    isPart(await late, SMALL, 90_000, 99_999);
    for (const each of [leader, same]) isPart(await each.finish(), SMALL, 10_000, 99_999);
    assert.equal(origin.requests.length, 1);
    assert.match(early.headers.get('cache-status')!, /;collapsed/);
  });

  test('a plain GET shares a request for all bytes as a range, and the other way round', async () => {
    for (const [first, second] of [['bytes=0-', undefined], [undefined, 'bytes=0-']] as const) {
      const rest = gate();
      await using origin = await startSending(SMALL, { rest });
      await using proxy = await startMillrace({ origin: origin.url });
      const leader = await begin(proxy, first);
      const follower = await begin(proxy, second);
      rest.open();
      for (const [response, range] of [[await leader.finish(), first], [await follower.finish(), second]] as const) {
        assert.equal(response.status, range === undefined ? 200 : 206);
        assert.ok(response.body.equals(SMALL));
      }
      assert.equal(origin.requests.length, 1);
      assert.equal((await request(`${proxy.url}/object`)).headers.get('x-cache'), 'HIT');
    }
  });

  test('ranges that have nothing in common do not wait for one another', async () => {
    const rest = gate();
    await using origin = await startSending(SMALL, { rest });
    await using proxy = await startMillrace({ origin: origin.url });
    const parts = await Promise.all(['bytes=0-999', 'bytes=50000-50999', 'bytes=-100'].map((range) => begin(proxy, range)));
    assert.equal(origin.requests.length, 3);
    rest.open();
    await Promise.all(parts.map((part) => part.finish()));
  });

  test('an origin that ignores Range sends the whole once, and each client gets its range', async () => {
    const head = gate();
    await using origin = await startSending(SMALL, { head, ignoresRange: true });
    await using proxy = await startMillrace({ origin: origin.url });
    const leader = ask(proxy, 'bytes=10-');
    await origin.arrived(1);
    const waiting = Array.from({ length: CLIENTS }, (_, i) => ask(proxy, `bytes=${10 + i}-`));
    head.open();
    isPart(await leader, SMALL, 10, SMALL.length - 1);
    for (const [i, response] of (await Promise.all(waiting)).entries()) isPart(response, SMALL, 10 + i, SMALL.length - 1);
    assert.equal(origin.requests.length, 1);
    const later = await ask(proxy, 'bytes=5-9');
    assert.equal(later.headers.get('x-cache'), 'HIT');
  });

  test('an origin that sends less than it is asked for: those who want more ask for it', async () => {
    await using origin = await startOrigin((message, response) => {
      if (message.headers.range === 'bytes=0-') message.headers.range = 'bytes=0-999';
      return send(SMALL, message, response, {});
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const [first, ...others] = await Promise.all([ask(proxy, 'bytes=0-'), ask(proxy, 'bytes=500-1499'), request(`${proxy.url}/object`)]);
    isPart(first, SMALL, 0, 999);
    isPart(others[0], SMALL, 500, 1499);
    assert.ok(others[1].body.equals(SMALL));
  });

  test('beyond the end each gets 416', async () => {
    const head = gate();
    await using origin = await startSending(SMALL, { head });
    await using proxy = await startMillrace({ origin: origin.url });
    const waiting = Promise.all(Array.from({ length: 3 }, () => ask(proxy, 'bytes=100000-')));
    await origin.arrived(1);
    head.open();
    for (const response of await waiting) {
      assert.equal(response.status, 416);
      assert.equal(response.headers.get('content-range'), 'bytes */100000');
    }
  });

  test('If-Range decides for each client', async () => {
    const head = gate();
    await using origin = await startSending(SMALL, { head });
    await using proxy = await startMillrace({ origin: origin.url });
    const leader = ask(proxy, 'bytes=100-');
    await origin.arrived(1);
    const [same, other] = [ask(proxy, 'bytes=100-', { 'If-Range': '"1"' }), ask(proxy, 'bytes=100-', { 'If-Range': '"0"' })];
    head.open();
    for (const response of [await leader, await same]) isPart(response, SMALL, 100, SMALL.length - 1);
    assert.equal((await other).status, 200);
    assert.ok((await other).body.equals(SMALL));
  });

  test('when the client that began it goes away, the others get their bytes', async () => {
    const rest = gate();
    await using origin = await startSending(LARGE, { rest });
    await using proxy = await startMillrace({ origin: origin.url });
    const leader = await begin(proxy, 'bytes=0-');
    const others = await Promise.all([begin(proxy, 'bytes=0-'), begin(proxy, 'bytes=1000-'), begin(proxy, `bytes=${MB}-${2 * MB}`)]);
    leader.abort();
    rest.open();
    const [all, most, some] = await Promise.all(others.map((each) => each.finish()));
    isPart(all!, LARGE, 0, LARGE.length - 1);
    isPart(most!, LARGE, 1000, LARGE.length - 1);
    isPart(some!, LARGE, MB, 2 * MB);
    assert.equal(origin.requests.length, 1);
  });
});

describe('ranges of what is being fetched', () => {
  test('a range that is there is served at once, one that begins soon as it comes', async () => {
    const rest = gate();
    await using origin = await startSending(LARGE, { rest });
    await using proxy = await startMillrace({ origin: origin.url });
    const whole = await begin(proxy);
    await whole.received(6 * MB);
    isPart(await ask(proxy, 'bytes=1000000-1999999'), LARGE, 1_000_000, 1_999_999);
    const soon = ask(proxy, `bytes=${7 * MB}-${8 * MB}`);
    const across = await begin(proxy, `bytes=${5 * MB}-`);
    await across.received(MB);
    rest.open();
    isPart(await soon, LARGE, 7 * MB, 8 * MB);
    isPart(await across.finish(), LARGE, 5 * MB, LARGE.length - 1);
    assert.ok((await whole.finish()).body.equals(LARGE));
    assert.equal(origin.requests.length, 1);
  });

  test('a range that begins far ahead is asked for, once', async () => {
    const rest = gate();
    await using origin = await startSending(LARGE, { rest });
    await using proxy = await startMillrace({ origin: origin.url });
    const whole = await begin(proxy);
    const ahead = await Promise.all(Array.from({ length: CLIENTS }, () => begin(proxy, `bytes=${20 * MB}-`)));
    assert.equal(origin.requests.length, 2);
    rest.open();
    for (const each of ahead) isPart(await each.finish(), LARGE, 20 * MB, LARGE.length - 1);
    assert.ok((await whole.finish()).body.equals(LARGE));
  });

  test('a range that does not come soon is asked for', async () => {
    const rest = gate();
    await using origin = await startOrigin((message, response, { index }) => send(LARGE, message, response, index === 0 ? { rest } : {}));
    await using proxy = await startMillrace({ origin: origin.url });
    const whole = await begin(proxy);
    await whole.received(6 * MB);
    isPart(await ask(proxy, `bytes=${9 * MB}-${10 * MB}`), LARGE, 9 * MB, 10 * MB);
    assert.equal(origin.requests.length, 2);
    rest.open();
    assert.ok((await whole.finish()).body.equals(LARGE));
  });

  test('nobody is given bytes of two representations', async () => {
    const rest = gate();
    let tag = '"1"';
    await using origin = await startOrigin((message, response, { index }) => send(index === 0 ? LARGE : Buffer.from(LARGE).fill(7), message, response, { rest: index === 0 ? rest : undefined, tag: () => tag }));
    await using proxy = await startMillrace({ origin: origin.url });
    const whole = await begin(proxy);
    await whole.received(6 * MB);
    tag = '"2"';
    const ahead = await ask(proxy, `bytes=${20 * MB}-`);
    assert.equal(ahead.headers.get('etag'), '"2"');
    assert.ok(ahead.body.every((byte) => byte === 7));
    // It has bytes of another one, so it gets all bytes of this one.
    const near = await open(`${proxy.url}/object`, { headers: { Range: 'bytes=0-99', 'If-Range': '"2"' } });
    rest.open();
    const nearly = await near.finish();
    assert.deepEqual([nearly.status, nearly.headers.get('etag')], [200, '"1"']);
    assert.ok(nearly.body.equals(LARGE));
    const all = await whole.finish();
    assert.equal(all.headers.get('etag'), '"1"');
    assert.ok(all.body.equals(LARGE));
  });
});

describe('a part that nobody reads any more', () => {
  for (const disk of [false, true]) {
    test(`is not fetched to its end, and what came is stored${disk ? ', on disk' : ''}`, async (t) => {
      let sent = 0;
      const closed = gate();
      await using origin = await startOrigin(async (_message, response) => {
        response.writeHead(206, { 'Cache-Control': 'max-age=600', ETag: '"1"', 'Content-Length': LARGE.length - MB, 'Content-Range': `bytes ${MB}-${LARGE.length - 1}/${LARGE.length}` });
        response.on('close', closed.open);
        for (let from = MB; from < LARGE.length && !response.destroyed; from += MB / 4) {
          sent = from + MB / 4;
          if (!response.write(LARGE.subarray(from, sent))) await Promise.race([once(response, 'drain'), closed.wait]);
          // The client is to leave in the middle.
          if (from > 4 * MB) await new Promise((resolve) => setTimeout(resolve, 60));
        }
      });
      const cacheDir = disk ? mkdtempSync(join(tmpdir(), 'millrace-ranges-')) : undefined;
      if (cacheDir !== undefined) t.after(() => rmSync(cacheDir, { recursive: true, force: true }));
      await using proxy = await startMillrace({ origin: origin.url, ...(cacheDir !== undefined && { cacheDir }) });
      const client = await begin(proxy, `bytes=${MB}-`);
      await client.received(3 * MB);
      client.abort();
      await closed.wait;
      assert.ok(sent < LARGE.length, `${sent} bytes were sent`);
      await proxy.finished(1);
      await until('the part is stored', async () => {
        const explained = JSON.parse((await request(`${proxy.url}/__admin/explain?url=/object`)).body.toString()) as Explanation;
        return explained.stored.length > 0;
      });
      isPart(await ask(proxy, `bytes=${MB}-${3 * MB}`), LARGE, MB, 3 * MB);
      assert.equal(origin.requests.length, 1);
    });
  }
});
