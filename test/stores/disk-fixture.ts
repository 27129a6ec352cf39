/**
 * @module test/stores/disk-fixture
 * Cache directories of a test file, removed at its end, and what is looked at in them.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { MillraceError } from '../../src/errors.ts';
import { DiskStore } from '../../src/stores/disk.ts';

export const MB: number = 1024 * 1024;

const root = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** The path of one that does not exist yet. */
export const newDirectory = (): string => join(root, String(++count));

export interface Opened {
  readonly store: DiskStore;
  readonly notices: string[];
}

export function open(directory: string, maxBytes: number = 64 * MB, maxObject: number = maxBytes): Opened {
  const notices: string[] = [];
  return { store: new DiskStore({ directory, maxBytes, maxObject, onNotice: (text) => notices.push(text) }), notices };
}

/** Bytes that everything below a directory takes on the disk. */
export function bytesOnDisk(directory: string): number {
  return readdirSync(directory, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(directory, entry.name);
    return sum + (entry.isDirectory() ? bytesOnDisk(path) : statSync(path).blocks * 512);
  }, 0);
}


/** The first segment of a cache that has but that one, and what it holds. */
export function segmentOf(directory: string): { path: string; bytes: Buffer } {
  const path = join(directory, 'bodies', '1');
  return { path, bytes: readFileSync(path) };
}

export function storeError(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof MillraceError && error.code === 'ERR_STORE' && pattern.test(error.message);
}
