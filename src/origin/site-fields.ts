/**
 * @module origin/site-fields
 * Fixed origin: the fields of messages that name URLs of the site, or where its cookies go, as the other side
 * knows them. Bodies are not touched.
 */
import type { Target } from '../cache/ports.ts';
import type { Fields } from '../http/fields.ts';
import type { Site } from '../http/site.ts';

// Fields may be long: none of these looks at a character more than a few times, whatever stands there.
/** A link-value: https://www.rfc-editor.org/rfc/rfc8288.html#section-3 */
const LINK_VALUE = /<([^<>]*)>((?:[^,"]|"(?:[^"\\]|\\.)*")*)/g;
/** Says what the resource is called, and leads nowhere. */
const CANONICAL = /;\s*rel\s*=(?:\s*")?[^";,]*\bcanonical\b/i;
/** https://html.spec.whatwg.org/multipage/document-lifecycle.html#the-refresh-header */
const REFRESH = /^(\s*[\d.]+(?:\s*[;,]|\s)\s*(?:url\s*=\s*)?)(["']?)([^"']+)([^]*)$/i;

/**
 * @param method of the request
 * @param base the origin's base path, "" for none
 */
export function responseToClient(fields: Fields, site: Site, { method, target }: { readonly method: string; readonly target: Target }, base: string): void {
  const map = (reference: string): string => site.toClient(reference, target.path);
  // Others may be told what they have made: https://www.rfc-editor.org/rfc/rfc9110.html#section-10.2.2
  const isRedirect = method === 'GET' || method === 'HEAD';
  mapReferences(fields, map, (reference) => site.toClient(reference, target.path, isRedirect));
  mapLines(fields, 'Set-Cookie', (cookie) => cookieToClient(cookie, site, target.host, base));
}

/**
 * The fields of WebDAV whose URLs an origin compares with its own.
 * @param toPath from a path of clients to that at the origin
 * @throws {MillraceError} what `toPath` throws
 */
// https://www.rfc-editor.org/rfc/rfc4918.html#section-10
export function requestToOrigin(fields: Fields, site: Site, toPath: (path: string) => string): void {
  mapLines(fields, 'Destination', (reference) => site.toOrigin(reference.trim(), toPath));
  // A tagged list; what stands in parentheses are tokens and entity tags.
  mapLines(fields, 'If', (line) => line.replace(/\([^)]*\)?|<([^>]*)(>?)/g, (whole, reference: string | undefined, end: string) => (reference !== undefined && end !== '' ? `<${site.toOrigin(reference, toPath)}>` : whole)));
}

/** The URLs that a response names. */
export function mapReferences(fields: Fields, map: (reference: string) => string, mapLocation: (reference: string) => string = map): void {
  mapLines(fields, 'Location', mapLocation);
  mapLines(fields, 'Content-Location', map);
  mapLines(fields, 'Refresh', (line) => line.replace(REFRESH, (_, before: string, quote: string, url: string, rest: string) => before + quote + map(url) + rest));
  mapLines(fields, 'Link', (line) => line.replace(LINK_VALUE, (whole, reference: string, parameters: string) => (CANONICAL.test(parameters) ? whole : `<${map(reference)}>${parameters}`)));
}

export function mapLines(fields: Fields, name: string, map: (value: string) => string): void {
  if (!fields.has(name)) return;
  const values = fields.all(name);
  const mapped = values.map(map);
  if (mapped.every((value, i) => value === values[i])) return;
  if (mapped.length === 1) {
    fields.set(name, mapped[0]!);
    return;
  }
  fields.delete(name);
  for (const value of mapped) fields.append(name, value);
}

/** Without a Domain that only the origin's host is in, which the client would refuse, and with its Path as the client has it. */
// https://www.rfc-editor.org/rfc/rfc6265.html#section-5.3
function cookieToClient(cookie: string, site: Site, originHost: string, base: string): string {
  if (!/;\s*(?:domain|path)\s*=/i.test(cookie)) return cookie;
  const [pair, ...attributes] = cookie.split(';');
  const kept = attributes.filter((attribute) => {
    const domain = /^domain\s*=\s*\.?(.*)$/i.exec(attribute.trim())?.[1]?.toLowerCase();
    return domain === undefined || !isIn(originHost, domain) || isIn(site.hostname, domain);
  });
  const mapped = base === '' ? kept : kept.map((attribute) => attribute.trimEnd().replace(/^(\s*path\s*=\s*)(\/.*)$/i, (whole, before: string, path: string) => (isBelow(path, base) ? before + (path.slice(base.length) || '/') : whole)));
  return [pair, ...mapped].join(';');
}

function isIn(host: string | undefined, domain: string): boolean {
  return domain !== '' && (host === domain || host?.endsWith(`.${domain}`) === true);
}

function isBelow(path: string, base: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}
