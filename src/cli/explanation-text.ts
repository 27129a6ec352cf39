/**
 * @module cli/explanation-text
 * What `millrace explain` prints.
 */
import type { ExplainedReason, ExplainedVariant, Explanation } from '../cache/explanation.ts';
import { formatDuration, formatSize } from '../config/quantity.ts';
import { printable } from '../server/printable.ts';
import { styled } from './terminal.ts';

/** Completes "a GET now would …". */
const ACTIONS: Readonly<Record<Explanation['now']['action'], string>> = {
  hit: 'be answered from the cache',
  stale: 'be answered from the cache, stale',
  'stale-while-revalidate': 'be answered from the cache, stale, while the origin is asked in the background',
  revalidate: 'be validated with the origin',
  miss: 'be fetched from the origin',
  bypass: 'pass by the cache',
  unavailable: 'be refused with 504',
};

export function explanationText({ url, method, now, stored, otherSpellings, notStored }: Explanation): string {
  const lines = [styled('bold', printable(url)), `A ${printable(method)} now would ${styled(now.action === 'hit' ? 'green' : 'magenta', ACTIONS[now.action])}.`];
  for (const reason of now.reasons) lines.push(...reasonLines('because', reason));
  if (notStored !== undefined) {
    lines.push('', `Its response was not stored at ${printable(notStored.at)}.`);
    for (const reason of notStored.reasons) lines.push(...reasonLines('because', reason));
  }
  lines.push('', stored.length === 0 ? 'Nothing is stored.' : stored.length === 1 ? 'One response is stored:' : `${stored.length} variants are stored:`);
  for (const variant of stored) lines.push(...variantLines(variant));
  if (otherSpellings.length > 0) lines.push('', 'Stored apart, for other spellings of the same URL:', ...otherSpellings.map((other) => `  ${printable(other)}`));
  return `${lines.join('\n')}\n`;
}

function reasonLines(lead: string, { words, detail, source, remedy }: ExplainedReason): string[] {
  const lines = [`  ${lead} ${words}${detail === undefined ? '' : ` (${printable(detail)})`}`];
  if (source !== undefined) lines.push(styled('gray', `    ${source}`));
  if (remedy !== undefined) lines.push(`    ${remedy}`);
  return lines;
}

function variantLines(variant: ExplainedVariant): string[] {
  const { status, method, bytes, age, lifetime, lifetimeReason, etag, lastModified, selectedBy, matches, softPurged, storedAt, parts } = variant;
  const fresh = age < lifetime && !softPurged;
  const lines = [
    `  ${status} to ${printable(method)}, ${formatSize(bytes)}, ${styled(fresh ? 'green' : 'yellow', fresh ? 'fresh' : 'stale')}: age ${formatDuration(age)} of ${formatDuration(lifetime)}${softPurged ? ', purged softly' : ''}, received ${printable(storedAt)}`,
    ...reasonLines('lifetime:', lifetimeReason),
  ];
  for (const part of parts ?? []) lines.push(`  only ${printable(part)}`);
  if (etag !== undefined) lines.push(`  ETag: ${printable(etag)}`);
  if (lastModified !== undefined) lines.push(`  Last-Modified: ${printable(lastModified)}`);
  for (const [name, value] of Object.entries(selectedBy)) lines.push(`  for requests with ${value === null ? `no ${printable(name)}` : `${printable(name)}: ${printable(value)}`}`);
  if (!matches) lines.push('  another request than this one');
  return lines;
}
