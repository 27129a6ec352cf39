/**
 * @module test/origin/told-host
 * The Host that a fixed origin gets, by every lane: the client's where the origin is private, unless an option says otherwise.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Options } from '../../src/config.ts';
import { rawRequest, request } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';

type Ask = (proxy: TestProxy, host: string, path: string) => Promise<string>;

/** GET by one of the lanes; the body, which says what the origin was told. */
const LANES: Readonly<Record<string, { readonly ask: Ask; readonly fastLane: boolean }>> = {
  'the fast lane': { ask: async ({ url }, host, path) => (await request(url + path, { headers: { Host: host } })).body.toString(), fastLane: true },
  'node:http': { ask: async ({ url }, host, path) => (await request(url + path, { headers: { Host: host } })).body.toString(), fastLane: false },
  'HTTP/2': {
    ask: async ({ url }, host, path) => {
      await using client = await Http2Client.connect(url);
      return (await client.request(path, { headers: { Host: host } })).body.toString();
    },
    fastLane: true,
  },
};

const startTelling = (): Promise<TestOrigin> =>
  startOrigin(({ headers }, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(`${headers.host} ${String(headers['x-forwarded-host'])}`));

for (const [lane, { ask, fastLane }] of Object.entries(LANES)) {
  describe(`an origin asked by way of ${lane}`, () => {
    test('gets the Host of each client, and each what was made for its Host', async () => {
      await using origin = await startTelling();
      await using proxy = await startMillrace({ origin: origin.url, fastLane });
      for (let round = 0; round < 3; round++) {
        for (const host of ['www.example', 'shop.example:81']) assert.equal(await ask(proxy, host, '/'), `${host} ${host}`);
      }
      assert.equal(origin.requests.length, 2);
    });

    for (const [preserveHost, name] of [[true, 'client'], [false, 'origin']] as const) {
      test(`gets the Host of the ${name} with preserveHost ${preserveHost}`, async () => {
        await using origin = await startTelling();
        const options: Options = { origin: origin.url, fastLane, preserveHost };
        await using proxy = await startMillrace(options);
        const own = new URL(origin.url).host;
        for (let round = 0; round < 2; round++) assert.equal(await ask(proxy, 'www.example', '/'), `${preserveHost ? 'www.example' : own} www.example`);
      });
    }
  });
}

test('a client of HTTP/1.0 that sends no Host is served under that of the origin', async () => {
  await using origin = await startTelling();
  await using proxy = await startMillrace({ origin: origin.url });
  const own = new URL(origin.url).host;
  for (let round = 0; round < 2; round++) assert.match((await rawRequest(proxy.port, 'GET / HTTP/1.0\r\n\r\n')).toString('latin1'), new RegExp(`^HTTP/1\\.1 200 [^]*\r\n\r\n${own} undefined$`));
});

test('an embedded host gets its own', async () => {
  await using origin = await startTelling();
  await using proxy = await startMillrace({ preserveHost: true });
  const own = new URL(origin.url).host;
  assert.equal((await request(`${proxy.url}/${own}/`)).body.toString(), `${own} undefined`);
});
