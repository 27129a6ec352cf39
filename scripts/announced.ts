/**
 * @module scripts/announced
 * A program that is started, says at which URL it answers, and is stopped: what the checks of the
 * package and of the demo have in common.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds a program has to start, and to stop. */
const PATIENCE = 30_000;

export interface Announced {
  readonly url: string;
  /** What it has printed so far. */
  readonly output: () => string;
  /** Presses Ctrl-C; settles when the program and all it started have ended, rejects where they fail or do not end. */
  stop(): Promise<void>;
}

/**
 * Starts the program and waits until it prints what `url` matches; its first group is the URL.
 * Rejects with its output where it ends before, or takes too long.
 */
export async function start(command: string, args: readonly string[], url: RegExp, options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}): Promise<Announced> {
  // A group of its own, so that what a wrapper such as npm starts can be stopped with it.
  const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(child, 'exit');
  let output = '';
  const found = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const match = url.exec(output)?.[1];
        if (match !== undefined) resolve(match);
      });
    }
  });
  const kill = (signal: NodeJS.Signals): void => {
    if (child.pid !== undefined && groupLives(child.pid)) process.kill(-child.pid, signal);
  };
  const program = [command, ...args].join(' ');
  const printed = (): string => ` It printed:\n${output.slice(-4000)}`;
  const inTime = async <T>(promise: Promise<T>, what: string): Promise<T> => {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`${program} ${what} within ${PATIENCE / 1000} s.${printed()}`)), PATIENCE);
    try {
      return await Promise.race([promise, late]);
    } catch (error) {
      kill('SIGKILL');
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
  const ended = exit.then(([code, signal]) => {
    throw new Error(`${program} ended (${String(code ?? signal)}) before it had started.${printed()}`);
  });
  const announcedUrl = await inTime(Promise.race([found, ended]), 'did not say where it listens');
  ended.catch(() => undefined);
  return {
    url: announcedUrl,
    output: () => output,
    stop: async () => {
      kill('SIGINT');
      const [code, signal] = (await inTime(exit, 'did not stop')) as [number | null, NodeJS.Signals | null];
      // npm and npx end by the signal, where the program they ran ends with 0.
      if (code !== 0 && signal !== 'SIGINT') throw new Error(`${program} ended with ${code ?? signal} when it was stopped.${printed()}`);
      await inTime(groupEnded(child.pid!), 'left a process behind that did not stop');
    },
  };
}

/** Whether any process of the group is left. */
function groupLives(id: number): boolean {
  try {
    return process.kill(-id, 0);
  } catch {
    return false;
  }
}

async function groupEnded(id: number): Promise<void> {
  while (groupLives(id)) await delay(20);
}
