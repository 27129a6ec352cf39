/**
 * A process with few file descriptors: it takes as many connections as there are descriptors for, does
 * not spin on the others, says so once, and serves again as soon as connections end.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { type TestContext, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { request } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import { until } from '../kit/until.ts';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const DESCRIPTORS = 256;

interface Limited {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly stderr: () => string;
}

/** Starts the proxy in a process that may have so many files open. */
async function start(t: TestContext, ...args: string[]): Promise<Limited> {
  const child = spawn('/bin/sh', ['-c', `ulimit -n ${DESCRIPTORS} && exec "$@"`, 'sh', process.execPath, CLI, '--port', '0', '--log-format', 'off', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  t.after(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  await until('it listens', () => /listens on http\S+\n/u.test(text) || child.exitCode !== null);
  const url = /listens on (http\S+)\n/u.exec(text)?.[1];
  assert.ok(url, text);
  return { url, port: Number(new URL(url).port), pid: child.pid!, stderr: () => text };
}

/** ms of CPU time that the process has taken. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

describe('at the limit of open files', { skip: existsSync('/proc/self/stat') ? false : 'there is no /proc to read the CPU time of a process from' }, () => {
  for (const workers of ['1', '2']) {
    test(`with ${workers === '1' ? 'one worker' : 'two workers'}`, async (t) => {
      await using origin = await startOrigin((_request, response) => void response.end('from the origin'));
      const { url, port, pid, stderr } = await start(t, '--origin', origin.url, '--workers', workers);
      assert.equal((await request(url)).body.toString(), 'from the origin');
      const sockets: Socket[] = [];
      t.after(() => sockets.forEach((socket) => socket.destroy()));
      let closed = 0;
      for (let i = 0; i < 2 * DESCRIPTORS; i++) sockets.push(connect(port, '127.0.0.1').on('error', () => {}).on('close', () => closed++));
      await until('the connections that are too many are closed', () => closed > DESCRIPTORS);
      await until('it says so', () => /connections are open, as many as --max-connections allows/.test(stderr()));
      const before = cpuOf(pid);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      // Time that passes is the point here; a process that spins takes a second of it.
      assert.ok(cpuOf(pid) - before < 500, `${cpuOf(pid) - before} ms of CPU time in a second`);
      const kept = sockets.filter((socket) => !socket.destroyed);
      assert.ok(kept.length > 8, `${kept.length} connections are kept`);
      for (const socket of kept) socket.destroy();
      await until('new clients are served', () => request(`${url}/after`).then(({ status }) => status, () => 0), (status) => status === 200);
      assert.doesNotMatch(stderr(), /EMFILE|defect/);
      const notices = stderr().match(/--max-connections allows/g)!.length;
      assert.ok(notices <= Number(workers), `${notices} notices`);
    });
  }
});
