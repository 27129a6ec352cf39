/**
 * @module origin/embedded-path
 * The form `/[scheme://]host[:port]/path` in which a URL stands inside a path of the proxy: read and written.
 */
import { isIP } from 'node:net';
import { isLoopback } from './address.ts';
import { makeTarget, parseAuthority } from './targets.ts';

/** Below them stands an embedded path; no host begins with a dot. */
export const OWN_PATHS = {
  /** A seal and a URL whose user wants to go on: `/.millrace/go/SEAL/host/path`. */
  go: '/.millrace/go',
  /** Where a redirect of one host led to another that is private: `/.millrace/led/http://host/path`. */
  led: '/.millrace/led',
} as const;

export interface EmbeddedPath {
  readonly scheme: 'http' | 'https';
  /** The scheme was written: this is surely a host. */
  readonly explicit: boolean;
  /** Canonical. */
  readonly host: string;
  readonly port: number;
  /** Up to the path, as it was written: `/example.com`, `/https://example.com:8443`. */
  readonly prefix: string;
  /** Undefined where not even a slash follows the host. */
  readonly path: string | undefined;
  /** With its "?", or "". */
  readonly query: string;
}

/** Undefined where no host can be read. A browser may have merged the slashes after the scheme. */
export function parseEmbeddedPath(requestTarget: string, upstreamPort: number): EmbeddedPath | undefined {
  const match = /^\/(?:(https?):\/\/?)?([^/?]+)(\/[^?]*)?(\?.*)?$/is.exec(requestTarget);
  const authority = match === null ? undefined : parseAuthority(match[2]!);
  if (match === null || authority === undefined) return undefined;
  const scheme = match[1]?.toLowerCase() === 'https' ? 'https' : 'http';
  const path = match[3];
  const query = match[4] ?? '';
  return {
    scheme,
    explicit: match[1] !== undefined,
    host: authority.host,
    port: authority.port ?? (scheme === 'https' ? 443 : upstreamPort),
    prefix: requestTarget.slice(0, requestTarget.length - (path?.length ?? 0) - query.length),
    path,
    query,
  };
}

/** The prefix that surely leads to that host: with its scheme, and its port where it is not the one assumed. */
export function embeddedPrefix(scheme: 'http' | 'https', host: string, port: number, upstreamPort: number): string {
  const { authority } = makeTarget(scheme, host, port, '/');
  if (scheme === 'https' || upstreamPort === 80) return `/${scheme}://${authority}`;
  const portless = isIP(host) === 6 ? `[${host}]` : host;
  return `/${scheme}://${portless}${port === upstreamPort ? '' : `:${port}`}`;
}

/** File types that are no top-level domains, at the end of what would be a host name. */
const FILE_TYPE = /\.(?:ico|txt|css|js|mjs|json|xml|html?|php|png|jpe?g|gif|svg|webp|avif|woff2?|ttf|webmanifest)$/;

/** Whether a first segment is rather a file at some page's root than a host. */
export function looksLikeFile(path: EmbeddedPath): boolean {
  return !path.explicit && FILE_TYPE.test(path.host);
}

/** Names under which only a person or program that meant this machine can have called the proxy. */
export function isOwnName(host: string): boolean {
  return isIP(host) !== 0 || isLoopback(host);
}

/** Bytes beyond ASCII percent-encoded, as URLs have them. */
export function asciiOf(text: string): string {
  return text.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}
