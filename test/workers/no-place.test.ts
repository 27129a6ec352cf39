import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
/** In a space of mounts of its own: file systems for /dev/shm ($1) and for $TMPDIR ($2), with those options, then the command. */
const SCRIPT = 'mount --make-rprivate / && mount -t tmpfs -o "$1" tmpfs /dev/shm && mount -t tmpfs -o "$2" tmpfs "$TMPDIR" && shift 2 && exec "$@"';
const canMount = spawnSync('unshare', ['-m', 'mount', '--make-rprivate', '/']).status === 0;

for (const [shm, tmp, said] of [
  ['ro', 'ro', /\/dev\/shm is read-only, and \S+ is read-only/u],
  ['size=8m', 'size=8m', /\/dev\/shm has 8 MB free of 144 MB, and \S+ has 8 MB free of 144 MB/u],
] as const) {
  test(`two workers without a place for their common store (/dev/shm ${shm}, TMPDIR ${tmp}) end with one sentence`, { skip: canMount ? false : 'only root can mount file systems of its own' }, (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-no-place-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const command = [process.execPath, CLI, '--port', '0', '--origin', 'http://127.0.0.1:9', '--workers', '2'];
    const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', SCRIPT, 'sh', shm, tmp, ...command], { env: { PATH: process.env['PATH'], TMPDIR: directory }, encoding: 'utf8', timeout: 60_000 });
    assert.deepEqual([status, stdout], [1, ''], stderr);
    assert.match(stderr, /^millrace: There is no place for what the workers store in common: .*, name a directory with --cache-dir, or start with --workers 1\.\n$/u);
    assert.match(stderr, said);
  });
}
