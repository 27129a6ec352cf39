/**
 * @module policy/range
 * Which bytes of a stored response answer a range request.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-14.2
 */
import { type ByteRange, parseRange, resolveRanges } from '../http/byte-range.ts';
import { parseHttpDate } from '../http/date.ts';
import { parseEntityTag, strongMatch } from '../http/entity-tag.ts';
import type { Fields } from '../http/fields.ts';
import { dateValue } from './freshness.ts';
import type { RequestHead, StoredRange, StoredResponse } from './message.ts';

export type RangeAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'parts'; readonly spans: readonly [ByteRange, ...ByteRange[]] }
  | { readonly kind: 'unsatisfiable' }
  /** Disjoint, but more than MAX_RANGES. */
  | { readonly kind: 'too-many'; readonly count: number };

/** Ranges of one request that a stored response answers; each costs a read of the store and a part head. */
export const MAX_RANGES = 256;
/** Pairs of ranges that may overlap: https://www.rfc-editor.org/rfc/rfc9110.html#section-14.2 */
const MAX_OVERLAPS = 2;

/**
 * Ranges that overlap more than MAX_OVERLAPS times, or that add up to more bytes than the representation
 * has, are ignored: a short request must not cause a response that is many times as long (RangeAmp).
 * @param length of the whole representation, in bytes
 */
export function answerRange(request: Fields, stored: StoredResponse, length: number): RangeAnswer {
  const whole: RangeAnswer = { kind: 'whole' };
  const value = request.get('range');
  if (value === undefined || stored.status !== 200 || !ifRangeHolds(request, stored)) return whole;
  const specs = parseRange(value);
  // No Content-Range can tell of bytes where there are none.
  if (specs === undefined || length === 0) return whole;
  const spans = resolveRanges(specs, length);
  const [first, ...others] = spans;
  if (first === undefined) return { kind: 'unsatisfiable' };
  if (isAmplifying(spans, length)) return whole;
  if (spans.length > MAX_RANGES) return { kind: 'too-many', count: spans.length };
  return { kind: 'parts', spans: [first, ...others] };
}

/** Whether a stored part has all the bytes that the request asks for. */
export function covers(request: RequestHead, stored: StoredResponse, { first, last, length }: StoredRange): boolean {
  if (request.method !== 'GET' || length === undefined) return false;
  const answer = answerRange(request.fields, stored, length);
  return answer.kind === 'parts' && answer.spans.every((span) => span.first >= first && span.last <= last);
}

/**
 * If-Range wants a strong validator that matches exactly; otherwise the whole is sent.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-13.1.5
 */
function ifRangeHolds(request: Fields, stored: StoredResponse): boolean {
  const condition = request.get('if-range');
  if (condition === undefined) return true;
  const tag = parseEntityTag(condition);
  if (tag !== undefined) {
    const own = parseEntityTag(stored.fields.first('etag') ?? '');
    return own !== undefined && strongMatch(tag, own);
  }
  const date = parseHttpDate(condition, stored.responseTime);
  const lastModified = stored.fields.first('last-modified');
  if (date === undefined || lastModified === undefined) return false;
  const modified = parseHttpDate(lastModified, stored.responseTime);
  // A date is a strong validator only where the origin's clock was a second past it: https://www.rfc-editor.org/rfc/rfc9110.html#section-8.8.2.2
  return modified === date && dateValue(stored) - date >= 1000;
}

function isAmplifying(spans: readonly ByteRange[], length: number): boolean {
  const sorted = [...spans].sort((a, b) => a.first - b.first);
  let bytes = 0;
  let overlaps = 0;
  let reached = -1;
  for (const { first, last } of sorted) {
    bytes += last + 1 - first;
    if (first <= reached) overlaps++;
    reached = Math.max(reached, last);
  }
  return bytes > length || overlaps > MAX_OVERLAPS;
}
