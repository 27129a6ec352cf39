/**
 * @module scripts/check-package
 * `npm run check:package`: is what would be published fit to be used? Packs it, checks the tarball,
 * installs it in an empty folder and uses it there as its users do: the command, a request through
 * it, the library and its types, and an older Node.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { start } from './announced.ts';

const root = resolve(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const tool = (name: string): string => join(root, 'node_modules/.bin', name);

/** Uses every type of the library, and none of Node's. */
const CONSUMER = `
import { type ErrorCode, type Explanation, MillraceError, type MillraceProxy, type MillraceServer, type Options, type Outcome, type ProxyStats, type Purge, createProxy, defineConfig, startServer } from 'millrace';

const options: Options = defineConfig({ origin: 'http://127.0.0.1:1', maxMemory: '1MB' });
const proxy: MillraceProxy = createProxy(options);
const forget: () => void = proxy.onOutcome((outcome: Outcome) => outcome.reasons[0]?.code);
const purge: Purge = { url: '/', soft: true };
const stats: ProxyStats = proxy.stats();
const explanation: Explanation = await proxy.explain('/');
const purged: number | undefined = await proxy.purge(purge);
const server: MillraceServer = await startServer({ ...options, port: 0 });
await server.close();
await proxy.close();
forget();
const code: ErrorCode = new MillraceError('ERR_CONFIG', 'no').code;
export const all: readonly unknown[] = [stats.hits, explanation.now.action, purged, code];
`;

/** Uses the library in everything it is made for. */
const FRAMEWORKS = `
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { createProxy } from 'millrace';

const proxy = createProxy({ origin: 'http://127.0.0.1:1' });
createServer(proxy.handler).on('upgrade', proxy.upgrade).on('connect', proxy.connect);
createSecureServer({ allowHTTP1: true }, proxy.handler);
{
  const app = express();
  app.use('/api', proxy.middleware);
  app.use(proxy.middleware);
}
{
  const app = fastify();
  app.all('/*', proxy.handler);
}
{
  const app = new Hono();
  app.all('*', (context) => proxy.fetch(context.req.raw));
  console.log((await app.request('/page')).status);
}
export const GET = (request: Request) => proxy.fetch(request);
console.log((await GET(new Request('http://localhost/page'))).status);
`;

const SERVER = `
import { createServer } from 'node:http';
import { once } from 'node:events';
import { startServer } from 'millrace';

const origin = createServer((request, response) => response.setHeader('Cache-Control', 'max-age=60').end('hello')).listen(0, '127.0.0.1');
await once(origin, 'listening');
const server = await startServer({ origin: 'http://127.0.0.1:' + origin.address().port, port: 0, workers: 2 });
const results = [];
for (let i = 0; i < 2; i++) results.push((await fetch(server.url + '/page')).headers.get('x-cache'));
results.push(await server.purge({ url: '/page' }), (await server.stats()).workers.length);
await server.close();
origin.close();
origin.closeAllConnections();
console.log(results.join(' '));
`;

