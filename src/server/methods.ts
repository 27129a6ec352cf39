/**
 * @module server/methods
 * Methods that llhttp does not know, though they are methods as good as others: it reads another
 * one in their place, which frames a message alike. https://www.rfc-editor.org/rfc/rfc9112.html#section-6
 */
import { METHODS } from 'node:http';
import { TOKEN_BYTES } from '../http/field-bytes.ts';

/** What llhttp reads in place of a method that it does not know: no method of HTTP itself, and it means nothing to node:http. */
export const STAND_IN = 'REPORT';

/** Bytes of a method that llhttp does not know. */
export const MAX_METHOD = 64;

/** Bytes in which a method must come. Empty lines may stand before it: https://www.rfc-editor.org/rfc/rfc9112.html#section-2.2 */
const MAX_BEGIN = 2 * MAX_METHOD;

/** Those of llhttp, and the one that is reserved: https://www.rfc-editor.org/rfc/rfc9113.html#section-11.6 */
const KNOWN: ReadonlySet<string> = new Set([...METHODS, 'PRI']);

const SP = 0x20;
const CR = 0x0d;
const LF = 0x0a;

/**
 * The method that bytes at the beginning of a message begin with, and where it ends. Undefined where
 * llhttp knows it, or is to refuse it; 'unclear' where it goes on.
 */
export function unknownMethod(bytes: Buffer): { readonly method: string; readonly end: number } | 'unclear' | undefined {
  let start = 0;
  while (bytes[start] === CR || bytes[start] === LF) start++;
  let end = start;
  while (end < bytes.length && end <= MAX_BEGIN && TOKEN_BYTES[bytes[end]!] !== 0) end++;
  if (end > MAX_BEGIN || end - start > MAX_METHOD) return undefined;
  if (end === bytes.length) return 'unclear';
  if (bytes[end] !== SP || end === start) return undefined;
  const method = bytes.toString('latin1', start, end);
  return KNOWN.has(method) ? undefined : { method, end };
}
