/**
 * @module stores/disk-directory
 * The directory of the disk store: whether it is ours, who has it, and whether what lies in it can
 * be trusted. A directory of another program, or of another version, is refused and left as it is.
 * One process has it at a time (its worker threads share it): the lock is one of the operating
 * system on a file, so it ends with the process, however that ends.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MillraceError } from '../errors.ts';
import { overwriteFile, refuseLinks, replaceFile } from './disk-files.ts';
import { DatabaseSync } from './sqlite.ts';

/** Of everything in the directory: files, table, checksums, and the engine's descriptions in them. */
const FORMAT = 4;
const RECORD = 'millrace.json';
const LOCK = 'lock.db';
/** Holds the name of the run of the machine while the directory is open, and nothing once it was closed well. */
const RUNNING = 'running';
/** Tells programs that make backups to leave it out: https://bford.info/cachedir/ */
const TAG = 'CACHEDIR.TAG';
const TAG_TEXT = 'Signature: 8a477f597d28d172789f06886806bc55\n# A cache of Millrace. It can be removed while no Millrace runs on it.\n';
/** What may be there before the record is, when a start was cut short. */
const EARLY = new Set([`${RECORD}.new`, 'lost+found']);
const CONTENT = ['index.db', 'index.db-wal', 'index.db-shm', 'stamps', 'bodies'];
/** SQLite opens its files by their names, and bodies are below theirs. */
const BY_NAME = [LOCK, `${LOCK}-journal`, 'index.db', 'index.db-journal', 'index.db-wal', 'index.db-shm', 'bodies'];
const DAMAGED = 'damaged';
/** What responses said is for whoever asks the proxy, which not every user of the machine may. */
const PRIVATE_DIRECTORY = 0o700;
const WRITABLE_BY_OTHERS = 0o002;

export class DiskDirectory {
  readonly path: string;
  readonly #lock: DatabaseSync;
  /** Why what was stored before is not used; undefined where it is. */
  #discarded: string | undefined;

  /** @throws {MillraceError} ERR_STORE where it is not ours to use, or another process has it */
  constructor(path: string) {
    this.path = resolve(path);
    try {
      claim(this.path);
      refuseLinks(this.path, BY_NAME);
      this.#lock = lock(this.path);
    } catch (cause) {
      if (cause instanceof MillraceError) throw cause;
      throw new MillraceError('ERR_STORE', `The cache directory ${this.path} cannot be used: ${(cause as Error).message}. Name another one with --cache-dir, or make it writable.`, { cause });
    }
    try {
      const last = readText(this.path, RUNNING);
      if (last === DAMAGED) this.discard('its index was damaged');
      // Nothing is forced out to the disk while the cache runs: what a machine that went down has left may be anything.
      else if (last !== '' && last !== undefined && last !== machineRun()) this.discard('the machine went down while it was in use');
      for (const name of readdirSync(this.path)) if (name.startsWith('discarded-')) this.#removeLater(name);
      mkdirSync(join(this.path, 'bodies'), { recursive: true, mode: PRIVATE_DIRECTORY });
      replaceFile(join(this.path, RUNNING), machineRun());
    } catch (cause) {
      this.#lock.close();
      throw new MillraceError('ERR_STORE', `The cache directory ${this.path} cannot be used: ${(cause as Error).message}. Make room or make it writable, or name another one with --cache-dir.`, { cause });
    }
  }

  /** Why it begins empty though something was stored; undefined where that is not so. */
  get discarded(): string | undefined {
    return this.#discarded;
  }

  /** Begins with nothing: what is there is moved aside, and removed while the proxy runs. */
  discard(reason: string): void {
    this.#discarded = reason;
    const aside = `discarded-${randomBytes(6).toString('hex')}`;
    mkdirSync(join(this.path, aside));
    for (const name of CONTENT) {
      try {
        renameSync(join(this.path, name), join(this.path, aside, name));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    mkdirSync(join(this.path, 'bodies'), { mode: PRIVATE_DIRECTORY });
    this.#removeLater(aside);
  }

  /** The next start will begin with nothing. */
  markDamaged(): void {
    try {
      overwriteFile(join(this.path, RUNNING), DAMAGED);
    } catch {
      // Then the next start meets the damage itself.
    }
  }

  /** @param well everything has been written; throws where that cannot be noted, and is closed all the same */
  close(well: boolean): void {
    try {
      if (well && readText(this.path, RUNNING) !== DAMAGED) rmSync(join(this.path, RUNNING), { force: true });
    } finally {
      this.#lock.close();
    }
  }

  #removeLater(name: string): void {
    rm(join(this.path, name), { recursive: true, force: true }).catch(() => {
      // The next start tries again.
    });
  }
}

/** Where the segment with that number lies. */
export function segmentPath(directory: string, segment: number): string {
  return `${directory}/bodies/${segment}`;
}

/** Makes the directory ours, where it is new or empty. */
function claim(path: string): void {
  mkdirSync(path, { recursive: true, mode: PRIVATE_DIRECTORY });
  checkOwner(path);
  const record = readText(path, RECORD);
  if (record !== undefined) return checkRecord(path, record);
  const foreign = readdirSync(path).find((name) => !EARLY.has(name));
  if (foreign !== undefined) {
    throw new MillraceError('ERR_STORE', `${path} is no cache of Millrace: it holds "${foreign}", and no ${RECORD}. Nothing was touched. Name an empty or a new directory with --cache-dir.`);
  }
  replaceFile(join(path, RECORD), `${JSON.stringify({ program: 'millrace', format: FORMAT })}\n`);
  replaceFile(join(path, TAG), TAG_TEXT);
}

/** In a directory like /tmp anybody may have made it before us: what we read there would be theirs, and what we write. */
function checkOwner(path: string): void {
  const own = process.getuid?.();
  const { uid } = statSync(path);
  if (own === undefined || uid === own || uid === 0) return;
  if ((statSync(dirname(path)).mode & WRITABLE_BY_OTHERS) === 0) return;
  throw new MillraceError('ERR_STORE', `${path} belongs to another user (${uid}), in a directory where everybody can make one. Nothing was touched. Name another directory with --cache-dir.`);
}

function checkRecord(path: string, text: string): void {
  let record: { program?: unknown; format?: unknown } | null;
  try {
    record = JSON.parse(text) as typeof record;
  } catch {
    record = null;
  }
  if (record?.program !== 'millrace') {
    throw new MillraceError('ERR_STORE', `${path} is no cache that this program can read: its ${RECORD} is not Millrace's. Nothing was touched. Name another directory with --cache-dir.`);
  }
  if (record.format !== FORMAT) {
    throw new MillraceError('ERR_STORE', `The cache in ${path} has format ${JSON.stringify(record.format)}, this program reads ${FORMAT}. Nothing was touched. Remove that directory, or name another one with --cache-dir.`);
  }
}

function lock(path: string): DatabaseSync {
  const database = new DatabaseSync(join(path, LOCK));
  try {
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (cause) {
    database.close();
    throw new MillraceError('ERR_STORE', `The cache in ${path} is in use by another running proxy. Stop that one, or name another directory with --cache-dir.`, { cause });
  }
}

/** Names this run of the machine, from its start to its end; the same everywhere where that cannot be told. */
function machineRun(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return 'unknown';
  }
}

function readText(path: string, name: string): string | undefined {
  try {
    return readFileSync(join(path, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
