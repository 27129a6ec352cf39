/**
 * @module bench/result
 * What a run of the benchmark leaves behind, as JSON.
 */
import type { Case } from './cases.ts';
import type { Cores, Machine } from './machine.ts';
import type { Pace } from './race.ts';
import type { Standing } from './report.ts';

export interface CaseResult extends Pick<Case, 'title' | 'measures' | 'connections' | 'workers'> {
  readonly case: string;
  readonly standings: readonly Standing[];
}

export interface Bench {
  /** ISO 8601 */
  readonly started: string;
  /** That runs it again. */
  readonly command: string;
  readonly machine: Machine;
  /** Of the minute before: above 0.5, others were at work. */
  readonly loadBefore: number;
  readonly pace: Pace;
  readonly pinned: Cores;
  /** The file system of caches on disk, as in `ext4`. */
  readonly disk?: string | undefined;
  readonly results: readonly CaseResult[];
}
