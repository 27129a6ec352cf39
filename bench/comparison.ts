/**
 * @module bench/comparison
 * Results of the benchmark as the README shows them: whatever stands there was measured, and can be
 * measured again with the command beside it.
 */
import { rate, spread, time } from './report.ts';
import type { Standing } from './report.ts';
import type { Bench, CaseResult } from './result.ts';

const OURS = 'millrace';
const OR = new Intl.ListFormat('en-GB', { type: 'disjunction' });
/** As their makers write them, in the order of the columns. */
const NAMES: Readonly<Record<string, string>> = { nginx: 'nginx', haproxy: 'HAProxy', varnish: 'Varnish', squid: 'Squid', trafficserver: 'Traffic Server', httpd: 'Apache httpd', bare: 'bare socket' };

const NOTHING = `No figures are published for this version. \`npm run bench\` measures it beside the caches it finds on the machine.`;

/** Markdown of what these runs found; of a case that is in several, the last counts. */
export function comparison(runs: readonly Bench[]): string {
  const latest = new Map<string, CaseResult>();
  for (const { results } of runs) for (const one of results) latest.set(one.case, one);
  const cases = [...latest.values()];
  if (cases.length === 0) return NOTHING;
  const of = (timed: boolean): CaseResult[] => cases.filter(({ measures, standings }) => !standings.some(({ log }) => log !== undefined) && (measures === 'rate' || measures === 'start') === timed);
  return [
    introduction(runs, cases),
    table('Requests a second: Millrace ÷ it', of(false)),
    table('Times, less is better: Millrace ÷ it', of(true)),
    notes(cases),
  ].filter((part) => part !== '').join('\n\n');
}

function introduction(runs: readonly Bench[], cases: readonly CaseResult[]): string {
  const [{ machine, pace, pinned }] = runs as [Bench];
  const versions = new Map(cases.flatMap(({ standings }) => standings.map(({ name, version }) => [name, version])));
  const peers = Object.entries(NAMES).flatMap(([name, label]) => (name === 'bare' || !versions.has(name) ? [] : `${label} ${versions.get(name)}`));
  const commits = [...new Set(runs.map(({ machine: { commit, changed } }) => `${commit}${changed ? ' with changes' : ''}`))];
  const disks = [...new Set(runs.flatMap(({ disk, results }) => (disk !== undefined && results.some(({ case: name }) => name.startsWith('disk-')) ? [disk] : [])))];
  const busy = Math.max(...runs.map(({ loadBefore }) => loadBefore));
  return [
    `Commit ${commits.join(', ')} on ${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}, beside ${peers.join(', ')}; ${pinned.note}.`,
    `Medians of ${OR.format([...new Set(runs.map(({ pace: { rounds } }) => String(rounds)))].sort())} rounds of ${pace.seconds} s by turns (the least–the most of them); all features on, logs off.`,
    ...(disks.length > 0 ? [`Caches on disk lie on ${disks.join(' and ')}; what is read has been read before.`] : []),
    ...(busy > 0.5 ? [`Other programs were at work on the machine (load ${busy.toFixed(1)}).`] : []),
    `Run again with ${[...new Set(runs.map(({ command }) => `\`${command}\``))].join(', ')}; p50, p99, CPU time and memory of all are in [bench/results/published.json](bench/results/published.json).`,
  ].join(' ');
}

function table(title: string, cases: readonly CaseResult[]): string {
  const columns = Object.keys(NAMES).filter((name) => cases.some(({ standings }) => standings.some((standing) => standing.name === name)));
  if (cases.length === 0) return '';
  const rows = cases.map((one) => {
    const standing = (name: string): Standing | undefined => one.standings.find((each) => each.name === name && each.workers === one.workers);
    const cells = columns.map((name) => {
      const ratio = standing(name)?.ratio;
      return ratio === undefined ? '–' : spread(ratio);
    });
    return [titleOf(one), ours(one, standing(OURS)), ...cells];
  });
  return [[title, 'Millrace', ...columns.map((name) => NAMES[name]!)], ['---', ...columns.map(() => '---'), '---'], ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function titleOf({ title, measures, connections, workers }: CaseResult): string {
  const more = measures === 'start' ? '' : `, ${connections} connection${connections === 1 ? '' : 's'}`;
  return `${title}${more}${workers === 1 ? '' : `, ${workers} workers, cores shared with the load`}`;
}

function ours({ measures }: CaseResult, standing: Standing | undefined): string {
  const values = standing?.median;
  if (values === undefined) return 'failed';
  if (measures === 'start') return time(values.p50);
  return measures === 'rate' ? `p99 ${time(values.p99)} at ${rate(values.perSecond)}/s, longest ${time(values.max)}` : `${rate(values.perSecond)}/s`;
}

/** What has no place in a table. */
function notes(cases: readonly CaseResult[]): string {
  const lines: string[] = [];
  for (const { title, workers, standings } of cases) {
    const scaled = told(standings, ({ scaling }) => scaling && spread(scaling));
    if (scaled !== '') lines.push(`${workers} workers can do so many times what one can (by CPU time a request, so that the load generator's share of the machine is not in it): ${scaled}.`);
    const costs = standings.flatMap(({ log, logCost }) => (log === undefined || logCost === undefined ? [] : `${log} ${spread(logCost)}`));
    if (costs.length > 0) lines.push(`${title}: the CPU time of a request ÷ that without a log: ${costs.join(', ')}.`);
    const grown = told(standings, ({ objectMemory }) => objectMemory && `${Math.round(objectMemory)} bytes`);
    if (grown !== '') lines.push(`Memory for each object, its own bytes among them, ${title}: ${grown}.`);
    const failed = standings.flatMap(({ name, workers: crew, fault }) => (fault === undefined || crew !== workers ? [] : `${labelOf(name)} (${fault.split('\n')[0]!})`));
    if (failed.length > 0) lines.push(`Left out of ${title}: ${failed.join(', ')}.`);
  }
  return lines.map((line) => `- ${line}`).join('\n');
}

function told(standings: readonly Standing[], tell: (standing: Standing) => string | 0 | undefined): string {
  return standings.flatMap((standing) => {
    const text = tell(standing);
    return text ? `${labelOf(standing.name)} ${text}` : [];
  }).join(', ');
}

function labelOf(name: string): string {
  return name === OURS ? 'Millrace' : (NAMES[name] ?? name);
}
