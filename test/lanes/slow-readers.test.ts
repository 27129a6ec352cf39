/**
 * @module test/lanes/slow-readers
 * A thousand clients that take a body of 1 MB byte by byte. What is written waits in the system's
 * buffers and, in the process, as references to the stored body: not as a copy for each client.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Home, type Running } from '../cli/command.ts';
import { request } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';

const MB = 1024 * 1024;
const CLIENTS = 1000;
/** Bytes that each of them takes, one at a time. */
const BYTES = 5;
/** Bytes of the process for each: the socket, its streams, and references to what waits to be written. */
const BOUND = 128 * 1024;
const GET = 'GET /big HTTP/1.1\r\nHost: example.test\r\n\r\n';

/** Reads one byte whenever it is asked to, and nothing in between. */
class ByteReader {
  readonly socket: Socket;
  #got: PromiseWithResolvers<void> | undefined;

  constructor(port: number) {
    const callback = (): boolean => {
      this.#got?.resolve();
      return false;
    };
    this.socket = connect({ port, host: '127.0.0.1', onread: { buffer: Buffer.alloc(1), callback } });
    this.socket.pause();
    this.socket.on('error', () => this.socket.destroy());
  }

  next(): Promise<void> {
    this.#got = Promise.withResolvers();
    this.socket.resume();
    return this.#got.promise;
  }
}

function startBig(): Promise<TestOrigin> {
  const body = Buffer.alloc(MB, '0123456789abcdef');
  return startOrigin((_request, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=3600', 'Content-Length': MB }).end(body));
}

/** Bytes of memory that the process has now. */
function memoryOf({ process: { pid } }: Running): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024;
}

const skip = existsSync('/proc/self/status') ? false : 'there is no /proc to read the memory of a process from';

describe('a thousand clients that read byte by byte', { skip }, () => {
  for (const [lane, args] of [['the fast lane', []], ['the general lane', ['--no-fast-lane']]] as const) {
    test(`cost little memory each, in ${lane}`, async (t) => {
      await using origin = await startBig();
      const running = await new Home(t).start('--port', '0', '--origin', origin.url, '--log-format', 'off', ...args);
      // Warm and hit, so that what is measured is the clients alone.
      for (let i = 0; i < 20; i++) assert.equal((await request(`${running.url}/big`, { headers: { Host: 'example.test' } })).body.length, MB);
      const before = memoryOf(running);
      const clients = Array.from({ length: CLIENTS }, () => new ByteReader(running.port));
      t.after(() => clients.forEach(({ socket }) => socket.destroy()));
      await Promise.all(clients.map(({ socket }) => once(socket, 'connect')));
      for (const { socket } of clients) socket.write(GET);
      for (let i = 0; i < BYTES; i++) await Promise.all(clients.map((client) => client.next()));
      const growth = memoryOf(running) - before;
      t.diagnostic(`${Math.round(growth / CLIENTS / 1024)} KB of memory for each client`);
      assert.ok(growth < MB + CLIENTS * BOUND, `${Math.round(growth / MB)} MB for ${CLIENTS} clients`);
      assert.equal(origin.requests.length, 1);
      const stats = JSON.parse((await request(`${running.url}/__admin/stats`)).body.toString()) as { hits: number };
      assert.ok(stats.hits >= 19);
    });
  }
});
