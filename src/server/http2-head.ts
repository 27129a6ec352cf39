/**
 * @module server/http2-head
 * The head of a request that came over HTTP/2, as the proxy takes it: what stands in pseudo-header
 * fields there is method, request target and Host here. What no request may have, nghttp2 refuses
 * before (upper case, connection-specific fields, a missing or repeated pseudo-header field).
 */
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import { MAX_HEAD, MAX_URI, checkNumber, isHost } from './request-check.ts';

export interface Http2Head {
  readonly method: string;
  /** Undefined: it is a CONNECT. */
  readonly scheme: string | undefined;
  /** In origin-form, "*" or, of a CONNECT, in authority-form. */
  readonly requestTarget: string;
  /** With Host, without pseudo-header fields. */
  readonly fields: Fields;
}

/** @param lines name, value, name, value …, as they were received */
export function readHead(lines: readonly string[]): Http2Head {
  let method = '';
  let scheme: string | undefined;
  let path: string | undefined;
  let authority: string | undefined;
  let cookieAt = -1;
  const kept: string[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!;
    const value = lines[i + 1]!;
    if (name === ':method') method = value;
    else if (name === ':scheme') scheme = value;
    else if (name === ':path') path = value;
    else if (name === ':authority') authority = value;
    // https://www.rfc-editor.org/rfc/rfc9113.html#section-8.2.3
    else if (name === 'cookie' && cookieAt !== -1) kept[cookieAt] += `; ${value}`;
    else {
      if (name === 'cookie') cookieAt = kept.length + 1;
      kept.push(name, value);
    }
  }
  const fields = new Fields(kept);
  // Where they differ both are there, for checkHead() to see.
  if (authority !== undefined && fields.first('host')?.toLowerCase() !== authority.toLowerCase()) kept.unshift('host', authority);
  return { method, scheme, requestTarget: path ?? authority ?? '', fields };
}

/** The error to answer with; undefined for a good head. @param maxFields that it may have; the lines of a cookie count as one */
export function checkHead({ method, scheme, requestTarget, fields }: Http2Head, hasBody: boolean, maxFields: number): MillraceError | undefined {
  if (requestTarget.length > MAX_URI) return new MillraceError('ERR_URI_TOO_LONG', `The URL is ${requestTarget.length} bytes long; at most ${MAX_URI} are taken.`);
  if (sizeOf(fields) > MAX_HEAD) return new MillraceError('ERR_FIELDS_TOO_LARGE', `The head of the request is larger than the ${MAX_HEAD} bytes that are taken.`);
  if (method !== 'CONNECT' && scheme !== 'http' && scheme !== 'https') return bad(`The scheme "${scheme}" is not spoken here. Ask for http or https.`);
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-9.3.8
  if (method === 'TRACE' && hasBody) return bad('A TRACE request has no content.');
  return checkNumber(fields.size, maxFields, 'header') ?? checkValues(fields) ?? checkHost(fields.all('host')) ?? checkExpectation(fields.get('expect'));
}

/** https://www.rfc-editor.org/rfc/rfc9113.html#section-8.2.1 */
function checkValues({ lines }: Fields): MillraceError | undefined {
  for (let i = 1; i < lines.length; i += 2) {
    const value = lines[i]!;
    if (isSpace(value.charCodeAt(0)) || isSpace(value.charCodeAt(value.length - 1))) return bad(`The value of ${lines[i - 1]!} begins or ends with white space.`);
  }
  return undefined;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Bytes, as they would be over HTTP/1.1. */
function sizeOf({ lines }: Fields): number {
  let size = 0;
  for (const text of lines) size += text.length + 2;
  return size;
}

/** https://www.rfc-editor.org/rfc/rfc9113.html#section-8.3.1 */
function checkHost([host = '', ...more]: readonly string[]): MillraceError | undefined {
  if (more.length > 0) return bad('The request has more than one host: :authority and Host differ, or Host is repeated.');
  return isHost(host) ? undefined : bad(':authority is no host name or address with an optional port.');
}

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-10.1.1 */
function checkExpectation(expected: string | undefined): MillraceError | undefined {
  if (expected === undefined || expected.toLowerCase() === '100-continue') return undefined;
  return new MillraceError('ERR_EXPECTATION', `The expectation "${expected}" cannot be met. Leave Expect out, or send 100-continue.`);
}

function bad(message: string): MillraceError {
  return new MillraceError('ERR_BAD_REQUEST', message);
}
