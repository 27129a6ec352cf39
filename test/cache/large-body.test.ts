/**
 * @module test/cache/large-body
 * A response larger than the cache keeps streams through with bounded memory, at the client's pace.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { open } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import { rounds } from '../kit/random.ts';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const MEGABYTE = 1024 * 1024;
const HEAP = 200 * MEGABYTE;
/** In `npm run test:full` more than 2^31 bytes. */
const TOTAL = rounds(3 * HEAP);

for (const framing of ['with Content-Length', 'chunked'] as const) {
  test(`a body ${framing}, larger than all memory it may take`, { timeout: 120_000 }, async () => {
    const chunk = Buffer.alloc(MEGABYTE, 'millrace');
    let sent = 0;
    await using origin = await startOrigin(async (_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60', ...(framing === 'with Content-Length' && { 'Content-Length': TOTAL }) });
      for (; sent < TOTAL; sent += chunk.length) if (!response.write(chunk)) await once(response, 'drain');
      response.end();
    });
    const proxy = spawn(process.execPath, [`--max-old-space-size=${HEAP / MEGABYTE}`, CLI, '--origin', origin.url, '--port', '0', '--max-memory', '64MB', '--max-object', '8MB', '--log-format', 'off'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    try {
      const url = await listeningUrl(proxy.stderr);
      const response = await open(`${url}/large`);
      response.message.removeAllListeners('data');
      let received = response.body.length;
      response.message.on('data', (piece: Buffer) => (received += piece.length));
      response.message.resume();
      await once(response.message, 'end');
      assert.equal(received, TOTAL);
      const peak = Number(/VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${proxy.pid}/status`, 'utf8'))?.[1]) * 1024;
      assert.ok(peak < 2 * HEAP, `the process took up to ${Math.round(peak / MEGABYTE)} MB for a body of ${TOTAL / MEGABYTE}`);
    } finally {
      proxy.kill('SIGKILL');
    }
  });
}

async function listeningUrl(output: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const piece of output) {
    text += String(piece);
    const url = /listens on (http:\S+)/.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`the proxy did not start: ${text}`);
}
