/**
 * @module policy/invalidate
 * What a request with an unsafe method makes out of date.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.4
 */
import type { Fields } from '../http/fields.ts';
import type { Site } from '../http/site.ts';

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-9.2.1; QUERY is safe by RFC 10008. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH']);

export function isSafe(method: string): boolean {
  return SAFE.has(method);
}

/** "A cache MUST invalidate the target URI when it receives a non-error status code in response to an unsafe request method (including methods whose safety is unknown)". */
export function invalidates(method: string, status: number): boolean {
  return !isSafe(method) && status >= 200 && status < 400;
}

/** Source and result are named by target and Destination: https://www.rfc-editor.org/rfc/rfc4918.html#section-9.8 */
const WITH_DESTINATION: ReadonlySet<string> = new Set(['COPY', 'MOVE']);

/**
 * The URLs besides the target that go out of date: those in Location and Content-Location, and the
 * Destination of COPY and MOVE, on the same site (others must not be touched: a response could empty someone
 * else's cache).
 * @param site where the origin is known by other names than its own
 */
export function alsoInvalidated(target: URL, response: Fields, request?: UnsafeRequest, site?: Pick<Site, 'pathAtOrigin'>): URL[] {
  const named = [response.first('location'), response.first('content-location'), destinationOf(request)];
  return named.map((reference) => onSite(reference, target, site)).filter((url) => url !== undefined);
}

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-9 */
export interface UnsafeRequest {
  readonly method: string;
  readonly fields: Fields;
}

/**
 * What URLs begin with that go out of date too, because a collection was removed, or another one has taken its place:
 * https://www.rfc-editor.org/rfc/rfc4918.html#section-9.6.1, §9.8.3 and §9.9.2
 */
export function membersInvalidated(target: URL, request: UnsafeRequest, site?: Pick<Site, 'pathAtOrigin'>): string[] {
  const { method } = request;
  const source = method === 'DELETE' || method === 'MOVE' ? target : undefined;
  const prefixes = [source, onSite(destinationOf(request), target, site)].map((url) => (url === undefined || url.search !== '' ? undefined : `${url.origin}${url.pathname.replace(/\/*$/, '/')}`));
  return prefixes.filter((prefix) => prefix !== undefined);
}

function destinationOf(request: UnsafeRequest | undefined): string | undefined {
  return request !== undefined && WITH_DESTINATION.has(request.method) ? request.fields.first('destination') : undefined;
}

/** The URL at the origin that a reference names; undefined where it is none, or elsewhere. */
function onSite(reference: string | undefined, target: URL, site: Pick<Site, 'pathAtOrigin'> | undefined): URL | undefined {
  const url = reference === undefined ? null : URL.parse(reference, target);
  if (url === null || url.origin === 'null') return undefined;
  if (url.origin === target.origin) return url;
  const path = site?.pathAtOrigin(url);
  return path === undefined ? undefined : new URL(`${target.origin}${path}`);
}
