/**
 * @module stores/disk-quota
 * What a directory takes on the disk, and how much of that may be stored responses. The quota that an
 * operator names is one of the directory, as `du` sees it.
 */

/**
 * Bytes beside what grows with what is stored: purge stamps (5.3 MB), an empty table, the log of SQLite (2 MB, and what one
 * transaction may add), its shared memory, the lock, and the directories themselves.
 */
export const FIXED_BYTES: number = 8 * 1024 * 1024;
/** Bytes that a table takes in which nothing is stored, of those: a page for each of its tables and indexes, and what splits them. */
const EMPTY_TABLE_BYTES = 256 * 1024;
/** Room within files that nobody has may come to this share of what is stored: it is used again first. */
const FREE_SHARE = 0.1;

/** Bytes that may be stored where the directory may take that many. */
export function storedBytesFor(directoryBytes: number): number {
  return Math.max(0, Math.floor((directoryBytes - FIXED_BYTES) / (1 + FREE_SHARE)));
}

/** Bytes that table and segments may take, where that many may be stored. */
export function fileBytesFor(storedBytes: number): number {
  return Math.floor(storedBytes * (1 + FREE_SHARE)) + EMPTY_TABLE_BYTES;
}
