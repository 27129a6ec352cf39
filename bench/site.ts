/**
 * @module bench/site
 * What the origin of the benchmark serves: the same bytes on every run, so that answers can be
 * checked against it. One module for the origin that sends them and the check that expects them.
 */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

export interface Representation {
  /** Field lines with their CRLF; Date and Connection are the server's own. */
  readonly fields: string;
  readonly etag: string;
  readonly body: Buffer;
}

const MB = 1024 * 1024;
const SIZES: Readonly<Record<string, number>> = { '1k': 1024, '16k': 16 * 1024, '64k': 64 * 1024, '1m': MB, '100m': 100 * MB };

const OBJECT_SIZES: Readonly<Record<string, string>> = { object: '1k', 'object-64k': '64k', 'object-1m': '1m' };

/** The path whose answer is how many other requests came. */
export const COUNT_PATH = '/bench/requests';

/** Text without a pattern that a compressor or a cache of pages could use. */
const block = pseudoRandom(MB);

/** Bodies under `/hit/` may be kept, under `/pass/` not; `/vary/` has two; `/object/N` (1 KB), `/object-64k/N` and `/object-1m/N` are different ones for every number. */
export function representation(path: string, acceptEncoding = ''): Representation | undefined {
  const [, kind, name = ''] = path.split('/');
  const sizeOfObject = OBJECT_SIZES[kind ?? ''];
  if (sizeOfObject !== undefined) return describe(bodyOfObject(name, SIZES[sizeOfObject]!), KEPT);
  const size = SIZES[name];
  if (size === undefined) return undefined;
  if (kind === 'hit') return describe(bodyOf(size), KEPT);
  if (kind === 'pass') return describe(bodyOf(size), 'Cache-Control: no-store\r\n');
  if (kind !== 'vary') return undefined;
  const gzip = acceptEncoding.includes('gzip');
  const body = bodyOf(size);
  // Level 0: both variants are as long as the name says.
  return describe(gzip ? gzipSync(body, { level: 0 }) : body, `${KEPT}Vary: Accept-Encoding\r\n${gzip ? 'Content-Encoding: gzip\r\n' : ''}`);
}

const KEPT = 'Cache-Control: public, max-age=86400\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n';

function describe(body: Buffer, cacheFields: string): Representation {
  const etag = `"${digest(body.subarray(0, MB)).slice(0, 16)}-${body.length}"`;
  return { etag, body, fields: `Content-Type: application/octet-stream\r\nContent-Length: ${body.length}\r\nAccept-Ranges: bytes\r\nETag: ${etag}\r\n${cacheFields}` };
}

function bodyOf(size: number): Buffer {
  return size <= MB ? block.subarray(0, size) : Buffer.alloc(size, block);
}

function bodyOfObject(name: string, size: number): Buffer {
  const body = Buffer.from(block.subarray(0, size));
  body.write(name.padStart(12, '0'), 0, 'latin1');
  return body;
}

export function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function pseudoRandom(length: number): Buffer {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const bytes = Buffer.allocUnsafe(length);
  let state = 1;
  for (let at = 0; at < length; at++) {
    // Numerical Recipes' linear congruential generator; its high bits are the random ones.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = letters.charCodeAt(state >>> 26);
  }
  return bytes;
}
