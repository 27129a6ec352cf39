/**
 * @module server/head-lines
 * The field lines of a response as they go out: those given, in case, order and number, with our
 * framing in place of the received one. Both lanes write heads of these lines.
 */
import type { Fields } from '../http/fields.ts';
import { TCHAR } from '../http/list.ts';

/** Written by the lanes themselves, never taken from a response. */
const FRAMING: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'content-length']);

const NAME = new RegExp(`^${TCHAR}+$`);

/** Characters that no field value may have, and node refuses to write: https://www.rfc-editor.org/rfc/rfc9110.html#section-5.5 */
const UNWRITABLE = /[^\t\x20-\x7e\x80-\xff]+/;

/** What is done with a field line of that name. */
type Use = 'write' | 'leave' | 'date' | 'trailer';

/** Of the names that responses had, as they were spelled. */
const knownUses = new Map<string, Use>();
const MAX_KNOWN = 1000;
/** Characters of a name that is remembered: an origin may make them long. */
const MAX_NAME = 40;

function useOf(name: string): Use {
  return knownUses.get(name) ?? learnUse(name);
}

function learnUse(name: string): Use {
  const lower = name.toLowerCase();
  const use = FRAMING.has(lower) || !NAME.test(name) ? 'leave' : lower === 'date' || lower === 'trailer' ? lower : 'write';
  if (knownUses.size === MAX_KNOWN) knownUses.clear();
  if (name.length <= MAX_NAME) knownUses.set(name, use);
  return use;
}

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

/** All but the framing, and names that are none; Trailer with a body that can have trailers. */
export function endToEndLines(fields: Fields, withTrailer = false): string[] {
  const lines: string[] = [];
  const received = fields.lines;
  for (let i = 0; i < received.length; i += 2) {
    const use = useOf(received[i]!);
    if (use !== 'leave' && (use !== 'trailer' || withTrailer)) lines.push(received[i]!, writable(received[i + 1]!));
  }
  return lines;
}

/** The lines of headLines() as text, with a Date where they have none: node:http writes it behind them, and `between` stands before it. */
export function headText(isHead: boolean, status: number, fields: Fields, length: number | undefined, chunked: boolean, between: string, date: () => string): string {
  let text = '';
  let hasDate = false;
  const received = fields.lines;
  for (let i = 0; i < received.length; i += 2) {
    const use = useOf(received[i]!);
    if (use === 'leave' || (use === 'trailer' && !chunked)) continue;
    if (use === 'date') hasDate = true;
    text += `${received[i]!}: ${writable(received[i + 1]!)}\r\n`;
  }
  const announced = contentLength(isHead, status, fields, length);
  if (announced !== undefined) text += `Content-Length: ${announced}\r\n`;
  text += between;
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-6.6.1
  return hasDate ? text : `${text}Date: ${date()}\r\n`;
}

function contentLength(isHead: boolean, status: number, fields: Fields, length: number | undefined): string | undefined {
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-8.6: never in 204; in 304 and for HEAD the length a GET would have.
  if (status === 204) return undefined;
  if (length !== undefined && status !== 304) return String(length);
  return mayHaveBody(isHead, status) ? undefined : fields.first('content-length');
}

/** A value's unwritable characters become a space. */
function writable(value: string): string {
  return UNWRITABLE.test(value) ? value.split(UNWRITABLE).join(' ') : value;
}
