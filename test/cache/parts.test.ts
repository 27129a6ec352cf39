/**
 * @module test/cache/parts
 * Several stored parts of one representation (RFC 9111 §3.4): what they answer, and how they are counted.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type ClientResponse, request } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';
import { Random, rounds } from '../kit/random.ts';

const LENGTH = 100_000;

const BODIES = [0, 1, 2].map((version) => Buffer.from(Array.from({ length: LENGTH }, (_, i) => (i * 7 + (i >> 8) + version) % 256)));

function bodyOf(version: number): Buffer {
  return BODIES[version]!;
}

interface PartOrigin extends TestOrigin {
  /** Bytes of body that it sent. */
  readonly sent: () => number;
  readonly state: { version: number };
}

/** Serves single ranges of a body that says which version it is. */
async function startParts(fields: Readonly<Record<string, string>> = {}, tag = (version: number): string => `"${version}"`): Promise<PartOrigin> {
  let sent = 0;
  const state = { version: 1 };
  const origin = await startOrigin((message, response) => {
    const body = bodyOf(state.version);
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(message.headers.range ?? '') ?? [];
    const etag = tag(state.version);
    const all = { 'Cache-Control': 'max-age=60', ETag: etag, ...fields };
    const isPart = first !== undefined && [undefined, etag].includes(message.headers['if-range'] as string | undefined);
    const end = last === undefined || last === '' ? LENGTH - 1 : Math.min(Number(last), LENGTH - 1);
    const bytes = isPart ? body.subarray(Number(first), end + 1) : body;
    if (message.method === 'GET') sent += bytes.length;
    response.writeHead(isPart ? 206 : 200, isPart ? { ...all, 'Content-Range': `bytes ${first}-${end}/${LENGTH}`, 'Content-Length': bytes.length } : { ...all, 'Content-Length': bytes.length }).end(message.method === 'HEAD' ? undefined : bytes);
  });
  return Object.assign(origin, { sent: () => sent, state });
}

async function part({ url }: TestProxy, range: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const [first, last] = range.split('-').map(Number);
  const response = await request(`${url}/a`, { headers: { Range: `bytes=${range}`, ...headers } });
  assert.equal(response.status, 206, range);
  assert.equal(response.headers.get('content-range'), `bytes ${range}/${LENGTH}`);
  const [version] = response.headers.get('etag')!.match(/\d+/)!;
  assert.ok(response.body.equals(bodyOf(Number(version)).subarray(first, last! + 1)), `${range} has other bytes`);
  return response.headers.get('x-cache')!;
}

async function whole({ url }: TestProxy): Promise<ClientResponse> {
  return request(`${url}/a`);
}

async function objects({ url }: TestProxy): Promise<number> {
  return (JSON.parse((await request(`${url}/__admin/stats`)).body.toString()) as { store: { objects: number } }).store.objects;
}

interface Explained {
  stored: { bytes: number; parts?: string[] }[];
}

async function explained({ url }: TestProxy): Promise<Explained['stored']> {
  return (JSON.parse((await request(`${url}/__admin/explain?url=/a`)).body.toString()) as Explained).stored;
}

describe('parts of one representation', () => {
  test('that are apart are kept beside each other, in whatever order they are asked for', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url });
    const ranges = ['0-999', '50000-79999', '90000-90099', '2000-2009'];
    for (const range of ranges) assert.equal(await part(proxy, range), 'MISS');
    for (const range of [...ranges, '60000-60010', '5-20']) assert.equal(await part(proxy, range), 'HIT');
    assert.equal(origin.sent(), 1000 + 30_000 + 100 + 10);
  });

  test('asked for at the same time are all kept', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url });
    const ranges = Array.from({ length: 8 }, (_, i) => `${i * 10_000}-${i * 10_000 + 4999}`);
    await Promise.all(ranges.map((range) => part(proxy, range)));
    for (const range of ranges) assert.equal(await part(proxy, range), 'HIT');
  });

  test('that touch answer what reaches over several', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url });
    // The large one is not copied for the small ones.
    for (const range of ['0-49999', '50000-50999', '51000-51009', '51005-51100']) await part(proxy, range);
    for (const range of ['49990-51050', '0-51100', '50500-50999']) assert.equal(await part(proxy, range), 'HIT');
    assert.equal(await part(proxy, '51100-51101'), 'MISS');
  });

  test('a part that has nothing new replaces nothing', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url });
    await part(proxy, '1000-9999');
    assert.equal(await part(proxy, '2000-2009', { 'Cache-Control': 'no-cache' }), 'MISS');
    assert.equal(await part(proxy, '1000-9999'), 'HIT');
    assert.equal(await objects(proxy), 1);
  });

  test('nor does it replace the whole', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url });
    await whole(proxy);
    await part(proxy, '2000-2009', { 'Cache-Control': 'no-cache' });
    const again = await whole(proxy);
    assert.deepEqual([again.headers.get('x-cache'), again.body.length, await objects(proxy)], ['HIT', LENGTH, 1]);
  });

  test('become the whole once nothing is missing', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url });
    for (const range of ['70000-99999', '0-49999', '50000-69999']) await part(proxy, range);
    const response = await whole(proxy);
    assert.deepEqual([response.status, response.headers.get('x-cache'), response.body.equals(bodyOf(1))], [200, 'HIT', true]);
    assert.equal(await objects(proxy), 1);
    assert.equal(origin.sent(), LENGTH);
  });

  test('serve a request for the whole as far as they go from the first byte', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url });
    for (const range of ['0-49999', '50000-50999', '90000-90999']) await part(proxy, range);
    const response = await whole(proxy);
    assert.ok(response.body.equals(bodyOf(1)));
    assert.equal(origin.requests.at(-1)!.headers.get('range'), 'bytes=51000-');
    assert.equal(await objects(proxy), 1);
  });

  test('are replaced by the whole', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url });
    for (const range of ['10-19', '30-39']) await part(proxy, range);
    await whole(proxy);
    assert.equal(await objects(proxy), 1);
    assert.equal(await part(proxy, '500-600'), 'HIT');
  });

  test('go when the representation is another', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url });
    for (const range of ['10-19', '30-39', '50-59']) await part(proxy, range);
    origin.state.version = 2;
    assert.equal(await part(proxy, '70-79'), 'MISS');
    for (const range of ['10-19', '30-39', '50-59']) assert.equal(await part(proxy, range), 'MISS');
    for (const range of ['10-19', '30-39', '50-59', '70-79']) assert.equal(await part(proxy, range), 'HIT');
    assert.equal(await objects(proxy), 4);
  });

  test('are kept for each variant', async () => {
    await using origin = await startParts({ Vary: 'Accept-Language' });
    await using proxy = await startMillrace({ origin: origin.url });
    for (const language of ['de', 'en']) for (const range of ['10-19', '30-39']) assert.equal(await part(proxy, range, { 'Accept-Language': language }), 'MISS');
    for (const language of ['de', 'en']) for (const range of ['10-19', '30-39']) assert.equal(await part(proxy, range, { 'Accept-Language': language }), 'HIT');
  });

  test('are bounded in number, the oldest go', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url });
    for (let i = 0; i < 140; i++) await part(proxy, `${i * 100}-${i * 100 + 9}`);
    assert.equal(await objects(proxy), 128);
    assert.equal(await part(proxy, '13900-13909'), 'HIT');
    assert.equal(await part(proxy, '100-109'), 'MISS');
  });

  test('are not filled up where the whole is larger than the store keeps', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url, maxObject: 50_000 });
    await part(proxy, '0-999');
    const response = await whole(proxy);
    assert.deepEqual([response.status, response.headers.get('content-range'), response.body.equals(bodyOf(1))], [200, undefined, true]);
    assert.equal(await part(proxy, '0-999'), 'HIT');
  });

  test('stay usable after a HEAD that tells of the whole', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url });
    await part(proxy, '0-999');
    await part(proxy, '2000-2999');
    await request(`${proxy.url}/a`, { method: 'HEAD' });
    assert.deepEqual([await part(proxy, '0-999'), await part(proxy, '2000-2999')], ['HIT', 'HIT']);
  });
});

