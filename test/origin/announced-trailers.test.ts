/**
 * @module test/origin/announced-trailers
 * Requests that announce trailers and have no content that trailers could follow.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rawRequest } from '../kit/client.ts';
import { startRawOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

for (const method of ['GET', 'get', 'DELETE', 'POST']) {
  test(`${method} with Trailer and without content is answered, also where node:http reads the response`, async () => {
    // A folded line is nothing that our own client takes: it hands the response to node:http.
    await using origin = await startRawOrigin(async (connection) => {
      await connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Folded: a\r\n b\r\n\r\n0\r\n\r\n');
    });
    await using proxy = await startMillrace({ origin: origin.url });
    for (let i = 0; i < 2; i++) {
      const response = await rawRequest(proxy.port, `${method} /${i} HTTP/1.1\r\nHost: example.test\r\nTrailer: X-Sum\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      assert.match(response.toString('latin1'), /^HTTP\/1\.1 (?:200|502) /u);
    }
  });
}