// npm hands its settings down in the environment; the user of the package has none of them.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-package-')));
try {
  const tarball = pack();
  await lint(tarball);
  checkFiles(tarball);
  const user = install(tarball);
  await useCommand(user);
  useLibrary(user);
  useOldNode(user);
  step('the package is fit to be published');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function step(what: string): void {
  console.log(`- ${what}`);
}

function run(cwd: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The path of the tarball; packing builds first. */
function pack(): string {
  run(root, 'npm', 'pack', '--pack-destination', folder);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  assert.ok(tarball, 'npm pack made no tarball');
  step(`packed ${tarball}`);
  return join(folder, tarball);
}

/** What publint knows of the mistakes that packages are published with. */
async function lint(tarball: string): Promise<void> {
  const { buffer } = new Uint8Array(readFileSync(tarball));
  const { messages, pkg } = await publint({ strict: true, pack: { tarball: buffer } });
  assert.deepEqual(messages.map((message) => formatMessage(message, pkg ?? {}, { color: false })), []);
  step('publint has nothing to say');
}

function checkFiles(tarball: string): void {
  const files = run(root, 'tar', '-tzf', tarball).trim().split('\n').map((path) => path.replace(/^package\//, ''));
  for (const needed of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'dist/index.js', 'dist/index.d.ts', 'dist/cli.js']) {
    assert.ok(files.includes(needed), `${needed} is not in the tarball`);
  }
  const strange = files.filter((path) => /\.test\.|(?<!\.d)\.ts$|^(src|test|scripts)\//.test(path));
  assert.deepEqual(strange, [], 'the tarball has files that nobody needs who uses the package');
  step(`${files.length} files, and no others`);
}

/** Installs the tarball in an empty folder, and returns that. */
function install(tarball: string): string {
  const user = join(folder, 'user');
  mkdirSync(user);
  run(user, 'npm', 'install', '--no-audit', '--no-fund', tarball);
  step('installed in an empty folder');
  return user;
}

async function useCommand(user: string): Promise<void> {
  assert.equal(run(user, 'npx', '--no-install', 'millrace', '--version').trim(), version);
  assert.match(run(user, 'npx', '--no-install', 'millrace', '--help'), /--origin/);
  step('npx millrace --version and --help answer');

  let asked = 0;
  const origin = createServer((_request, response) => {
    asked++;
    response.setHeader('Cache-Control', 'max-age=60');
    response.end('from the origin');
  });
  await new Promise<void>((listening) => {
    origin.listen(0, '127.0.0.1', listening);
  });
  const originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  try {
    const proxy = await start('npx', ['--no-install', 'millrace', '--port', '0', '--origin', originUrl], /listens on (http:\S+)/, { cwd: user, env });
    try {
      for (const expected of ['MISS', 'HIT']) {
        const response = await fetch(`${proxy.url}/page`);
        assert.equal(await response.text(), 'from the origin');
        assert.equal(response.headers.get('x-cache'), expected, proxy.output());
      }
      assert.equal(asked, 1);
    } finally {
      await proxy.stop();
    }
  } finally {
    origin.close();
    origin.closeAllConnections();
  }
  step('one request through it is a miss, the next a hit, and Ctrl-C ends it');
}

function useLibrary(user: string): void {
  writeFileSync(join(user, 'consumer.mts'), CONSUMER);
  writeFileSync(join(user, 'server.mjs'), SERVER);
  for (const lib of ['esnext', 'esnext,dom']) check(user, 'consumer.mts', '--lib', lib, '--types', '', '--skipLibCheck', 'false');
  step('its types hold without those of Node, and nothing is skipped in them');
  assert.match(run(user, 'node', 'server.mjs'), /^MISS HIT 1 2$/m);
  step('startServer serves with two workers');

  writeFileSync(join(user, 'frameworks.mts'), FRAMEWORKS);
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { devDependencies: Record<string, string> };
  run(user, 'npm', 'install', '--no-audit', '--no-fund', '--no-save', `@types/node@${devDependencies['@types/node']}`, `express@${devDependencies['express']}`, `fastify@${devDependencies['fastify']}`, '@types/express@5', 'hono@4');
  check(user, 'frameworks.mts', '--types', 'node', '--skipLibCheck', 'true');
  check(user, 'consumer.mts', '--types', 'node', '--skipLibCheck', 'false');
  // Nothing listens on the port of that origin.
  assert.equal(run(user, 'node', 'frameworks.mts'), '502\n502\n');
  step('it runs in Node, Express, Fastify and Hono, and its types fit theirs');
}

function check(user: string, file: string, ...options: string[]): void {
  run(user, tool('tsc'), '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'esnext', ...options, file);
}

/** An older Node says what is needed, and nothing else: the command and the library alike. */
function useOldNode(user: string): void {
  const old = join(folder, 'old');
  mkdirSync(old);
  // Its install script fetches the binary.
  writeFileSync(join(old, 'package.json'), JSON.stringify({ private: true, allowScripts: { node: true } }));
  run(old, 'npm', 'install', '--no-audit', '--no-fund', '--no-save', '--no-package-lock', 'node@20');
  const node = join(old, 'node_modules/node/bin/node');
  const needed = /Node\.js 24 or later is needed, and this is 20\.\d+\.\d+\. Install a newer one from https:\/\/nodejs\.org\./;
  const command = spawnSync(node, [join(user, 'node_modules/millrace/dist/cli.js'), '--version'], { env, encoding: 'utf8' });
  assert.match(command.stderr, needed);
  assert.equal(command.stderr.trim().split('\n').length, 1, command.stderr);
  const library = spawnSync(node, ['--input-type=module', '--eval', "await import('millrace').catch((error) => console.log(error.code, error.message))"], { cwd: user, env, encoding: 'utf8' });
  assert.match(library.stdout, needed, library.stderr);
  assert.match(library.stdout, /^ERR_NODE_VERSION /);
  step('on Node 20 command and library say what they need');
}
