/**
 * @module origin/plain-request
 * The head of a plain request as the bytes that go to the origin.
 */
import type { OriginRequest } from '../cache/ports.ts';
import type { Fields } from '../http/fields.ts';
import { HOP_BY_HOP } from '../http/hop-by-hop.ts';
import { TCHAR } from '../http/list.ts';
import { framed } from './request-body.ts';

/** Speak of the connection, and are for undici or node:http to write or to refuse. */
const NOT_PLAIN: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'expect']);

const TOKEN = new RegExp(`^${TCHAR}+$`);
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^\/[\x21-\x7e\x80-\xff]*$/;

/** Names that were looked at before, and whether they may stand in a plain request. */
const known = new Map<string, boolean>();
const MAX_KNOWN = 1000;

/**
 * A request without content, in latin1; undefined for every other one, and where anything in it
 * could be read in two ways: undici or node:http then refuses it, or knows how to send it.
 */
export function plainRequestHead(request: OriginRequest): string | undefined {
  const { method, target, body, trailers } = request;
  if (target.scheme !== 'http' || body !== undefined || trailers !== undefined || !TARGET.test(target.path)) return undefined;
  const hasFraming = (method !== 'GET' && method !== 'HEAD') || request.fields.has('content-length');
  if (hasFraming && !TOKEN.test(method)) return undefined;
  const fields = hasFraming ? framed(request) : request.fields;
  fields.sendable ??= sendable(fields);
  return fields.sendable === '' ? undefined : `${method} ${target.path} HTTP/1.1\r\n${fields.sendable}`;
}

/** The field lines with what ends them; '' where they are not plain. Clients that repeat their fields make the same ones be sent again and again. */
function sendable({ lines }: Fields): string {
  let text = '';
  let hosts = 0;
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!;
    const value = lines[i + 1]!;
    if (!(known.get(name) ?? learn(name)) || !VALUE.test(value)) return '';
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
    text += `${name}: ${value}\r\n`;
  }
  text += '\r\n';
  // V8 puts the pieces of a string together where it is looked into; else it would at each time that it is written.
  return hosts === 1 && text.charCodeAt(0) > 0 ? text : '';
}

function learn(name: string): boolean {
  const isPlain = TOKEN.test(name) && !NOT_PLAIN.has(name.toLowerCase());
  if (known.size === MAX_KNOWN) known.clear();
  // A client may make it long.
  if (name.length <= 40) known.set(name, isPlain);
  return isPlain;
}
