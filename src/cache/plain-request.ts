/**
 * @module cache/plain-request
 * What the fast lane has recognised, as answers are looked up by it.
 */

/** A plain request as it lies in a buffer: GET or HEAD, no body, and nothing that a prepared answer could not know of. */
export interface PlainRequest {
  readonly isHead: boolean;
  readonly bytes: Uint8Array;
  readonly targetStart: number;
  readonly targetEnd: number;
  readonly hostStart: number;
  readonly hostEnd: number;
  /** Of target and Host. */
  readonly hash: number;
  readonly hasCookie: boolean;
  /** The fields it has whose very values decide (conditions, ranges …), by their index. */
  readonly deciding: Int32Array;
  readonly decidingCount: number;
  nameOf(field: number): string;
  /** The index of the field with that name in lower case; ABSENT, or REPEATED where several lines have it. */
  find(name: string): number;
  valueStart(field: number): number;
  valueEnd(field: number): number;
}

export const ABSENT = -1;
export const REPEATED = -2;
