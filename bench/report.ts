/**
 * @module bench/report
 * What a race came to: numbers for the file, and a table that fits on 100 columns.
 */
import type { Case } from './cases.ts';
import type { Entrant, Round } from './race.ts';
import { median, ratioSpread } from './statistics.ts';
import type { Spread } from './statistics.ts';

/** One rival in one case. */
export interface Standing {
  readonly name: string;
  readonly version: string;
  readonly fault?: string;
  /** Medians over the rounds. */
  readonly median?: Readonly<Record<'perSecond' | 'p50' | 'p99' | 'max' | 'cpu' | 'busy' | 'memory', number>>;
  /** Ours divided by theirs, round by round: of the speed, or of the time that is measured. */
  readonly ratio?: Spread;
  /** Bytes of memory that each of many objects took. */
  readonly objectMemory?: number;
  readonly rounds: readonly Round[];
}

export function standings(one: Case, entrants: readonly Entrant[], ours: string): Standing[] {
  // Speed is what is more when better; of the other two, a time is told.
  const headline = (round: Round): number => (one.measures === 'speed' ? round.perSecond : one.measures === 'rate' ? round.p99 : round.p50);
  const own = entrants.find(({ name }) => name === ours);
  return entrants.map(({ name, version, rounds, fault, objectMemory }): Standing => {
    if (fault !== undefined || rounds.length === 0) return { name, version, fault: fault ?? 'it was not run', rounds };
    const of = (field: keyof Round): number => median(rounds.flatMap((round) => round[field] ?? []));
    const values = { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99'), max: of('max'), cpu: of('cpu'), busy: of('busy'), memory: of('memory') };
    const comparable = own !== undefined && own.fault === undefined && name !== ours;
    return { name, version, rounds, median: values, ...(objectMemory !== undefined && { objectMemory }), ...(comparable && { ratio: ratioSpread(own.rounds.map(headline), rounds.map(headline)) }) };
  });
}

const COLUMNS = [13, 10, 18, 9, 9, 9, 9, 6, 9] as const;

export function table(one: Case, found: readonly Standing[], ours: string): string {
  const start = one.measures === 'start';
  const title = `${one.title}${start ? '' : ` · ${one.connections} connection${one.connections === 1 ? '' : 's'}`}`;
  const what = one.measures === 'speed' ? '' : start ? ' time' : ' p99';
  const head = row(['', start ? 'time' : 'req/s', `${ours}${what} ÷ it`, start ? '' : 'p50', start ? '' : 'p99', start ? '' : 'max', start ? 'CPU' : 'CPU/req', 'busy', 'memory']);
  const lines = found.map(({ name, median: values, ratio, fault }) => {
    if (values === undefined) return `${name.padEnd(COLUMNS[0])} left out: ${(fault ?? '').split('\n').slice(0, 3).join(' ')}`;
    const { perSecond, p50, p99, max, cpu, busy, memory } = values;
    const ratioText = ratio === undefined ? '' : `${decimal(ratio.median)} (${decimal(ratio.min)}–${decimal(ratio.max)})`;
    return row([name, start ? time(p50) : rate(perSecond), ratioText, ...(start ? ['', '', ''] : [time(p50), time(p99), time(max)]), time(cpu), share(busy), size(memory)]);
  });
  const objects = found.flatMap(({ name, objectMemory, fault }) => (objectMemory === undefined || fault !== undefined ? [] : `${name} ${Math.round(objectMemory).toLocaleString('en')}`));
  if (objects.length > 0) lines.push(`bytes of memory for each object, its own ${one.asks[0]!.body.length.toLocaleString('en')} among them: ${objects.join(', ')}`);
  return [title, head, ...lines].join('\n');
}

function row(cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(COLUMNS[at]) : cell.padStart(COLUMNS[at]!))).join(' ').trimEnd();
}

function rate(value: number): string {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}

function decimal(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : 0);
}

function time(seconds: number): string {
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
