/** The demo as a stranger starts it: one command, a page, a reload. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { GALLERY } from '../src/demo/gallery.ts';

const CLI: string = join(import.meta.dirname, '../src/cli.ts');

describe('millrace demo', () => {
  test('the first load misses 272 times, the second hits 272 times, and the statistics agree', async (t) => {
    const demo = await startDemo(t, ['--port', '0']);
    const page = await (await fetch(`${demo.url}/`)).text();
    const paths = [...page.matchAll(/<img src="([^"]+)"/g)].map(([, path]) => path!);
    assert.deepEqual(paths, GALLERY.map((picture) => picture.path));

    const first = await loadAll(demo.url, paths);
    assert.deepEqual(tally(first), { MISS: 272 });
    const second = await loadAll(demo.url, paths);
    assert.deepEqual(tally(second), { HIT: 272 });
    for (const [i, picture] of second.entries()) assert.deepEqual(picture.body, first[i]!.body, paths[i]!);

    const stats = (await (await fetch(`${demo.url}/__admin/stats`)).json()) as { requests: number; hits: number; misses: number };
    assert.deepEqual([stats.requests, stats.hits, stats.misses], [1 + 2 * 272, 272, 1 + 272]);

    await demo.stop();
    const lines = demo.stdout().trim().split('\n').map((line) => JSON.parse(line) as { url: string; result: string });
    const images = lines.filter((line) => line.url.startsWith('/images/'));
    assert.deepEqual([images.filter((line) => line.result === 'MISS').length, images.filter((line) => line.result === 'HIT').length], [272, 272]);
  });

  test('what it invites to try does what it says', async (t) => {
    const demo = await startDemo(t, ['--port', '0', '--log-format', 'off']);
    const results = async (path: string): Promise<(string | null)[]> => {
      const found = [];
      for (let i = 0; i < 2; i++) found.push((await fetch(demo.url + path)).headers.get('x-cache'));
      return found;
    };
    assert.deepEqual(await results('/slow'), ['MISS', 'HIT']);
    // It is fresh for a few seconds only, and a busy machine may take as long.
    const [first, second] = await results('/news');
    assert.ok(first === 'MISS' && (second === 'HIT' || second === 'STALE'), `${first}, ${second}`);
    assert.ok(!(await results('/private')).includes('HIT'));
    for (const path of ['/slow', '/news', '/private']) assert.ok(demo.stderr().includes(`${demo.url}${path}`), `${path} is named at the start`);
  });

  test('Ctrl-C ends it with exit code 0', async (t) => {
    const demo = await startDemo(t, ['--port', '0']);
    assert.deepEqual(await demo.stop(), { code: 0, signal: null });
    await assert.rejects(fetch(demo.url));
  });

  test('a port that was asked for and is taken is one sentence and exit code 1', async (t) => {
    const other = createServer();
    await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
    t.after(() => other.close());
    const { port } = other.address() as AddressInfo;
    const demo = spawnDemo(t, ['--port', String(port)]);
    assert.deepEqual(await demo.ended, { code: 1, signal: null });
    assert.match(demo.stderr(), new RegExp(`^millrace: Port ${port} .*taken.*\\n$`));
  });
});

interface Loaded {
  readonly result: string | null;
  readonly body: Buffer;
}

/** Six at a time, as browsers do. */
async function loadAll(url: string, paths: readonly string[]): Promise<Loaded[]> {
  const loaded: Loaded[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < paths.length; i = next++) {
      const response = await fetch(url + paths[i]!);
      assert.equal(response.status, 200, paths[i]!);
      loaded[i] = { result: response.headers.get('x-cache'), body: Buffer.from(await response.arrayBuffer()) };
    }
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  return loaded;
}

function tally(pictures: readonly Loaded[]): Record<string, number> {
  return Object.fromEntries(Map.groupBy(pictures, ({ result }) => String(result)).entries().map(([result, those]) => [result, those.length]));
}

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface DemoProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ending>;
  stdout(): string;
  stderr(): string;
}

function spawnDemo(t: TestContext, args: readonly string[]): DemoProcess {
  const child = spawn(process.execPath, [CLI, 'demo', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.stderr += text));
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve({ code, signal }));
  });
  return { child, ended, stdout: () => written.stdout, stderr: () => written.stderr };
}

/** Resolves once the last line of instructions was printed; `url` is the one they name. */
async function startDemo(t: TestContext, args: readonly string[]): Promise<DemoProcess & { url: string; stop(): Promise<Ending> }> {
  const demo = spawnDemo(t, args);
  const url = await new Promise<string>((resolve, reject) => {
    demo.child.stderr!.on('data', () => {
      const found = / stats\n/.test(demo.stderr()) && /Open (http:\S+)\/ in a browser/.exec(demo.stderr());
      if (found) resolve(found[1]!);
    });
    demo.ended.then(({ code }) => reject(new Error(`The demo ended with ${code}: ${demo.stderr()}`)), reject);
  });
  const stop = (): Promise<Ending> => {
    demo.child.kill('SIGINT');
    return demo.ended;
  };
  return { ...demo, url, stop };
}
