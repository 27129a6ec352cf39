/**
 * @module bench/report
 * What a race came to: numbers for the file, and a table that fits on 100 columns.
 */
import type { Case } from './cases.ts';
import type { LogForm } from './peers/peer.ts';
import type { Entrant, Round } from './race.ts';
import type { ThreadShares } from './usage.ts';
import { median, ratioSpread } from './statistics.ts';
import type { Spread } from './statistics.ts';

/** One rival in one case, with so many workers. */
export interface Standing {
  readonly name: string;
  readonly version: string;
  readonly workers: number;
  readonly fault?: string;
  /** Medians over the rounds. */
  readonly median?: Readonly<Record<'perSecond' | 'p50' | 'p99' | 'max' | 'cpu' | 'busy' | 'memory', number>>;
  /** Ours divided by theirs, round by round: of the speed, or of the time that is measured. */
  readonly ratio?: Spread;
  /**
   * What it can do with these workers divided by what it can with fewer, round by round, where the case
   * has both: workers ÷ CPU time a request, so that the load generator's share of the machine is not in it.
   */
  readonly scaling?: Spread;
  /** The form of the access log it keeps. */
  readonly log?: LogForm;
  /** The CPU time a request takes with that log ÷ the time without, round by round. */
  readonly logCost?: Spread;
  /** Medians: how the serving threads spent their time. */
  readonly threads?: ThreadShares;
  /** Bytes of memory that each of many objects took. */
  readonly objectMemory?: number;
  /** Requests for many objects it was warmed up with. */
  readonly warmUp?: number;
  readonly rounds: readonly Round[];
}

