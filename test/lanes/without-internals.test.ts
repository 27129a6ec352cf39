/**
 * @module test/lanes/without-internals
 * What hides Node's internals from the fast lane does hide them, so that tests which load it try the
 * way by public API.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const SOCKET_TEST = 'the socket of a connection is one that reads into the shared buffer';

test("Node's handles are not used where they are hidden", () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const run = (...args: string[]): string =>
    spawnSync(process.execPath, [...args, '--test', '--test-reporter=tap', `--test-name-pattern=${SOCKET_TEST}`, 'limits.test.ts'], { cwd: import.meta.dirname, env, encoding: 'utf8' }).stdout;
  assert.match(run(), new RegExp(`^ok .*${SOCKET_TEST}`, 'mu'));
  assert.match(run(`--import=${join(import.meta.dirname, 'without-internals.ts')}`), new RegExp(`^not ok .*${SOCKET_TEST}`, 'mu'));
});
