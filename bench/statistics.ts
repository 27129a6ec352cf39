/**
 * @module bench/statistics
 * The few numbers a benchmark is told in.
 */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** NaN where there is none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * How one stands to another, of rounds that were run side by side: each ratio is of two
 * neighbours in time, so what slowed the machine for a while slowed both.
 * @throws {RangeError} where the rounds are not as many
 */
export function ratioSpread(ours: readonly number[], theirs: readonly number[]): Spread {
  if (ours.length !== theirs.length) throw new RangeError(`${ours.length} rounds stand against ${theirs.length}`);
  const ratios = ours.map((value, round) => value / theirs[round]!);
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}

/** The value that `share` (0 to 1) of the sorted values do not exceed. NaN where there is none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
