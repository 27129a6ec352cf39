import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { makeScratch } from './scratch.ts';

const user = String(process.getuid?.() ?? 'user');

test('is a private directory, and is gone when removed', (t) => {
  const base = mkdtempSync(join(tmpdir(), 'scratch-'));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const scratch = makeScratch(0, base);
  assert.equal(dirname(scratch.path), base);
  assert.equal(scratch.problem, undefined);
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
  makeScratch(0, base);
  assert.ok(!existsSync(left));
  for (const path of others) assert.ok(existsSync(path), path);
});

test('without memory as a file system, or room in it, it lies elsewhere and says so', () => {
  for (const [base, bytes, problem] of [['/no/such/place', 0, /no \/no\/such\/place that can be written/u], [tmpdir(), 2 ** 60, /no room for \d+ MB/u]] as const) {
    const scratch = makeScratch(bytes, base);
    assert.match(scratch.problem!, problem);
    assert.equal(dirname(scratch.path), tmpdir());
    scratch.remove();
  }
});
