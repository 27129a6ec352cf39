/**
 * @module test/cli/command
 * The command as a user starts it: a process of its own, with a home of its own, so that it finds
 * no instance but those of the test.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Administered } from '../kit/administer.ts';
import type { Scope } from '../kit/server-process.ts';

/** A test that waited for ever would leave its servers open, and its file would never end. */
const WRITE_LIMIT_MS = 60_000;
/** Of proxies whose tests hold for any number of them: one, and two where `npm run test:full` says so. */
export const WORKERS: string = process.env['MILLRACE_TEST_WORKERS'] ?? '1';
const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

export interface Finished {
  /** Undefined where a signal ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running extends Administered {
  /** Where it listens, as it says itself. */
  readonly url: string;
  readonly port: number;
  readonly process: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Settles when what it wrote so far matches. */
  wrote(where: 'stdout' | 'stderr', pattern: RegExp): Promise<void>;
  readonly finished: Promise<Finished>;
}

/** A place where processes of one test find each other; removed at its end. */
export class Home {
  readonly directory: string;
  readonly #t: Scope;
  readonly #env: Readonly<Record<string, string>>;

  /** @param env further variables of the environment */
  constructor(t: Scope, env: Readonly<Record<string, string>> = {}) {
    this.#env = env;
    this.#t = t;
    this.directory = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
    t.after(() => rmSync(this.directory, { recursive: true, force: true }));
  }

  /** Runs it to its end. */
  run(...args: string[]): Promise<Finished> {
    return this.launch(...args).finished;
  }

  /** Starts the proxy and waits until it listens; it is ended with the test. */
  async start(...args: string[]): Promise<Running> {
    const running = this.launch(...args);
    await Promise.race([running.wrote('stderr', /listens on http\S+\n(?: .+\n)+/u), running.finished]);
    const url = /listens on (http\S+)\n/u.exec(running.stderr())?.[1];
    if (url === undefined) throw new Error(`It did not start: ${running.stderr()}`);
    return { ...running, url, port: Number(new URL(url).port), ...this.#administered(running.process.pid!) };
  }

  /** As it has made itself known. */
  #administered(pid: number): Administered {
    const file = join(this.directory, 'millrace', `${pid}.json`);
    if (!existsSync(file)) return { adminUrl: undefined, adminSecret: '' };
    const { adminUrl, adminSecret } = JSON.parse(readFileSync(file, 'utf8')) as Administered;
    return { adminUrl, adminSecret };
  }

  launch(...args: string[]): Omit<Running, 'url' | 'port' | keyof Administered> {
    const { PATH, NODE_COMPILE_CACHE } = process.env;
    const env = { PATH, NODE_COMPILE_CACHE, XDG_RUNTIME_DIR: this.directory, TMPDIR: this.directory, ...this.#env };
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env, cwd: this.directory });
    const text = { stdout: '', stderr: '' };
    const watchers = new Set<() => void>();
    for (const where of ['stdout', 'stderr'] as const) {
      child[where].setEncoding('utf8').on('data', (chunk: string) => {
        text[where] += chunk;
        for (const watch of watchers) watch();
      });
    }
    const finished = once(child, 'close').then(([code]) => ({ code: (code as number | null) ?? undefined, ...text }));
    this.#t.after(async () => {
      child.kill('SIGKILL');
      await finished;
    });
    const wrote = async (where: 'stdout' | 'stderr', pattern: RegExp): Promise<void> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const watch = (): void => {
        if (pattern.test(text[where])) resolve();
      };
      const limit = setTimeout(() => reject(new Error(`Within ${WRITE_LIMIT_MS / 1000} s it did not write ${pattern} to ${where}, but:\n${text[where]}`)), WRITE_LIMIT_MS).unref();
      watchers.add(watch);
      watch();
      try {
        await promise;
      } finally {
        clearTimeout(limit);
        watchers.delete(watch);
      }
    };
    return { process: child, stdout: () => text.stdout, stderr: () => text.stderr, wrote, finished };
  }
}
