/**
 * @module test/http2/fuzz
 * Frames nobody thought of, right and wrong, on one connection, while another one is served.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { Http2Client } from '../kit/http2-client.ts';
import { TYPE, block, frame, openFrames } from '../kit/http2-frames.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';
import { SEED, rounds } from '../kit/random.ts';
import { site } from '../lanes/site.ts';

const stream = fc.constantFrom(0, 1, 1, 3, 5, 7, 2, 0x7fffffff);
const flags = fc.oneof(fc.constantFrom(0, 1, 4, 5), fc.nat(255));
const field = fc.tuple(
  fc.constantFrom(':method', ':path', ':scheme', ':authority', ':status', 'host', 'content-length', 'transfer-encoding', 'te', 'expect', 'range', 'if-none-match', 'cookie', 'connection', 'cache-control', 'x-a', 'X-B', ''),
  fc.constantFrom('GET', 'HEAD', 'POST', 'CONNECT', 'PURGE', 'TRACE', '/page', '/large', '/chunked', '/form', '*', 'http', 'https', 'localhost', 'a b', '0', '3', 'bytes=1-2', '"1"', 'trailers', '100-continue', 'no-cache', '\r\n', '\xff', ''),
);
/** Mostly a good head with something beside it. */
const head = fc.tuple(fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'PURGE', 'QUERY'), fc.constantFrom('/page', '/large', '/chunked', '/form', '/private', '/vary'), fc.array(field, { maxLength: 2 })).map(([method, path, more]) => block([[':method', method], [':scheme', 'http'], [':path', path], [':authority', 'localhost'], ...more]));
const payload = fc.oneof({ weight: 6, arbitrary: head.map((bytes) => Uint8Array.from(bytes)) }, { weight: 2, arbitrary: fc.array(field, { maxLength: 6 }).map((fields) => Uint8Array.from(block(fields))) }, { weight: 2, arbitrary: fc.uint8Array({ maxLength: 40 }) });
const anyFrame = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant(TYPE.headers), flags, stream, payload) },
  { weight: 5, arbitrary: fc.tuple(fc.constantFrom(...Object.values(TYPE)), flags, stream, fc.oneof(fc.uint8Array({ maxLength: 12 }), payload)) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(255), flags, fc.nat(), fc.uint8Array({ maxLength: 40 })) },
);

describe('any frames', () => {
  let origin: TestOrigin;
  let proxy: TestProxy;
  before(async () => {
    origin = await startOrigin(async (message, response, context) => {
      // Bodies here break off.
      const body = await context.body().catch(() => undefined);
      if (body !== undefined) await site(message, response, { ...context, body: async () => body });
    });
    proxy = await startMillrace({ origin: origin.url, allowPurge: ['127.0.0.1'] });
  });
  after(async () => {
    await proxy.close();
    await origin.close();
  });

  test('trouble nobody else', async () => {
    await using other = await Http2Client.connect(proxy.url);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(anyFrame, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }), fc.boolean(), async (packets, ends) => {
        const connection = await openFrames(proxy.port);
        for (const packet of packets) {
          await connection.send(Buffer.concat(packet.map(([type, flag, id, bytes]) => frame(type, flag, id, bytes))));
          // What was sent has been looked at, or is about to be.
          assert.equal((await other.request('/page')).status, 200);
        }
        if (ends) connection.end();
        else connection.reset();
        const response = await other.request('/large');
        assert.deepEqual([response.status, response.body.length, response.complete], [200, 700_000, true]);
      }),
      { numRuns: rounds(100), seed: SEED },
    );
  });
});
