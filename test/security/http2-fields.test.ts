/**
 * Fields that no request of HTTP/2 may have: https://www.rfc-editor.org/rfc/rfc9113.html#section-8.2.1.
 * nghttp2 resets the stream for some; node:http2 loses others without a word, which then must reach nobody.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GET, TYPE, headers, openFrames, readUntil } from '../kit/http2-frames.ts';
import { startOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { startProxy } from '../server/start-proxy.ts';

type Field = readonly [name: string, value: string];

/** What the client gets for a GET with that field: a status, or the code of the error of its stream. */
async function setup(): Promise<{ ask: (field: Field) => Promise<string>; asked: () => readonly string[][] }> {
  const origin = closing(await startOrigin((_, response) => void response.writeHead(204, { 'Cache-Control': 'no-store' }).end()));
  const proxy = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0 }));
  const ask = async (field: Field): Promise<string> => {
    const connection = await openFrames(proxy.port);
    await connection.send(headers(1, [...GET, field]));
    const end = await readUntil(connection, ({ type, stream }) => stream === 1 && (type === TYPE.headers || type === TYPE.rstStream));
    connection.reset();
    if (end.type === TYPE.rstStream) return `stream error ${end.payload.readUInt32BE(0)}`;
    // Of the statuses in the static table: https://www.rfc-editor.org/rfc/rfc7541.html#appendix-A
    return { 0x89: '204', 0x8c: '400' }[end.payload[0]!] ?? 'another status';
  };
  return { ask, asked: () => origin.requests.map(({ rawHeaders }) => [...rawHeaders]) };
}

for (const [field, refused] of [
  [['x-a', ' b'], '400'], [['x-a', 'b '], '400'], [['x-a', '\tb'], '400'], [['x-a', ' '], '400'],
  [['host', 'other.example'], '400'],
  [['X-A', 'b'], 'stream error 1'], [[':x', 'b'], 'stream error 1'], [[':path', '/b'], 'stream error 1'],
  [['connection', 'close'], 'stream error 1'], [['te', 'gzip'], 'stream error 1'], [['transfer-encoding', 'chunked'], 'stream error 1'], [['keep-alive', '1'], 'stream error 1'],
  [['upgrade', 'a'], 'stream error 1'], [['proxy-connection', 'a'], 'stream error 1'], [['content-length', '1'], 'stream error 1'], [['content-length', 'a'], 'stream error 1'],
] as const satisfies readonly (readonly [Field, string])[]) {
  test(`HTTP/2: ${JSON.stringify(field)} is refused`, async () => {
    const { ask, asked } = await setup();
    assert.equal(await ask(field), refused);
    assert.deepEqual(asked(), []);
  });
}

for (const field of [['x-a', 'evil\r\nx-b: evil'], ['x-a', 'evil\n'], ['x-a', 'evil\r'], ['x-a', 'evil\0'], ['x-a', '\x01evil'], ['x-a', 'evil\x7f'], ['evil a', 'b'], ['evil(', 'b'], ['evil\0', 'b'], ['evil:a', 'b'], ['evil\r\nx', 'b'], ['', 'evil'], ['evil\x80', 'b']] as const) {
  test(`HTTP/2: ${JSON.stringify(field)} reaches nobody`, async () => {
    const { ask, asked } = await setup();
    await ask(field);
    assert.doesNotMatch(JSON.stringify(asked()), /evil/);
  });
}
