/**
 * Denial of service: what one client can make Millrace do, keep or wait for is bounded.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Backoff } from '../../src/cache/backoff.ts';
import { Engine } from '../../src/cache/engine.ts';
import type { Reply } from '../../src/cache/exchange.ts';
import type { AnsweredHit } from '../../src/cache/answered-hit.ts';
import { Permits } from '../../src/cache/permits.ts';
import type { Origin, OriginBody } from '../../src/cache/ports.ts';
import { HitLines } from '../../src/server/hit-lines.ts';
import { JsonLines } from '../../src/server/json-lines.ts';
import { NodeReply } from '../../src/server/node-reply.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { Verdicts } from '../../src/cache/verdicts.ts';
import type { Options } from '../../src/config.ts';
import { Fields } from '../../src/http/fields.ts';
import { SelectingFields, type Selection, firstMismatch, selectionOf } from '../../src/policy/vary.ts';
import { type ClientResponse, type RequestOptions, openRaw, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { type OriginHandler, type TestOrigin, startOrigin, startRawOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { startProxy } from '../server/start-proxy.ts';

interface Setup {
  readonly origin: TestOrigin;
  readonly url: string;
  readonly port: number;
  readonly get: (target?: string, options?: RequestOptions) => Promise<ClientResponse>;
}

async function setup(handler: OriginHandler, options: Options = {}): Promise<Setup> {
  const origin = closing(await startOrigin(handler));
  const { url, port } = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0, ...options }));
  return { origin, url, port, get: (target = '/', more = {}) => request(url, { target, ...more }) };
}

describe('values of selecting fields', () => {
  const response = Fields.of({ Vary: 'Accept-Language, Cookie', 'Content-Language': 'en' });
  const select = (fields: Record<string, string>): Selection => selectionOf(Fields.of(fields), '', response)!;

  test('are kept with each variant in little room, however long they are', () => {
    const selection = select({ 'Accept-Language': 'a,'.repeat(15_000), Cookie: 'a'.repeat(30_000) });
    assert.ok(JSON.stringify(selection).length < 500, JSON.stringify(selection).slice(0, 500));
  });

  test('and still tell all requests apart', () => {
    const long = 'a,'.repeat(15_000);
    const selection = select({ Cookie: long });
    assert.equal(firstMismatch(selection, new SelectingFields(Fields.of({ Cookie: long })), ''), undefined);
    for (const other of [`${long}b`, `b${long}`, '', selection.values[1]!, selection.values[1]!.trim()]) assert.equal(firstMismatch(selection, new SelectingFields(Fields.of({ Cookie: other })), ''), 'cookie', other.slice(0, 80));
    assert.equal(firstMismatch(select({ 'Accept-Language': 'en' }), new SelectingFields(Fields.of({ 'Accept-Language': `en${','.repeat(600)}` })), ''), 'accept-language');
  });
});

test('verdicts take little memory, also on the longest URLs', () => {
  const verdicts = new Verdicts();
  const key = (i: number): string => `${i} ${'x'.repeat(16_000)}`;
  for (let i = 0; i < 2000; i++) verdicts.set(key(i), { reasons: [], cause: 'resource', askedAt: 0 }, 0);
  const kept = Array.from({ length: 2000 }, (_, i) => key(i)).filter((each) => verdicts.get(each, 0) !== undefined);
  assert.ok(kept.length > 100 && kept.length * 16_000 < 5_000_000, String(kept.length));
  assert.equal(kept.at(-1), key(1999));
  for (const each of kept) verdicts.set(each, { reasons: [], cause: 'resource', askedAt: 0 }, 1);
  assert.ok(kept.every((each) => verdicts.get(each, 1) !== undefined));
});

describe('collapsed forwarding', () => {
  for (const [name, options] of [
    ['forbids storing', { headers: { 'Cache-Control': 'no-store' } }],
    ['wants the head alone', { method: 'HEAD' }],
    ['wants a part that cannot be', { headers: { Range: 'bytes=99-' } }],
  ] as [string, RequestOptions][]) {
    test(`is not ended for others by a request that ${name}`, async () => {
      const go = gate();
      const { origin, url, get } = await setup(async ({ method, headers }, response) => {
        if (method === 'GET' && headers.range === undefined && headers['cache-control'] === undefined) await go.wait;
        response.setHeader('Cache-Control', 'max-age=60');
        response.writeHead(headers.range === undefined ? 200 : 416).end();
      });
      await get('/', options);
      const before = origin.requests.length;
      const both = [get(), get()];
      await origin.arrived(before + 1);
      await request(`${url}/health`);
      go.open();
      await Promise.all(both);
      assert.equal(origin.requests.length, before + 1);
    });
  }

  test('a response that cannot be passed on leaves nobody waiting', async () => {
    const { get } = await setup((_, response) => void response.socket!.end('HTTP/1.1 099 Odd\r\nCache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n'));
    const responses = await Promise.all([get(), get(), get()]);
    assert.deepEqual(responses.map(({ status }) => status), [502, 502, 502]);
    assert.equal((await get()).status, 502);
  });

  test('an origin that never answers holds nobody longer than its time', async () => {
    const { get } = await setup(() => undefined, { originTimeout: '200ms' });
    const responses = await Promise.all([get(), get(), get()]);
    assert.deepEqual(responses.map(({ status }) => status), [504, 504, 504]);
  });
});

describe('one connection', () => {
  test('has a bounded number of requests under way at the origin, however many it sends at once', async () => {
    const go = gate();
    const { origin, port } = await setup(async ({ url }, response) => {
      await go.wait;
      response.end(url);
    });
    const connection = await openRaw(port);
    const targets = Array.from({ length: 500 }, (_, i) => `/${i}`);
    await connection.send(targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''));
    await origin.arrived(1);
    // Another connection has its turns meanwhile.
    const other = request(`http://127.0.0.1:${port}/other`);
    await origin.arrived(2);
    for (let i = 0; i < 20; i++) await request(`http://127.0.0.1:${port}/health`);
    assert.ok(origin.requests.length < 50, `${origin.requests.length} requests`);
    go.open();
    await other;
    for (const target of targets) assert.equal((await connection.readMessage()).toString('latin1').split('\r\n\r\n')[1], target);
  });

  test('that is gone asks for nothing more', async () => {
    const go = gate();
    const { origin, port } = await setup(async (_, response) => {
      await go.wait;
      response.end();
    });
    const connection = await openRaw(port);
    await connection.send(Array.from({ length: 60 }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''));
    // As many as are under way at once.
    await origin.arrived(16);
    const before = origin.requests.length;
    connection.reset();
    for (let i = 0; i < 20; i++) await request(`http://127.0.0.1:${port}/health`);
    go.open();
    await request(`http://127.0.0.1:${port}/last`);
    assert.equal(origin.requests.length, before + 1);
  });
});

describe('a client that does not read', () => {
  test('is given up some time after it took its last byte, and only then', async () => {
    const chunk = Buffer.alloc(1 << 20, 'x');
    const stalled = gate();
    const drained = gate();
    const server = createServer((incoming, response) => {
      const reply = new NodeReply(response, { draining: false });
      const { socket } = incoming;
      assert.equal(socket.timeout ?? 0, 0);
      reply.head(200, new Fields(), undefined);
      while (reply.write(chunk));
      assert.ok(socket.timeout! > 0);
      stalled.open();
      reply.onDrain(() => {
        assert.equal(socket.timeout, 0);
        drained.open();
        reply.end();
      });
    });
    server.timeout = 0;
    closing({ close: () => new Promise<void>((resolve) => void server.close(() => resolve())) });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const connection = await openRaw((server.address() as AddressInfo).port);
    connection.socket.pause();
    await connection.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await stalled.wait;
    connection.socket.resume();
    await drained.wait;
    await connection.readAll();
  });
});

test('a head that cannot be sent leaves nobody waiting who asked for the same', async () => {
  const store = new MemoryStore({ maxBytes: 1e6, maxObject: 1e5 });
  const settings = { cache: true, ttl: undefined, defaultTtl: 120, staleIfUnreachable: 0, letter: false };
  const body: OriginBody = { pipe: (sink) => (sink.data(Buffer.from('page')), sink.end(undefined)), resume: () => undefined, giveBack: () => undefined, abort: () => undefined };
  const origin: Origin = { fetch: async () => ({ status: 200, fields: new Fields(), httpVersion: '1.1', body }), close: async () => undefined };
  const engine = new Engine({ store, origin, settings, sortQuery: true, keepTags: false, permits: new Permits(Permits.memory(1), 1), backoff: new Backoff(Backoff.memory(), 1), staleWaitMs: 2000 });
  const target = { scheme: 'http', host: 'a', port: 80, authority: 'a', path: '/' } as const;
  const handle = async (decorate?: () => void): Promise<string> => {
    let sent = '';
    const reply: Reply = {
      headSent: false, closed: false, bytesWritten: 0, informational: () => undefined, head: (status) => void (sent += `${status} `), write: (chunk) => ((sent += chunk.toString()), true),
      onDrain: () => undefined, end: () => undefined, abort: () => undefined, onClose: () => undefined,
    };
    let failed = false;
    const decorateOnce = (): void => {
      if (failed) return;
      failed = true;
      decorate?.();
    };
    await engine.handle({ method: 'GET', target, url: '/', fields: new Fields(), forwardedAs: '', httpVersion: '1.1', body: undefined }, reply, { clientAddress: '', startedAt: 0, decorate: decorateOnce });
    return sent;
  };
  const [broken, waiting] = await Promise.all([handle(() => { throw new Error('cannot'); }), handle()]);
  assert.match(broken, /^500 /);
  assert.equal(waiting, '200 page');
});

test('many ranges cost no more than the whole', async () => {
  const { get } = await setup((_, response) => {
    response.setHeader('Cache-Control', 'max-age=60');
    response.end('a'.repeat(1000));
  });
  await get();
  for (const range of [Array.from({ length: 2000 }, (_, i) => `${i % 900}-${(i % 900) + 1}`).join(), '0-,'.repeat(2000), '0-999,0-999']) {
    const { status, body } = await get('/', { headers: { Range: `bytes=${range}0-0` } });
    assert.deepEqual([status, body.length], [200, 1000]);
  }
});

describe('interim responses without end', () => {
  const HINT = `HTTP/1.1 103 Early Hints\r\nLink: </${'a'.repeat(950)}>; rel=preload\r\n\r\n`;
  const MEGABYTES = 64;
  for (const fastLane of [true, false]) {
    test(`fill no memory behind a client that does not read, ${fastLane ? 'with' : 'without'} the fast lane`, async () => {
      const sent = gate();
      const origin = closing(await startRawOrigin(async (connection) => {
        for (let i = 0; i < MEGABYTES; i++) await connection.send(HINT.repeat(1000));
        await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend');
        sent.open();
      }));
      const { port } = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0, fastLane }));
      const client = await openRaw(port);
      client.socket.pause();
      await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await sent.wait;
      client.socket.resume();
      const got = await client.readUntil('\r\n\r\nend');
      // The system itself holds some.
      assert.ok(got.length < (MEGABYTES / 2) * 1e6, `${got.length} bytes`);
      assert.equal(got.toString('latin1').replaceAll(HINT, '').split('\r\n', 1)[0], 'HTTP/1.1 200 OK');
    });
  }
});

test('the log keeps no answer alive', async () => {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  const lines = new HitLines(new JsonLines());
  const find = (url: string, times: number): WeakRef<AnsweredHit> => {
    const reasons = [{ code: 'fresh' }] as const;
    const answer: AnsweredHit = { logged: undefined, method: 'GET', url, status: 200, bodyLength: 0, reasons: () => reasons };
    for (let i = 0; i < times; i++) lines.find(answer, 0, '127.0.0.1');
    return new WeakRef(answer);
  };
  const answers = [find('/', 1), find('/twice', 2), find(`/${'a'.repeat(16_000)}`, 2)];
  // A WeakRef holds what it refers to until the turn of the loop is over.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  assert.deepEqual(answers.map((ref) => ref.deref()), [undefined, undefined, undefined]);
});
