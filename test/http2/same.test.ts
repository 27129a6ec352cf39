import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ProxyStats } from '../../src/proxy/stats.ts';
import { type ClientResponse, type RequestOptions, request } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type SeenRequest, type TestOrigin, startOrigin } from '../kit/origin.ts';
import { FAST_LANE, type TestProxy, startMillrace } from '../kit/proxy.ts';
import { site } from '../lanes/site.ts';

interface Side {
  readonly origin: TestOrigin;
  readonly proxy: TestProxy;
  /** Requests of the origin that were compared already. */
  compared: number;
  ask(path: string, options: RequestOptions): Promise<ClientResponse>;
}

const PATHS = ['/page', '/page?b=2&a=1', '/large', '/empty', '/nothing', '/moved', '/odd', '/aged', '/status', '/chunked', '/implicit', '/vary', '/language', '/vary-cookie', '/vary-forwarded', '/private', '/stale', '/changes', '/../x', '/health', '/__admin/nowhere'];

const OPTIONS: readonly RequestOptions[] = [
  {},
  { method: 'HEAD' },
  { headers: { 'If-None-Match': '"1"' } },
  { headers: { 'If-Modified-Since': 'Thu, 01 Jan 2026 00:00:00 GMT' } },
  { headers: { Range: 'bytes=2-5' } },
  { headers: { Range: 'bytes=0-1,4-5' } },
  { headers: { Range: 'bytes=900000-' } },
  { headers: { 'Cache-Control': 'no-cache' } },
  { headers: { 'Cache-Control': 'only-if-cached' } },
  { headers: { 'Accept-Language': 'de', Cookie: 'a=b' } },
  { headers: { Authorization: 'Basic YTpi', Accept: 'text/html' } },
  { headers: { Forwarded: 'for=1.2.3.4', 'X-Forwarded-Host': 'evil.example', Via: '1.1 other' } },
  { method: 'POST', body: 'content', headers: { 'Content-Type': 'text/plain' } },
  { method: 'POST', body: '' },
  { method: 'DELETE' },
  { method: 'PATCH', body: 'x' },
  { method: 'OPTIONS', headers: { 'Max-Forwards': '3' } },
  { method: 'PURGE' },
  { method: 'QUERY', body: 'q=1', headers: { 'Content-Type': 'text/plain' } },
];

describe('the same request over HTTP/1.1 and HTTP/2', () => {
  const sides: Side[] = [];
  let client: Http2Client;
  before(async () => {
    for (const isHttp2 of [false, true]) {
      const origin = await startOrigin(site);
      const proxy = await startMillrace({ origin: origin.url, allowPurge: ['127.0.0.1'] });
      if (isHttp2) client = await Http2Client.connect(proxy.url);
      sides.push({ origin, proxy, compared: 0, ask: (path, options) => (isHttp2 ? client.request(path, options) : request(proxy.url + path, { ...options, target: path })) });
    }
  });
  after(async () => {
    await client[Symbol.asyncDispose]();
    for (const { origin, proxy } of sides) {
      await proxy.close();
      await origin.close();
    }
  });

  test('prepared answers are given over both', async () => {
    for (const side of sides) {
      const prepared = await preparedBy(side);
      for (let i = 0; i < 4; i++) await side.ask('/prepared', {});
      const given = (await preparedBy(side)) - prepared;
      assert.ok(FAST_LANE ? given >= 2 : given === 0, String(given));
    }
  });

  for (const options of OPTIONS) {
    test(`${options.method ?? 'GET'} ${JSON.stringify(options.headers ?? {})}: status, fields and body, and what the origin is asked`, async () => {
      for (const path of PATHS) {
        // The second time it may be a hit, and the third time prepared.
        for (let round = 0; round < 3; round++) {
          const [one, two] = await Promise.all(sides.map(async (side) => comparable(await side.ask(path, options), side)));
          assert.deepEqual(two, one, `${path}, ${round}`);
          const [seen, seenToo] = sides.map(newlySeen);
          assert.deepEqual(seenToo, seen, `${path}, ${round}`);
        }
      }
    });
  }
});

function preparedBy({ proxy }: Side): Promise<number> {
  return request(`${proxy.url}/__admin/stats`).then(({ body }) => (JSON.parse(body.toString()) as ProxyStats).fastLane);
}

/** Without what belongs to a connection, differs in every response, or names a port. */
function comparable({ status, headers, body, trailers, complete }: ClientResponse, side: Side): unknown {
  const fields = (lines: Iterable<[string, string]>): string[] =>
    [...lines].filter(([name]) => !/^(?:connection|keep-alive|transfer-encoding|date|age)$/i.test(name)).map(([name, value]) => ofNoPort(`${name.toLowerCase()}: ${value.replace(/;ttl=-?\d+/, ';ttl=*').replace(/boundary=\w+/, 'boundary=*')}`, side));
  return { status, fields: fields(headers).sort(), body: ofNoPort(body.toString('latin1').replace(/--[0-9a-f]{24}/g, '--*'), side), trailers: fields(trailers), complete };
}

/** What the origin was asked since this was last called. */
function newlySeen(side: Side): string[] {
  const from = side.compared;
  side.compared = side.origin.requests.length;
  return side.origin.requests.slice(from).map(({ method, url, headers, body }: SeenRequest) => {
    const fields = [...headers].filter(([name]) => !/^(?:via|cdn-loop)$/i.test(name)).map(([name, value]) => `${name.toLowerCase()}: ${value}`);
    return ofNoPort([method, url, ...fields.sort(), body.toString('latin1')].join('\n'), side);
  });
}

function ofNoPort(text: string, { proxy, origin }: Side): string {
  return text.replaceAll(String(proxy.port), 'PROXY').replaceAll(String(origin.port), 'ORIGIN');
}
