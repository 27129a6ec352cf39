/**
 * @module origin/rewrite
 * Embedded-host mode: changes the fields of a response that would lead a browser out of the proxy,
 * or one host's cookies to another host under the same proxy. Bodies are not touched.
 */
import type { Target } from '../cache/ports.ts';
import type { Fields } from '../http/fields.ts';
import { embeddedPrefix } from './embedded-path.ts';
import { makeTarget, parseAuthority } from './targets.ts';

/**
 * Speak for a whole web origin, which all hosts share under the proxy: one could run its script in the
 * pages of all others, or throw away what they keep.
 */
const FOR_WHOLE_ORIGIN = ['Service-Worker-Allowed', 'Clear-Site-Data'] as const;

/** @param prefix what stands before the target's path in the client's URL: `/example.com`. */
export function rewriteResponse(fields: Fields, target: Target, prefix: string, upstreamPort: number): void {
  for (const name of ['Location', 'Content-Location']) {
    const value = fields.first(name);
    if (value !== undefined) fields.set(name, rewriteReference(value, target, prefix, upstreamPort));
  }
  for (const name of FOR_WHOLE_ORIGIN) fields.delete(name);
  const cookies = fields.all('set-cookie');
  if (cookies.length === 0) return;
  fields.delete('set-cookie');
  for (const cookie of cookies) fields.append('Set-Cookie', rewriteCookie(cookie, prefix));
}

/** A URI reference of the target's response as one that a browser resolves to inside the proxy. */
function rewriteReference(reference: string, target: Target, prefix: string, upstreamPort: number): string {
  const absolute = /^(?:(https?):)?\/\/([^/?#]*)(.*)$/is.exec(reference);
  if (absolute !== null) {
    const scheme = (absolute[1]?.toLowerCase() ?? target.scheme) as 'http' | 'https';
    const authority = parseAuthority(absolute[2]!);
    if (authority === undefined) return reference;
    const port = authority.port ?? (scheme === 'https' ? 443 : 80);
    const same = makeTarget(scheme, authority.host, port, '/').authority === target.authority && scheme === target.scheme;
    const path = absolute[3]!.startsWith('/') ? absolute[3]! : `/${absolute[3]!}`;
    return (same ? prefix : embeddedPrefix(scheme, authority.host, port, upstreamPort)) + path;
  }
  if (reference.startsWith('/')) return prefix + reference;
  // A relative one stays right below the prefix, unless its ".." segments could climb over it.
  if (!/(?:\.|%2e){2}/i.test(reference) || /^[a-z][a-z0-9+.-]*:/i.test(reference)) return reference;
  const resolved = URL.parse(reference, `http://target${target.path}`);
  return resolved === null ? reference : prefix + resolved.pathname + resolved.search + resolved.hash;
}

/** Without Domain, so that it stays with the proxy, and with Path below the prefix, so that it stays with its host. */
// https://www.rfc-editor.org/rfc/rfc6265.html#section-5.2
function rewriteCookie(cookie: string, prefix: string): string {
  return cookie
    .split(';')
    .filter((part, i) => i === 0 || !/^\s*domain\s*(?:=|$)/i.test(part))
    .map((part, i) => (i === 0 ? part : part.replace(/^(\s*path\s*=\s*)(\/.*)$/i, (_, before: string, path: string) => before + prefix + path)))
    .join(';');
}
