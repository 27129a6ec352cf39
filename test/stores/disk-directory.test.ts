/**
 * @module test/stores/disk-directory
 * Which directories the disk store takes, and who else may read them.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { bytesOf, putWhole } from './objects.ts';
import { newDirectory, open, storeError } from './disk-fixture.ts';

describe('a directory', () => {
  test('of another program is refused, and left as it is', () => {
    const directory = newDirectory();
    mkdirSync(directory);
    writeFileSync(join(directory, 'thesis.txt'), 'words');
    assert.throws(() => open(directory), storeError(/thesis\.txt.*Nothing was touched/));
    assert.deepEqual(readdirSync(directory), ['thesis.txt']);
    writeFileSync(join(directory, 'millrace.json'), '{"program":"another"}');
    assert.throws(() => open(directory), storeError(/not Millrace's/));
    assert.deepEqual(readdirSync(directory).sort(), ['millrace.json', 'thesis.txt']);
  });

  test('of another version is refused, and left as it is', async () => {
    const directory = newDirectory();
    await open(directory).store.close();
    writeFileSync(join(directory, 'millrace.json'), '{"program":"millrace","format":99}');
    const before = readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mtimeMs]);
    assert.throws(() => open(directory), storeError(/format 99, this program reads 4/));
    assert.deepEqual(readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mtimeMs]), before);
  });

  test('that cannot be made is refused', () => {
    const file = newDirectory();
    writeFileSync(file, '');
    assert.throws(() => open(join(file, 'cache')), storeError(/cannot be used/));
  });

  test('belongs to one process at a time, and is free as soon as that one is killed', async () => {
    const directory = newDirectory();
    const script = `
      import { DiskStore } from ${JSON.stringify(new URL('../../src/stores/disk.ts', import.meta.url).href)};
      const store = new DiskStore({ directory: process.argv[1], maxBytes: 1e6, maxObject: 1e6 });
      const writer = store.put('k', 5);
      writer.write(Buffer.from('hello'));
      await writer.commit(Buffer.from('meta'));
      console.log('ready');
      setInterval(() => {}, 1000);`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', script, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    assert.throws(() => open(directory), storeError(/in use by another running proxy/));
    other.kill('SIGKILL');
    await once(other, 'close');
    const { store } = open(directory);
    assert.equal((await store.get('k'))?.meta.toString(), 'meta');
    assert.throws(() => open(directory), storeError(/in use/), 'nor to two stores of one process that know nothing of each other');
    await store.close();
    await open(directory).store.close();
  });
});

describe('other users of the machine', () => {
  /** What is in a directory with what others may do there. */
  const open755 = (path: string): string => {
    mkdirSync(path);
    chmodSync(path, 0o755);
    return path;
  };

  for (const [name, directory] of [['a directory of its own', newDirectory], ['a directory that was there', () => open755(newDirectory())]] as const) {
    test(`read nothing of what is kept in ${name}`, async () => {
      const path = directory();
      const { store } = open(path);
      await putWhole(store, 'http://a/secret', Buffer.from('meta'), [bytesOf(300_000)]);
      await store.close();
      const { store: again } = open(path);
      for (const kept of ['bodies', 'index.db', 'index.db-wal', 'index.db-shm']) assert.equal(statSync(join(path, kept)).mode & 0o077, 0, kept);
      await again.close();
    });
  }

  const PLANTED = [
    'millrace.json.new', 'CACHEDIR.TAG', 'CACHEDIR.TAG.new', 'running', 'running.new', 'lock.db', 'lock.db-journal',
    'index.db', 'index.db-journal', 'index.db-wal', 'index.db-shm', 'stamps', 'stamps.new', 'bodies', 'bodies/0', 'bodies/1', 'bodies/2',
  ];
  for (const name of PLANTED) {
    for (const [target, wasThere] of [['a file', true], ['a directory', true], ['nothing', false]] as const) {
      test(`have nothing written elsewhere by a link ${name} to ${target}`, async () => {
        const elsewhere = newDirectory();
        mkdirSync(elsewhere);
        const precious = join(elsewhere, 'precious');
        if (target === 'a file') writeFileSync(precious, 'words');
        else if (target === 'a directory') mkdirSync(precious);
        const look = (): unknown => [readdirSync(elsewhere, { recursive: true }), target === 'a file' && readFileSync(precious, 'utf8')];
        const before = look();
        const path = newDirectory();
        // Before the first start, where that is taken for an empty directory; else after one.
        if (name === 'millrace.json.new') mkdirSync(path);
        else await open(path).store.close();
        rmSync(join(path, name), { recursive: true, force: true });
        symlinkSync(precious, join(path, name));
        try {
          const { store } = open(path);
          for (const key of ['http://a/1', 'http://a/2']) await putWhole(store, key, Buffer.from('meta'), [bytesOf(300_000)]).catch(() => undefined);
          await store.close();
        } catch (error) {
          // It may be refused, with words that name the directory.
          assert.ok(storeError(/The cache directory .* cannot be used|The cache in/u)(error), String(error));
        }
        assert.deepEqual(look(), before);
        assert.equal(existsSync(precious), wasThere);
      });
    }
  }

  test('cannot put a directory of theirs in place of ours', { skip: process.getuid?.() !== 0 && 'only root can give directories away' }, () => {
    const shared = newDirectory();
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    const theirs = open755(join(shared, 'cache'));
    chownSync(theirs, 12_345, 12_345);
    assert.throws(() => open(theirs), storeError(/belongs to another user \(12345\)/u));
    assert.deepEqual(readdirSync(theirs), []);
    // Where not everybody can make one, it was given to us.
    chmodSync(shared, 0o755);
    void open(theirs).store.close();
  });
});
