/**
 * @module policy/invalidate
 * What a request with an unsafe method makes out of date.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.4
 */
import type { Fields } from '../http/fields.ts';

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-9.2.1; QUERY is safe by RFC 10008. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH']);

export function isSafe(method: string): boolean {
  return SAFE.has(method);
}

/** "A cache MUST invalidate the target URI when it receives a non-error status code in response to an unsafe request method (including methods whose safety is unknown)". */
export function invalidates(method: string, status: number): boolean {
  return !isSafe(method) && status >= 200 && status < 400;
}

/**
 * The URLs besides the target that go out of date: those in Location and Content-Location on the
 * same origin (others must not be touched: a response could empty someone else's cache).
 */
export function alsoInvalidated(target: URL, response: Fields): URL[] {
  const urls: URL[] = [];
  for (const name of ['location', 'content-location']) {
    const value = response.first(name);
    if (value === undefined || !URL.canParse(value, target)) continue;
    const url = new URL(value, target);
    if (url.origin === target.origin) urls.push(url);
  }
  return urls;
}
