/**
 * @module policy/parts
 * Several stored parts of one representation: which of them answer a request, where a further one goes,
 * and which become one.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-3.4
 */
import type { ByteRange } from '../http/byte-range.ts';
import type { Fields } from '../http/fields.ts';
import type { StoredResponse } from './message.ts';
import { answerRange } from './range.ts';

/** Parts kept of one representation; with one more the oldest goes. */
export const MAX_PARTS = 128;
/** Bytes of all parts kept of one representation; with more the oldest go. */
export const MAX_PARTS_BYTES: number = 1024 ** 3;
/** Bytes of parts that are copied into one. Larger ones stay apart, and are read one after the other. */
export const MAX_MERGED_BYTES: number = 64 * 1024 ** 2;
/**
 * A part is copied into a newer one that it touches while it is no longer than this many times that one.
 * So each byte is copied a few times only, however many small parts come one after the other.
 */
const MERGE_RATIO = 2;

/** Stored parts that answer a request. */
export interface Cover {
  /** In order; each touches or overlaps the next. */
  readonly parts: readonly ByteRange[];
  /** The bytes that they have together. */
  readonly range: ByteRange;
}

/**
 * The parts that have all bytes the request asks for; where there are none such, those without a gap from
 * the first byte that is stored.
 * @param length of the whole representation; undefined: not known
 */
export function coverOf(request: Fields, stored: StoredResponse, parts: readonly ByteRange[], length: number | undefined): Cover | undefined {
  const runs = runsOf(parts);
  const asked = length === undefined ? undefined : answerRange(request, stored, length);
  if (asked?.kind === 'parts') {
    const first = Math.min(...asked.spans.map((span) => span.first));
    const last = Math.max(...asked.spans.map((span) => span.last));
    if (runs.some((run) => contains(run, { first, last }))) return chain(parts, { first, last });
  }
  return runs[0] && chain(parts, runs[0]);
}

/** Where a part that has come goes. */
export type Placement =
  /** All its bytes are stored. */
  | { readonly kind: 'covered' }
  /** It takes the place of the first part, which it has all bytes of. */
  | { readonly kind: 'first'; readonly others: readonly ByteRange[] }
  /** It is kept beside the first part. */
  | { readonly kind: 'other'; readonly others: readonly ByteRange[] };

/**
 * @param first the part that is stored with the description
 * @param others that are stored beside it, the oldest first
 */
export function placePart(first: ByteRange, others: readonly ByteRange[], newer: ByteRange): Placement {
  if (runsOf([first, ...others]).some((run) => contains(run, newer))) return { kind: 'covered' };
  const kept = others.filter((part) => !contains(newer, part));
  if (contains(newer, first)) return { kind: 'first', others: bounded(newer, kept) };
  return { kind: 'other', others: bounded(first, [...kept, newer]) };
}

/**
 * The parts that are to become one with the newest; undefined where that is alone, or copying would cost too much.
 * @param length of the whole representation; undefined: not known
 */
export function mergeable(parts: readonly ByteRange[], newest: ByteRange, length: number | undefined): Cover | undefined {
  const run = runsOf(parts).find((each) => contains(each, newest))!;
  // What is complete is worth a last copy: it is found and read at once from then on.
  if (parts.length > 1 && sizeOf(run) === length && length <= MAX_MERGED_BYTES) return chain(parts, run);
  let merged = newest;
  const rest = parts.filter((part) => !isSame(part, newest));
  for (;;) {
    const found = rest.findIndex((part) => touches(merged, part) && sizeOf(part) <= MERGE_RATIO * sizeOf(merged) && sizeOf(union(merged, part)) <= MAX_MERGED_BYTES);
    if (found === -1) break;
    merged = union(merged, rest.splice(found, 1)[0]!);
  }
  return merged === newest ? undefined : chain(parts, merged);
}

export function isSame(a: ByteRange, b: ByteRange): boolean {
  return a.first === b.first && a.last === b.last;
}

export function touches(a: ByteRange, b: ByteRange): boolean {
  return a.first <= b.last + 1 && b.first <= a.last + 1;
}

function contains(outer: ByteRange, inner: ByteRange): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}

/** What is covered without a gap, in order. */
export function runsOf(parts: readonly ByteRange[]): ByteRange[] {
  const runs: ByteRange[] = [];
  for (const part of parts.toSorted((a, b) => a.first - b.first)) {
    const before = runs.at(-1);
    if (before !== undefined && touches(before, part)) runs[runs.length - 1] = union(before, part);
    else runs.push({ first: part.first, last: part.last });
  }
  return runs;
}

/** As few parts as cover the range, which is covered without a gap. */
function chain(parts: readonly ByteRange[], range: ByteRange): Cover {
  const chosen: ByteRange[] = [];
  for (let at = range.first; at <= range.last; at = chosen.at(-1)!.last + 1) {
    const candidates = parts.filter((part) => part.first <= at && part.last >= at);
    chosen.push(candidates.reduce((best, part) => (part.last > best.last ? part : best)));
  }
  return { parts: chosen, range: { first: chosen[0]!.first, last: chosen.at(-1)!.last } };
}

/** Without the oldest, where they are too many or too large. */
function bounded(first: ByteRange, others: readonly ByteRange[]): ByteRange[] {
  const kept = [...others];
  let bytes = kept.reduce((sum, part) => sum + sizeOf(part), sizeOf(first));
  while (kept.length > 1 && (kept.length + 1 > MAX_PARTS || bytes > MAX_PARTS_BYTES)) bytes -= sizeOf(kept.shift()!);
  return kept;
}

function union(a: ByteRange, b: ByteRange): ByteRange {
  return { first: Math.min(a.first, b.first), last: Math.max(a.last, b.last) };
}

function sizeOf({ first, last }: ByteRange): number {
  return last + 1 - first;
}
