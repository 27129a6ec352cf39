/**
 * @module bench/race
 * One case: the rivals are started, checked, warmed up, and run round by round.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Case } from './cases.ts';
import { countRequests, fault, untilQuiet } from './check.ts';
import { startChild } from './child.ts';
import { runH2load } from './h2load.ts';
import { shareAll, shareCores } from './machine.ts';
import type { Cores } from './machine.ts';
import type { LogForm } from './peers/peer.ts';
import { LIMIT, OURS, startRival } from './rivals.ts';
import type { Rival, RunningRival, Wish } from './rivals.ts';
import { family, sharesOf, threadsOf, usageOf } from './usage.ts';
import type { ThreadShares } from './usage.ts';
import { runWrk } from './wrk.ts';
import type { LoadResult } from './wrk.ts';

export interface Pace {
  readonly rounds: number;
  /** Seconds of one round of one rival. */
  readonly seconds: number;
  readonly warmUp: number;
}

/** One round of one rival; times in seconds. */
export interface Round extends Omit<LoadResult, 'failures'> {
  /** CPU time of the server a request; undefined where the system does not tell. */
  readonly cpu: number | undefined;
  /** The share of its cores that the server used. */
  readonly busy: number | undefined;
  /** Bytes. */
  readonly memory: number | undefined;
  /** Of the threads that serve, one for each worker. */
  readonly threads?: ThreadShares;
}

export interface Entrant {
  readonly name: string;
  readonly version: string;
  readonly workers: number;
  /** The form of its access log; undefined: it keeps none. */
  readonly log?: LogForm;
  readonly rounds: Round[];
  /** Why it is left out; its rounds do not count then. */
  fault?: string;
  /** Bytes of memory that each of many objects took, once it had been warmed up. */
  objectMemory?: number;
  /** Requests for many objects it was warmed up with. */
  warmUp?: number;
}

interface Runner {
  readonly entrant: Entrant;
  readonly running: RunningRival;
  /** Requests a second it is to be asked; 0: as many as it can. */
  rate: number;
}

/** Of fewer objects, what the server itself grows by while it warms up is the most. */
const ENOUGH = 100_000;
/** The most seconds for filling a cache with many objects. */
const FILLING = 600;
/** Objects that one pass of filling repeats of the one before. */
const OVERLAP = 1000;
/**
 * Requests for each of many objects, on average, before a cache is measured: one that is in service has
 * been asked for most of what it has before. Those with which it was filled are not among them.
 */
const IN_SERVICE = 3;
/** Of the requests of a round; those of warming up have higher ones. All rivals are asked the same. */
const FIRST_SEED = 1;
const FIRST_WARM_UP_SEED = 1000;
/** Bytes of an object that makes filling slow. */
const LARGE = 16_384;

export async function race(one: Case, rivals: readonly Rival[], { rounds, seconds, warmUp }: Pace, originPort: number, progress: (doing: string) => void): Promise<Entrant[]> {
  const able = rivals.filter(({ peer }) => (one.limit || peer.name !== LIMIT) && (one.logs === undefined || peer.name === OURS) && (one.diskMegabytes === undefined || peer.keepsOnDisk === true));
  const isUnable = ({ peer }: Rival): boolean => one.streams !== undefined && peer.servesHttp2 !== true;
  const crews = one.besideWorkers === undefined ? [one.workers] : [one.workers, one.besideWorkers];
  const taking = crews.flatMap((workers) => able.flatMap((rival) => [undefined, ...(one.logs ?? [])].map((log) => ({ rival, workers, log }))));
  const entrants = taking.map(({ rival, workers, log }): Entrant => ({ name: log === undefined ? rival.peer.name : `${log} log`, version: rival.version, workers, ...(log && { log }), rounds: [], ...(isUnable(rival) && { fault: 'it does not serve HTTP/2 without TLS' }) }));
  const guarded = async (entrant: Entrant, run: () => Promise<void>): Promise<void> => {
    if (entrant.fault === undefined) await run().catch((error: unknown) => void (entrant.fault = (error as Error).message));
  };
  if (one.measures === 'start' || one.measures === 'fill') {
    const run = one.measures === 'start' ? started : filled;
    for (let round = 0; round < rounds; round++) {
      for (const [at, rival] of able.entries()) {
        progress(`round ${round + 1} of ${rounds}, ${rival.peer.name}`);
        const entrant = entrants[at]!;
        await guarded(entrant, async () => void entrant.rounds.push(await run(one, rival, coresOf(one), originPort)));
      }
    }
    return entrants;
  }
  const runners: Runner[] = [];
  try {
    progress('starting');
    await Promise.all(taking.map(({ rival, workers, log }, at) => guarded(entrants[at]!, async () => {
      const running = await startRival(rival, coresOf(one).server, { ...wishesOf(one, originPort), workers, log });
      runners.push({ entrant: entrants[at]!, running, rate: 0 });
    })));
    runners.sort((a, b) => entrants.indexOf(a.entrant) - entrants.indexOf(b.entrant));
    for (const runner of runners) await guarded(runner.entrant, () => prepare(one, runner, warmUp, originPort, progress));
    for (let round = 0; round < rounds; round++) {
      // Whoever follows a heavy one would always follow it.
      const order = [...runners.slice(round % runners.length), ...runners.slice(0, round % runners.length)];
      for (const runner of order) {
        progress(`round ${round + 1} of ${rounds}, ${runner.entrant.name}`);
        await guarded(runner.entrant, async () => void runner.entrant.rounds.push(await timed(one, runner, seconds, originPort, FIRST_SEED + round)));
      }
    }
  } finally {
    await Promise.all(runners.map(({ running }) => running.stop()));
  }
  return entrants;
}

