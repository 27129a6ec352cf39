/**
 * @module http/via
 * The traces a message carries of the proxies it went through: Via (RFC 9110 §7.6.3) and
 * CDN-Loop (RFC 8586). They are appended to, never removed, and tell a loop.
 */
import { MillraceError } from '../errors.ts';
import type { Fields } from './fields.ts';
import { splitList } from './list.ts';

/** How Millrace calls itself in Via. */
const PSEUDONYM = 'millrace';

/** A chain of that many Millraces is no chain anyone builds. */
const MAX_OWN_HOPS = 10;

/** @param httpVersion of the message as it was received: "1.1", "1.0", "2.0". */
// https://www.rfc-editor.org/rfc/rfc9110.html#section-7.6.3
export function appendVia(fields: Fields, httpVersion: string): void {
  appendMember(fields, 'Via', `${httpVersion} ${PSEUDONYM}`);
}

/** @param instance the name of this running Millrace, shared by its workers, unlike any other's; a token. */
// https://www.rfc-editor.org/rfc/rfc8586.html#section-2
export function appendCdnLoop(fields: Fields, instance: string): void {
  appendMember(fields, 'CDN-Loop', instance);
}

/** Throws ERR_LOOP where the request has been here before. */
export function checkLoop(fields: Fields, instance: string): void {
  const cdnLoop = fields.get('cdn-loop');
  if (cdnLoop !== undefined && splitList(cdnLoop).some((member) => member.split(';', 1)[0]!.trim().toLowerCase() === instance.toLowerCase())) {
    throw new MillraceError('ERR_LOOP', 'The request came back to this proxy (its own name stands in CDN-Loop). Point the origin, or the host in the URL, at a server and not at the proxy.');
  }
  const via = fields.get('via');
  if (via === undefined) return;
  const own = splitList(via).filter((member) => member.split(/[ \t]+/, 2)[1]?.toLowerCase() === PSEUDONYM).length;
  if (own >= MAX_OWN_HOPS) {
    throw new MillraceError('ERR_LOOP', `The request went through ${own} Millrace proxies already (see Via). Point each of them at a server and not at one another.`);
  }
}

/** Adds to the last line of that name, so that a message grows by no line for each hop. */
function appendMember(fields: Fields, name: string, member: string): void {
  const before = fields.get(name);
  fields.set(name, before === undefined || before === '' ? member : `${before}, ${member}`);
}
