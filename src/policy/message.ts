/**
 * @module policy/message
 * The heads of messages as policy sees them: no bodies, no sockets.
 */
import { type Fields, plainName } from '../http/fields.ts';

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

/** Fields by which a client shows who it is: those of HTTP, and those that APIs commonly use in their place. */
export const CREDENTIALS: ReadonlySet<string> = new Set([
  'cookie', 'authorization',
  'x-api-key', 'api-key', 'apikey', 'x-apikey', 'x-auth-token', 'x-access-token', 'x-session-token', 'x-session-id', 'x-user-token', 'x-id-token', 'x-jwt',
  'x-authorization', 'x-amz-security-token', 'x-amzn-oidc-data', 'cf-access-jwt-assertion', 'cf-access-token', 'x-goog-api-key', 'x-goog-iap-jwt-assertion',
  'private-token', 'job-token', 'x-gitlab-token', 'x-vault-token', 'x-shopify-access-token', 'x-functions-key', 'ocp-apim-subscription-key', 'x-rapidapi-key',
  'x-remote-user', 'remote-user', 'x-auth-request-user', 'x-auth-request-access-token', 'x-user', 'x-user-id', 'dpop', 'x-client-cert', 'client-cert',
]);

/** By length, first and last letter: which field names are worth a closer look. Nearly none are, and this is asked for each field several times. */
const SIEVE = new Uint8Array(1 << 16);
for (const name of CREDENTIALS) SIEVE[placeInSieve(name)] = 1;

function placeInSieve(name: string): number {
  // Bits that do not tell upper from lower case.
  return ((name.length & 63) << 10) | ((name.charCodeAt(0) & 31) << 5) | (name.charCodeAt(name.length - 1) & 31);
}

/** Cookies or credentials are in play, so that the response may be meant for one person. */
export function carriesPrivate(request: RequestHead): boolean {
  const { lines } = request.fields;
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!;
    if (SIEVE[placeInSieve(name)] === 1 && CREDENTIALS.has(plainName(name))) return true;
  }
  return false;
}
