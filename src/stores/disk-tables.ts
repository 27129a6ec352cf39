/**
 * @module stores/disk-tables
 * The tables of the objects on disk, and everything that disk-index.ts asks of them.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** One object. Its place says in which queue it stands, and where. */
export interface Row {
  readonly place: number;
  /** Of its key. */
  readonly hash: number;
  readonly version: number;
  /** What it counts for without its body in segments, in bytes. */
  readonly size: number;
  /** Of the body. */
  readonly length: number;
  /** What a body in segments counts for; 0 where the body is in the row. */
  readonly file: number;
  readonly checksum: number;
  readonly key: Uint8Array;
  readonly meta: Uint8Array;
  /** Where a body in segments lies. */
  readonly layout: Uint8Array;
  readonly inline: Uint8Array;
}

/** What is needed to let it leave. */
export type Standing = Pick<Row, 'place' | 'hash' | 'size' | 'length' | 'file' | 'layout'>;
export type Head = Standing & { readonly key: Uint8Array };

/** What changes are weighed by; all but `horizon` are sums. */
export interface Totals {
  objects: number;
  /** Everything that counts. */
  bytes: number;
  /** Of the small queue. */
  small: number;
  /** Objects in the main queue. */
  main: number;
  ghosts: number;
  /** Rows of cleared objects and ghosts that are still there. */
  dead: number;
  /** Bytes in segments that are reserved, and no object's yet. */
  writing: number;
  /** Bytes in segments that wait to be freed. */
  garbage: number;
  /** Bytes in segments that nobody has: they count for nothing, but lie on the disk. */
  free: number;
  /** Bytes that the files of all segments have together. */
  segments: number;
  /** What stands at this place of its queue or before it was cleared. */
  horizon: number;
}

/** Places in the main queue begin here; those before are in the small one. */
export const MAIN = 2 ** 52;
/** Bytes of a page of the file. */
export const PAGE = 8192;

/** Bytes that the log of the file is cut back to, after each time that it was written over from its beginning. */
const LOG_BYTES = 2 * 1024 * 1024;

/** How the file is kept, and its tables. */
export const SCHEMA = `
  PRAGMA page_size = ${PAGE};
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  PRAGMA wal_autocheckpoint = 256;
  PRAGMA journal_size_limit = ${LOG_BYTES};
  PRAGMA cache_size = -16384;
  PRAGMA temp_store = MEMORY;
  PRAGMA mmap_size = 0;
  PRAGMA cell_size_check = ON;
  CREATE TABLE IF NOT EXISTS objects(place INTEGER PRIMARY KEY, hash INTEGER NOT NULL, version INTEGER NOT NULL, size INTEGER NOT NULL, length INTEGER NOT NULL,
    file INTEGER NOT NULL, checksum INTEGER NOT NULL, key BLOB NOT NULL, meta BLOB NOT NULL, layout BLOB NOT NULL, inline BLOB NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS objects_by_hash ON objects(hash);
  CREATE TABLE IF NOT EXISTS accesses(place INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS ghosts(place INTEGER PRIMARY KEY, hash INTEGER NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS ghosts_by_hash ON ghosts(hash);
  CREATE TABLE IF NOT EXISTS totals(one INTEGER PRIMARY KEY, objects INTEGER NOT NULL, bytes INTEGER NOT NULL, small INTEGER NOT NULL, main INTEGER NOT NULL,
    ghosts INTEGER NOT NULL, dead INTEGER NOT NULL, writing INTEGER NOT NULL, garbage INTEGER NOT NULL, free INTEGER NOT NULL, segments INTEGER NOT NULL, horizon INTEGER NOT NULL, first INTEGER NOT NULL, salt BLOB NOT NULL) STRICT;`;

const COLUMNS = 'place, hash, version, size, length, file, checksum, key, meta, layout, inline';
const ALIVE = `place % ${MAIN} > (SELECT horizon FROM totals)`;

/** What is asked of those tables. */
export const STATEMENTS = {
  find: `SELECT ${COLUMNS} FROM objects WHERE hash = ? AND ${ALIVE}`,
  inline: 'SELECT inline FROM objects WHERE place = ? AND version = ?',
  layout: `SELECT layout FROM objects WHERE place = ? AND version = ? AND ${ALIVE}`,
  layouts: `SELECT layout FROM objects WHERE hash = ? AND ${ALIVE}`,
  stands: `SELECT 1 FROM objects WHERE place = ? AND version = ? AND ${ALIVE}`,
  keys: `SELECT place, key FROM objects WHERE place > ? AND ${ALIVE} ORDER BY place LIMIT 200`,
  insert: `INSERT INTO objects(${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  describe: 'UPDATE objects SET version = ?, size = ?, checksum = ?, meta = ? WHERE place = ?',
  move: 'UPDATE objects SET place = ? WHERE place = ?',
  remove: 'DELETE FROM objects WHERE place = ?',
  head: 'SELECT place, hash, size, length, file, key, layout FROM objects WHERE place >= ? ORDER BY place LIMIT 1',
  accesses: 'SELECT count FROM accesses WHERE place = ?',
  setAccesses: 'INSERT OR REPLACE INTO accesses(place, count) SELECT place, ? FROM objects WHERE place = ?',
  forgetAccesses: 'DELETE FROM accesses WHERE place = ?',
  addGhost: 'INSERT INTO ghosts(place, hash) VALUES (?, ?)',
  ghost: 'SELECT place FROM ghosts WHERE hash = ? AND place > ? LIMIT 1',
  oldestGhost: 'SELECT place FROM ghosts WHERE place > ? ORDER BY place LIMIT 1',
  removeGhost: 'DELETE FROM ghosts WHERE place = ?',
  freePages: 'PRAGMA freelist_count',
  pages: 'PRAGMA page_count',
  totals: 'SELECT objects, bytes, small, main, ghosts, dead, writing, garbage, free, segments, horizon FROM totals',
  setTotals: 'UPDATE totals SET objects = ?, bytes = ?, small = ?, main = ?, ghosts = ?, dead = ?, writing = ?, garbage = ?, free = ?, segments = ?, horizon = ?',
} as const;

/** Prepares each of the statements. */
export function prepared<Name extends string>(database: DatabaseSync, statements: Readonly<Record<Name, string>>): Readonly<Record<Name, StatementSync>> {
  return Object.fromEntries(Object.entries<string>(statements).map(([name, text]) => [name, database.prepare(text)])) as Record<Name, StatementSync>;
}