async function prepare(one: Case, runner: Runner, warmUp: number, originPort: number, progress: (doing: string) => void): Promise<void> {
  const { running, entrant } = runner;
  const cores = coresOf(one);
  const isLimit = entrant.name === LIMIT;
  const found = isLimit ? undefined : await fault(one, running.port, originPort);
  if (found !== undefined) throw new Error(found);
  const before = usageOf(family(running.child.pid));
  if (one.objects !== undefined) {
    progress(`filling ${entrant.name}`);
    await fill(one, running.port, originPort, cores);
    progress(`asking ${entrant.name} for what it has`);
    entrant.warmUp = await putInService(one, runner, cores);
  }
  progress(`warming up ${entrant.name}`);
  const warm = await load(one, runner, warmUp, cores, FIRST_WARM_UP_SEED);
  const after = usageOf(family(running.child.pid));
  if (before !== undefined && after !== undefined && one.objects !== undefined && one.objects >= ENOUGH) entrant.objectMemory = (after.memory - before.memory) / one.objects;
  if (one.measures === 'rate') runner.rate = Math.round(warm.perSecond / 2);
}

/** Asks for many objects as the rounds do; how often. */
async function putInService(one: Case, runner: Runner, cores: Cores): Promise<number> {
  const goal = one.objects! * IN_SERVICE;
  const limit = performance.now() + FILLING * 1000;
  let asked = 0;
  for (let seed = FIRST_WARM_UP_SEED + 1; asked < goal && performance.now() < limit; seed++) {
    asked += (await load(one, runner, Math.min(10, Math.max(1, (goal - asked) / 100_000)), cores, seed)).requests;
  }
  return asked;
}

/** Asks for every object once; until the origin has seen as many requests. */
async function fill({ objects = 0, asks, connections }: Case, port: number, originPort: number, { load: loadCores }: Cores): Promise<void> {
  const goal = (await countRequests(originPort)) + objects - 1;
  const limit = performance.now() + FILLING * 1000;
  while ((await countRequests(originPort)) < goal) {
    if (performance.now() > limit) throw new Error(`it has not taken ${objects} objects in ${FILLING} s`);
    const left = goal - (await countRequests(originPort));
    // What was under way when the last pass ended is asked again.
    const first = Math.max(1, objects - left - OVERLAP);
    const seconds = Math.min(60, Math.max(1, left / (asks[0]!.body.length > LARGE ? 1_000 : 5_000)));
    await runWrk({ url: urlOf(port, '/'), connections, seconds, cores: loadCores, fields: [], script: ['sequence.lua', String(objects), String(first), prefixOf(asks)] });
  }
}

async function timed(one: Case, runner: Runner, seconds: number, originPort: number, seed: number): Promise<Round> {
  const { workers } = runner.entrant;
  await untilQuiet(originPort);
  const asked = await countRequests(originPort);
  const members = family(runner.running.child.pid);
  const before = usageOf(members);
  const [threads, start] = [threadsOf(members), performance.now()];
  const { failures, ...result } = await load(one, runner, seconds, coresOf(one), seed);
  const shares = sharesOf(threads, threadsOf(members), workers, (performance.now() - start) / 1000);
  const after = usageOf(members);
  const passed = (await countRequests(originPort)) - asked;
  const found = wrongRound(one, failures, result, passed);
  if (found !== undefined && runner.entrant.name !== LIMIT) throw new Error(found);
  const cpu = before !== undefined && after !== undefined ? after.cpu - before.cpu : undefined;
  return { ...result, cpu: cpu && cpu / result.requests, busy: cpu && (cpu * result.perSecond) / result.requests / workers, memory: after?.memory, ...(shares !== undefined && { threads: shares }) };
}

/** The share of requests that may go to the origin though they were to hit: of a million objects, some are thrown out. */
const LEAK = 0.01;

function wrongRound(one: Case, failures: number, { requests, bytes }: Omit<LoadResult, 'failures'>, passed: number): string | undefined {
  if (failures > 0) return `${failures} of ${requests} requests failed under load`;
  if (requests === 0) return 'the load generator read no whole answer of it (after a 304 with Content-Length, wrk waits for a body)';
  // wrk rounds what it has read to a hundredth.
  if (bytes < requests * Math.min(...one.asks.map(({ body }) => body.length)) * 0.98) return `it sent ${Math.round(bytes / requests)} bytes a request under load`;
  if (one.expects === 'hits' && passed > requests * LEAK) return `${passed} of ${requests} requests went to the origin under load`;
  if (one.expects === 'misses' && passed < requests) return `only ${passed} of ${requests} requests went to the origin under load`;
  return undefined;
}

