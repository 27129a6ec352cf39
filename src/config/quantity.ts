/**
 * @module config/quantity
 * Durations and sizes as people write them (`5m`, `1h30m`, `256MB`) and back. Both parsers
 * answer undefined, never throw, for what they cannot read.
 */
const MILLISECONDS: readonly (readonly [unit: string, milliseconds: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** Units from large to small, each at most once: 1d12h, 1h30m, 1.5s, 250ms. */
const DURATION = new RegExp(`^${MILLISECONDS.map(([unit]) => `(?:(\\d+(?:\\.\\d+)?)${unit})?`).join('')}$`, 'u');
const NUMBER = /^\d+(?:\.\d+)?$/u;

/** Seconds, exact to the millisecond. A bare number counts seconds; units are d, h, m, s and ms. */
export function parseDuration(text: string): number | undefined {
  if (text === '') return undefined;
  if (NUMBER.test(text)) return inRange(Number(text) * 1000);
  const parts = DURATION.exec(text);
  if (parts === null) return undefined;
  let milliseconds = 0;
  for (const [i, [, worth]] of MILLISECONDS.entries()) milliseconds += Number(parts[i + 1] ?? 0) * worth;
  return inRange(milliseconds);

  function inRange(sum: number): number | undefined {
    const whole = Math.round(sum);
    return Number.isSafeInteger(whole) ? whole / 1000 : undefined;
  }
}

/** Seconds in words that parseDuration reads back to the millisecond: 5400 is 1h30m. */
export function formatDuration(seconds: number): string {
  let rest = Math.round(seconds * 1000);
  if (rest === 0) return '0s';
  let text = '';
  for (const [unit, worth] of MILLISECONDS) {
    const count = Math.floor(rest / worth);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * worth;
  }
  return text;
}

const SIZE = /^(\d+(?:\.\d+)?)(?:([kmgt])i?)?b?$/iu;
const SIZE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** Bytes. A bare number counts bytes; K, M, G and T (also KB, KiB …) are powers of 1024, as in nginx. */
export function parseSize(text: string): number | undefined {
  const parts = SIZE.exec(text);
  if (parts === null) return undefined;
  const power = parts[2] === undefined ? 0 : 'kmgt'.indexOf(parts[2].toLowerCase()) + 1;
  const bytes = Math.round(Number(parts[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Bytes in the largest unit that keeps the figure at 1 or more, rounded to one decimal: 1536 is 1.5KB. */
export function formatSize(bytes: number): string {
  let figure = bytes;
  let power = 0;
  // Rounding first, so that 1023.97KB becomes 1MB and not 1024KB.
  while (Math.round(figure * 10) / 10 >= 1024 && power < SIZE_UNITS.length - 1) {
    figure /= 1024;
    power += 1;
  }
  return `${Math.round(figure * 10) / 10}${SIZE_UNITS[power]!}`;
}
