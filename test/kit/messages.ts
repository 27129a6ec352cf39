/**
 * @module test/kit/messages
 * Heads of messages for tests of policy: a plain request, a plain stored response and the safe
 * settings, of which a test changes only what it is about.
 */
import { Fields } from '../../src/http/fields.ts';
import type { RequestHead, StoredResponse } from '../../src/policy/message.ts';
import type { Settings } from '../../src/policy/settings.ts';

/** When stored responses were received: Sat, 01 Nov 2025 00:00:00 GMT, milliseconds since the epoch. */
export const RECEIVED: number = Date.UTC(2025, 10, 1);

/** Field lines by name; several lines of one name as an array. */
export type FieldLines = Readonly<Record<string, string | readonly string[]>>;

/** The HTTP date so many seconds after the response was received. */
export function httpDate(seconds = 0): string {
  return new Date(RECEIVED + seconds * 1000).toUTCString();
}

/** Milliseconds since the epoch, so many seconds after the response was received. */
export function after(seconds: number): number {
  return RECEIVED + seconds * 1000;
}

/** A GET with these fields. */
export function request(fields: FieldLines = {}, changes: Partial<RequestHead> = {}): RequestHead {
  return { method: 'GET', fields: Fields.of(fields), hasBody: false, url: 'http://example.com/page', ...changes };
}

/** A whole 200 to GET that came at once, with these fields and a right Date unless they name it (`Date: []`: none). */
export function stored(fields: FieldLines = {}, changes: Partial<StoredResponse> = {}): StoredResponse {
  const all = Fields.of(fields);
  if (!Object.keys(fields).some((name) => name.toLowerCase() === 'date')) all.append('Date', httpDate());
  return { status: 200, fields: all, method: 'GET', requestTime: RECEIVED, responseTime: RECEIVED, privateInPlay: false, range: undefined, invalidated: false, ...changes };
}

/** What a response states counts, and nothing else: no default lifetime. */
export const STATED: Settings = { cache: true, ttl: undefined, defaultTtl: 0, staleIfUnreachable: 0, letter: false };
/** As Millrace starts without options. */
export const SAFE: Settings = { ...STATED, defaultTtl: 120 };
/** --preset rfc9111 */
export const LETTER: Settings = { ...STATED, letter: true };
/** --ttl 60 */
export const TTL: Settings = { ...STATED, ttl: 60 };
