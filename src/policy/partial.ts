/**
 * @module policy/partial
 * Partial responses: which bytes one holds, when two may be joined, and how one is completed.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-3.3
 */
import { parseContentRange } from '../http/byte-range.ts';
import { parseEntityTag, strongMatch } from '../http/entity-tag.ts';
import type { Fields } from '../http/fields.ts';
import type { ResponseHead, StoredRange, StoredResponse } from './message.ts';
import type { Settings } from './settings.ts';

/**
 * The bytes a 206 says it carries; undefined where it carries several ranges, or does not say.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-14.4
 */
export function announcedRange(response: ResponseHead): StoredRange | undefined {
  if (response.status !== 206) return undefined;
  const lines = response.fields.all('content-range');
  const range = lines.length === 1 ? parseContentRange(lines[0]!) : undefined;
  return range === undefined || 'unsatisfied' in range ? undefined : range;
}

/**
 * The bytes a 206 carried, once its content has come: what counts is what came. Content that is
 * shorter than announced is the beginning of the announced range. Where that range reached the end
 * of the representation, the letter takes the end of the content for that end.
 */
export function receivedRange(announced: StoredRange, contentLength: number, settings: Settings): StoredRange | undefined {
  const last = announced.first + contentLength - 1;
  if (contentLength === 0 || last > announced.last) return undefined;
  const reachedEnd = announced.last + 1 === announced.length;
  const length = settings.letter && reachedEnd ? last + 1 : announced.length;
  return { first: announced.first, last, length };
}

/** All of the representation is there. */
export function isWhole({ first, last, length }: StoredRange): boolean {
  return first === 0 && last + 1 === length;
}

/** How the missing end of a stored part is asked for. */
export interface Completion {
  readonly range: string;
  /** A strong validator, so that the part that comes belongs to the part that is stored. */
  readonly ifRange: string | undefined;
}

/**
 * The request that completes a stored beginning; undefined where the whole must be fetched. Without a
 * strong validator the parts cannot be joined, so that asking is of no use; the letter asks all the same.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-3.4
 */
export function completion(stored: StoredResponse, settings: Settings): Completion | undefined {
  const { range } = stored;
  if (range === undefined || range.first !== 0 || range.length === undefined || range.last + 1 >= range.length) return undefined;
  const ifRange = strongTag(stored.fields);
  if (ifRange === undefined && !settings.letter) return undefined;
  return { range: `bytes=${range.last + 1}-`, ifRange };
}

/**
 * Whether a newer part may be joined with a stored one: they share a strong validator and the
 * length of the whole, and leave no gap.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.3.7.3
 */
export function joins(stored: StoredResponse, newer: ResponseHead, range: StoredRange): boolean {
  const own = stored.range;
  if (own === undefined || own.length !== range.length || range.first > own.last + 1 || range.last + 1 < own.first) return false;
  return shareStrongTag(stored.fields, newer.fields);
}

/** Both are of the very same representation, as far as that can be known. */
export function shareStrongTag(fields: Fields, others: Fields): boolean {
  const [a, b] = [strongTag(fields), strongTag(others)];
  return a !== undefined && b !== undefined && strongMatch(parseEntityTag(a)!, parseEntityTag(b)!);
}

function strongTag(fields: Fields): string | undefined {
  const text = fields.first('etag');
  const tag = text === undefined ? undefined : parseEntityTag(text);
  return tag === undefined || tag.weak ? undefined : text;
}
