/**
 * @module bench/usage
 * What a server and its children have used, from Linux's /proc.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  /** Seconds of CPU time, user and system. */
  readonly cpu: number;
  /** Bytes of memory; what processes share is counted once. */
  readonly memory: number;
}

/** USER_HZ, which Linux fixes at 100 for what it shows to programs. */
const TICKS = 100;

/** The process and all that descend from it. */
export function family(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of list('/proc')) {
    const stat = /^\d+$/u.test(name) ? statOf(Number(name)) : undefined;
    if (stat === undefined) continue;
    const parent = Number(stat[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [pid];
  // It grows while it is walked.
  for (const one of found) found.push(...(children.get(one) ?? []));
  return found;
}

/** Undefined where there is no /proc. */
export function usageOf(pids: readonly number[]): Usage | undefined {
  let cpu = 0;
  let memory = 0;
  for (const pid of pids) {
    const stat = statOf(pid);
    if (stat === undefined) continue;
    cpu += (Number(stat[11]) + Number(stat[12])) / TICKS;
    memory += memoryOf(pid);
  }
  return memory === 0 ? undefined : { cpu, memory };
}

/** The fields that follow the name of the program: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function statOf(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

function memoryOf(pid: number): number {
  const proportional = /^Pss:\s*(\d+)/mu.exec(read(`/proc/${pid}/smaps_rollup`) ?? '')?.[1];
  const resident = proportional ?? /^VmRSS:\s*(\d+)/mu.exec(read(`/proc/${pid}/status`) ?? '')?.[1] ?? '0';
  return Number(resident) * 1024;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