function load(one: Case, { entrant: { workers }, running: { port }, rate }: Runner, seconds: number, { load: loadCores }: Cores, seed: number): Promise<LoadResult> {
  const [ask] = one.asks;
  const url = urlOf(port, ask!.path);
  if (rate > 0) return runConstantRate([port, ask!.path, ask!.body.length, one.connections, rate, seconds, ...(one.objects === undefined ? [] : [one.objects])], loadCores);
  const codings = one.asks.map(({ fields }) => fields['Accept-Encoding'] ?? '');
  const script = one.objects !== undefined ? [one.popularity === 'even' ? 'even.lua' : 'zipf.lua', String(one.objects), prefixOf(one.asks), String(seed)] : codings.length > 1 ? ['alternate.lua', ...codings] : undefined;
  const fields = Object.entries(ask!.fields).map(([name, value]) => `${name}: ${value}`);
  if (one.streams !== undefined) return runH2load({ url, connections: one.connections, streams: one.streams, seconds, cores: loadCores, fields });
  return runWrk({ url, ...loadOf(one, workers), seconds, cores: loadCores, fields, script });
}

/** Each worker of crews that are compared has as many connections: how many requests it finds at a time changes what one costs. */
function loadOf({ connections, workers: most, besideWorkers }: Case, workers: number): { connections: number; threads: number } {
  return besideWorkers === undefined ? { connections, threads: 1 } : { connections: connections * workers, threads: most };
}

/** Such crews run on the same cores. */
function coresOf({ workers, besideWorkers }: Case): Cores {
  return besideWorkers === undefined ? shareCores(workers) : shareAll(workers);
}

async function runConstantRate(args: readonly (string | number)[], cores: string | undefined): Promise<LoadResult> {
  const child = startChild([process.execPath, join(import.meta.dirname, 'load.ts'), ...args.map(String)], { cores });
  await child.end;
  try {
    return JSON.parse(child.output()) as LoadResult;
  } catch {
    throw new Error(`the load generator failed:\n${child.output()}`);
  }
}

function wishesOf({ workers, cacheMegabytes, diskMegabytes, disk, streams }: Case, originPort: number): Wish {
  return { originPort, workers, cacheMegabytes, diskMegabytes, disk, overHttp2: streams !== undefined, log: undefined };
}

function urlOf(port: number, path: string): string {
  return `http://127.0.0.1:${port}${path}`;
}

/** A round of its own: from the start until it listens. */
async function started(one: Case, rival: Rival, { server }: Cores, originPort: number): Promise<Round> {
  const running = await startRival(rival, server, wishesOf(one, originPort));
  const usage = usageOf(family(running.child.pid));
  const found = await fault(one, running.port, originPort);
  await running.stop();
  if (found !== undefined) throw new Error(found);
  const time = running.startTime / 1000;
  return { requests: 1, perSecond: 1 / time, bytes: 0, p50: time, p99: time, max: time, cpu: usage?.cpu, busy: usage && usage.cpu / time, memory: usage?.memory };
}

/** A round of its own: an empty cache is asked for every object once. What it does behind that counts too. */
async function filled(one: Case, rival: Rival, cores: Cores, originPort: number): Promise<Round> {
  const running = await startRival(rival, cores.server, wishesOf(one, originPort));
  try {
    const members = family(running.child.pid);
    const { objects = 0, connections } = one;
    const limit = performance.now() + FILLING * 1000;
    const fillBy = async (script: readonly string[]): Promise<LoadResult> => {
      // wrk does not send the first request it makes.
      const goal = (await countRequests(originPort)) + objects - 1;
      const all = async (): Promise<void> => {
        while ((await countRequests(originPort)) < goal && performance.now() < limit) await wait(5);
      };
      const result = await runWrk({ url: urlOf(running.port, '/'), connections, seconds: FILLING, cores: cores.load, fields: [], script: [...script, prefixOf(one.asks)], until: all().catch(() => undefined) });
      await untilQuiet(originPort);
      return result;
    };
    // As many others: everywhere else, too, a server has been at work before it is measured.
    await fillBy(['sequence.lua', String(10 * objects), String(objects + 1)]);
    const before = usageOf(members);
    const { failures, ...result } = await fillBy(['once.lua', String(objects)]);
    const after = usageOf(members);
    const found = wrongRound(one, failures, result, result.requests);
    if (found !== undefined) throw new Error(found);
    const cpu = before !== undefined && after !== undefined ? after.cpu - before.cpu : undefined;
    return { ...result, cpu: cpu && cpu / result.requests, busy: cpu && (cpu * result.perSecond) / result.requests / one.workers, memory: after?.memory };
  } finally {
    await running.stop();
  }
}

/** The path of an object without its number. */
function prefixOf([ask]: Case['asks']): string {
  return ask!.path.replace(/1$/u, '');
}
