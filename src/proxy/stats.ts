/**
 * @module proxy/stats
 * What `millrace stats` and the administration show of a proxy.
 */
import type { CounterStats } from '../cache/counters.ts';
import type { StoreStats } from '../cache/store-stats.ts';

export interface ProxyStats extends CounterStats {
  readonly store: StoreStats;
  /** Bytes of responses that clients have not taken, outside of the store; see `maxUnread`. */
  readonly unreadBytes: number;
  /** Where there are several; all other figures are their sums. */
  readonly workers?: readonly WorkerStats[];
  /** Workers that ended by an error. */
  readonly crashes?: number;
}

export interface WorkerStats {
  readonly number: number;
  readonly requests: number;
  readonly hits: number;
}
