/**
 * @module test/lanes/lent-chunks
 * What is read from disk lies in memory that is used again as soon as the system has taken it. Here
 * clients read slowly, or leave in the middle, while others are served from disk as fast as they
 * can: each gets the bytes of its own body.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type ClientResponse, request } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';
import { until } from '../kit/until.ts';

const KB = 1024;
/** What the system itself holds of a response that nobody reads is less. */
const LARGE = 12 * KB * KB;
const LARGE_ONES = [1, 2, 3].map((seed) => `/${LARGE}/${seed}`);
/** In one block, in several, not in whole ones; and in the row. */
const SMALL_ONES = [900, 20 * KB, 64 * KB, 64 * KB + 1, 200 * KB, 300 * KB + 7, KB * KB].flatMap((size) => [1, 2, 3, 4].map((seed) => `/${size}/${seed}`));

const bodies = new Map<string, Buffer>();

/** Differs from that of every other path at every place. */
function bodyOf(path: string): Buffer {
  const known = bodies.get(path);
  if (known !== undefined) return known;
  const [, size, seed] = path.split('/').map(Number);
  const words = new Uint32Array(Math.ceil(size! / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(seed! + size!, 0x85ebca6b);
  const body = Buffer.from(words.buffer, 0, size);
  bodies.set(path, body);
  return body;
}

function startSite(): Promise<TestOrigin> {
  return startOrigin((asked, response) => {
    const body = bodyOf(asked.url!);
    response.writeHead(200, { 'Cache-Control': 'max-age=3600', 'Content-Length': body.length }).end(body);
  });
}

/** Takes a response piece by piece, and only when told to. */
class SlowReader {
  readonly path: string;
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;

  /** @param fields with others than before, it is answered by the engine, not out of the memo */
  constructor(port: number, path: string, fields = '') {
    this.path = path;
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('readable', () => this.#wake?.());
    this.#socket.on('close', () => this.#wake?.());
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: example.test\r\n${fields}\r\n`);
  }

  /** So many bytes more, at least; or as many as there are. */
  async take(bytes: number): Promise<void> {
    const pieces = [this.#received];
    const goal = this.#received.length + bytes;
    for (let length = this.#received.length; length < goal && length - this.#headLength(pieces) < bodyOf(this.path).length; ) {
      const piece = this.#socket.read() as Buffer | null;
      if (piece !== null) {
        pieces.push(piece);
        length += piece.length;
      } else if (this.#socket.destroyed) break;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    this.#received = Buffer.concat(pieces);
  }

  get body(): Buffer {
    return this.#received.subarray(this.#headLength([this.#received]));
  }

  leave(): void {
    this.#socket.destroy();
  }

  #headLength(pieces: readonly Buffer[]): number {
    // It comes in one piece, and may be the second: the first one is what came before.
    const head = pieces.find((piece) => piece.length > 0);
    return head === undefined ? 0 : head.indexOf('\r\n\r\n') + 4;
  }
}

function assertBody(path: string, body: Buffer, from = 0): void {
  const expected = bodyOf(path);
  if (body.equals(expected.subarray(from, from + body.length))) return;
  const at = body.findIndex((byte, i) => byte !== expected[from + i]);
  assert.fail(`${path} differs from byte ${from + at}`);
}

for (const lane of ['fast', 'general'] as const) {
  describe(`what is lent in the ${lane} lane`, () => {
    test('is not written over before its client has it', { timeout: 120_000 }, async (t) => {
      const cacheDir = mkdtempSync(join(tmpdir(), 'millrace-lent-'));
      t.after(() => rmSync(cacheDir, { recursive: true, force: true }));
      await using origin = await startSite();
      await using proxy = await startMillrace({ origin: origin.url, cacheDir, maxDisk: '200MB', maxMemory: '64KB', fastLane: lane === 'fast' });
      const get = async (path: string, fields: Record<string, string> = {}): Promise<Buffer> => {
        const { body, status, headers } = await request(proxy.url + path, { headers: { Host: 'example.test', ...fields } });
        if (fields['Range'] === undefined) assert.equal(body.length, bodyOf(path).length);
        else assert.equal(status, 206, JSON.stringify(headers));
        return body;
      };
      const all = [...LARGE_ONES, ...SMALL_ONES];
      for (const path of [...all, ...all]) assertBody(path, await get(path));
      const asked = origin.requests.length;
      assert.equal(asked, all.length);

      const slow = LARGE_ONES.flatMap((path) => ['', 'If-None-Match: "another"\r\n'].map((fields) => new SlowReader(proxy.port, path, fields)));
      for (let round = 0; round < 6; round++) {
        const leaving = LARGE_ONES.map((path) => new SlowReader(proxy.port, path, round % 2 === 0 ? '' : `If-None-Match: "${round}"\r\n`));
        await Promise.all([...slow.map((reader) => reader.take(KB * KB)), ...leaving.map((reader) => reader.take(100 * KB))]);
        await Promise.all(SMALL_ONES.map(async (path) => assertBody(path, await get(path))));
        for (const reader of leaving) {
          assertBody(reader.path, reader.body);
          reader.leave();
        }
        await Promise.all(SMALL_ONES.filter((path) => bodyOf(path).length > 100 * KB).map(async (path) => assertBody(path, await get(path, { Range: 'bytes=65000-90000' }), 65_000)));
      }
      for (const reader of slow) {
        await reader.take(LARGE);
        assert.equal(reader.body.length, LARGE);
        assertBody(reader.path, reader.body);
        reader.leave();
      }
      assert.equal(origin.requests.length, asked, 'all of it came from disk');
    });

    test('breaks off where it is damaged, and is fetched anew then', async (t) => {
      const cacheDir = mkdtempSync(join(tmpdir(), 'millrace-lent-'));
      t.after(() => rmSync(cacheDir, { recursive: true, force: true }));
      await using origin = await startSite();
      await using proxy = await startMillrace({ origin: origin.url, cacheDir, maxDisk: '200MB', maxMemory: '64KB', fastLane: lane === 'fast' });
      for (const size of [40 * KB, 300 * KB]) {
        const path = `/${size}/1`;
        const get = async (): Promise<void> => {
          const { body, complete } = await request(proxy.url + path, { headers: { Host: 'example.test' } });
          assert.ok(complete);
          assertBody(path, body);
        };
        await get();
        // It is in place when it is a hit.
        await until(`${path} is a hit`, async () => (await request(proxy.url + path, { headers: { Host: 'example.test' } })).headers.first('x-cache') === 'HIT');
        for (const entry of readdirSync(join(cacheDir, 'bodies'), { recursive: true, withFileTypes: true })) {
          if (entry.isFile()) writeFileSync(join(entry.parentPath, entry.name), Buffer.alloc(100 * KB, 7), { flag: 'r+' });
        }
        // A body in one block is looked at before its head is sent.
        if (size > 64 * KB) await assert.rejects(get);
        const asked = origin.requests.length;
        await get();
        await get();
        assert.equal(origin.requests.length, asked + 1);
      }
    });

    test('breaks off that one stream over HTTP/2', async (t) => {
      const cacheDir = mkdtempSync(join(tmpdir(), 'millrace-lent-'));
      t.after(() => rmSync(cacheDir, { recursive: true, force: true }));
      await using origin = await startSite();
      await using proxy = await startMillrace({ origin: origin.url, cacheDir, maxDisk: '200MB', maxMemory: '64KB', fastLane: lane === 'fast' });
      await using client = await Http2Client.connect(proxy.url);
      const path = `/${200 * KB}/1`;
      const get = (): Promise<ClientResponse> => client.request(path);
      await until(`${path} is a hit`, async () => {
        assertBody(path, (await get()).body);
        return proxy.outcomes.at(-1)?.result === 'HIT';
      });
      await get();
      for (const entry of readdirSync(join(cacheDir, 'bodies'), { recursive: true, withFileTypes: true })) {
        if (entry.isFile()) writeFileSync(join(entry.parentPath, entry.name), Buffer.alloc(100 * KB, 7), { flag: 'r+' });
      }
      await assert.rejects(async () => assert.ok((await get()).complete));
      assertBody(path, (await get()).body);
    });

    test('comes in the order in which it was asked for, several at once', async (t) => {
      const cacheDir = mkdtempSync(join(tmpdir(), 'millrace-lent-'));
      t.after(() => rmSync(cacheDir, { recursive: true, force: true }));
      await using origin = await startSite();
      await using proxy = await startMillrace({ origin: origin.url, cacheDir, maxDisk: '200MB', maxMemory: '64KB', fastLane: lane === 'fast' });
      for (const path of [...SMALL_ONES, ...SMALL_ONES]) assertBody(path, (await request(proxy.url + path, { headers: { Host: 'example.test' } })).body);
      const socket = connect(proxy.port, '127.0.0.1');
      socket.write(SMALL_ONES.map((path, i) => `GET ${path} HTTP/1.1\r\nHost: example.test\r\n${i + 1 < SMALL_ONES.length ? '' : 'Connection: close\r\n'}\r\n`).join(''));
      let received = Buffer.concat(await socket.toArray() as Buffer[]);
      for (const path of SMALL_ONES) {
        const start = received.indexOf('\r\n\r\n') + 4;
        const { length } = bodyOf(path);
        assertBody(path, received.subarray(start, start + length));
        received = received.subarray(start + length);
      }
      assert.equal(received.length, 0);
      assert.equal(origin.requests.length, SMALL_ONES.length);
    });
  });
}
