/**
 * @module test/cache/streams
 * Responses without an end: who gets which of them, and that the origin is not left with streams that nobody reads.
 */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { UNREAD_GRACE_MS } from '../../src/policy/keep.ts';
import { type OpenResponse, open, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';
import { until } from '../kit/until.ts';

interface LiveOrigin extends TestOrigin {
  /** The responses that are still open. */
  readonly open: ReadonlySet<ServerResponse>;
  send(text: string): void;
  end(): void;
}

/** An origin whose responses say which one they are, and go on until it ends them. */
async function startLive(headers: Readonly<Record<string, string>>): Promise<LiveOrigin> {
  const responses = new Set<ServerResponse>();
  const origin = await startOrigin((_message, response, { index }) => {
    responses.add(response);
    response.on('close', () => responses.delete(response));
    response.writeHead(200, headers).write(`stream ${index};`);
  });
  const send = (text: string): void => void [...responses].map((response) => response.write(text));
  const end = (): void => void [...responses].map((response) => response.end('end'));
  return Object.assign(origin, { open: responses, send, end });
}

const closed = (origin: LiveOrigin, what: string): Promise<unknown> => until(`the origin has no stream open ${what}`, () => origin.open.size, (size) => size === 0);
const cacheOf = (response: OpenResponse): string | undefined => response.headers.get('x-cache');

describe('a stream that states no lifetime', () => {
  const streams: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    events: { 'Content-Type': 'text/event-stream' },
    'events that are not to be kept': { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-cache' },
    pictures: { 'Content-Type': 'multipart/x-mixed-replace; boundary=a' },
    records: { 'Content-Type': 'application/x-ndjson' },
    music: { 'Content-Type': 'audio/mpeg', 'icy-name': 'radio' },
    'a film without a length': { 'Content-Type': 'video/mp4', ETag: '"a"' },
    gRPC: { 'Content-Type': 'application/grpc-web+proto' },
  };
  for (const [name, headers] of Object.entries(streams)) {
    for (const options of [{}, { ttl: 60 }, { defaultTtl: 0 }]) {
      test(`${name}, with ${JSON.stringify(options)}: each client has one of its own, that ends with it`, async () => {
        await using origin = await startLive(headers);
        await using proxy = await startMillrace({ origin: origin.url, ...options });
        const first = await open(`${proxy.url}/live`);
        await first.received('stream 0;');
        const second = await open(`${proxy.url}/live`, { headers: { 'Last-Event-ID': '7' } });
        await second.received('stream 1;');
        assert.equal(origin.requests[1]!.headers.get('last-event-id'), '7');
        origin.send('more;');
        await Promise.all([first.received('stream 0;more;'), second.received('stream 1;more;')]);
        first.abort();
        await until('one stream is left', () => origin.open.size, (size) => size === 1);
        origin.end();
        assert.equal((await second.finish()).body.toString(), 'stream 1;more;end');
        const third = await open(`${proxy.url}/live`);
        assert.equal(cacheOf(third), 'MISS');
        await third.received('stream 2;');
        third.abort();
        await closed(origin, 'once its client has left');
      });
    }
  }

  test('clients for events do not wait for one another, though the first event is yet to come', async () => {
    const event = gate();
    await using origin = await startOrigin(async (_message, response, { index }) => {
      await event.wait;
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(`data: ${index}\n\n`);
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const responses = Promise.all([0, 1, 2].map(() => request(`${proxy.url}/events`, { headers: { Accept: 'text/event-stream' } })));
    await origin.arrived(3);
    event.open();
    assert.equal(new Set((await responses).map(({ body }) => body.toString())).size, 3);
  });

  test('clients that came before the head each get one of their own', async () => {
    const event = gate();
    await using origin = await startOrigin(async (_message, response, { index }) => {
      if (index === 0) await event.wait;
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson' }).end(`${index}\n`);
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const first = request(`${proxy.url}/records`);
    await origin.arrived(1);
    const others = [0, 1].map(() => request(`${proxy.url}/records`));
    event.open();
    const bodies = (await Promise.all([first, ...others])).map(({ body }) => body.toString());
    assert.equal(new Set(bodies).size, 3);
  });
});

test('events that state a lifetime are shared, and stored at their end', async () => {
  await using origin = await startLive({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'max-age=60' });
  await using proxy = await startMillrace({ origin: origin.url });
  const first = await open(`${proxy.url}/live`);
  await first.received('stream 0;');
  const second = await open(`${proxy.url}/live`);
  await second.received('stream 0;');
  origin.end();
  await Promise.all([first.finish(), second.finish()]);
  const third = await request(`${proxy.url}/live`);
  assert.deepEqual([third.headers.get('x-cache'), third.body.toString()], ['HIT', 'stream 0;end']);
  assert.equal(origin.requests.length, 1);
});

describe('a body of unknown length that nobody reads any more', () => {
  const PLAIN = { 'Content-Type': 'text/plain' };

  for (const options of [{}, { ttl: 60 }]) {
    test(`ends soon, with ${JSON.stringify(options)}`, async () => {
      await using origin = await startLive(PLAIN);
      await using proxy = await startMillrace({ origin: origin.url, ...options });
      const client = await open(`${proxy.url}/live`);
      await client.received('stream 0;');
      client.abort();
      const left = performance.now();
      await closed(origin, 'once its last reader has left');
      // Timers of Node may be early by a millisecond.
      assert.ok(performance.now() - left > UNREAD_GRACE_MS - 100, 'it was given some time');
      const next = await open(`${proxy.url}/live`);
      await next.received('stream 1;');
      assert.equal(cacheOf(next), 'MISS');
    });
  }
});

describe('a purge', () => {
  const STATED = { 'Cache-Control': 'max-age=600', 'Cache-Tag': 'live' };
  const purges: Readonly<Record<string, object>> = {
    'of the URL': { url: '/live/a' },
    'of a prefix': { prefix: '/live/' },
    'of a tag': { tag: 'live' },
    'of everything': { all: true },
  };
  for (const [name, what] of Object.entries(purges)) {
    for (const length of [undefined, '1000']) {
      test(`${name} ends what nobody reads, of ${length ?? 'unknown'} bytes, and nothing that somebody reads`, async () => {
        await using origin = await startLive({ ...STATED, ...(length !== undefined && { 'Content-Length': length }) });
        await using proxy = await startMillrace({ origin: origin.url });
        const [gone, reading] = [await open(`${proxy.url}/live/a`), await open(`${proxy.url}/live/b`)];
        await Promise.all([gone.received('stream'), reading.received('stream')]);
        gone.abort();
        await proxy.finished(1);
        assert.equal(origin.open.size, 2);
        assert.equal((await request(`${proxy.url}/__admin/purge`, { method: 'POST', body: JSON.stringify(what) })).status, 200);
        await until('the origin has one stream open', () => origin.open.size, (size) => size === 1);
        origin.send('more;');
        await reading.received('more;');
        const isPurged = name !== 'of the URL';
        reading.abort();
        // What was purged ends with its last reader.
        if (isPurged) await closed(origin, 'that was purged');
      });
    }
  }

  test('by an unsafe request does so too, a soft one does not', async () => {
    await using origin = await startLive(STATED);
    await using proxy = await startMillrace({ origin: origin.url });
    const client = await open(`${proxy.url}/live/a`);
    await client.received('stream 0;');
    client.abort();
    await proxy.finished(1);
    await request(`${proxy.url}/__admin/purge`, { method: 'POST', body: JSON.stringify({ url: '/live/a', soft: true }) });
    const other = await open(`${proxy.url}/live/b`);
    await other.received('stream 1;');
    assert.equal(origin.open.size, 2);
    const unsafe = await open(`${proxy.url}/live/a`, { method: 'POST', body: 'x' });
    await unsafe.received('stream 2;');
    await until('the origin has the streams of the other two alone', () => origin.open.size, (size) => size === 2);
  });
});
