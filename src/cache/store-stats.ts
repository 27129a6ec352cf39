/**
 * @module cache/store-stats
 * What a store tells of itself.
 */
import type { Timing } from './counters.ts';

export interface PeerStats {
  readonly address: string;
  /** It answers, and is used. */
  readonly isThere: boolean;
  /** Operations that were not tried, as it was away. */
  readonly skipped: number;
}

export interface StoreStats {
  readonly name: string;
  readonly objects: number;
  /** In bytes, what counts towards maxBytes: keys, descriptions, bodies and what keeping them takes. */
  readonly bytes: number;
  readonly maxBytes: number;
  readonly evictions: number;
  readonly errors: number;
  /** Objects it was asked for and had; undefined where that is not counted. */
  readonly hits?: number;
  /** How long it took to look for an object, to the first byte of its body (on other machines: of each answer); undefined in memory, where that is no time. */
  readonly latency?: Timing;
  /** Of a store on other machines. */
  readonly peer?: PeerStats;
  /** The stores it is made of, the fastest first; its own figures are those of the last, which has everything. */
  readonly tiers?: readonly StoreStats[];
}
