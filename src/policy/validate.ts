/**
 * @module policy/validate
 * Validation in both directions: the conditions a client sets on a stored response, and those we
 * set on the origin's.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.3
 */
import { parseHttpDate } from '../http/date.ts';
import { parseEntityTag, parseEntityTagList, strongMatch, weakMatch } from '../http/entity-tag.ts';
import { Fields } from '../http/fields.ts';
import { dateValue } from './freshness.ts';
import type { ResponseHead, StoredResponse } from './message.ts';

/** Fields that make a request conditional on a representation the client holds. */
const CLIENT_CONDITIONS = ['If-None-Match', 'If-Modified-Since'] as const;
/** With what asks for a part. */
const OF_CLIENT = [...CLIENT_CONDITIONS, 'Range', 'If-Range'] as const;

/**
 * Fields that a validation never changes: they describe the bytes that are stored.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-3.2
 */
const FROZEN: ReadonlySet<string> = new Set(['content-length', 'content-encoding', 'content-range', 'content-md5', 'transfer-encoding', 'trailer']);

/**
 * If-Match and If-Unmodified-Since are for the origin to evaluate, a cache has no say in them.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.3.2
 */
export function isOriginConditional(request: Fields): boolean {
  return request.has('if-match') || request.has('if-unmodified-since');
}

/** The response depends on what the client has: its own conditions, but for that of a range. */
export function isConditional(request: Fields): boolean {
  return CLIENT_CONDITIONS.some((name) => request.has(name));
}

/**
 * Whether a stored response is answered with 304 to this request.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.3.2
 */
export function isNotModified(request: Fields, stored: StoredResponse, now: number): boolean {
  if (stored.status !== 200 && stored.status !== 206) return false;
  const noneMatch = request.get('if-none-match');
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-13.2.2: If-Modified-Since counts only without If-None-Match.
  if (noneMatch !== undefined) {
    const tags = parseEntityTagList(noneMatch);
    if (tags === '*') return true;
    const tag = stored.fields.first('etag');
    const stated = tag === undefined ? undefined : parseEntityTagList(tag);
    if (stated === undefined || stated === '*' || stated[0] === undefined) return false;
    const own = stated[0];
    return tags.some((each) => weakMatch(each, own));
  }
  const lines = request.all('if-modified-since');
  const since = lines.length === 1 ? parseHttpDate(lines[0]!, now) : undefined;
  if (since === undefined) return false;
  const lastModified = stored.fields.first('last-modified');
  if (lastModified !== undefined) {
    const modified = parseHttpDate(lastModified, now);
    return modified !== undefined && modified <= since;
  }
  // Without Last-Modified the Date stands in, or the time it was received.
  return dateValue(stored) <= since;
}

/**
 * The request that validates a stored response: the client's own conditions give way to ours; its
 * answer is then held against the client's.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.3.1
 */
export function withConditions(request: Fields, stored: StoredResponse): Fields {
  const fields = withoutConditions(request).clone();
  const tag = stored.fields.first('etag');
  const lastModified = stored.fields.first('last-modified');
  if (tag !== undefined) fields.set('If-None-Match', tag);
  if (lastModified !== undefined) fields.set('If-Modified-Since', lastModified);
  return fields;
}

/** The request for the whole representation, whatever part of it the client has; the very same fields where that is what they ask for. */
export function withoutConditions(request: Fields): Fields {
  if (!OF_CLIENT.some((name) => request.has(name))) return request;
  const fields = request.clone();
  for (const name of OF_CLIENT) fields.delete(name);
  return fields;
}

/**
 * Whether a 304 speaks of this stored response: its validators, where it has any, must be the ones stored.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.3.4
 */
export function validates(notModified: ResponseHead, stored: StoredResponse): boolean {
  const tag = notModified.fields.first('etag');
  const storedTag = stored.fields.first('etag');
  if (tag !== undefined) {
    const [fresh, own] = [parseEntityTag(tag), storedTag === undefined ? undefined : parseEntityTag(storedTag)];
    if (fresh === undefined || own === undefined) return tag === storedTag;
    return fresh.weak ? weakMatch(fresh, own) : strongMatch(fresh, own);
  }
  const lastModified = notModified.fields.first('last-modified');
  const storedLastModified = stored.fields.first('last-modified');
  return lastModified === undefined || storedLastModified === undefined || lastModified === storedLastModified;
}

/**
 * The stored fields with those of a newer response to the same: replaced where it has them, kept where not.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-3.2
 */
export function updatedFields(stored: Fields, newer: Fields, omit: readonly string[]): Fields {
  const changed = new Set([...newer.names()].filter((name) => !FROZEN.has(name) && !omit.includes(name)));
  const fields = new Fields();
  // Age speaks of one response alone: an old one must not outlive it.
  for (const [name, value] of stored) {
    const lower = name.toLowerCase();
    if (!changed.has(lower) && lower !== 'age') fields.append(name, value);
  }
  for (const [name, value] of newer) if (changed.has(name.toLowerCase())) fields.append(name, value);
  return fields;
}

/**
 * Whether a 200 to HEAD describes the stored response to GET, so that it may update it; where it
 * does not, what is stored is out of date.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.3.5
 */
export function headDescribes(head: ResponseHead, stored: StoredResponse, storedLength: number | undefined): boolean {
  if (head.status !== stored.status) return false;
  for (const name of ['etag', 'last-modified']) {
    const value = head.fields.first(name);
    if (value !== undefined && value !== stored.fields.first(name)) return false;
  }
  const length = head.fields.first('content-length');
  return length === undefined || storedLength === undefined || Number(length) === storedLength;
}
