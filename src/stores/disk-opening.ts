/**
 * @module stores/disk-opening
 * Opens the table of a cache directory, or begins it anew where what is there cannot be trusted.
 */
import { closeSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DiskDirectory } from './disk-directory.ts';
import { openFile } from './disk-files.ts';
import { isDamage } from './disk-health.ts';
import { DiskIndex } from './disk-index.ts';
import { hasStamps } from './disk-stamps.ts';

/** With the first number of this process, where this is its first thread: the one that has the directory. */
export function openIndex(path: string, directory: DiskDirectory | undefined): [index: DiskIndex, firstNumber: number | undefined] {
  const file = join(path, 'index.db');
  if (directory === undefined) return [new DiskIndex(file), undefined];
  // Without stamps it is not known what was purged.
  if (existsSync(file) && !hasStamps(path)) directory.discard('its purge stamps are missing or used up');
  try {
    return beginIndex(file);
  } catch (error) {
    if (!isDamage(error)) throw error;
    directory.discard('its index was damaged');
    return beginIndex(file);
  }
}

function beginIndex(path: string): [index: DiskIndex, firstNumber: number] {
  // Keys and fields are nobody else's to read. SQLite takes over the mode for what it puts beside it.
  closeSync(openFile(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600));
  const index = new DiskIndex(path);
  try {
    return [index, index.begin()];
  } catch (error) {
    index.close(false);
    throw error;
  }
}
