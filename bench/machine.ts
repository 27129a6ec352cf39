/**
 * @module bench/machine
 * What a result was measured on, and which core belongs to whom.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, realpathSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem, type } from 'node:os';
import { delimiter, join } from 'node:path';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  readonly commit: string;
  /** Files that differ from the commit. */
  readonly changed: boolean;
}

/** The cores of each party; undefined where nothing can be pinned. */
export interface Cores {
  readonly server: string | undefined;
  readonly load: string | undefined;
  readonly origin: string | undefined;
  /** What a reader of the figures has to know about it. */
  readonly note: string;
}

export function describeMachine(): Machine {
  const git = (...words: string[]): string => spawnSync('git', words, { cwd: import.meta.dirname, encoding: 'utf8' }).stdout.trim();
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.version,
    commit: git('rev-parse', '--short', 'HEAD') || 'none',
    changed: git('status', '--porcelain', '--', '../src', '../package-lock.json') !== '',
  };
}

/** The server has its cores to itself; the load has the next one; the origin a third one where there is one. */
export function shareCores(workers: number): Cores {
  const allowed = allowedCores();
  if (findProgram('taskset') === undefined || allowed.length < 2) {
    return { server: undefined, load: undefined, origin: undefined, note: 'nothing is pinned to a core, so the load generator takes from the server' };
  }
  if (allowed.length <= workers) {
    const all = allowed.join(',');
    return { server: all, load: all, origin: all, note: `server, load and origin share the ${allowed.length} cores` };
  }
  const server = allowed.slice(0, workers).join(',');
  const load = String(allowed[workers]);
  const spare = allowed[workers + 1];
  const origin = spare === undefined ? load : String(spare);
  return { server, load, origin, note: `server on core ${server}, load on core ${load}, origin on ${spare === undefined ? "the load's core, which slows misses" : `core ${origin}`}` };
}

/** Server and load share so many cores. */
export function shareAll(count: number): Cores {
  const allowed = allowedCores();
  if (findProgram('taskset') === undefined || allowed.length < count) return shareCores(count);
  const cores = allowed.slice(0, count).join(',');
  return { server: cores, load: cores, origin: cores, note: `server and load share ${count === 1 ? 'core' : 'the cores'} ${cores}` };
}

function allowedCores(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)/mu.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
    return list.split(',').flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, at) => first + at);
    });
  } catch {
    return [];
  }
}

/** Where the program is; system programs are often not on the path of a user. */
export function findProgram(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return directories.map((directory) => join(directory, name)).find((path) => isUsable(path, constants.X_OK));
}

/** Memory dressed as a directory, so that no rival waits for a disk. */
export function fastDirectory(): string {
  return isUsable('/dev/shm', constants.W_OK) ? '/dev/shm' : tmpdir();
}

/** A directory on a disk: what a file system takes to make and read files belongs to a cache on disk. */
export function diskDirectory(): string {
  return [tmpdir(), '/var/tmp'].find((path) => isUsable(path, constants.W_OK) && fileSystemOf(path) !== 'tmpfs') ?? process.cwd();
}

/** As in `ext4`; undefined where the system does not tell. */
export function fileSystemOf(directory: string): string | undefined {
  try {
    const path = `${realpathSync(directory)}/`;
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n').map((line) => line.split(' ') as [string, string?, string?]);
    const around = mounts.filter(([, at]) => at !== undefined && path.startsWith(at === '/' ? at : `${at}/`));
    // What is mounted last lies above what is there already.
    return around.reverse().sort(([, one = ''], [, other = '']) => other.length - one.length)[0]?.[2];
  } catch {
    return undefined;
  }
}

function isUsable(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
