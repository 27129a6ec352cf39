/**
 * @module policy/requested-range
 * Which bytes a request asks for, before anything is known of the representation, and which requests
 * can be answered with the bytes that another one asks for.
 */
import { type ByteRangeSpec, parseRange } from '../http/byte-range.ts';
import type { RequestHead } from './message.ts';

/** `other`: several ranges, or something that only the origin can judge; no other request has use for the response. */
export type RequestedRange = 'whole' | 'other' | ByteRangeSpec;

export function requestedRange({ method, fields }: RequestHead): RequestedRange {
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-14.2: Range is defined for GET alone.
  if (method === 'HEAD' || !fields.has('range')) return 'whole';
  const specs = method === 'GET' ? parseRange(fields.get('range')!) : undefined;
  return specs?.length === 1 ? specs[0]! : 'other';
}

/** All bytes, asked for as a range. */
export function isFromStart(range: RequestedRange): boolean {
  return typeof range === 'object' && 'first' in range && range.first === 0 && range.last === undefined;
}

/** The response to a request for `outer` has all bytes of `inner`, provided that the origin sends what it is asked for. */
export function contains(outer: RequestedRange, inner: RequestedRange): boolean {
  if (outer === 'other' || inner === 'other') return false;
  if (outer === 'whole' || isFromStart(outer)) return true;
  if (inner === 'whole') return false;
  if ('suffix' in outer) return 'suffix' in inner && inner.suffix <= outer.suffix;
  if ('suffix' in inner || inner.first < outer.first) return false;
  return outer.last === undefined || (inner.last !== undefined && inner.last <= outer.last);
}
