/**
 * @module library/mount-path
 * Where Express or Connect answers with the proxy: `app.use('/api', …)` takes `/api` off the URL.
 */

interface MountedRequest {
  readonly url?: string | undefined;
  /** Express. */
  readonly baseUrl?: unknown;
  /** Express and Connect: the URL as it came. */
  readonly originalUrl?: unknown;
}

/** `/api`; "" where nothing was taken off, or that cannot be told. */
export function mountPathOf({ url = '', baseUrl, originalUrl }: MountedRequest): string {
  const path = typeof baseUrl === 'string' ? baseUrl : typeof originalUrl === 'string' ? difference(pathOf(originalUrl), pathOf(url)) : '';
  // What begins with two slashes would be another host, where a browser is sent to.
  return /^\/[^/\\]/.test(path) ? path.replace(/\/+$/, '') : '';
}

function pathOf(url: string): string {
  return url.split('?', 1)[0]!;
}

function difference(whole: string, rest: string): string {
  // Connect makes the path of "/api" itself "/".
  if (rest === '/' && !whole.endsWith('/')) return whole;
  return whole.endsWith(rest) ? whole.slice(0, whole.length - rest.length) : '';
}
