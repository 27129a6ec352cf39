/**
 * What clients may not say in the place of proxies, nor of HTTP itself in the spelling of CGI: in the
 * header section and in the trailer section, on every lane.
 */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { describe, test } from 'node:test';
import type { Options } from '../../src/config.ts';
import { type RequestOptions, request } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { startProxy } from '../server/start-proxy.ts';
import { CGI_NAMES, PROXY_NAMES } from './field-names.ts';

const LANES = ['fast lane', 'node:http', 'HTTP/2'] as const;
const METHOD_OVERRIDES = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'];
const NOT_IN_TRAILERS = ['Authorization', 'Cookie', 'Cache-Control', 'Content-Type', 'Content-Length', 'Range', 'If-None-Match', 'Via', 'Host'];
const cgi = (name: string): string => name.replaceAll('-', '_');

interface Setup {
  readonly origin: TestOrigin;
  readonly ask: (options: RequestOptions) => Promise<unknown>;
}

async function setup(lane: (typeof LANES)[number], options: Options = {}): Promise<Setup> {
  const origin = closing(await startOrigin(async (_, response, { body }) => {
    await body().catch(() => undefined);
    response.writeHead(200, { 'Cache-Control': 'no-store' }).end();
  }));
  const proxy = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0, fastLane: lane !== 'node:http', ...options }));
  if (lane === 'HTTP/2') {
    const client = await Http2Client.connect(proxy.url);
    closing({ close: () => client[Symbol.asyncDispose]() });
    return { origin, ask: (each) => client.request('/', each) };
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  closing({ close: async () => agent.destroy() });
  return { origin, ask: (each) => request(proxy.url, { agent, ...each }) };
}

for (const lane of LANES) {
  describe(`fields that a client may not send, ${lane}`, () => {
    test('do not reach the origin in the header section', async () => {
      const { origin, ask } = await setup(lane);
      for (const name of [...PROXY_NAMES, ...PROXY_NAMES.map(cgi), ...METHOD_OVERRIDES, ...CGI_NAMES]) {
        await ask({ headers: { [name]: 'evil' } });
        assert.doesNotMatch(origin.requests.at(-1)!.rawHeaders.join('\n'), /evil/, name);
      }
    });

    test('do not reach the origin in the trailer section', async () => {
      const { origin, ask } = await setup(lane);
      const names = [...PROXY_NAMES, ...METHOD_OVERRIDES, ...CGI_NAMES, ...NOT_IN_TRAILERS].filter((name) => lane !== 'HTTP/2' || !/^(?:host|content-length)$/i.test(name));
      for (const name of [...names, ...names.map(cgi)]) {
        await ask({ method: 'POST', body: 'a', trailers: { [name]: 'evil', 'X-Sum': 'good' } });
        const { trailers } = origin.requests.at(-1)!;
        assert.ok(!trailers.has(name), name);
        // The parser refuses a request that frames itself anew.
        if (name !== 'Content-Length') assert.equal(trailers.get('x-sum'), 'good', name);
      }
    });

    test('reach it from a trusted proxy, in the header section', async () => {
      const { origin, ask } = await setup(lane, { trustProxy: ['127.0.0.1'] });
      for (const name of PROXY_NAMES) {
        await ask({ headers: { [name]: 'good.example' } });
        assert.match(origin.requests.at(-1)!.rawHeaders.join('\n'), /good\.example/, name);
        await ask({ method: 'POST', body: 'a', trailers: { [name]: 'evil' } });
        assert.equal(origin.requests.at(-1)!.trailers.size, 0, name);
      }
    });
  });
}
