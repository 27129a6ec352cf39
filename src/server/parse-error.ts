/**
 * @module server/parse-error
 * Bytes that are no HTTP request: answered with a problem, and the connection is closed.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { MillraceError } from '../errors.ts';
import { refusal } from './own-response.ts';
import { MAX_HEAD, MAX_URI } from './request-check.ts';

/** Milliseconds the connection stays open for the client to read the answer: a close would reset it while bytes arrive. */
const LINGER = 1000;

export interface ParseError extends NodeJS.ErrnoException {
  /** What was read last. */
  readonly rawPacket?: Buffer;
  /** The parser's words. */
  readonly reason?: string;
}

/** Writes the problem, past node:http, and closes the connection. */
export function answerParseError(error: ParseError, socket: Socket): void {
  if (!socket.writable || !isParseError(error)) {
    socket.destroy();
    return;
  }
  const { status, fields, body } = refusal(explain(error), undefined);
  fields.append('Date', new Date().toUTCString()).append('Connection', 'close');
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  for (const [name, value] of fields) head += `${name}: ${value}\r\n`;
  socket.end(Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), body]));
  setTimeout(() => socket.destroy(), LINGER).unref();
}

function isParseError({ code }: ParseError): boolean {
  return code !== undefined && (code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT');
}

function explain(error: ParseError): MillraceError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW': {
      const line = error.rawPacket?.indexOf('\n') ?? -1;
      const startsHere = /^[A-Z-]+ \S/.test(error.rawPacket?.toString('latin1', 0, 32) ?? '');
      if (startsHere && (line === -1 || line > MAX_URI)) return new MillraceError('ERR_URI_TOO_LONG', `The URL is longer than the ${MAX_URI} bytes that are taken.`, { cause: error });
      return new MillraceError('ERR_FIELDS_TOO_LARGE', `The head of the request is larger than the ${MAX_HEAD} bytes that are taken.`, { cause: error });
    }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new MillraceError('ERR_BODY_TOO_LARGE', 'The chunk extensions of the request are too large.', { cause: error });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new MillraceError('ERR_REQUEST_TIMEOUT', 'The request did not come in time.', { cause: error });
    default:
      return new MillraceError('ERR_BAD_REQUEST', `The request is not valid HTTP: ${error.reason ?? error.message}.`, { cause: error });
  }
}
