/**
 * @module stores/scratch
 * A directory in memory for what shall not outlive the process: on tmpfs, which every thread can
 * map. It is removed at the end; what processes left that were killed is removed by the next.
 */
import { lstatSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MillraceError } from '../errors.ts';

/** Where Linux has memory as a file system. */
const IN_MEMORY = '/dev/shm';
/** What every directory of ours is called, before user and process. */
const PREFIX = 'millrace-';
const MB = 1024 * 1024;
/** Bytes the store takes besides its quota. */
const BESIDES = 16 * MB;
/** Bytes of the smallest store that is made where the wanted one does not fit, and the share of the room that it takes. */
const SMALLEST = 16 * MB;
const SHARE_OF_ROOM = 0.8;

export interface Scratch {
  readonly path: string;
  /** Bytes for the store in it: those wanted, or fewer where no place has room for them. */
  readonly bytes: number;
  /** What an operator should know: it is not in memory, or smaller than wanted. */
  readonly notice: string | undefined;
  remove(): void;
}

/** A directory of ours that was made in a base. */
interface Candidate {
  readonly base: string;
  readonly path: string;
  /** Free bytes. */
  readonly room: number;
}

/**
 * Lies in the first base with room for it; without one, in the base with the most room, as a smaller store.
 * @param bytes that shall find room in it
 * @param bases where it may lie, the best first
 * @throws {MillraceError} ERR_STORE where no base can be used
 */
export function makeScratch(bytes: number, bases: readonly string[] = [IN_MEMORY, tmpdir()]): Scratch {
  const problems: string[] = [];
  const candidates: Candidate[] = [];
  for (const base of bases) {
    const found = candidateIn(base);
    if (typeof found === 'string') problems.push(found);
    else {
      candidates.push(found);
      if (found.room >= bytes + BESIDES) break;
      problems.push(`${base} has ${inMb(found.room)} free of ${inMb(bytes + BESIDES)}`);
    }
  }
  const best = candidates.reduce<Candidate | undefined>((most, each) => (each.room > (most?.room ?? 0) ? each : most), undefined);
  for (const each of candidates) if (each !== best) remove(each.path);
  const reasons = problems.join(', and ');
  const fitting = Math.min(bytes, Math.floor(SHARE_OF_ROOM * ((best?.room ?? 0) - BESIDES)));
  const isWhole = best !== undefined && best.room >= bytes + BESIDES;
  if (best === undefined || (!isWhole && fitting < SMALLEST)) {
    if (best !== undefined) remove(best.path);
    throw new MillraceError('ERR_STORE', `There is no place for what the workers store in common: ${reasons}. Make one of them writable and ${inMb(bytes + BESIDES)} large, name a directory with --cache-dir, or start with --workers 1.`);
  }
  const { path } = best;
  const notice = !isWhole
    ? `the workers' common store has ${inMb(fitting)} in place of ${inMb(bytes)}, in ${path}: ${reasons}. Make room there, or name a directory with --cache-dir.`
    : best.base === bases[0] ? undefined : `what the workers store lies in ${path} and not in memory alone: ${reasons}.`;
  return { path, bytes: isWhole ? bytes : fitting, notice, remove: () => remove(path) };
}

/** A new directory there; in words why there is none. */
function candidateIn(base: string): Candidate | string {
  const user = String(process.getuid?.() ?? 'user');
  try {
    removeLeft(base, user);
    const path = mkdtempSync(join(base, `${PREFIX}${user}-${process.pid}-`));
    const { bavail, bsize } = statfsSync(base);
    return { base, path, room: bavail * bsize };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    switch (code) {
      case 'ENOENT':
        return `there is no ${base}`;
      case 'EROFS':
        return `${base} is read-only`;
      case 'EACCES':
      case 'EPERM':
        return `${base} may not be written to`;
      case 'ENOSPC':
      case 'EDQUOT':
        return `${base} is full`;
      default:
        return `${base} cannot be used (${message})`;
    }
  }
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

function inMb(bytes: number): string {
  return `${Math.ceil(bytes / MB)} MB`;
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
