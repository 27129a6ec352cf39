/**
 * What was answered to somebody who said who they are is not given to others for a lifetime that
 * nobody stated, whatever the name of the field, on every lane.
 */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { describe, test } from 'node:test';
import { plainName } from '../../src/http/fields.ts';
import { isFromProxies } from '../../src/http/proxy-fields.ts';
import { type ClientResponse, request } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { startOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { startProxy } from '../server/start-proxy.ts';
import { CREDENTIAL_NAMES } from './field-names.ts';

type Get = (path: string, headers?: Record<string, string>) => Promise<ClientResponse>;

const LANES = ['fast lane', 'node:http', 'HTTP/2'] as const;

async function setup(lane: (typeof LANES)[number]): Promise<Get> {
  const origin = closing(await startOrigin(({ headers }, response) => void response.end(Object.values(headers).includes('alice') ? 'alice' : 'nobody')));
  const proxy = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0, fastLane: lane !== 'node:http' }));
  if (lane === 'HTTP/2') {
    const client = closing({ client: await Http2Client.connect(proxy.url), async close() { await this.client[Symbol.asyncDispose](); } }).client;
    return (path, headers = {}) => client.request(path, { headers });
  }
  const agent = closing({ agent: new Agent({ keepAlive: true, maxSockets: 1 }), async close() { this.agent.destroy(); } }).agent;
  return (path, headers = {}) => request(proxy.url + path, { headers, agent });
}

for (const lane of LANES) {
  describe(`credentials, ${lane}`, () => {
    test('are never answered with the page of another, nor others with theirs', async () => {
      const get = await setup(lane);
      for (const name of CREDENTIAL_NAMES) {
        const path = `/${name}`;
        const mine = (await get(path, { [name]: 'alice' })).body.toString();
        for (let i = 0; i < 2; i++) assert.equal((await get(path)).body.toString(), 'nobody', name);
        // What an origin may not be told is dropped.
        assert.equal((await get(path, { [name]: 'alice' })).body.toString(), mine, name);
        assert.ok(mine === 'alice' || name === 'Proxy-Authorization' || isFromProxies(plainName(name)), name);
      }
    });

    test('are not seen in what a browser sends to everybody', async () => {
      const get = await setup(lane);
      const fields = {
        'User-Agent': 'Mozilla/5.0', Accept: '*/*', 'Accept-Language': 'en', 'Accept-Encoding': 'gzip', 'Sec-Fetch-User': '?1', 'Sec-Fetch-Site': 'none', 'Sec-CH-UA': '"Chromium"', DNT: '1', 'Upgrade-Insecure-Requests': '1',
        Traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'X-Request-Id': '1', 'X-Playback-Session-Id': '1', 'CMCD-Session': 'sid="a"', 'Idempotency-Key': '"a"', 'X-Requested-With': 'XMLHttpRequest',
      };
      await get('/', fields);
      assert.equal((await get('/', fields)).headers.get('x-cache'), 'HIT');
    });
  });
}