describe('who looks at parts', () => {
  const RANGES = ['0-999', '2000-2999', '5000-5999'];

  test('explain names them', async () => {
    await using origin = await startParts();
    await using proxy = await startMillrace({ origin: origin.url });
    for (const range of RANGES) await part(proxy, range);
    const [only, ...more] = await explained(proxy);
    assert.deepEqual([only!.bytes, only!.parts, more], [3000, RANGES.map((range) => `bytes ${range}/${LENGTH}`), []]);
  });

  for (const [name, what] of [['a URL', { url: '/a' }], ['a prefix', { prefix: '/' }]] as const) {
    test(`a purge of ${name} counts each, and leaves none`, async () => {
      await using origin = await startParts();
      await using proxy = await startMillrace({ origin: origin.url });
      for (const range of RANGES) await part(proxy, range);
      assert.equal(await objects(proxy), 3);
      const purge = async (soft: boolean): Promise<unknown> => JSON.parse((await request(`${proxy.url}/__admin/purge`, { method: 'POST', body: JSON.stringify({ ...what, soft }) })).body.toString());
      assert.equal((await purge(true) as { purged: number }).purged, 3);
      assert.equal((await purge(false) as { purged: number }).purged, 3);
      assert.equal(await objects(proxy), 0);
      for (const range of RANGES) assert.equal(await part(proxy, range), 'MISS');
    });
  }

  test('a purge by tag means all of them', async () => {
    await using origin = await startParts({ 'Cache-Tag': 'film' });
    await using proxy = await startMillrace({ origin: origin.url });
    for (const range of RANGES) await part(proxy, range);
    await request(`${proxy.url}/__admin/purge`, { method: 'POST', body: JSON.stringify({ tag: 'film' }) });
    for (const range of RANGES) assert.equal(await part(proxy, range), 'MISS');
    assert.equal(await objects(proxy), 3);
  });
});

describe('any parts in any order', () => {
  for (const where of ['memory', 'disk'] as const) {
    test(`give the right bytes, and in memory nothing is fetched twice (${where})`, async (t) => {
      const random = Random.of(t);
      const directory = mkdtempSync(join(tmpdir(), 'millrace-parts-'));
      t.after(() => rmSync(directory, { recursive: true, force: true }));
      for (let round = 0; round < rounds(2); round++) {
        await using origin = await startParts();
        await using proxy = await startMillrace({ origin: origin.url, ...(where === 'disk' && { cacheDir: join(directory, String(round)) }) });
        const stored = new Uint8Array(LENGTH);
        for (let i = 0; i < 60; i++) {
          const first = random.below(LENGTH);
          const size = 1 + random.below(random.below(3) === 0 ? 30_000 : 2000);
          const last = Math.min(LENGTH - 1, first + size - 1);
          const isCovered = stored.subarray(first, last + 1).every((byte) => byte === 1);
          const result = await part(proxy, `${first}-${last}`);
          if (where === 'memory') assert.equal(result, isCovered ? 'HIT' : 'MISS', `${first}-${last}`);
          stored.fill(1, first, last + 1);
        }
        assert.ok((await whole(proxy)).body.equals(bodyOf(1)));
      }
    });
  }
});
