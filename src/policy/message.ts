/**
 * @module policy/message
 * The heads of messages as policy sees them: no bodies, no sockets.
 */
import type { Fields } from '../http/fields.ts';
import { isKnownCredential } from './credentials.ts';

export interface RequestHead {
  readonly method: string;
  readonly fields: Fields;
  /** It has content that is no part of the cache key. */
  readonly hasBody: boolean;
  /** The target URI. */
  readonly url: string;
}

export interface ResponseHead {
  readonly status: number;
  readonly fields: Fields;
}

/** A response head with what has to be remembered about its arrival (RFC 9111 §4.2.3), times in ms since the epoch. */
export interface StoredResponse extends ResponseHead {
  /** The method of the request it answered. */
  readonly method: string;
  /** When the request was sent. */
  readonly requestTime: number;
  /** When the response was received. */
  readonly responseTime: number;
  /** A cookie or credentials went with the request, or a cookie came with the response: implicit lifetimes do not apply. */
  readonly privateInPlay: boolean;
  /** The bytes that are stored; undefined: the whole representation. */
  readonly range: StoredRange | undefined;
  /** The origin has answered otherwise since: not to be used before it is validated (RFC 9111 §4.4). */
  readonly invalidated: boolean;
}

/** Bytes first to last (inclusive) of a representation of `length` bytes. */
export interface StoredRange {
  readonly first: number;
  readonly last: number;
  readonly length: number | undefined;
}

/** Bytes, about as they are sent to the origin. */
export function headSize({ url, fields: { lines } }: RequestHead): number {
  let size = url.length;
  for (const text of lines) size += text.length + 2;
  return size;
}

/** Cookies or credentials are in play, so that the response may be meant for one person. */
export function carriesPrivate(request: RequestHead): boolean {
  const { lines } = request.fields;
  for (let i = 0; i < lines.length; i += 2) {
    if (isKnownCredential(lines[i]!)) return true;
  }
  return false;
}
