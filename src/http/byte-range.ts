/**
 * @module http/byte-range
 * The syntax of Range and Content-Range for bytes, and what the ranges asked for are in a
 * representation of a given length. Positions count from 0, `last` is included.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-14
 */
import { splitList, trimOws } from './list.ts';

/** `first-` with `last` undefined goes to the end; a suffix is the last so many bytes. */
export type ByteRangeSpec = { readonly first: number; readonly last: number | undefined } | { readonly suffix: number };

export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** `length` is undefined where the sender does not know it ("*"). */
export type ContentRange = (ByteRange & { readonly length: number | undefined }) | { readonly unsatisfied: number };

/**
 * The ranges asked for, in order; undefined where the unit is not bytes or the syntax is invalid, and so
 * Range is to be ignored. Positions too large for a number are held at the largest: no body reaches them.
 * https://www.rfc-editor.org/rfc/rfc9110.html#section-14.2
 */
export function parseRange(value: string): ByteRangeSpec[] | undefined {
  const set = /^bytes=(.*)$/i.exec(trimOws(value))?.[1];
  if (set === undefined) return undefined;
  const specs: ByteRangeSpec[] = [];
  for (const member of splitList(set)) {
    const [, first, last] = /^(\d*)-(\d*)$/.exec(member) ?? [];
    if (first) specs.push({ first: position(first), last: last ? position(last) : undefined });
    else if (last) specs.push({ suffix: position(last) });
    else return undefined;
    // https://www.rfc-editor.org/rfc/rfc9110.html#section-14.1.2-4
    if (first && last && position(last) < position(first)) return undefined;
  }
  return specs.length > 0 ? specs : undefined;
}

/**
 * The satisfiable ranges in a representation of `length` bytes, clipped to it, in the order asked for;
 * of an empty representation no range is satisfiable. https://www.rfc-editor.org/rfc/rfc9110.html#section-14.1.2
 */
export function resolveRanges(specs: readonly ByteRangeSpec[], length: number): ByteRange[] {
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const first = 'suffix' in spec ? Math.max(0, length - spec.suffix) : spec.first;
    const last = 'suffix' in spec ? length - 1 : Math.min(spec.last ?? length - 1, length - 1);
    if (first <= last) ranges.push({ first, last });
  }
  return ranges;
}

/**
 * A Content-Range in bytes; undefined for other units, invalid ones, and figures too large to be
 * held exactly. https://www.rfc-editor.org/rfc/rfc9110.html#section-14.4
 */
export function parseContentRange(value: string): ContentRange | undefined {
  const [, first, last, length] = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/i.exec(trimOws(value)) ?? [];
  if (length === undefined || [first, last, length].some((digits) => Number(digits) > Number.MAX_SAFE_INTEGER)) return undefined;
  if (first === undefined) return length === '*' ? undefined : { unsatisfied: Number(length) };
  const range = { first: Number(first), last: Number(last), length: length === '*' ? undefined : Number(length) };
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-14.4-5
  return range.last < range.first || (range.length !== undefined && range.length <= range.last) ? undefined : range;
}

export function formatContentRange(range: ContentRange): string {
  return 'unsatisfied' in range ? `bytes */${range.unsatisfied}` : `bytes ${range.first}-${range.last}/${range.length ?? '*'}`;
}

function position(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}
