/**
 * @module cli/warm/report
 * What warming has done, for people and as JSON.
 */
import { counted } from '../counted.ts';
import { formatDuration, formatSize } from '../../config/quantity.ts';
import { printable } from '../../server/printable.ts';
import { styled } from '../terminal.ts';
import type { Place } from './places.ts';
import type { Result } from './requests.ts';

/** URLs named with each reason. */
const EXAMPLES = 3;

interface Group {
  readonly why: string;
  count: number;
  readonly examples: string[];
}

export interface WarmSummary {
  readonly urls: number;
  /** Requests for each of them. */
  readonly variants: number;
  /** Responses that went into the cache. */
  readonly stored: number;
  /** Those that were there already. */
  readonly hits: number;
  /** Those the origin confirmed. */
  readonly revalidated: number;
  /** Those that were served stale, and are being validated. */
  readonly stale: number;
  readonly notStored: readonly Readonly<Group>[];
  readonly failed: readonly Readonly<Group>[];
  readonly leftOut: readonly { readonly why: string; readonly count: number }[];
  readonly bytes: number;
  readonly seconds: number;
}

export class WarmReport {
  readonly #counts = { stored: 0, hit: 0, revalidated: 0, stale: 0 };
  readonly #notStored = new Map<string, Group>();
  readonly #failed = new Map<string, Group>();
  readonly #startedAt = performance.now();
  #bytes = 0;

  add({ requestTarget }: Place, result: Result): void {
    this.#bytes += result.bytes;
    if (!('why' in result)) {
      this.#counts[result.kind]++;
      return;
    }
    const groups = result.kind === 'failed' ? this.#failed : this.#notStored;
    const group = groups.get(result.why) ?? { why: result.why, count: 0, examples: [] };
    groups.set(result.why, group);
    group.count++;
    if (group.examples.length < EXAMPLES) group.examples.push(requestTarget);
  }

  summary(urls: number, variants: number, leftOut: ReadonlyMap<string, number>): WarmSummary {
    const byCount = (a: { count: number }, b: { count: number }): number => b.count - a.count;
    const { hit: hits, ...counts } = this.#counts;
    return {
      urls, variants, ...counts, hits,
      notStored: [...this.#notStored.values()].toSorted(byCount),
      failed: [...this.#failed.values()].toSorted(byCount),
      leftOut: [...leftOut].map(([why, count]) => ({ why, count })).toSorted(byCount),
      bytes: this.#bytes,
      seconds: (performance.now() - this.#startedAt) / 1000,
    };
  }
}

export function summaryText(summary: WarmSummary): string {
  const { urls, variants, stored, hits, revalidated, stale, notStored, failed, leftOut, bytes, seconds } = summary;
  const each = variants === 1 ? '' : ` in ${variants} variants`;
  const lines = [`Asked for ${counted(urls, 'URL')}${each} in ${seconds < 60 ? `${seconds.toFixed(1)}s` : formatDuration(Math.round(seconds))}; ${formatSize(bytes)} came.`];
  const row = (name: string, count: number, more = ''): void => void (count > 0 && lines.push(`${name.padEnd(12)} ${count}${more}`));
  row('stored', stored);
  row('hits', hits, ', stored before');
  row('revalidated', revalidated, ', confirmed by the origin');
  row('stale', stale, ', being validated');
  const groups = (name: string, list: readonly Readonly<Group>[]): void => {
    row(name, total(list));
    for (const { why, count, examples } of list) lines.push(`${String(count).padStart(8)}  ${printable(why)}: ${examples.map(printable).join(', ')}${count > examples.length ? ` and ${count - examples.length} more` : ''}`);
  };
  groups('not stored', notStored);
  if (failed.length > 0) groups(styled('red', 'failed'.padEnd(12)), failed);
  row('left out', total(leftOut));
  for (const { why, count } of leftOut) lines.push(`${String(count).padStart(8)}  ${printable(why)}`);
  const hosts = leftOut.flatMap(({ why }) => /^of another host, (\S+)$/.exec(why)?.[1] ?? []);
  if (hosts.length > 0) lines.push(`Where clients reach the proxy as ${printable(hosts[0]!)}, add --header 'Host: ${printable(hosts[0]!)}'.`);
  return `${lines.join('\n')}\n`;
}

function total(groups: readonly { readonly count: number }[]): number {
  return groups.reduce((sum, { count }) => sum + count, 0);
}
