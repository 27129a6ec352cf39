/**
 * @module cli/client-commands
 * The commands that ask a running instance. Each returns the text to print: for a person, or the
 * instance's own JSON.
 */
import type { Explanation } from '../cache/explanation.ts';
import { MillraceError } from '../errors.ts';
import type { ProxyStats } from '../proxy/stats.ts';
import { askInstance, findTarget } from './admin-client.ts';
import { readOption } from './command-line.ts';
import type { CommandLine } from './command-line.ts';
import { counted } from './counted.ts';
import { explanationText } from './explanation-text.ts';
import { statsText } from './stats-text.ts';

type ClientCommand = (commandLine: CommandLine, asJson: boolean) => Promise<string>;

export const clientCommands: Readonly<Record<'clear-cache' | 'stats' | 'purge' | 'explain', ClientCommand>> = {
  'clear-cache': async (commandLine) => {
    const { purged } = (await askInstance(await findTarget(commandLine), 'POST', '/__admin/clear-cache')) as { purged: number };
    return `The cache is empty now; ${removed(purged)}.\n`;
  },
  purge: async (commandLine, asJson) => {
    const { what, instance } = purgeOf(commandLine);
    const answer = (await askInstance(await findTarget(instance), 'POST', '/__admin/purge', what)) as PurgeAnswer;
    return asJson ? json(answer) : purgeText(answer) + wildcardHint(what, answer);
  },
  stats: async (commandLine, asJson) => {
    const stats = (await askInstance(await findTarget(commandLine), 'GET', '/__admin/stats')) as ProxyStats;
    return asJson ? json(stats) : statsText(stats);
  },
  explain: async (commandLine, asJson) => {
    const query = new URLSearchParams({ url: commandLine.operands[0]! });
    for (const header of (readOption(commandLine, 'header') as readonly string[] | undefined) ?? []) query.append('header', header);
    const explanation = (await askInstance(await findTarget(commandLine), 'GET', `/__admin/explain?${query.toString()}`)) as Explanation;
    return asJson ? json(explanation) : explanationText(explanation);
  },
};

interface PurgeAnswer {
  readonly purged: number | null;
  readonly soft?: boolean;
}

/** What to purge, and by which words the instance is found: --host is the one or the other. */
function purgeOf(commandLine: CommandLine): { what: Readonly<Record<string, unknown>>; instance: CommandLine } {
  const { operands, given } = commandLine;
  const chosen: [string, unknown][] = ['url', 'prefix', 'tag', 'all'].flatMap((name) => (given.has(name) ? [[name, given.get(name)]] : []));
  if (operands[0] !== undefined) chosen.push(['url', operands[0]]);
  const isByHost = chosen.length === 0 && given.has('host');
  if (isByHost) chosen.push(['host', given.get('host')]);
  if (chosen.length !== 1) throw new MillraceError('ERR_USAGE', 'millrace purge needs one of URL, --prefix URL, --host HOST, --tag TAG and --all.');
  return {
    what: { ...Object.fromEntries(chosen), soft: given.has('soft') },
    instance: isByHost ? { ...commandLine, given: new Map([...given].filter(([name]) => name !== 'host')) } : commandLine,
  };
}

function purgeText({ purged, soft }: PurgeAnswer): string {
  if (soft !== true) return purged === null ? 'Purged; how many stored responses that was is not known.\n' : `Purged; ${removed(purged)}.\n`;
  const many = purged === null ? 'how many stored responses that was is not known' : purged === 1 ? 'it was 1 stored response' : `they were ${purged} stored responses`;
  return `Marked as stale; ${many}.\n`;
}

/** Who writes a * expects more of it than it does. */
function wildcardHint(what: Readonly<Record<string, unknown>>, { purged }: PurgeAnswer): string {
  const text = what['url'] ?? what['prefix'];
  if (typeof text !== 'string' || !text.includes('*') || purged !== 0) return '';
  const start = text.slice(0, text.indexOf('*'));
  return `A * is not understood here, it stands for itself. Everything that begins so is purged by --prefix ${start === '' ? '/' : start}\n`;
}

function removed(count: number): string {
  return `${counted(count, 'stored response was', 'stored responses were')} removed`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
