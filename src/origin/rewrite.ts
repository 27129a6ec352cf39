/**
 * @module origin/rewrite
 * Embedded-host mode: changes the fields of a response that would lead a browser out of the proxy,
 * or one host's cookies to another host under the same proxy. Bodies are not touched.
 */
import type { Target } from '../cache/ports.ts';
import type { Fields } from '../http/fields.ts';
import { isPrivateHost } from './address.ts';
import { asciiOf, embeddedPrefix, OWN_PATHS } from './embedded-path.ts';
import type { HostCookies } from './host-cookies.ts';
import { makeTarget, parseAuthority } from './targets.ts';
import { WHOLE_ORIGIN_FIELDS } from './whole-origin-fields.ts';

export interface RewriteOptions {
  readonly target: Target;
  /** What stands before the target's path in the client's URL: `/example.com`. */
  readonly prefix: string;
  readonly upstreamPort: number;
  readonly cookies: HostCookies;
}

export function rewriteResponse(fields: Fields, { target, prefix, upstreamPort, cookies }: RewriteOptions): void {
  for (const name of ['Location', 'Content-Location']) {
    const value = fields.first(name);
    if (value !== undefined) fields.set(name, rewriteReference(value, target, prefix, upstreamPort));
  }
  for (const name of WHOLE_ORIGIN_FIELDS) fields.delete(name);
  keepReferer(fields);
  const lines = fields.all('set-cookie');
  if (lines.length === 0) return;
  fields.delete('set-cookie');
  for (const line of lines) {
    const cookie = cookies.toClient(line, target, prefix);
    if (cookie !== undefined) fields.append('Set-Cookie', cookie);
  }
}

/** The last that is known holds: https://www.w3.org/TR/referrer-policy/#parse-referrer-policy-from-header */
const REFERRER_POLICIES: ReadonlySet<string> = new Set([
  'no-referrer', 'no-referrer-when-downgrade', 'same-origin', 'origin', 'strict-origin', 'origin-when-cross-origin', 'strict-origin-when-cross-origin', 'unsafe-url',
]);

/** By its Referer a page's own requests are told from those of other hosts' pages: a policy that keeps it from us keeps it from other sites alone. */
function keepReferer(fields: Fields): void {
  const policies = (fields.get('referrer-policy') ?? '').split(',').map((each) => each.trim().toLowerCase());
  const policy = policies.findLast((each) => REFERRER_POLICIES.has(each));
  if (policy === 'no-referrer' || policy === 'origin' || policy === 'strict-origin') fields.set('Referrer-Policy', 'same-origin');
}

/** A URI reference of the target's response as one that a browser resolves to inside the proxy. */
function rewriteReference(reference: string, target: Target, prefix: string, upstreamPort: number): string {
  const plain = isPlain(reference) ? reference : (URL.parse(asciiOf(reference), `${target.scheme}://${target.authority}${target.path}`)?.href ?? '');
  const absolute = /^(?:(https?):)?\/\/([^/?#]*)(.*)$/is.exec(plain);
  if (absolute !== null) {
    const scheme = (absolute[1]?.toLowerCase() ?? target.scheme) as 'http' | 'https';
    const authority = parseAuthority(absolute[2]!);
    if (authority === undefined) return plain;
    const port = authority.port ?? (scheme === 'https' ? 443 : 80);
    const same = makeTarget(scheme, authority.host, port, '/').authority === target.authority && scheme === target.scheme;
    const path = absolute[3]!.startsWith('/') ? absolute[3]! : `/${absolute[3]!}`;
    if (same) return prefix + path;
    const other = embeddedPrefix(scheme, authority.host, port, upstreamPort) + path;
    return isPrivateHost(authority.host) ? OWN_PATHS.led + other : other;
  }
  return plain.startsWith('/') ? prefix + plain : plain;
}

/**
 * Whether a browser reads it alike below the prefix, where a relative one stays. ".." could climb over the
 * prefix; a browser drops tabs, takes "\\" for "/", and "http:/x" for a path.
 * https://url.spec.whatwg.org/#url-parsing
 */
function isPlain(reference: string): boolean {
  return /^[!-[\]-~\x80-\xff]*$/.test(reference) && !/(?:\.|%2e){2}/i.test(reference) && !/^https?:(?!\/\/)/i.test(reference);
}
