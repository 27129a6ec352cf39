import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { Home } from './command.ts';

describe('a wrong command line is one sentence and exit code 2', { concurrency: 2 }, () => {
  const cases: [string[], RegExp][] = [
    [['--prot', '80'], /^millrace: There is no option --prot; did you mean --port\?\nTry 'millrace --help'\.\n$/u],
    [['stast'], /^millrace: "stast" is neither a command.*did you mean stats\?\n/u],
    [['--port', 'abc'], /^millrace: --port takes a whole number, from 0 to 65535, not "abc"\.\n$/u],
    [['soon'], /^millrace: "soon" is neither a command, nor an origin such as http:\/\/localhost:3000, nor a stale_time/u],
    [['99999999999'], /^millrace: stale_time takes a duration/u],
    [['--origin', 'localhost:3000'], /^millrace: --origin takes a URL .*did you mean http:\/\/localhost:3000\?\n$/u],
    [['--origin', 'ftp://a.example'], /^millrace: --origin takes an http:\/\/ or https:\/\/ URL/u],
    [['--origin', 'http://u:p@a.example'], /^millrace: --origin takes no user name or password/u],
    [['--host', '0.0.0.0'], /^millrace: --host 0\.0\.0\.0 lets others use this proxy, .*--allow-host .*--origin\.\n$/u],
    [['--no-admin', '--admin-port', '9000'], /^millrace: --admin-port has no meaning with --no-admin/u],
    [['--config', 'missing.ts'], /^millrace: --config: there is no file .*missing\.ts\.\n$/u],
    [['purge'], /^millrace: millrace purge needs one of URL, --prefix URL, --host HOST, --tag TAG and --all\.\n/u],
    [['purge', '--all', '--url', '/'], /^millrace: millrace purge needs one of/u],
    [['purge', '/a', '--tag', 'b'], /^millrace: millrace purge needs one of/u],
    [['purge', '/a', '/b'], /^millrace: millrace purge has no use for "\/b"/u],
    [['purge', '--soft'], /^millrace: millrace purge needs one of/u],
    [['explain'], /^millrace: millrace explain needs the URL/u],
    [['\u001B[2J'], /^millrace: "\\u001b\[2J" is neither/u],
  ];
  for (const [args, stderr] of cases) {
    test(JSON.stringify(args.join(' ')), async (t) => {
      const done = await new Home(t).run(...args);
      assert.match(done.stderr, stderr);
      assert.deepEqual({ code: done.code, stdout: done.stdout }, { code: 2, stdout: '' });
    });
  }
});

describe('a configuration file', () => {
  const cases: [string, RegExp][] = [
    ['export default { port: "x" };', /^millrace: port in config\.mjs takes a whole number/u],
    ['export default { prot: 1 };', /^millrace: prot in config\.mjs is no option; did you mean port\?\n$/u],
    ['export default { host: "0.0.0.0" };', /^millrace: host in config\.mjs 0\.0\.0\.0 lets others use/u],
    ['export const port = 1;', /^millrace: --config: .*config\.mjs has no options as its default export/u],
    ['export default [];', /has no options as its default export/u],
    ['throw new Error("broken");', /^millrace: --config: .*config\.mjs cannot be loaded: broken\n$/u],
    ['export default {', /^millrace: --config: .*config\.mjs cannot be loaded: /u],
  ];
  for (const [source, stderr] of cases) {
    test(source, async (t) => {
      const home = new Home(t);
      writeFileSync(join(home.directory, 'config.mjs'), source);
      const done = await home.run('--config', 'config.mjs');
      assert.match(done.stderr, stderr);
      assert.equal(done.code, 2);
    });
  }

  test('is not looked for', async (t) => {
    const home = new Home(t);
    writeFileSync(join(home.directory, 'millrace.config.mjs'), 'process.stdout.write("loaded");');
    const done = await home.run('--port', 'x');
    assert.equal(done.stdout, '');
  });
});

describe('what npm and the shell leave of a command line', () => {
  test('a flag that npm took for itself is named, with what to type', async (t) => {
    const done = await new Home(t, { npm_lifecycle_event: 'start', npm_config_origin: 'http://localhost:3000' }).run();
    assert.equal(done.code, 2);
    assert.match(done.stderr, /npm took --origin for an option of its own\. .*npm start -- --origin http:\/\/localhost:3000\n/u);
    // Where npm does not know the option, it leaves us the value.
    const left = await new Home(t, { npm_lifecycle_event: 'start', npm_config_origin: 'true' }).run('http://localhost:3000');
    assert.match(left.stderr, /npm start -- --origin http:\/\/localhost:3000\n/u);
  });

  test('a lone port as an origin is completed', async (t) => {
    assert.match((await new Home(t).run('--origin', '3000')).stderr, /did you mean http:\/\/localhost:3000\?\n/u);
  });
});

