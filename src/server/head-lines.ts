/**
 * @module server/head-lines
 * The field lines of a response as they go out: those given, in case, order and number, with our
 * framing in place of the received one. Both lanes write heads of these lines.
 */
import type { Fields } from '../http/fields.ts';
import { TCHAR } from '../http/list.ts';

/** Written by the lanes themselves, never taken from a response. */
const FRAMING: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'content-length', 'trailer']);

const NAME = new RegExp(`^${TCHAR}+$`);

/** Characters that no field value may have, and node refuses to write: https://www.rfc-editor.org/rfc/rfc9110.html#section-5.5 */
const UNWRITABLE = /[^\t\x20-\x7e\x80-\xff]+/;

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-6.4.1 */
export function mayHaveBody(isHead: boolean, status: number): boolean {
  return !isHead && status !== 204 && status !== 304;
}

/**
 * Name, value, name, value … of a final response.
 * @param length of the body, where it is known
 */
export function headLines(isHead: boolean, status: number, fields: Fields, length: number | undefined, chunked: boolean): string[] {
  const lines = endToEndLines(fields, chunked);
  // node recodes Content-Disposition where Content-Length stands before it, so it stands behind everything.
  const announced = contentLength(isHead, status, fields, length);
  if (announced !== undefined) lines.push('Content-Length', announced);
  return lines;
}

/** All but the framing; Trailer with a body that can have trailers. */
export function endToEndLines(fields: Fields, withTrailer = false): string[] {
  const lines: string[] = [];
  const received = fields.lines;
  for (let i = 0; i < received.length; i += 2) {
    const name = received[i]!.toLowerCase();
    if (FRAMING.has(name) && !(withTrailer && name === 'trailer')) continue;
    appendLine(lines, received[i]!, received[i + 1]!);
  }
  return lines;
}

function contentLength(isHead: boolean, status: number, fields: Fields, length: number | undefined): string | undefined {
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-8.6: never in 204; in 304 and for HEAD the length a GET would have.
  if (status === 204) return undefined;
  if (length !== undefined && status !== 304) return String(length);
  return mayHaveBody(isHead, status) ? undefined : fields.first('content-length');
}

/** Leaves out a line whose name is none; a value's unwritable characters become a space. */
function appendLine(lines: string[], name: string, value: string): void {
  if (!NAME.test(name)) return;
  lines.push(name, UNWRITABLE.test(value) ? value.split(UNWRITABLE).join(' ') : value);
}
