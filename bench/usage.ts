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

/** Of one thread, as https://docs.kernel.org/scheduler/sched-stats.html tells them. */
export interface ThreadTimes {
  /** On a core. */
  readonly ran: number;
  /** Ready to run while others had the cores. */
  readonly waited: number;
}

/** What neither ran nor waited for a core slept: for want of requests, or for another thread. */
export interface ThreadShares extends ThreadTimes {
  readonly slept: number;
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

/** What each thread of the processes has done so far, in seconds; empty where the system does not tell. */
export function threadsOf(pids: readonly number[]): Map<number, ThreadTimes> {
  const found = new Map<number, ThreadTimes>();
  for (const pid of pids) {
    for (const thread of list(`/proc/${pid}/task`)) {
      const [ran, waited] = (read(`/proc/${pid}/task/${thread}/schedstat`) ?? '').split(' ').map(Number);
      if (ran !== undefined && waited !== undefined) found.set(Number(thread), { ran: ran / 1e9, waited: waited / 1e9 });
    }
  }
  return found;
}

/**
 * How the busiest threads spent the time between the two, each as a share of it.
 * @param count of threads that serve
 * @param elapsed seconds
 */
export function sharesOf(before: ReadonlyMap<number, ThreadTimes>, after: ReadonlyMap<number, ThreadTimes>, count: number, elapsed: number): ThreadShares | undefined {
  const spent = [...after].map(([thread, { ran, waited }]) => ({ ran: ran - (before.get(thread)?.ran ?? 0), waited: waited - (before.get(thread)?.waited ?? 0) }));
  const busiest = spent.sort((a, b) => b.ran - a.ran).slice(0, count);
  if (busiest.length < count) return undefined;
  const share = (field: keyof ThreadTimes): number => busiest.reduce((sum, times) => sum + times[field], 0) / count / elapsed;
  const [ran, waited] = [share('ran'), share('waited')];
  return { ran, waited, slept: Math.max(0, 1 - ran - waited) };
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
