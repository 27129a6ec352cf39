/**
 * @module http/hop-by-hop
 * Takes the fields off a message that are meant for one connection only, before it goes on.
 *
 * A peer also names such fields in Connection, and that can be abused: `Connection: Cookie` or
 * `Connection: X-Forwarded-For` asks a proxy to drop what decides about identity, privacy or
 * framing further on. RFC 9110 §7.6.1 forbids to name fields that are for all recipients, so
 * such a name is not followed: the field stays. Everything else that is named goes. Nobody sees
 * a Connection field of another hop, because it never goes on itself.
 */
import { Fields, plainName } from './fields.ts';
import { METHOD_OVERRIDES, isFromProxies } from './proxy-fields.ts';

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-7.6.1 and, for Proxy-*, #section-11.7 */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'http2-settings',
  'proxy-authenticate', 'proxy-authentication-info', 'proxy-authorization',
  // TE speaks of this connection only. "TE: trailers" is not asked anew of the origin: what it
  // sends goes into the cache and to clients that did not ask. Trailers it sends unasked pass.
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-10.1.4
  'te',
]);

/** For all recipients, and dangerous to lose: never removed because Connection names them. */
const ESSENTIAL: ReadonlySet<string> = new Set([
  'host', 'content-length', 'content-type', 'content-encoding', 'content-range', 'content-location', 'trailer', 'expect',
  'authorization', 'www-authenticate', 'cookie', 'set-cookie', 'origin', 'referer',
  'cache-control', 'pragma', 'cdn-cache-control', 'surrogate-control', 'vary', 'age', 'date', 'expires', 'etag', 'last-modified', 'cache-status',
  'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range',
  'via', 'cdn-loop', 'max-forwards',
  'strict-transport-security', 'content-security-policy', 'location',
]);

/**
 * A trailer may not carry what must be known before the body: framing, routing, identity, controls, the content's format.
 * https://www.rfc-editor.org/rfc/rfc9110.html#section-6.5.1
 */
function mayBeTrailer(name: string): boolean {
  const plain = plainName(name);
  return plain === 'etag' || !(isForeignSpelling(name, plain) || isEssential(plain) || HOP_BY_HOP.has(plain) || METHOD_OVERRIDES.has(plain));
}

function isEssential(plain: string): boolean {
  return ESSENTIAL.has(plain) || isFromProxies(plain);
}

/** Of requests, besides those above: an origin may answer otherwise for another value. */
const SELECTING = /^(?:accept|sec|access-control|user-agent|if|save|device|viewport|x-requested-with)(?:-|$)/;

/**
 * Whether a request field is a field of HTTP in the spelling of CGI, `Content_Length`. A CGI program takes
 * it for the field itself; a cache, or a server that frames messages, does not. Nobody else sends it.
 */
export function isForeignSpelling(name: string, plain: string): boolean {
  return name.includes('_') && (HOP_BY_HOP.has(plain) || ESSENTIAL.has(plain) || SELECTING.test(plain));
}

/** The end-to-end fields of a message, in their order. */
export function endToEnd(fields: Fields): Fields {
  const named = namedInConnection(fields);
  const kept: string[] = [];
  const lines = fields.lines;
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!.toLowerCase();
    if (HOP_BY_HOP.has(name) || named?.has(name)) continue;
    kept.push(lines[i]!, lines[i + 1]!);
  }
  return new Fields(kept);
}

/** The trailer fields that may go on; undefined where none are left. */
export function endToEndTrailers(trailers: Fields): Fields | undefined {
  if (trailers.size === 0) return undefined;
  const kept = new Fields();
  for (const [name, value] of endToEnd(trailers)) {
    if (mayBeTrailer(name)) kept.append(name, value);
  }
  return kept.size > 0 ? kept : undefined;
}

/** The field names a message's Connection asks to remove, lower case; undefined where it names none. */
function namedInConnection(fields: Fields): Set<string> | undefined {
  const connection = fields.get('connection');
  if (connection === undefined) return undefined;
  let named: Set<string> | undefined;
  for (const option of connection.split(',')) {
    const name = option.trim().toLowerCase();
    if (name === '' || name === 'close' || name === 'keep-alive' || isEssential(name)) continue;
    named ??= new Set();
    named.add(name);
  }
  return named;
}
