/**
 * @module policy/cache-control
 * Which directives govern a response in this cache: those of the targeted field that is addressed
 * to it most closely, else those of Cache-Control.
 */
import { type Directives, parseCacheControl, parseTargetedCacheControl } from '../http/cache-control.ts';
import type { Fields } from '../http/fields.ts';

/** Nearest first. Source: https://www.rfc-editor.org/rfc/rfc9213.html#section-2.2 */
const TARGETED_FIELDS = ['Millrace-Cache-Control', 'CDN-Cache-Control'] as const;

export interface ResponseDirectives {
  readonly directives: Directives;
  /** The field they come from. */
  readonly field: 'Cache-Control' | 'Pragma' | (typeof TARGETED_FIELDS)[number];
  /** Expires and Pragma do not count where a targeted field governs. */
  readonly targeted: boolean;
}

export function responseDirectives(fields: Fields): ResponseDirectives {
  for (const field of TARGETED_FIELDS) {
    const lines = fields.all(field);
    if (lines.length === 0) continue;
    // An invalid or empty targeted field is as good as absent: https://www.rfc-editor.org/rfc/rfc9213.html#section-2.1
    const directives = parseTargetedCacheControl(lines);
    if (directives !== undefined) return { directives, field, targeted: true };
  }
  const lines = fields.all('cache-control');
  if (lines.length === 0 && hasPragmaNoCache(fields)) return { directives: NO_CACHE, field: 'Pragma', targeted: false };
  return { directives: parseCacheControl(lines), field: 'Cache-Control', targeted: false };
}

/** The directives of a request. */
export function requestDirectives(fields: Fields): Directives {
  const lines = fields.all('cache-control');
  return lines.length === 0 && hasPragmaNoCache(fields) ? NO_CACHE : parseCacheControl(lines);
}

const NO_CACHE = parseCacheControl(['no-cache']);

/**
 * Pragma: no-cache counts as Cache-Control: no-cache where there is no Cache-Control. RFC 9111 specifies that
 * for requests; origins that send it in responses mean the same, and browsers read it so.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-5.4
 */
function hasPragmaNoCache(fields: Fields): boolean {
  return parseCacheControl(fields.all('pragma')).has('no-cache');
}

/**
 * True where a directive that forbids something is present in any form, readable or not: what was
 * meant to forbid is read as forbidding. A qualified form (no-cache="field") is the narrower rule
 * and does not count here.
 */
export function forbids(directives: Directives, name: 'no-store' | 'no-cache' | 'private'): boolean {
  if (directives.malformedNames.has(name)) return true;
  // https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.2.4 and 5.2.2.7: the unqualified form.
  return directives.has(name) && (name === 'no-store' || !directives.isQualified(name));
}

/** Field names that no-cache or private name in their qualified form, in lower case. */
export function qualifiedNames(directives: Directives, name: 'no-cache' | 'private'): string[] {
  return forbids(directives, name) ? [] : directives.fieldNames(name);
}
