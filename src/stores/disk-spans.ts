/**
 * @module stores/disk-spans
 * The memory that blocks of bodies are read into. Fresh memory for each costs four times as much as
 * reading does: the system has to clear its pages, and the garbage collector to come more often.
 * So whoever is done with a span gives it back, and the next blocks are read into it.
 *
 * A span belongs to its taker alone until it is given back. Nobody has to do that: who cannot tell
 * whether its bytes are still needed lets go of it, and it is the garbage collector's.
 */

/** Bytes of body in a block. */
export const BLOCK = 64 * 1024;
/** Bytes behind each block, for its checksum. */
export const CHECKSUM = 4;
/** Blocks of the largest span. More at a time are no faster: they do not stay in the processor's cache. */
export const MOST_BLOCKS = 4;
/** Spans of each size that wait to be used again. */
const MOST_SPARE = 4;

export class Span {
  /** So many blocks, one after the other. */
  readonly bytes: Buffer;
  /** What is read from the file: each block, and the checksum behind it. */
  readonly parts: readonly Buffer[];
  /** A single block with its checksum right behind it, which may be shorter. */
  readonly single: Buffer;

  constructor(blocks: number) {
    const memory = Buffer.allocUnsafeSlow(blocks * (BLOCK + CHECKSUM));
    const checksums = blocks * BLOCK;
    this.bytes = memory.subarray(0, checksums);
    const parts: Buffer[] = [];
    for (let i = 0; i < blocks; i++) {
      const checksum = checksums + i * CHECKSUM;
      parts.push(memory.subarray(i * BLOCK, (i + 1) * BLOCK), memory.subarray(checksum, checksum + CHECKSUM));
    }
    this.parts = parts;
    this.single = memory.subarray(0, BLOCK + CHECKSUM);
  }
}

const spare = new Map<number, Span[]>();
/** Those that were taken and not given back, by their memory. */
const taken = new WeakMap<ArrayBufferLike, Span>();

/** Room for so many blocks. */
export function takeSpan(blocks: number): Span {
  const span = spare.get(blocks)?.pop() ?? new Span(blocks);
  taken.set(span.bytes.buffer, span);
  return span;
}

/** The span that the bytes lie in is used again from now on. Of other bytes, and what was given back already, nothing comes. */
export function giveBackSpan(bytes: Buffer): void {
  const span = taken.get(bytes.buffer);
  if (span === undefined) return;
  taken.delete(bytes.buffer);
  const blocks = span.parts.length / 2;
  const waiting = spare.get(blocks);
  if (waiting === undefined) spare.set(blocks, [span]);
  else if (waiting.length < MOST_SPARE) waiting.push(span);
}

/** It was given back. */
export function isFree(bytes: Buffer): boolean {
  return !taken.has(bytes.buffer);
}
