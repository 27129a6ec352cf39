/**
 * @module cache/answer
 * What a client gets of a stored response: 200 whole, 206 in part, 304 or 416. Heads only; which
 * bytes go with them is data.
 */
import { randomBytes } from 'node:crypto';
import { type ByteRange, formatContentRange } from '../http/byte-range.ts';
import { Fields } from '../http/fields.ts';
import type { RequestHead } from '../policy/message.ts';
import { answerRange } from '../policy/range.ts';
import { isNotModified } from '../policy/validate.ts';
import type { Entry } from './entry.ts';
import type { Piece, Span } from './reply-body.ts';

export interface Answer {
  readonly status: number;
  readonly fields: Fields;
  /** Bytes of body announced; undefined where not known yet. */
  readonly length: number | undefined;
  /** What to send, in order; 'all' where the length is not known yet. */
  readonly pieces: readonly Piece[] | 'all';
}

/** Describe a representation, and so have no place in a 304: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.4.5 */
const NOT_IN_304: ReadonlySet<string> = new Set(['content-length', 'content-type', 'content-encoding', 'content-language', 'content-range']);

/**
 * @param length of the stored body; undefined while it is still coming and was not announced
 * @param omit field names, in lower case, that are not sent
 */
export function answer(request: RequestHead, entry: Entry, length: number | undefined, omit: readonly string[], now: number): Answer {
  const fields = without(entry.fields, (name) => omit.includes(name));
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-13.2.2: If-None-Match and If-Modified-Since come before Range.
  if (request.method !== 'POST' && isNotModified(request.fields, entry, now)) return notModified(fields);
  const whole: Answer = { status: entry.status, fields, length, pieces: length === undefined ? 'all' : [{ start: 0, end: length }] };
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-14.2: Range is defined for GET alone.
  if (request.method !== 'GET' || length === undefined) return whole;
  // Of a stored part, the positions are those in the whole.
  const { first: offset, length: total = length } = entry.range ?? { first: 0, length };
  const range = answerRange(request.fields, entry, total);
  switch (range.kind) {
    case 'whole':
    case 'too-many':
      return whole;
    case 'unsatisfiable':
      return { status: 416, fields: unsatisfiable(fields, total), length: 0, pieces: [] };
    case 'parts':
      return range.spans.length === 1 ? singlePart(fields, range.spans[0], offset, total) : multipleParts(fields, range.spans, offset, total);
  }
}

/** A reply that can be cut out of a body as it passes by. */
export interface Sendable extends Omit<Answer, 'pieces'> {
  readonly span: Span | 'all' | 'none';
}

/** Parts in any order cannot be cut out of what is passing by: the whole is sent in their place. */
export function streamable({ status, fields, length, pieces }: Answer, entry: Entry, whole: number | undefined): Sendable {
  if (pieces === 'all') return { status, fields, length, span: 'all' };
  const [piece] = pieces;
  if (piece === undefined) return { status, fields, length, span: 'none' };
  if (pieces.length === 1 && !Buffer.isBuffer(piece)) return { status, fields, length, span: piece };
  return { status: entry.status, fields: entry.fields.clone(), length: whole, span: 'all' };
}

function notModified(fields: Fields): Answer {
  const kept = without(fields, (name) => NOT_IN_304.has(name));
  // "a sender SHOULD NOT generate representation metadata other than the above listed fields": the entity tag says it all.
  if (kept.has('etag')) kept.delete('Last-Modified');
  return { status: 304, fields: kept, length: undefined, pieces: [] };
}

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.17 */
function unsatisfiable(fields: Fields, length: number): Fields {
  return without(fields, (name) => NOT_IN_304.has(name)).set('Content-Range', formatContentRange({ unsatisfied: length }));
}

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-15.3.7.1 */
function singlePart(fields: Fields, { first, last }: ByteRange, offset: number, length: number): Answer {
  return {
    status: 206,
    fields: fields.set('Content-Range', formatContentRange({ first, last, length })),
    length: last + 1 - first,
    pieces: [{ start: first - offset, end: last + 1 - offset }],
  };
}

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-15.3.7.2 */
function multipleParts(fields: Fields, ranges: readonly ByteRange[], offset: number, length: number): Answer {
  const boundary = randomBytes(12).toString('hex');
  const type = fields.first('content-type');
  const pieces: Piece[] = [];
  let total = 0;
  for (const { first, last } of ranges) {
    const typeLine = type === undefined ? '' : `Content-Type: ${type}\r\n`;
    const head = Buffer.from(`\r\n--${boundary}\r\n${typeLine}Content-Range: ${formatContentRange({ first, last, length })}\r\n\r\n`, 'latin1');
    pieces.push(head, { start: first - offset, end: last + 1 - offset });
    total += head.length + last + 1 - first;
  }
  const close = Buffer.from(`\r\n--${boundary}--\r\n`);
  pieces.push(close);
  return { status: 206, fields: fields.set('Content-Type', `multipart/byteranges; boundary=${boundary}`), length: total + close.length, pieces };
}

function without(fields: Fields, drop: (lowerName: string) => boolean): Fields {
  const kept = new Fields();
  for (const [name, value] of fields) if (!drop(name.toLowerCase())) kept.append(name, value);
  return kept;
}
