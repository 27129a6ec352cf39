/**
 * @module bench/child
 * A program that is started on chosen cores, and ended by its id with all it started.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { accepts } from '../test/kit/port.ts';
import { family } from './usage.ts';

export interface Child {
  readonly pid: number;
  /** What it has printed; its end where that is long. */
  readonly output: () => string;
  readonly ended: () => boolean;
  /** Resolves when it has ended by itself. */
  readonly end: Promise<void>;
  interrupt(): void;
  stop(): Promise<void>;
}

/** Milliseconds a server has to listen, and to stop. */
const PATIENCE = { start: 30_000, stop: 3_000 };

const running = new Map<number, Child>();
// The last resort: some leave shared memory behind when they are ended so.
process.on('exit', () => {
  for (const pid of running.keys()) signalGroup(pid, 'SIGKILL');
});

/** Ends everything that was started. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running.values()].map((child) => child.stop()));
}

/** @param toNowhere its standard output goes to /dev/null */
export function startChild(command: readonly string[], { cores, directory, env, toNowhere = false }: { cores?: string | undefined; directory?: string; env?: NodeJS.ProcessEnv; toNowhere?: boolean } = {}): Child {
  const [program = '', ...args] = cores === undefined ? command : ['taskset', '-c', cores, ...command];
  // A group of its own: Ctrl-C reaches this process, which then ends the others in order.
  const child = spawn(program, args, { detached: true, stdio: ['ignore', toNowhere ? 'ignore' : 'pipe', 'pipe'], ...(directory !== undefined && { cwd: directory }), ...(env !== undefined && { env }) });
  const pid = child.pid ?? -1;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-10_000)));
  let ended = false;
  const end = once(child, 'close').then(
    () => undefined,
    (error: unknown) => void (output += String(error)),
  ).then(() => {
    ended = true;
    running.delete(pid);
  });
  const started: Child = {
    pid,
    end,
    output: () => output,
    ended: () => ended,
    interrupt: () => signalGroup(pid, 'SIGINT'),
    stop: async () => {
      if (ended) return;
      // Some of them leave the group, and would outlive their parent.
      const members = family(pid);
      child.kill('SIGTERM');
      await Promise.race([end, wait(PATIENCE.stop, undefined, { ref: false })]);
      signalGroup(pid, 'SIGKILL');
      for (const member of members) signal(member, 'SIGKILL');
      await end;
    },
  };
  if (pid > 0) running.set(pid, started);
  return started;
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  if (running.has(pid)) signal(-pid, name);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended already.
  }
}

/** Rejects with what the program printed where it ends, or does not listen in time. */
export async function untilListening(child: Child, port: number): Promise<void> {
  const limit = performance.now() + PATIENCE.start;
  while (!(await accepts(port))) {
    if (child.ended()) throw new Error(`it ended before it listened, and printed:\n${child.output().trim()}`);
    if (performance.now() > limit) throw new Error(`it did not listen within ${PATIENCE.start / 1000} s, and printed:\n${child.output().trim()}`);
    await wait(1);
  }
}
