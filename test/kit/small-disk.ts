/**
 * @module test/kit/small-disk
 * A file system that is soon full.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Its directory, until the test ends; undefined, and the test skipped, where none can be mounted. */
export function mountSmall(context: TestContext, megabytes: number): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory], { stdio: 'pipe' });
  } catch {
    rmdirSync(directory);
    context.skip('only root can mount a small file system');
    return undefined;
  }
  context.after(() => {
    execFileSync('umount', ['-l', directory]);
    rmdirSync(directory);
  });
  return directory;
}

/** Takes all that is left in a file of that path. */
export function writeUntilFull(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const size of [65_536, 4096]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch {
        // Full, but for less than that.
      }
    }
  } finally {
    closeSync(file);
  }
}
