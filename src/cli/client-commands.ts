/**
 * @module cli/client-commands
 * The commands that ask a running instance. Each returns the text to print: for a person, or the
 * instance's own JSON.
 */
import type { Explanation } from '../cache/explain.ts';
import { MillraceError } from '../errors.ts';
import type { ProxyStats } from '../proxy.ts';
import { askInstance, findTarget } from './admin-client.ts';
import { readOption } from './command-line.ts';
import type { CommandLine } from './command-line.ts';
import { explanationText } from './explanation-text.ts';
import { statsText } from './stats-text.ts';

type ClientCommand = (commandLine: CommandLine, asJson: boolean) => Promise<string>;

export const clientCommands: Readonly<Record<'clear-cache' | 'stats' | 'purge' | 'explain', ClientCommand>> = {
  'clear-cache': async (commandLine) => {
    const { purged } = (await askInstance(await findTarget(commandLine), 'POST', '/__admin/clear-cache')) as { purged: number };
    return `The cache is empty now; ${removed(purged)}.\n`;
  },
  purge: async (commandLine, asJson) => {
    const what = purgeOf(commandLine);
    const answer = (await askInstance(await findTarget(commandLine), 'POST', '/__admin/purge', what)) as { purged: number | null };
    return asJson ? json(answer) : answer.purged === null ? 'Purged; how many stored responses had that tag is not known.\n' : `Purged; ${removed(answer.purged)}.\n`;
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

function purgeOf({ given }: CommandLine): Readonly<Record<string, unknown>> {
  const chosen = ['url', 'prefix', 'tag', 'all'].filter((name) => given.has(name));
  const [name] = chosen;
  if (name === undefined || chosen.length > 1) throw new MillraceError('ERR_USAGE', 'millrace purge needs one of --url URL, --prefix URL, --tag TAG and --all.');
  return { [name]: given.get(name) };
}

function removed(count: number): string {
  return count === 1 ? '1 stored response was removed' : `${count} stored responses were removed`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