test('relative paths of a configuration file count from that file', async (t) => {
  const home = new Home(t);
  mkdirSync(join(home.directory, 'etc'));
  writeFileSync(join(home.directory, 'etc', 'config.mjs'), `export default { origin: 'http://127.0.0.1:9', port: 0, tlsCert: 'cert.pem', tlsKey: 'key.pem' };`);
  const { stderr } = await home.run('--config', 'etc/config.mjs');
  assert.ok(stderr.includes(join(home.directory, 'etc', 'cert.pem')), stderr);
});

test('--help fits a screen, --version is that of the package', async (t) => {
  const home = new Home(t);
  const [help, version, ofCommand] = await Promise.all([home.run('--help'), home.run('-V'), home.run('purge', '--help')]);
  const lines = help.stdout.trimEnd().split('\n');
  assert.ok(lines.length <= 60 && lines.every((line) => line.length <= 80));
  assert.deepEqual([help.code, help.stderr], [0, '']);
  const { version: expected } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  assert.deepEqual(version, { code: 0, stdout: `${expected}\n`, stderr: '' });
  assert.match(ofCommand.stdout, /^millrace purge URL/u);
});

test('a reader who leaves early is no error', async (t) => {
  const command = new Home(t).launch('--help');
  command.process.stdout!.destroy();
  const { code, stderr } = await command.finished;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

describe('the instance a command means', () => {
  test('none runs', async (t) => {
    const done = await new Home(t).run('stats');
    assert.equal(done.code, 1);
    assert.match(done.stderr, /^millrace: No instance of yours runs\. .*--port\.\n$/u);
  });

  test('nothing answers at the port', async (t) => {
    // The port of a server that was just closed.
    const port = await fakeInstance(t).then((instance) => instance.close());
    const done = await new Home(t).run('--clear-cache', '--port', String(port));
    assert.equal(done.code, 1);
    assert.match(done.stderr, new RegExp(`^millrace: http://127\\.0\\.0\\.1:${port} does not answer\\. Does Millrace run there\\?\\n$`, 'u'));
  });

  test('something else answers at the port', async (t) => {
    const { port } = await fakeInstance(t, '<h1>hello</h1>');
    const done = await new Home(t).run('stats', '--port', String(port));
    assert.equal(done.code, 1);
    assert.match(done.stderr, /answers with 200 and not as Millrace does\. Is it the right port\?/u);
  });

  test('several run: they are listed, and one has to be named', async (t) => {
    const home = new Home(t);
    const [one, two] = await Promise.all([fakeInstance(t, '{"status":"ok","purged":1}'), fakeInstance(t, '{"status":"ok","purged":2}')]);
    // Two processes that live as long as the test does.
    announce(home, process.pid, one.port, 'http://a.example');
    announce(home, process.ppid, two.port);
    const done = await home.run('--clear-cache');
    assert.equal(done.code, 2);
    assert.match(done.stderr, /^millrace: Several instances run; name one with --port:\n/u);
    assert.ok(done.stderr.includes(`  --port ${one.port}  http://a.example  process ${process.pid}, since 2030-01-01T00:00:00.000Z\n`), done.stderr);
    assert.ok(done.stderr.includes(`  --port ${two.port}  any host`));
    const named = await home.run('--clear-cache', '--port', String(two.port));
    assert.deepEqual(named, { code: 0, stdout: 'The cache is empty now; 2 stored responses were removed.\n', stderr: '' });
    assert.equal(two.authorization, 'Bearer secret', 'its token is known');
  });

  test('one without administration says so', async (t) => {
    const home = new Home(t);
    const { port } = await fakeInstance(t);
    announce(home, process.pid, port, undefined, false);
    const done = await home.run('stats');
    assert.equal(done.code, 1);
    assert.match(done.stderr, /was started with --no-admin/u);
  });
});

interface FakeInstance {
  readonly port: number;
  /** Of the last request. */
  readonly authorization: string | undefined;
  /** Resolves to the port, which is closed then. */
  close(): Promise<number>;
}

/** Answers every request with the same text. */
async function fakeInstance(t: TestContext, body = '{"status":"ok"}'): Promise<FakeInstance> {
  let authorization: string | undefined;
  const server = createServer((request, response) => {
    authorization = request.headers.authorization;
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<number> => new Promise((resolve) => server.close(() => resolve(port)));
  t.after(close);
  return {
    port,
    close,
    get authorization() {
      return authorization;
    },
  };
}

function announce(home: Home, pid: number, port: number, origin?: string, admin = true): void {
  const directory = join(home.directory, 'millrace');
  mkdirSync(directory, { mode: 0o700, recursive: true });
  const url = `http://127.0.0.1:${port}`;
  const instance = { pid, port, host: '127.0.0.1', url, adminUrl: admin ? url : undefined, adminSecret: 'secret', origin, started: '2030-01-01T00:00:00.000Z', version: '0' };
  writeFileSync(join(directory, `${pid}.json`), JSON.stringify(instance), { mode: 0o600 });
}
