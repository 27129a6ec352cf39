/**
 * @module test/fuzz/mutator
 * Makes inputs out of others: bytes changed, taken out, doubled and put in, and two inputs joined.
 */
import type { Random } from '../kit/random.ts';

/** Bytes of the longest input. */
const MAX_INPUT = 64 * 1024;
const MOST_CHANGES = 6;

export class Mutator {
  readonly #random: Random;
  readonly #words: readonly Buffer[];
  readonly #corpus: Buffer[];

  constructor(random: Random, words: readonly string[], corpus: readonly Buffer[]) {
    this.#random = random;
    this.#words = words.map((word) => Buffer.from(word, 'latin1'));
    this.#corpus = [...corpus];
  }

  /** Inputs to make others of. */
  get size(): number {
    return this.#corpus.length;
  }

  keep(input: Buffer): void {
    this.#corpus.push(input);
  }

  next(): Buffer {
    let input = this.#pick(this.#corpus);
    for (let left = this.#random.below(MOST_CHANGES + 1); left > 0; left--) input = this.#changed(input);
    return input.subarray(0, MAX_INPUT);
  }

  #changed(input: Buffer): Buffer {
    const at = this.#random.below(input.length + 1);
    const end = Math.min(input.length, at + 1 + this.#random.below(16));
    const [before, piece, after] = [input.subarray(0, at), input.subarray(at, end), input.subarray(end)];
    switch (this.#random.below(8)) {
      case 0:
        return Buffer.concat([before, piece.map((byte) => byte ^ (1 << this.#random.below(8))), after]);
      case 1:
        return Buffer.concat([before, this.#random.bytes(piece.length), after]);
      case 2:
        return Buffer.concat([before, after]);
      case 3:
        return Buffer.concat([before, piece, piece, after]);
      case 4:
        return before;
      case 5:
        return Buffer.concat([before, this.#pick(this.#corpus)]);
      default:
        return this.#words.length === 0 ? input : Buffer.concat([before, this.#pick(this.#words), this.#random.below(2) === 0 ? after : input.subarray(at)]);
    }
  }

  #pick(from: readonly Buffer[]): Buffer {
    return from[this.#random.below(from.length)] ?? Buffer.alloc(0);
  }
}
