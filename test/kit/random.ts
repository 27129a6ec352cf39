/**
 * @module test/kit/random
 * Random numbers that can be repeated. Every test process draws a seed, or takes MILLRACE_TEST_SEED;
 * a test that uses it prints it. MILLRACE_TEST_ROUNDS multiplies the rounds of tests that kill and fuzz.
 */
import { randomInt } from 'node:crypto';
import type { TestContext } from 'node:test';

export const SEED: number = Number(process.env['MILLRACE_TEST_SEED'] ?? randomInt(2 ** 31));

/** How many rounds to run of a test that runs so many in `npm test`. */
export function rounds(usual: number): number {
  return Math.ceil(usual * Number(process.env['MILLRACE_TEST_ROUNDS'] ?? 1));
}

/** Mulberry32: small, and even enough for tests. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) | 0;
  }

  /** The generator of a test; its seed is told in the output. */
  static of(t: TestContext): Random {
    t.diagnostic(`MILLRACE_TEST_SEED=${SEED} repeats what was random here`);
    return new Random(SEED);
  }

  /** From 0 up to but not including 1, as Math.random(). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to but not including that one. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  bytes(length: number): Buffer {
    return Buffer.from(Uint8Array.from({ length }, () => this.below(256)));
  }

  /** A generator of its own, for what runs beside others: the order in which they draw does not matter then. */
  fork(): Random {
    return new Random(this.below(2 ** 31));
  }
}
