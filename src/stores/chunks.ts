/**
 * @module stores/chunks
 * A body in memory, as the chunks it lies in. The bytes never change once they are there, so views
 * of them stay good for as long as anyone holds them.
 */
import type { Body } from '../cache/ports.ts';

export class Chunks implements Body {
  readonly #chunks: Buffer[];
  /** Where each chunk begins. */
  readonly #starts: number[];
  #length = 0;

  /** @param chunks None of them empty; the array is kept. */
  constructor(chunks: Buffer[] = []) {
    this.#chunks = chunks;
    this.#starts = chunks.map((chunk) => {
      const start = this.#length;
      this.#length += chunk.length;
      return start;
    });
  }

  get length(): number {
    return this.#length;
  }

  /** How many chunks there are. */
  get count(): number {
    return this.#chunks.length;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#starts.push(this.#length);
    this.#length += chunk.length;
  }

  [Symbol.iterator](): IterableIterator<Buffer> {
    return this.#chunks.values();
  }

  /** The bytes from the position to the end of the chunk they lie in; undefined past the end. */
  chunkAt(position: number): Buffer | undefined {
    if (position >= this.#length) return undefined;
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#starts[middle]! <= position) low = middle;
      else high = middle - 1;
    }
    const chunk = this.#chunks[low]!;
    const skip = position - this.#starts[low]!;
    return skip === 0 ? chunk : chunk.subarray(skip);
  }

  *read(start: number, end: number): Generator<Buffer> {
    let position = start;
    while (position < end) {
      const chunk = this.chunkAt(position);
      if (chunk === undefined) return;
      const wanted = end - position;
      yield chunk.length > wanted ? chunk.subarray(0, wanted) : chunk;
      position += chunk.length;
    }
  }
}
