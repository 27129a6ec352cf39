/**
 * @module server/parse-error
 * Bytes that are no HTTP request: answered with a problem, and the connection is closed.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { MillraceError } from '../errors.ts';
import { TCHAR } from '../http/list.ts';
import { MAX_METHOD } from './methods.ts';
import { refusal } from './own-response.ts';
import { MAX_HEAD, MAX_URI, isHost } from './request-check.ts';

/** Milliseconds the connection stays open for the client to read the answer: a close would reset it while bytes arrive. */
const LINGER = 1000;

export interface ParseError extends NodeJS.ErrnoException {
  /** What was read last. */
  readonly rawPacket?: Buffer;
  /** Bytes of it before the one that was wrong. */
  readonly bytesParsed?: number;
  /** The parser's words. */
  readonly reason?: string;
}

/** Writes the problem, past node:http, and closes the connection. Returns the bytes of its body. */
export function answerPastParser(error: MillraceError, socket: Socket): number {
  const { status, fields, body } = refusal(error, undefined, socket.remoteAddress);
  fields.append('Date', new Date().toUTCString()).append('Connection', 'close');
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  for (const [name, value] of fields) head += `${name}: ${value}\r\n`;
  socket.end(Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), body]));
  setTimeout(() => socket.destroy(), LINGER).unref();
  return body.length;
}

/** Undefined: the error is not about what the client sent. */
export function explainParseError(error: ParseError): MillraceError | undefined {
  const { code } = error;
  return code !== undefined && (code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT') ? explain(error) : undefined;
}

/** The first byte of a TLS handshake record: https://www.rfc-editor.org/rfc/rfc8446.html#section-5.1 */
export const TLS_HANDSHAKE = 0x16;

/** What a client is told that speaks plain HTTP on the port for https. @param first the bytes that came first */
export function plainOnTlsPort(first: Buffer): MillraceError {
  const [, path = '', host = ''] = /^[^\s]+ (\/[\x21-\x7e]*) HTTP\/1\.[01]\r\n(?:[^\r\n]+\r\n)*?host:[ \t]*([^\s]+)[ \t]*\r\n/i.exec(first.toString('latin1', 0, MAX_HEAD)) ?? [];
  return new MillraceError('ERR_SCHEME', `This port speaks https alone, and the request came as plain HTTP. Use ${host !== '' && isHost(host) ? `https://${host}${path}` : 'an https:// URL'}.`);
}

function explain(error: ParseError): MillraceError {
  if (error.rawPacket?.[0] === TLS_HANDSHAKE) {
    return new MillraceError('ERR_SCHEME', 'This port speaks plain HTTP, and a TLS handshake came. Use an http:// URL.', { cause: error, forOperator: 'For https, start Millrace with --tls-cert and --tls-key.' });
  }
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW': {
      const line = error.rawPacket?.indexOf('\n') ?? -1;
      const startsHere = /^[A-Z-]+ \S/.test(error.rawPacket?.toString('latin1', 0, 32) ?? '');
      if (startsHere && (line === -1 || line > MAX_URI)) return new MillraceError('ERR_URI_TOO_LONG', `The URL is longer than the ${MAX_URI} bytes that are taken.`, { cause: error });
      return new MillraceError('ERR_FIELDS_TOO_LARGE', `The head of the request is larger than the ${MAX_HEAD} bytes that are taken.`, { cause: error });
    }
    case 'HPE_INVALID_METHOD': {
      const method = methodAt(error);
      if (method === undefined) return noHttp(error);
      const why = method.length > MAX_METHOD ? `it is longer than the ${MAX_METHOD} bytes that are taken` : 'where it begins, behind an earlier request, is not known for sure. Send it on a new connection';
      return new MillraceError('ERR_METHOD', `The method ${method.slice(0, MAX_METHOD)} is not carried out: ${why}.`, { cause: error });
    }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new MillraceError('ERR_BODY_TOO_LARGE', 'The chunk extensions of the request are too large.', { cause: error });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new MillraceError('ERR_REQUEST_TIMEOUT', 'The request did not come in time.', { cause: error });
    default:
      return noHttp(error);
  }
}

function noHttp(error: ParseError): MillraceError {
  return new MillraceError('ERR_BAD_REQUEST', `The request is not valid HTTP: ${error.reason ?? error.message}.`, { cause: error });
}

const REQUEST_LINE = new RegExp(`^(${TCHAR}+) [^\\s]+ HTTP/1\\.[01]\\r?$`);

/** The method of the request line in which llhttp stopped; undefined where that is none. */
function methodAt({ rawPacket, bytesParsed = 0 }: ParseError): string | undefined {
  if (rawPacket === undefined) return undefined;
  const start = bytesParsed === 0 ? 0 : rawPacket.lastIndexOf('\n', bytesParsed - 1) + 1;
  const end = rawPacket.indexOf('\n', start);
  return REQUEST_LINE.exec(rawPacket.toString('latin1', start, end === -1 ? undefined : end))?.[1];
}