export function standings(one: Case, entrants: readonly Entrant[], ours: string): Standing[] {
  // Speed is what is more when better; of the other two, a time is told.
  const headline = (round: Round): number => (one.measures === 'speed' || one.measures === 'fill' ? round.perSecond : one.measures === 'rate' ? round.p99 : round.p50);
  return entrants.map((entrant): Standing => {
    const { name, version, workers, log, rounds, fault, objectMemory, warmUp } = entrant;
    if (fault !== undefined || rounds.length === 0) return { name, version, workers, fault: fault ?? 'it was not run', rounds };
    const own = entrants.find((other) => other.name === ours && other.workers === workers);
    const of = (field: Exclude<keyof Round, 'threads'>): number => median(rounds.flatMap((round) => round[field] ?? []));
    const values = { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99'), max: of('max'), cpu: of('cpu'), busy: of('busy'), memory: of('memory') };
    const comparable = own !== undefined && own.fault === undefined && name !== ours;
    const fewer = entrants.find((other) => other.name === name && other.workers === one.besideWorkers && other.workers !== workers && other.fault === undefined);
    const scaling = fewer === undefined ? undefined : ratioSpread(capacities(entrant), capacities(fewer));
    const threads = sharesOfRounds(rounds);
    return {
      name, version, workers, rounds, median: values,
      ...(objectMemory !== undefined && { objectMemory }),
      ...(warmUp !== undefined && { warmUp }),
      ...(comparable && { ratio: ratioSpread(own.rounds.map(headline), rounds.map(headline)) }),
      ...(scaling !== undefined && { scaling }),
      ...(log !== undefined && { log, ...(comparable && { logCost: ratioSpread(capacities(own), capacities(entrant)) }) }),
      ...(threads !== undefined && { threads }),
    };
  });
}

/** Requests a second that its workers could answer if the load generator took nothing of the cores. */
function capacities({ rounds, workers }: Entrant): number[] {
  return rounds.map(({ cpu }) => workers / (cpu ?? Number.NaN));
}

function sharesOfRounds(rounds: readonly Round[]): ThreadShares | undefined {
  const shares = rounds.flatMap(({ threads }) => threads ?? []);
  const of = (field: keyof ThreadShares): number => median(shares.map((one) => one[field]));
  return shares.length === 0 ? undefined : { ran: of('ran'), waited: of('waited'), slept: of('slept') };
}

const COLUMNS = [13, 10, 18, 9, 9, 9, 9, 6, 9] as const;

/** The tables of a case, one for each number of workers, and what stands beside them. */
export function report(one: Case, found: readonly Standing[], ours: string): string {
  if (one.logs !== undefined) return `${table(one, found, ours)}\n${logLine(found)}`;
  if (one.besideWorkers === undefined) return table(one, found, ours);
  const tables = [one.besideWorkers, one.workers].map((workers) => {
    const title = `${one.title}, ${workers} worker${workers === 1 ? '' : 's'}, cores shared with the load`;
    return table({ ...one, title, connections: one.connections * workers }, found.filter((standing) => standing.workers === workers), ours);
  });
  return [...tables, scalingLines(one, found)].join('\n\n');
}

function logLine(found: readonly Standing[]): string {
  const costs = found.flatMap(({ log, logCost }) => (log === undefined || logCost === undefined ? [] : `${log} ${spread(logCost)}`));
  return `CPU/req with a log ÷ without: ${costs.join(', ')}`;
}

function scalingLines({ workers, besideWorkers = 1 }: Case, found: readonly Standing[]): string {
  const scaled = found.flatMap(({ name, scaling }) => (scaling === undefined ? [] : `${name} ${spread(scaling)}`));
  const spent = found.filter((standing) => standing.workers === workers).flatMap(({ name, threads }) => (threads === undefined ? [] : `${name} ${share(threads.ran)} + ${share(threads.waited)} + ${share(threads.slept)}`));
  return [
    `What ${workers} workers can do ÷ what ${besideWorkers} can (workers ÷ CPU/req of each round): ${scaled.join(', ')}`,
    `Of their time, the ${workers} serving threads ran + waited for a core that the load generator had + slept, which is when they wait for requests, or for each other: ${spent.join(', ')}`,
  ].join('\n');
}

function table(one: Case, found: readonly Standing[], ours: string): string {
  const start = one.measures === 'start';
  const title = `${one.title}${start ? '' : ` · ${one.connections} connection${one.connections === 1 ? '' : 's'}`}`;
  const what = one.measures === 'speed' || one.measures === 'fill' ? '' : start ? ' time' : ' p99';
  const head = row(['', start ? 'time' : 'req/s', `${ours}${what} ÷ it`, start ? '' : 'p50', start ? '' : 'p99', start ? '' : 'max', start ? 'CPU' : 'CPU/req', 'busy', 'memory']);
  const lines = found.map(({ name, median: values, ratio, fault }) => {
    if (values === undefined) return `${name.padEnd(COLUMNS[0])} left out: ${(fault ?? '').split('\n').slice(0, 3).join(' ')}`;
    const { perSecond, p50, p99, max, cpu, busy, memory } = values;
    const ratioText = ratio === undefined ? '' : spread(ratio);
    return row([name, start ? time(p50) : rate(perSecond), ratioText, ...(start ? ['', '', ''] : [time(p50), time(p99), time(max)]), time(cpu), share(busy), size(memory)]);
  });
  const objects = found.flatMap(({ name, objectMemory, fault }) => (objectMemory === undefined || fault !== undefined ? [] : `${name} ${Math.round(objectMemory).toLocaleString('en')}`));
  if (objects.length > 0) lines.push(`bytes of memory for each object, its own ${one.asks[0]!.body.length.toLocaleString('en')} among them: ${objects.join(', ')}`);
  const asked = found.flatMap(({ warmUp, fault }) => (warmUp === undefined || fault !== undefined ? [] : warmUp));
  if (asked.length > 0) lines.push(`filled, and then asked ${Math.min(...asked).toLocaleString('en')} times and more as in the rounds, before they were measured`);
  return [title, head, ...lines].join('\n');
}

function row(cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(COLUMNS[at]) : cell.padStart(COLUMNS[at]!))).join(' ').trimEnd();
}

export function spread({ median: middle, min, max }: Spread): string {
  return `${decimal(middle)} (${decimal(min)}–${decimal(max)})`;
}

export function rate(value: number): string {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}

function decimal(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : 0);
}

export function time(seconds: number): string {
  if (Number.isNaN(seconds)) return '–';
  if (seconds < 1e-3) return `${(seconds * 1e6).toFixed(seconds < 1e-5 ? 1 : 0)} µs`;
  return seconds < 1 ? `${(seconds * 1e3).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`;
}

function share(value: number): string {
  return Number.isNaN(value) ? '–' : `${Math.round(value * 100)} %`;
}

function size(bytes: number): string {
  return Number.isNaN(bytes) ? '–' : `${Math.round(bytes / 2 ** 20).toLocaleString('en')} MB`;
}
