/**
 * @module cli/stats-text
 * What `millrace stats` prints.
 */
import type { StoreStats } from '../cache/store-stats.ts';
import { formatDuration, formatSize } from '../config/quantity.ts';
import { reasonKind } from '../policy/reason.ts';
import type { ReasonCode } from '../policy/reason.ts';
import type { ProxyStats } from '../proxy/stats.ts';
import { printable } from '../server/printable.ts';
import { counted } from './counted.ts';
import { styled } from './terminal.ts';

export function statsText(stats: ProxyStats): string {
  const { origin, store } = stats;
  const rows: [label: string, text: string][] = [
    ['requests', `${stats.requests} in ${formatDuration(Math.round(stats.uptime))}`],
    ['hit ratio', `${styled('bold', `${(stats.hitRatio * 100).toFixed(1)} %`)} (${counted(stats.hits, 'hit')}, ${counted(stats.misses, 'miss', 'misses')})`],
    ['results', counts(stats.byResult)],
    ['statuses', counts(stats.byStatus)],
    ['sent', `${formatSize(stats.bytes)}, ${formatSize(stats.bytesFromCache)} of it from the cache`],
    ['stored', `${counted(store.objects, 'object')} in ${formatSize(store.bytes)} of ${formatSize(store.maxBytes)}, ${store.evictions} evicted`],
  ];
  if (stats.unreadBytes > 0) rows.push(['unread', `${formatSize(stats.unreadBytes)} that clients have yet to take`]);
  for (const tier of store.tiers ?? []) rows.push([`  ${tier.name}`, tierText(tier)]);
  if (origin.count > 0) {
    rows.push(['origin', `${counted(origin.count, 'response')}; half began within ${time(origin.p50)}, 90 % within ${time(origin.p90)}, 99 % within ${time(origin.p99)}, the slowest after ${time(origin.max)}`]);
  }
  if (stats.collapsed > 0) rows.push(['collapsed', `${counted(stats.collapsed, 'request was', 'requests were')} served by the fetch of another`]);
  if (stats.refusedConnections > 0) rows.push(['refused', counted(stats.refusedConnections, 'connection')]);
  if (Object.keys(stats.errors).length > 0) rows.push(['errors', counts(stats.errors)]);
  const lines = rows.map(([label, text]) => `${styled('gray', label.padEnd(10))} ${text}`);
  const reasons = Object.entries(stats.byReason).toSorted(([, a], [, b]) => b - a);
  if (reasons.length > 0) lines.push('', styled('gray', 'because'), ...reasons.map(([code, count]) => `${String(count).padStart(8)}  ${reasonKind(code as ReasonCode)?.words ?? printable(code)}`));
  return `${lines.join('\n')}\n`;
}

function tierText({ objects, bytes, maxBytes, evictions, errors, hits = 0, latency, peer }: StoreStats): string {
  const failures = errors > 0 ? `, ${counted(errors, 'error')}` : '';
  const found = latency === undefined || latency.count === 0 ? '' : `; half were found within ${time(latency.p50)}, 99 % within ${time(latency.p99)}`;
  if (peer === undefined) return `${counted(objects, 'object')} in ${formatSize(bytes)} of ${formatSize(maxBytes)}, ${counted(hits, 'hit')}, ${evictions} evicted${failures}${found}`;
  const { address, isThere, skipped } = peer;
  const room = `${counted(objects, 'key')} in ${formatSize(bytes)}${maxBytes > 0 ? ` of ${formatSize(maxBytes)}` : ''}, ${evictions} evicted`;
  return `${printable(address)} is ${isThere ? 'in use' : 'away'}; ${counted(hits, 'hit')}${failures}${skipped > 0 ? `, ${counted(skipped, 'time')} not asked` : ''}${found.replace('were found', 'of its answers came')}; it has ${room}`;
}

function counts(record: Readonly<Record<string, number>>): string {
  const parts = Object.entries(record).flatMap(([name, count]) => (count > 0 ? [`${count} ${printable(name)}`] : []));
  return parts.join(', ') || 'none';
}

function time(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds * 10) / 10} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
