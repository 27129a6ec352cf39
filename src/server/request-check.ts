/**
 * @module server/request-check
 * What llhttp lets pass and a proxy must not: messages that another server might frame or route in
 * another way. Everything else of that kind llhttp refuses itself.
 */
import type { IncomingMessage } from 'node:http';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import { parseAuthority } from '../origin/targets.ts';

/** Bytes of a request target. */
export const MAX_URI = 16_384;
/** Bytes of a request's whole head. */
export const MAX_HEAD = 32_768;

/** The error to answer with, and then to close the connection; undefined for a good message. @param maxFields field lines that it may have */
export function checkRequest(request: IncomingMessage, maxFields: number): MillraceError | undefined {
  return checkVersion(request) ?? checkTarget(request) ?? checkNumber(request.rawHeaders.length / 2, maxFields, 'header') ?? checkFraming(request) ?? checkHost(request);
}

/** The error for a request with more field lines than are taken; undefined where there are few enough. */
export function checkNumber(fields: number, max: number, section: 'header' | 'trailer'): MillraceError | undefined {
  if (fields <= max) return undefined;
  return new MillraceError('ERR_FIELDS_TOO_LARGE', `The request has ${fields} ${section} fields; at most ${max} are taken. Send fewer.`);
}

function checkVersion({ httpVersion }: IncomingMessage): MillraceError | undefined {
  if (httpVersion === '1.1' || httpVersion === '1.0') return undefined;
  return bad(`HTTP/${httpVersion} is not spoken here. Use HTTP/1.1.`);
}

function checkTarget({ url }: IncomingMessage): MillraceError | undefined {
  if (url!.length <= MAX_URI) return undefined;
  return new MillraceError('ERR_URI_TOO_LONG', `The URL is ${url!.length} bytes long; at most ${MAX_URI} are taken.`);
}

/** https://www.rfc-editor.org/rfc/rfc9112.html#section-6.3 */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** https://www.rfc-editor.org/rfc/rfc9112.html#section-6.1 */
function checkFraming(request: IncomingMessage): MillraceError | undefined {
  const { headers, httpVersion, method } = request;
  const coding = headers['transfer-encoding'];
  if (coding !== undefined) {
    if (httpVersion === '1.0') return bad('Transfer-Encoding does not exist in HTTP/1.0. Send Content-Length.');
    if (coding.toLowerCase() !== 'chunked') return bad(`The transfer coding "${coding}" is not understood. Send "chunked", or Content-Length.`);
  }
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-9.3.8
  if (method === 'TRACE' && hasBody(request)) return bad('A TRACE request has no content.');
  return undefined;
}

/** https://www.rfc-editor.org/rfc/rfc9112.html#section-3.2 */
function checkHost({ rawHeaders, httpVersion }: IncomingMessage): MillraceError | undefined {
  const hosts = new Fields(rawHeaders).all('host');
  if (hosts.length === 0 && httpVersion === '1.0') return undefined;
  if (hosts.length !== 1) return bad(hosts.length === 0 ? 'The request has no Host.' : 'The request has more than one Host.');
  return isHost(hosts[0]!) ? undefined : bad('Host is no host name or address with an optional port.');
}

/** A value that the one Host of a request may have. */
export function isHost(value: string): boolean {
  // Empty where the target has no authority, as in "OPTIONS *".
  return value === '' || isAuthority(value);
}

/** Values of Host that were found good: nearly every request names one of a few, and to read one takes a URL parser. */
const knownHosts = new Set<string>();
const MAX_KNOWN_HOSTS = 1000;

function isAuthority(host: string): boolean {
  if (knownHosts.has(host)) return true;
  if (parseAuthority(host) === undefined) return false;
  if (knownHosts.size === MAX_KNOWN_HOSTS) knownHosts.clear();
  knownHosts.add(host);
  return true;
}

function bad(message: string): MillraceError {
  return new MillraceError('ERR_BAD_REQUEST', message);
}
