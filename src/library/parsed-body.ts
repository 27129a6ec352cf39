/**
 * @module library/parsed-body
 * The bytes of a request body that a parser (express.json, Fastify's) has already read, made again from
 * what it left in `request.body`. Only where there is no doubt what they were: else the origin would get
 * another request than the client sent.
 */
import type { Fields } from '../http/fields.ts';

export interface BodyAgain {
  readonly bytes: Buffer;
  /** Those of the request, with the framing and coding that fit the bytes. */
  readonly fields: Fields;
}

/**
 * @param fields of the request, which stay as they are
 * @param parsed what the parser made of the body
 * @returns undefined where the bytes cannot be known
 */
export function bodyAgain(fields: Fields, parsed: unknown): BodyAgain | undefined {
  const announced = contentLength(fields);
  const isCoded = !/^(?:identity)?$/i.test(fields.get('content-encoding') ?? '');
  if (parsed instanceof Uint8Array) {
    const bytes = Buffer.from(parsed.buffer, parsed.byteOffset, parsed.byteLength);
    if (!isCoded || bytes.length === announced) return framed(fields, bytes, isCoded);
    // As long as was announced, it is as it came; of another length, it was decoded. Without a length, nobody knows.
    return announced === undefined ? undefined : framed(fields, bytes, false);
  }
  // Parsers of text, JSON and forms decode, or refuse.
  const bytes = encoded(fields.first('content-type') ?? '', parsed, isCoded ? undefined : announced);
  return bytes && framed(fields, bytes, false);
}

function contentLength(fields: Fields): number | undefined {
  const length = fields.first('content-length');
  return length === undefined ? undefined : Number(length);
}

function framed(fields: Fields, bytes: Buffer, isCoded: boolean): BodyAgain {
  const changed = fields.clone().set('Content-Length', String(bytes.length)).delete('transfer-encoding').delete('trailer');
  return { bytes, fields: isCoded ? changed : changed.delete('content-encoding') };
}

/** @param length of what came, where that is known */
function encoded(contentType: string, parsed: unknown, length: number | undefined): Buffer | undefined {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  const charset = (/;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1] ?? 'utf-8').toLowerCase();
  const isUtf8 = charset === 'utf-8' || charset === 'utf8';
  const isJson = /^(?:application|text)\/json$|\+json$/.test(type);
  if (typeof parsed === 'string') {
    // Either the text as it came, or what it said.
    if (isJson) return isUtf8 && length !== undefined ? [parsed, JSON.stringify(parsed)].map((text) => Buffer.from(text)).find((bytes) => bytes.length === length) : undefined;
    if (isUtf8) return Buffer.from(parsed);
    return /^(?:iso-8859-1|latin1|us-ascii)$/.test(charset) ? Buffer.from(parsed, 'latin1') : undefined;
  }
  if (parsed === undefined || !isUtf8) return undefined;
  // Parsers make an object of nothing, too.
  if (isJson) return length === undefined && isEmpty(parsed) ? undefined : Buffer.from(JSON.stringify(parsed));
  return type === 'application/x-www-form-urlencoded' ? form(parsed, length) : undefined;
}

/**
 * A list may have come as `a=1&a=2`, as servers in Node read it, or as `a[]=1&a[]=2`, as others do: the
 * length tells. What nests otherwise is not made again.
 */
function form(parsed: unknown, length: number | undefined): Buffer | undefined {
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const fields = Object.entries(parsed);
  if (!fields.every(([, value]) => isText(value) || (Array.isArray(value) && value.every(isText)))) return undefined;
  if (!fields.some(([, value]) => Array.isArray(value))) return formOf(fields, '');
  return ['', '[]'].map((suffix) => formOf(fields, suffix)).find((bytes) => bytes.length === length);
}

function formOf(fields: readonly (readonly [name: string, value: unknown])[], suffix: string): Buffer {
  const params = new URLSearchParams();
  for (const [name, value] of fields) {
    if (Array.isArray(value)) for (const one of value as readonly string[]) params.append(name + suffix, one);
    else params.append(name, value as string);
  }
  return Buffer.from(params.toString());
}

function isEmpty(parsed: unknown): boolean {
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) && Object.keys(parsed).length === 0;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
