/**
 * @module test/lanes/general
 * The tests of behaviour once more, without the fast lane: what they ask for holds in both.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { FAST_LANE } from '../kit/proxy.ts';

const SUITES = ['cache', 'server', 'conformance', 'admin', 'security'];

test('every test of behaviour passes without the fast lane', { skip: FAST_LANE ? false : 'this is that run', timeout: 600_000 }, async () => {
  const globs = SUITES.map((suite) => `test/${suite}/*.test.ts`);
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const child = spawn(process.execPath, ['--test', '--test-timeout=120000', '--test-reporter=tap', ...globs], {
    cwd: resolve(import.meta.dirname, '../..'),
    env: { ...environment, MILLRACE_TEST_LANE: 'general' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const failed = output.split('\n').filter((line) => /^\s*not ok /.test(line));
  assert.deepEqual(failed, []);
  assert.equal(child.exitCode, 0, output.slice(-2000));
  assert.ok(Number(/^# pass (\d+)$/m.exec(output)?.[1]) > 200);
});
