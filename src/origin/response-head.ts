/**
 * @module origin/response-head
 * Judges the head of an origin's response: whether its length can be trusted, whether a body follows.
 */
import type { Target } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import type { HeadWatch } from './head-watch.ts';

/** Bytes of header fields an origin may send. */
export const MAX_HEAD_BYTES = 65_536;

/** What an origin may take and send. */
export interface ResponseLimits {
  /** Seconds to the head of a response, and between two pieces of its body. */
  readonly timeout: number;
  /** Field lines in a response, and in its trailers. */
  readonly maxFields: number;
}

/** @throws {MillraceError} ERR_ORIGIN_RESPONSE where there are more fields than are taken */
export function checkFieldCount({ size }: Fields, maxFields: number, { host, port }: Target): void {
  if (size <= maxFields) return;
  throw new MillraceError('ERR_ORIGIN_RESPONSE', `The response of ${host}:${port} has ${size} fields, and ${maxFields} are taken. Correct the origin, or raise --max-response-fields.`);
}

/**
 * Throws ERR_ORIGIN_RESPONSE for a status that is none, or that cannot be the final one: nobody behind
 * us could tell what follows it. A 101 is final only for who asked to switch.
 */
// https://www.rfc-editor.org/rfc/rfc9110.html#section-15
export function checkStatus(status: number, { host, port }: Target, isFinal: boolean): void {
  if (status >= (isFinal ? 200 : 100)) return;
  throw new MillraceError('ERR_ORIGIN_RESPONSE', `${host}:${port} answered with the status ${String(status).padStart(3, '0')}, which ${isFinal ? 'ends no exchange' : 'does not exist'}. Correct the origin.`);
}

/**
 * Throws ERR_ORIGIN_RESPONSE where two readers of the response could disagree about where it ends,
 * or its body is coded in a way that would be lost with Transfer-Encoding: we never said that we take
 * any other coding (TE). Parsers differ about all that looks like "chunked" and is another word.
 */
// https://www.rfc-editor.org/rfc/rfc9112.html#section-6.3
export function checkFraming(fields: Fields, httpVersion: string, head: HeadWatch | undefined, target: Target): void {
  if (isPlain(fields)) return;
  const lengths = new Set(fields.all('content-length').flatMap((line) => line.split(',').map((value) => value.trim())));
  const coding = fields.get('transfer-encoding');
  let what: string | undefined;
  if (coding !== undefined && lengths.size > 0) what = 'both Content-Length and Transfer-Encoding';
  else if (lengths.size > 1) what = `different lengths in Content-Length (${[...lengths].join(', ')})`;
  else if ([...lengths].some((length) => !isLength(length))) what = `the Content-Length "${[...lengths][0]}"`;
  else if (coding !== undefined && coding.toLowerCase() !== 'chunked' && !isNoCoding(coding)) what = `the Transfer-Encoding "${coding}"`;
  else if (coding !== undefined && head?.isTabbed === true) what = 'a Transfer-Encoding that ends with a tab';
  // https://www.rfc-editor.org/rfc/rfc9112.html#section-6.1: "MUST treat the message as if the framing is faulty"
  else if (coding !== undefined && httpVersion !== '1.1') what = `Transfer-Encoding in HTTP/${httpVersion}`;
  if (what === undefined) return;
  throw new MillraceError('ERR_ORIGIN_RESPONSE', `The response of ${target.host}:${target.port} has ${what}, so where it ends cannot be trusted. Correct the origin.`);
}

/** One Content-Length at most, and nothing else to read: nearly every response. */
function isPlain(fields: Fields): boolean {
  const lengths = fields.get('content-length');
  return (lengths === undefined || isLength(lengths)) && !fields.has('transfer-encoding');
}

function isLength(text: string): boolean {
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text));
}

/**
 * A word that nobody takes for a transfer coding codes nothing: the end of the connection ends the body.
 * Source: https://www.rfc-editor.org/rfc/rfc9112.html#section-6.3-2.4.2
 */
function isNoCoding(value: string): boolean {
  return /^[\w-]+$/.test(value) && !/chunk|identity|compress|deflate|gzip/i.test(value);
}

/** Whether a response has no body whatever its fields say. */
// https://www.rfc-editor.org/rfc/rfc9110.html#section-6.4.1
export function isBodiless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}
