/**
 * @module test/lanes/slow-readers
 * A thousand clients that take a body of 1 MB byte by byte. What is written waits in the system's
 * buffers and, in the process, as references to the stored body: not as a copy for each client.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Home, type Running } from '../cli/command.ts';
import { administer } from '../kit/administer.ts';
import { request } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';

const MB = 1024 * 1024;
const CLIENTS = 1000;
/** Bytes that each of them takes, one at a time. */
const BYTES = 5;

/** `bound`: KB of the process for each, for the socket, its streams, and references to what waits to be written. */
const CIRCUMSTANCES = [
  { name: 'in the fast lane', args: [], bound: 64 },
  { name: 'in the general lane', args: ['--no-fast-lane'], bound: 128 },
  { name: 'with two workers', args: ['--workers', '2'], bound: 64 },
  // What was read from there is not in memory already.
  { name: 'where the body is on disk alone', args: ['--cache-dir', 'cache', '--max-memory', '1MB'], bound: 400 },
] as const;

function startBig(): Promise<TestOrigin> {
  const body = Buffer.alloc(MB, '0123456789abcdef');
  return startOrigin((_request, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=3600', 'Content-Length': MB }).end(body));
}

/** Clients that have read their bytes, and wait. */
async function startReaders(port: number): Promise<ChildProcess> {
  const readers = spawn('python3', [join(import.meta.dirname, 'slow-readers.py'), String(port), String(CLIENTS), String(BYTES)], { stdio: ['pipe', 'pipe', 'inherit'] });
  await Promise.race([once(readers.stdout, 'data'), once(readers, 'exit')]);
  assert.equal(readers.exitCode, null);
  return readers;
}

/** Bytes of memory that the process has now. */
function memoryOf({ process: { pid } }: Running): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024;
}

const skip = !existsSync('/proc/self/status') ? 'there is no /proc to read the memory of a process from' : spawnSync('python3', ['--version']).status !== 0 ? 'python3 is not installed' : false;

describe('a thousand clients that read byte by byte', { skip }, () => {
  for (const { name, args, bound } of CIRCUMSTANCES) {
    test(`cost little memory each ${name}`, async (t) => {
      await using origin = await startBig();
      const running = await new Home(t).start('--port', '0', '--origin', origin.url, '--log-format', 'off', ...args);
      // Warm and hit, so that what is measured is the clients alone.
      for (let i = 0; i < 20; i++) assert.equal((await request(`${running.url}/big`, { headers: { Host: 'example.test' } })).body.length, MB);
      const before = memoryOf(running);
      const readers = await startReaders(running.port);
      t.after(() => readers.stdin!.end());
      const growth = memoryOf(running) - before;
      t.diagnostic(`${Math.round(growth / CLIENTS / 1024)} KB of memory for each client`);
      assert.ok(growth < MB + CLIENTS * bound * 1024, `${Math.round(growth / MB)} MB for ${CLIENTS} clients`);
      assert.equal(origin.requests.length, 1);
      const stats = JSON.parse((await administer(running, '/__admin/stats')).body.toString()) as { hits: number };
      assert.ok(stats.hits > 0);
    });
  }
});
