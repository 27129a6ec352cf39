/**
 * @module server/timeouts
 * How long clients may take.
 */

/** Milliseconds a client may take for the head of a request, against those who send it byte by byte. */
export const HEAD_TIMEOUT = 30_000;
/** Milliseconds an idle connection is kept. */
export const KEEP_ALIVE_TIMEOUT = 65_000;
