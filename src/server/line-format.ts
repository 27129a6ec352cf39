/**
 * @module server/line-format
 * What the access log asks of the forms its lines can have.
 */
import type { Outcome } from '../cache/outcome.ts';
import type { Reason } from '../policy/reason.ts';

/** The line of a hit without its beginning and its reasons, around the address of the client. */
export interface AroundClient {
  readonly before: string;
  /** Undefined: the line does not tell the address, and all is in `before`. */
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
  /** The rest of a hit around the address, for addresses that can stand in it as they are; undefined where it is not worth keeping. */
  aroundClient(hit: Outcome): AroundClient | undefined;
  /** What follows that: the reasons; undefined where hits are told without. */
  readonly reasonsOfHit: ((reasons: readonly Reason[]) => string) | undefined;
  /** Tells at what time, in ms since the epoch, how many lines were dropped by then. */
  dropped(lines: number, now: number): string;
}
