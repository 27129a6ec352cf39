/**
 * @module cli/instances
 * The running instances of this user, so that a second process finds them: each keeps a small
 * file in a directory nobody else can write to, and removes it at its end. Files of processes
 * that ended otherwise are cleaned up by whoever looks next.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exchange } from './exchange.ts';

/** Milliseconds an instance may take to say that it is there. */
const PATIENCE = 3000;

export interface Instance {
  readonly pid: number;
  readonly port: number;
  readonly host: string;
  readonly url: string;
  /** Undefined: it was started with --no-admin. */
  readonly adminUrl: string | undefined;
  /** A token for the commands of its own user: anybody else who reads it may administer. */
  readonly adminSecret: string;
  readonly origin: string | undefined;
  /** Where it serves https: PEM, to be trusted by those who ask it. */
  readonly certificate?: string | undefined;
  /** ISO 8601. */
  readonly started: string;
  readonly version: string;
}

/**
 * Makes an instance known; returns what takes that back.
 * @throws {Error} where no directory can be used; the message says why
 */
export function announce(instance: Instance): () => void {
  const directory = ownDirectory();
  const file = join(directory, `${instance.pid}.json`);
  // Written beside and moved, so that nobody reads half of it.
  const draft = join(directory, `${instance.pid}.draft`);
  rmSync(draft, { force: true });
  writeFileSync(draft, JSON.stringify(instance), { mode: 0o600, flag: 'wx' });
  renameSync(draft, file);
  return () => rmSync(file, { force: true });
}

/** The instances of this user that run. */
export async function runningInstances(): Promise<Instance[]> {
  const found = candidateDirectories()
    .filter((directory) => problemWith(directory) === undefined)
    .flatMap((directory) => readdirSync(directory).filter((name) => name.endsWith('.json')).map((name) => join(directory, name)));
  const checked = await Promise.all(
    found.map(async (file) => {
      const instance = readInstance(file);
      if (instance !== undefined && isAlive(instance.pid) && (await answers(instance))) return instance;
      rmSync(file, { force: true });
      return undefined;
    }),
  );
  // The record of one that was killed may stand beside that of its successor, which answers for both.
  const latest = new Map<string, Instance>();
  for (const instance of checked.filter((each) => each !== undefined).toSorted((a, b) => Date.parse(a.started) - Date.parse(b.started))) latest.set(instance.url, instance);
  return [...latest.values()].toSorted((a, b) => a.port - b.port);
}

/** Looked at in this order; both, because a service and a shell of one user may differ in their environment. */
function candidateDirectories(): string[] {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  const shared = join(tmpdir(), `millrace-${process.getuid?.() ?? 'user'}`);
  return runtime?.startsWith('/') === true ? [join(runtime, 'millrace'), shared] : [shared];
}

function ownDirectory(): string {
  const problems: string[] = [];
  for (const directory of candidateDirectories()) {
    try {
      mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        problems.push((error as Error).message);
        continue;
      }
    }
    const problem = problemWith(directory);
    if (problem === undefined) return directory;
    problems.push(problem);
  }
  throw new Error(problems.join('; '));
}

/** Why a directory cannot be trusted: in a shared place such as /tmp, somebody else may have been there first. */
function problemWith(directory: string): string | undefined {
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return `${directory} does not exist`;
  if (!found.isDirectory()) return `${directory} is not a directory`;
  // Where there are no user ids (Windows), the directory for temporary files is the user's own.
  if (process.getuid === undefined) return undefined;
  if (found.uid !== process.getuid()) return `${directory} belongs to another user`;
  return (found.mode & 0o077) === 0 ? undefined : `${directory} is open to other users (chmod 700 it)`;
}

function readInstance(file: string): Instance | undefined {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<Instance> | null;
    const whole = typeof value?.pid === 'number' && typeof value.port === 'number' && typeof value.url === 'string' && URL.canParse(value.url) && typeof value.host === 'string';
    return whole ? (value as Instance) : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    // Signal 0 asks only whether the process is there.
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    // Not there, or (EPERM) another user's, which took over the number.
    return false;
  }
}

/** It has ended, and only its parent has not taken notice. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function isZombie(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z/su.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Whether the process with that id is still the instance, and not another one that got its number. */
async function answers({ adminUrl, url, certificate }: Instance): Promise<boolean> {
  if (adminUrl === undefined) return accepts(new URL(url));
  try {
    const { status, text } = await exchange(`${adminUrl}/health`, { timeout: PATIENCE, certificate });
    const health = JSON.parse(text) as { status?: unknown } | null;
    return status === 200 && health?.status === 'ok';
  } catch (error) {
    // Busy is not gone, nor is one whose certificate has expired.
    const { code = '' } = error as NodeJS.ErrnoException;
    return code === 'ETIMEDOUT' || code.startsWith('CERT_');
  }
}

function accepts({ hostname, port }: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/gu, ''), port: Number(port), timeout: PATIENCE });
    const done = (open: boolean) => (): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', done(true)).once('timeout', done(true)).once('error', done(false));
  });
}
