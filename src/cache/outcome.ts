/**
 * @module cache/outcome
 * One record per finished request. Access log, counters, dashboard and headers all read it.
 */
import type { MillraceError } from '../errors.ts';
import type { Reason } from '../policy/reason.ts';

/** The word in X-Cache. */
export type CacheResult = 'HIT' | 'MISS' | 'STALE' | 'REVALIDATED' | 'BYPASS';

export interface Outcome {
  /** When the request arrived; milliseconds since the epoch. */
  readonly startedAt: number;
  /** Milliseconds from the request's arrival to the end of the response. */
  readonly duration: number;
  readonly method: string;
  /** As the client wrote it. */
  readonly url: string;
  readonly clientAddress: string;
  /** Status sent to the client; 499 where the client left before a head was sent. */
  readonly status: number;
  readonly result: CacheResult;
  /** Why it was not a hit, or what a hit rests on; the first one decided. */
  readonly reasons: readonly Reason[];
  /** Bytes of body sent to the client. */
  readonly bytes: number;
  /** Milliseconds from sending the request to the origin to the head of its response; undefined where the origin was not asked. */
  readonly originDuration: number | undefined;
  /** Status of the origin's response to this request. */
  readonly originStatus: number | undefined;
  /** The response went into the cache. */
  readonly stored: boolean;
  /** Another client's request to the origin served this one too. */
  readonly collapsed: boolean;
  readonly error: MillraceError | undefined;
}

/** Of a request for which the origin was not asked. */
export const WITHOUT_ORIGIN: Pick<Outcome, 'originDuration' | 'originStatus' | 'stored' | 'collapsed'> = { originDuration: undefined, originStatus: undefined, stored: false, collapsed: false };
