/**
 * @module bench/published
 * The results the README refers to.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './result.ts';

export const PUBLISHED: string = join(import.meta.dirname, 'results/published.json');

/** Where in the README they stand. */
export const README_BLOCK: RegExp = /(?<=<!-- results: .* -->\n)[^]*?(?=<!-- end of results -->)/;

/** None where nothing is published. */
export function published(): readonly Bench[] {
  return existsSync(PUBLISHED) ? (JSON.parse(readFileSync(PUBLISHED, 'utf8')) as Bench[]) : [];
}
