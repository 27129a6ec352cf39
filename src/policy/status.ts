/**
 * @module policy/status
 * What is known of status codes.
 */

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-15.1: cacheable by default, that is with a heuristic lifetime. */
const HEURISTICALLY_CACHEABLE: ReadonlySet<number> = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);

/**
 * Statuses whose caching requirements this cache implements, in the sense of must-understand
 * (https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.2.3): those of RFC 9110 §15 that a cache may keep.
 */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 203, 204, 206, 300, 301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 413, 414, 415, 417, 421,
  422, 426, 500, 501, 502, 503, 504, 505,
]);

/**
 * Speak of one request alone, whatever lifetime they state: what a condition or a range refused
 * (412, 416), and those that "MUST NOT be stored by a cache": https://www.rfc-editor.org/rfc/rfc6585.html
 */
const NEVER_STORED: ReadonlySet<number> = new Set([412, 416, 428, 429, 431, 511]);

/**
 * Speak of how one client has asked: of its fields, its content, its version, its connection. Stored, one
 * client's bad request would be everybody's response (https://cpdos.org/), where an origin states a
 * lifetime on every response.
 */
const ABOUT_THE_REQUEST: ReadonlySet<number> = new Set([400, 408, 411, 413, 414, 415, 417, 421, 426, 501, 505]);

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-15: others are invalid. */
const LAST_STATUS = 599;

/** https://www.rfc-editor.org/rfc/rfc5861.html#section-4: what counts as an error for stale-if-error. */
const STALE_IF_ERROR: ReadonlySet<number> = new Set([500, 502, 503, 504]);

export function isHeuristicallyCacheable(status: number): boolean {
  return HEURISTICALLY_CACHEABLE.has(status);
}

/** @param letter as RFC 9111 has it: what speaks of one request is stored where it states a lifetime */
export function isNeverStored(status: number, letter: boolean): boolean {
  return status > LAST_STATUS || NEVER_STORED.has(status) || (!letter && ABOUT_THE_REQUEST.has(status));
}

/** Another request for the same URL may get a response that is stored. */
export function isAboutTheRequest(status: number): boolean {
  return status === 412 || status === 416 || ABOUT_THE_REQUEST.has(status);
}

export function isUnderstood(status: number): boolean {
  return UNDERSTOOD.has(status);
}

export function isStaleIfError(status: number): boolean {
  return STALE_IF_ERROR.has(status);
}
