/**
 * @module scripts/test
 * `npm test` runs every test once, but for the files named `*.full.test.ts`. `npm run test:full` runs
 * these, and some of the others again, under other circumstances and with more random input. Options
 * of `node --test` may follow.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

interface Run {
  readonly name: string;
  readonly files: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const ROOT = join(import.meta.dirname, '..');
const WITHOUT_INTERNALS = pathToFileURL(join(ROOT, 'test/lanes/without-internals.ts')).href;

/** More cases of what a quicker file beside it tests once, or what takes long. */
const ONLY_FULL = '{src,test,scripts,bench}/**/*.full.test.ts';

/** In one process; first, as it takes longest. */
const UNIT_TESTS = 'scripts/unit-tests.ts';

const USUAL: readonly Run[] = [{ name: 'every test', files: [UNIT_TESTS, 'test/**/*.test.ts', 'scripts/**/*.test.ts', 'bench/**/*.test.ts'] }];

const FULL: readonly Run[] = [
  { name: 'what only this run tests', files: [ONLY_FULL] },
  {
    name: 'behaviour without the fast lane',
    files: ['cache', 'server', 'conformance', 'admin', 'security'].map((suite) => `test/${suite}/*.test.ts`),
    env: { MILLRACE_TEST_LANE: 'general' },
  },
  {
    name: 'behaviour over HTTP/2',
    files: ['cache', 'server', 'admin'].map((suite) => `test/${suite}/*.test.ts`),
    env: { MILLRACE_TEST_CLIENT: 'http2' },
  },
  {
    name: 'what outlives a process, with two workers',
    files: ['test/cli/{disk,purge}.test.ts'],
    env: { MILLRACE_TEST_WORKERS: '2' },
  },
  {
    name: "the fast lane where Node's handles are not as it knows them",
    files: ['test/lanes/same-bytes.test.ts', 'test/lanes/fuzz.test.ts'],
    env: { NODE_OPTIONS: `--import=${WITHOUT_INTERNALS}` },
  },
  {
    name: 'processes that are killed, random input, and large bodies, with five times as much',
    files: ['test/{cli,stores}/disk-crash.test.ts', 'test/cache/large-body.test.ts', 'test/stores/{memory,disk,tiered,redis,memcached}.test.ts', 'test/lanes/{fuzz,large-misses}.test.ts', 'test/http2/fuzz.test.ts', 'test/origin/plain.test.ts'],
    env: { MILLRACE_TEST_ROUNDS: '5' },
  },
];

function run({ files, env }: Run, options: readonly string[]): boolean {
  const found = files.map((pattern) => globSync(pattern, { cwd: ROOT, exclude: pattern === ONLY_FULL ? [] : [ONLY_FULL] }));
  const absent = files.filter((_, i) => found[i]!.length === 0);
  if (absent.length > 0) throw new Error(`No tests are in ${absent.join(', ')}.`);
  // Many tests wait for processes that start, or for time to pass.
  const concurrency = availableParallelism() + 1;
  const { status } = spawnSync(process.execPath, ['--test', '--test-timeout=120000', `--test-concurrency=${concurrency}`, ...options, ...found.flat()], {
    cwd: ROOT,
    stdio: 'inherit',
    // Without it, half of the time goes into reading the same sources again in a thousand processes.
    env: { ...process.env, NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/node'), ...env },
  });
  return status === 0;
}

const isFull = process.argv[2] === '--full';
const options = process.argv.slice(isFull ? 3 : 2);
const failed: string[] = [];
for (const each of isFull ? FULL : USUAL) {
  console.log(`\n--- ${each.name}`);
  if (!run(each, options)) failed.push(each.name);
}
if (failed.length > 0) {
  console.error(`\nFailed: ${failed.join('; ')}.`);
  process.exitCode = 1;
}
