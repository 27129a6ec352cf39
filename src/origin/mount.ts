/**
 * @module origin/mount
 * A proxy that a program answers with below a path of its own (`app.use('/api', …)`): the origin does
 * not know that path, so what its responses say of URLs is put below it. Bodies are not touched.
 */
import type { Fields } from '../http/fields.ts';
import { mapLines, mapReferences } from './site-fields.ts';

/**
 * @param path below which it is mounted: `/api`
 * @param host by which the client knows the server
 */
export function belowMount(fields: Fields, path: string, host: string | undefined): void {
  mapReferences(fields, (reference) => referenceBelow(reference, path, host));
  mapLines(fields, 'Set-Cookie', (cookie) => cookieBelow(cookie, path));
}

/** Where a client says that its page is, as it would without the path. */
export function refererWithoutMount(fields: Fields, path: string): Fields {
  const match = /^(https?:\/\/[^/?#]*)([^#]*)$/i.exec(fields.first('referer') ?? '');
  if (match === null || !match[2]!.startsWith(`${path}/`)) return fields;
  return fields.clone().set('Referer', match[1]! + match[2]!.slice(path.length));
}

/** Only where it leads to the server itself, by its path or by the name the client knows it by. */
function referenceBelow(reference: string, path: string, host: string | undefined): string {
  if (/^\/(?![/\\])/.test(reference)) return path + reference;
  const absolute = /^((?:https?:)?\/\/)([^/?#]*)(.*)$/is.exec(reference);
  if (absolute === null || host === undefined || absolute[2]!.toLowerCase() !== host.toLowerCase()) return reference;
  const rest = absolute[3]!;
  return absolute[1]! + absolute[2]! + path + (rest.startsWith('/') ? rest : `/${rest}`);
}

/** https://www.rfc-editor.org/rfc/rfc6265.html#section-5.2 */
function cookieBelow(cookie: string, path: string): string {
  // Browsers take one of this name for the root alone: https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3.2
  if (/^\s*__Host-/i.test(cookie)) return cookie;
  return cookie.replace(/(;\s*path\s*=\s*)(\/[^;]*)/gi, (_, before: string, at: string) => before + path + at);
}
