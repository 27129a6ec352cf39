/**
 * @module scripts/check-package
 * `npm run check:package`: is what would be published fit to be used? Packs it, checks the tarball,
 * installs it in an empty folder and uses it there as its users do: the command, a request through
 * it, the library and its types.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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

const CONSUMER = `
import { createServer } from 'node:http';
import { type MillraceProxy, type Options, createProxy } from 'millrace';

const options: Options = { origin: 'http://127.0.0.1:1', maxMemory: '1MB' };
const proxy: MillraceProxy = createProxy(options);
createServer(proxy.handler).on('upgrade', proxy.upgrade);
const hits: number = proxy.stats().hits;
process.stdout.write(String(hits));
await proxy.close();
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
  // Node's own types are the consumer's to bring.
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
  run(user, tool('tsc'), '--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', ...types, 'consumer.mts');
  assert.equal(run(user, 'node', 'consumer.mts'), '0');
  step('the library runs, and its types hold');
}
