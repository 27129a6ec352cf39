/**
 * @module test/lanes/general
 * Tests once more, under other circumstances: those of behaviour without the fast lane, as what they
 * ask for holds in both; those of the fast lane where it finds nothing of Node's internals.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { FAST_LANE } from '../kit/proxy.ts';

const SUITES = ['cache', 'server', 'conformance', 'admin', 'security'];
const SOCKET_TEST = 'the socket of a connection is one that reads into the shared buffer';

interface Run {
  readonly output: string;
  readonly passed: number;
  readonly failed: readonly string[];
}

async function runTests(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Run> {
  const { NODE_TEST_CONTEXT: _, ...rest } = process.env;
  const child = spawn(process.execPath, ['--test', '--test-timeout=120000', '--test-reporter=tap', ...args], {
    cwd: resolve(import.meta.dirname, '../..'),
    env: { ...rest, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return {
    output,
    passed: Number(/^# pass (\d+)$/m.exec(output)?.[1]),
    failed: output.split('\n').filter((line) => /^\s*not ok /.test(line)),
  };
}

test('every test of behaviour passes without the fast lane', { skip: FAST_LANE ? false : 'this is that run', timeout: 600_000 }, async () => {
  const { failed, passed, output } = await runTests(SUITES.map((suite) => `test/${suite}/*.test.ts`), { MILLRACE_TEST_LANE: 'general' });
  assert.deepEqual(failed, []);
  assert.ok(passed > 200, output.slice(-2000));
});

test('tests of behaviour pass over HTTP/2', { skip: FAST_LANE ? false : 'once is enough', timeout: 600_000 }, async () => {
  const { failed, passed, output } = await runTests(['cache', 'server', 'admin'].map((suite) => `test/${suite}/*.test.ts`), { MILLRACE_TEST_CLIENT: 'http2' });
  assert.deepEqual(failed, []);
  assert.ok(passed > 200, output.slice(-2000));
});

describe("where Node's handles are not as the fast lane knows them", () => {
  const hidden = { NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'without-internals.ts')).href}` };

  test('they are indeed not used', async () => {
    const { failed, output } = await runTests(['--test-name-pattern', SOCKET_TEST, 'test/lanes/limits.test.ts'], hidden);
    assert.ok(failed.some((line) => line.includes(SOCKET_TEST)), output.slice(-2000));
  });

  test('it gives the same bytes, by public API alone', { timeout: 300_000 }, async () => {
    const { failed, passed, output } = await runTests(['test/lanes/same-bytes.test.ts', 'test/lanes/fuzz.test.ts'], hidden);
    assert.deepEqual(failed, []);
    assert.ok(passed > 80, output.slice(-2000));
  });
});
