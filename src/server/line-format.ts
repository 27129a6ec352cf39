/**
 * @module server/line-format
 * What the access log asks of the forms its lines can have.
 */
import type { Outcome } from '../cache/outcome.ts';

/** A line without its beginning, around the address of the client. */
export interface AroundClient {
  readonly before: string;
  /** Undefined: the line does not tell the address, and `before` is all of it. */
  readonly after: string | undefined;
}

export interface LineFormat {
  /**
   * How a line begins: all of it that tells when the request came.
   * @param milliseconds since the epoch
   */
  beginning(milliseconds: number): string;
  /** What follows. */
  rest(outcome: Outcome): string;
  /** The rest around the address, for addresses that can stand in it as they are; undefined where it is not worth keeping. */
  aroundClient(outcome: Outcome): AroundClient | undefined;
  /** Tells at what time, in ms since the epoch, how many lines were dropped by then. */
  dropped(lines: number, now: number): string;
}
