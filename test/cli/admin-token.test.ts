/**
 * The token of the administration: by a flag that other users do not see for long, in a file, in the
 * environment; and the commands, which need none.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { administer } from '../kit/administer.ts';
import { request } from '../kit/client.ts';
import { Home, type Running } from './command.ts';

const ORIGIN = 'http://127.0.0.1:9';

async function statusWith(running: Running, adminSecret?: string): Promise<number> {
  const path = '/__admin/stats';
  return (adminSecret === undefined ? await request(running.url + path) : await administer({ ...running, adminSecret }, path)).status;
}

describe('a token', () => {
  const sources: [name: string, args: (home: Home) => string[], env: Record<string, string>][] = [
    ['as a flag', () => ['--admin-token', 'secret'], {}],
    ['as a flag, which goes before the environment', () => ['--admin-token=secret'], { MILLRACE_ADMIN_TOKEN: 'other' }],
    ['in a file', (home) => ['--admin-token-file', written(home, 'token', 'secret\n')], {}],
    ['in the first line of a file', (home) => ['--admin-token-file', written(home, 'token', 'secret \r\n# of 2030\n')], { MILLRACE_ADMIN_TOKEN: 'other' }],
    ['in the environment', () => [], { MILLRACE_ADMIN_TOKEN: 'secret' }],
    ['in a file that the configuration names, from where that lies', (home) => ['--config', (written(home, 'token', 'secret'), written(home, 'a.config.mjs', 'export default { adminTokenFile: "token" };'))], {}],
    ['as a flag, which goes before the configuration', (home) => ['--admin-token', 'secret', '--config', written(home, 'a.config.mjs', 'export default { adminTokenFile: "not-there" };')], {}],
  ];
  for (const [name, args, env] of sources) {
    for (const workers of ['1', '2']) {
      test(`${name}, ${workers} worker(s)`, async (t) => {
        const home = new Home(t, env);
        const running = await home.start('--port', '0', '--origin', ORIGIN, '--log-format', 'off', '--workers', workers, ...args(home));
        assert.match(running.stderr(), /^ {2}admin +needs the token, from this machine too$/mu);
        // A worker that takes the place of another does not look for it again.
        rmSync(join(home.directory, 'token'), { force: true });
        assert.deepEqual([await statusWith(running), await statusWith(running, 'other'), await statusWith(running, 'secret')], [403, 403, 200]);
        assert.equal((await home.run('stats', '--json')).code, 0);
        const known = readFileSync(join(home.directory, 'millrace', `${running.process.pid}.json`), 'utf8');
        assert.ok(!known.includes('"secret"'));
      });
    }
  }

  const refused: [name: string, args: (home: Home) => string[], env: Record<string, string>, words: RegExp][] = [
    ['that is empty in the environment', () => [], { MILLRACE_ADMIN_TOKEN: '' }, /MILLRACE_ADMIN_TOKEN takes letters/u],
    ['of two words in a file', (home) => ['--admin-token-file', written(home, 'token', 'two words')], {}, /--admin-token-file: the first line of .*token is no token/u],
    ['in an empty file', (home) => ['--admin-token-file', written(home, 'token', '')], {}, /--admin-token-file: the first line/u],
    ['in a file that is not there', () => ['--admin-token-file', 'nowhere'], {}, /--admin-token-file: nowhere cannot be read/u],
    ['by both flags', (home) => ['--admin-token', 'a', '--admin-token-file', written(home, 'token', 'a')], {}, /--admin-token and --admin-token-file are the same setting/u],
  ];
  for (const [name, args, env, words] of refused) {
    test(`${name} is refused`, async (t) => {
      const home = new Home(t, env);
      const { code, stderr } = await home.run('--port', '0', '--origin', ORIGIN, ...args(home));
      assert.equal(code, 2);
      assert.match(stderr, words);
    });
  }
});

test('a command finds the token for an instance of another user', async (t) => {
  const running = await new Home(t).start('--port', '0', '--origin', ORIGIN, '--log-format', 'off', '--admin-token', 'secret');
  const port = ['--port', String(running.port)];
  const elsewhere = new Home(t);
  const without = await elsewhere.run('stats', ...port);
  assert.equal(without.code, 1);
  assert.match(without.stderr, /it needs a token.*--admin-token-file/u);
  assert.equal((await elsewhere.run('stats', ...port, '--admin-token', 'secret')).code, 0);
  assert.equal((await elsewhere.run('stats', ...port, '--admin-token-file', written(elsewhere, 'token', 'secret'))).code, 0);
  assert.equal((await new Home(t, { MILLRACE_ADMIN_TOKEN: 'secret' }).run('stats', ...port)).code, 0);
});

test('the commands go on to work once a request has shown a proxy in front, and where other machines reach the port', async (t) => {
  const home = new Home(t);
  const running = await home.start('--port', '0', '--origin', ORIGIN, '--log-format', 'off');
  assert.match(running.stderr(), /^ {2}admin +needs no token on this machine, until a request shows a proxy/mu);
  assert.equal(await statusWith(running), 200);
  await request(`${running.url}/`, { headers: { Host: 'www.example.com' } });
  await running.wrote('stderr', /warning: a request has the Host "www\.example\.com".*--admin-token-file/u);
  assert.equal(await statusWith(running), 403);
  for (const command of [['stats'], ['purge', '/a'], ['explain', '/a'], ['--clear-cache']]) assert.equal((await home.run(...command)).code, 0, command.join(' '));
  const open = new Home(t);
  const other = await open.start('--port', '0', '--origin', ORIGIN, '--log-format', 'off', '--host', '0.0.0.0');
  assert.match(other.stderr(), /^ {2}admin +only by \S+.* stats, purge and so on: the port is open to other machines/mu);
  assert.equal(await statusWith(other), 403);
  assert.equal((await open.run('stats')).code, 0);
});

const skip = existsSync('/proc/self/cmdline') ? false : 'there is no /proc to read command lines from';

test('other users do not see secrets in the list of processes', { skip }, async (t) => {
  const cases: [args: string[], shown: RegExp][] = [
    [['--admin-token', 'very-secret', '--verbose'], /^millrace --port 0 .*--admin-token \*\*\* /u],
    [['--admin-token=very-secret'], /--admin-token=\*\*\*/u],
    [['--redis', 'redis://me:very-secret@127.0.0.1:9/1'], /--redis redis:\/\/\*\*\*@127\.0\.0\.1/u],
    [['--redis=redis://:very-secret@127.0.0.1:9'], /--redis=redis:\/\/\*\*\*@/u],
  ];
  for (const [args, shown] of cases) {
    const running = await new Home(t).start('--port', '0', '--origin', ORIGIN, '--log-format', 'off', ...args);
    const line = readFileSync(`/proc/${running.process.pid}/cmdline`, 'latin1');
    assert.ok(!line.includes('very-secret'), line);
    assert.match(line, shown);
  }
});

function written(home: Home, name: string, text: string): string {
  const file = join(home.directory, name);
  writeFileSync(file, text);
  return file;
}
