/**
 * @module test/server/bad-behind-good
 * Bytes that are no request, behind several good requests in one packet.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

for (const bad of ['F(O /3 HTTP/1.1\r\nHost: h\r\n\r\n', 'FOO /3 HTTP/1.1\r\nHost: h\r\n\r\n']) {
  test(`all good requests before ${bad.slice(0, 6)} are answered, and the connection ends`, async () => {
    await using origin = await startOrigin(({ url }, response) => void setTimeout(() => response.end(`answer to ${url}`), 20));
    await using proxy = await startMillrace({ origin: origin.url });
    const socket = connect(proxy.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    const ended = once(socket, 'end');
    const put = (path: string): string => `PUT ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n`;
    socket.write(`${put('/1')}${put('/2')}${bad}`);
    await ended;
    socket.destroy();
    assert.deepEqual(text.match(/answer to \/\d/gu), ['answer to /1', 'answer to /2']);
    // It is logged, though the connection ends without an answer to it.
    const { status, error } = proxy.outcomes.find(({ method }) => method === '-')!;
    assert.deepEqual([status, error?.code], bad.startsWith('FOO') ? [501, 'ERR_METHOD'] : [400, 'ERR_BAD_REQUEST']);
    assert.deepEqual(origin.requests.map(({ url }) => url), ['/1', '/2']);
  });
}
