import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { mountSmall, writeUntilFull } from '../../test/kit/small-disk.ts';
import { makeScratch } from './scratch.ts';

const MB = 1024 * 1024;

const user = String(process.getuid?.() ?? 'user');

test('is a private directory, and is gone when removed', (t) => {
  const base = mkdtempSync(join(tmpdir(), 'scratch-'));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const scratch = makeScratch(0, [base]);
  assert.equal(dirname(scratch.path), base);
  assert.deepEqual([scratch.notice, scratch.bytes], [undefined, 0]);
  assert.equal(statSync(scratch.path).mode & 0o077, 0);
  scratch.remove();
  scratch.remove();
  assert.ok(!existsSync(scratch.path));
});

test('what a process left that is no more is removed, and nothing else', (t) => {
  const base = mkdtempSync(join(tmpdir(), 'scratch-'));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const { pid } = spawnSync(process.execPath, ['--version']);
  const left = join(base, `millrace-${user}-${pid}-abcdef`);
  const others = [`millrace-${user}-${process.pid}-abcdef`, `millrace-${user}-${pid}`, `else-${user}-${pid}-abcdef`].map((name) => join(base, name));
  for (const path of [left, ...others]) mkdirSync(path);
  makeScratch(0, [base]);
  assert.ok(!existsSync(left));
  for (const path of others) assert.ok(existsSync(path), path);
});

test('without memory as a file system, it lies elsewhere and says so', (t) => {
  const base = mkdtempSync(join(tmpdir(), 'scratch-'));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const scratch = makeScratch(100, ['/no/such/place', base]);
  assert.equal(scratch.notice, `what the workers store lies in ${scratch.path} and not in memory alone: there is no /no/such/place.`);
  assert.deepEqual([dirname(scratch.path), scratch.bytes], [base, 100]);
});

test('where a file is in the place of the directory, or no place is left, one error says all of it', (t) => {
  const base = mkdtempSync(join(tmpdir(), 'scratch-'));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const file = join(base, 'file');
  writeFileSync(file, '');
  assert.throws(() => makeScratch(100 * MB, ['/no/such/place', file]), {
    code: 'ERR_STORE',
    message: new RegExp(`^There is no place for what the workers store in common: there is no /no/such/place, and ${file} cannot be used \\(ENOTDIR.*\\)\\. Make one of them writable and 116 MB large, name a directory with --cache-dir, or start with --workers 1\\.$`, 'u'),
  });
});

test('of places that are full, too small or read-only, the one with the most room is taken for a smaller store, or none', (t) => {
  const [tiny, small, full] = [mountSmall(t, 8), mountSmall(t, 64), mountSmall(t, 64)];
  if (tiny === undefined || small === undefined || full === undefined) return;
  writeUntilFull(join(full, 'filler'));
  const scratch = makeScratch(100 * MB, [tiny, small, full]);
  assert.equal(dirname(scratch.path), small);
  // Of 64 MB, 16 are for what the store takes besides; a fifth of the rest stays free.
  assert.equal(scratch.bytes, Math.floor(0.8 * 48 * MB));
  assert.match(scratch.notice!, /^the workers' common store has 39 MB in place of 100 MB, in \S+: \S+ has 8 MB free of 116 MB, and \S+ has 64 MB free of 116 MB, and \S+ (?:has 0 MB free of 116 MB|is full)\. Make room there, or name a directory with --cache-dir\.$/u);
  for (const base of [tiny, full]) assert.deepEqual(readdirSync(base).filter((name) => name.startsWith('millrace-')), [], 'nothing is left where it does not lie');
  scratch.remove();
  assert.throws(() => makeScratch(100 * MB, [tiny, full]), { code: 'ERR_STORE', message: /^There is no place .*: \S+ has 8 MB free of 116 MB, and / });
  execFileSync('mount', ['-o', 'remount,ro', small]);
  assert.throws(() => makeScratch(100 * MB, [tiny, small]), { code: 'ERR_STORE', message: /^There is no place .* and \S+ is read-only\. Make one of them writable and 116 MB large/ });
  for (const base of [tiny, full, small]) assert.deepEqual(readdirSync(base).filter((name) => name.startsWith('millrace-')), []);
});
