/**
 * @module stores/scratch
 * A directory in memory for what shall not outlive the process: on tmpfs, which every thread can
 * map. It is removed at the end; what processes left that were killed is removed by the next.
 */
import { accessSync, constants, lstatSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where Linux has memory as a file system. */
const IN_MEMORY = '/dev/shm';
/** What every directory of ours is called, before user and process. */
const PREFIX = 'millrace-';
/** Bytes the store takes besides its quota. */
const BESIDES = 16 * 1024 * 1024;

export interface Scratch {
  readonly path: string;
  /** Why it is not in memory. */
  readonly problem: string | undefined;
  remove(): void;
}

/** @param bytes that shall find room in it */
export function makeScratch(bytes: number, inMemory: string = IN_MEMORY): Scratch {
  const problem = problemWith(inMemory, bytes + BESIDES);
  const base = problem === undefined ? inMemory : tmpdir();
  const user = String(process.getuid?.() ?? 'user');
  removeLeft(base, user);
  const path = mkdtempSync(join(base, `${PREFIX}${user}-${process.pid}-`));
  return { path, problem, remove: () => rmSync(path, { recursive: true, force: true }) };
}

function problemWith(directory: string, bytes: number): string | undefined {
  try {
    accessSync(directory, constants.W_OK);
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize >= bytes ? undefined : `${directory} has no room for ${Math.ceil(bytes / 2 ** 20)} MB`;
  } catch {
    return `there is no ${directory} that can be written to`;
  }
}

function removeLeft(base: string, user: string): void {
  for (const name of readdirSync(base)) {
    const pid = new RegExp(`^${PREFIX}${user}-(\\d+)-\\w{6}$`, 'u').exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const path = join(base, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    // A name alone is no proof that it is ours.
    if (found?.isDirectory() === true && (process.getuid === undefined || found.uid === process.getuid())) rmSync(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
