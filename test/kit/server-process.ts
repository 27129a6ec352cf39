/**
 * @module test/kit/server-process
 * A real server of another project, in a process of its own, that a test may stop, halt and end.
 */
import { type ChildProcess, type SpawnOptions, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

/** What has to be undone at the end: of a test, whose context is one, or of a suite. */
export interface Scope {
  after(undo: () => void | Promise<void>): void;
}

/** For a suite: what its `before` has begun, its `after` undoes. */
export class Undoing implements Scope {
  readonly #undos: (() => void | Promise<void>)[] = [];

  after(undo: () => void | Promise<void>): void {
    this.#undos.push(undo);
  }

  async undo(): Promise<void> {
    for (const undo of this.#undos.toReversed()) await undo();
  }
}

export function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export class ServerProcess {
  #process: ChildProcess | undefined;

  /** That of the last start. */
  get pid(): number {
    return this.#process!.pid!;
  }

  protected spawn(program: string, parameters: readonly string[], options: SpawnOptions): ChildProcess {
    this.#process = spawn(program, parameters, options);
    return this.#process;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** At once, as a crash would. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await ended;
  }
}
