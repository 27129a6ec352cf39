import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { completeLock } from './complete-lock.ts';

test('native packages of other platforms are added as npm writes them, and nothing else is touched', () => {
  const there = { version: '2.0.0', optional: true };
  const lock = {
    packages: {
      '': {},
      'node_modules/tool': {
        dev: true,
        optionalDependencies: { '@tool/binding-linux-arm64-musl': '2.0.0', '@tool/darwin-x64': '2.0.0', '@tool/win32-x64-msvc': '2.0.0', fsevents: '2.3.3', '@range/linux-x64': '^1.0.0' },
      },
      'node_modules/@tool/darwin-x64': there,
    },
  };
  assert.deepEqual(completeLock(lock), ['@tool/binding-linux-arm64-musl@2.0.0', '@tool/win32-x64-msvc@2.0.0']);
  const packages: Record<string, unknown> = lock.packages;
  assert.deepEqual(Object.keys(packages), ['', 'node_modules/@tool/binding-linux-arm64-musl', 'node_modules/@tool/darwin-x64', 'node_modules/@tool/win32-x64-msvc', 'node_modules/tool']);
  assert.deepEqual(packages['node_modules/@tool/binding-linux-arm64-musl'], { version: '2.0.0', cpu: ['arm64'], dev: true, libc: ['musl'], optional: true, os: ['linux'] });
  assert.deepEqual(packages['node_modules/@tool/win32-x64-msvc'], { version: '2.0.0', cpu: ['x64'], dev: true, optional: true, os: ['win32'] });
  assert.equal(packages['node_modules/@tool/darwin-x64'], there);
});

test('the lock of the project is complete', () => {
  const lock = JSON.parse(readFileSync(resolve(import.meta.dirname, '../package-lock.json'), 'utf8')) as Parameters<typeof completeLock>[0];
  assert.deepEqual(completeLock(lock), [], 'run `npm run lock`');
});
