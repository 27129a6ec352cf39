/**
 * @module cli/warm/main
 * `millrace warm`: fetches URLs through the running proxy, so that the first visitors find them stored.
 */
import { MillraceError } from '../../errors.ts';
import { findServing } from '../admin-client.ts';
import { type CommandLine, readOption } from '../command-line.ts';
import { ProgressBar } from '../progress-bar.ts';
import { withProgress } from '../terminal.ts';
import { WarmList } from './list.ts';
import { Places } from './places.ts';
import { WarmReport, type WarmSummary, summaryText } from './report.ts';
import { Client } from './requests.ts';
import { variantsOf } from './variants.ts';

/** @throws {MillraceError} ERR_USAGE, ERR_NO_INSTANCE, ERR_WARM */
export async function warm(commandLine: CommandLine, asJson: boolean): Promise<{ text: string; hasFailed: boolean }> {
  const variants = variantsOf(listOf(commandLine, 'header'));
  const sources = { urls: commandLine.operands, sitemaps: listOf(commandLine, 'sitemap'), logs: listOf(commandLine, 'from') };
  if (sources.urls.length + sources.sitemaps.length + sources.logs.length === 0) {
    throw new MillraceError('ERR_USAGE', 'millrace warm needs what to fetch: URLs, --sitemap URL or --from ACCESS_LOG.');
  }
  const concurrency = readOption(commandLine, 'concurrency') as number;
  const serving = await findServing(commandLine);
  const hosts = variants.flatMap((variant) => variant.filter(([name]) => name.toLowerCase() === 'host'));
  using client = new Client(serving, concurrency);
  const list = new WarmList(new Places(serving, hosts.map(([, host]) => host)), client, hosts.slice(0, 1));
  await withProgress('Reading what to warm', list.read(sources));
  const summary = await warmAll(list, client, variants, concurrency);
  return { text: asJson ? `${JSON.stringify(summary, null, 2)}\n` : summaryText(summary), hasFailed: summary.failed.length > 0 };
}

async function warmAll({ found, leftOut }: WarmList, client: Client, variants: ReturnType<typeof variantsOf>, concurrency: number): Promise<WarmSummary> {
  const report = new WarmReport();
  const bar = new ProgressBar('warming', found.length * variants.length, process.stderr);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < found.length * variants.length; i = next++) {
      const place = found[Math.floor(i / variants.length)]!;
      const result = await client.warm(place, variants[i % variants.length]!);
      report.add(place, result);
      bar.advance(result.kind === 'failed');
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  bar.end();
  return report.summary(found.length, variants.length, leftOut);
}

function listOf(commandLine: CommandLine, name: string): readonly string[] {
  return (readOption(commandLine, name) as readonly string[] | undefined) ?? [];
}
