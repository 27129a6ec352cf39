/**
 * @module stores/disk-spans
 * The memory that blocks of bodies are read into and written from. Fresh memory for each costs four
 * times as much as reading does: the system has to clear its pages, and the garbage collector to come
 * more often. So whoever is done with a span gives it back, and it is used again.
 *
 * A span belongs to its taker alone until it is given back. Nobody has to do that: who cannot tell
 * whether its bytes are still needed lets go of it, and it is the garbage collector's.
 */

const SMALLEST = 32 * 1024;
/** Bytes of spans of one size that wait to be used again. */
const MOST_SPARE = 1024 * 1024;

/** By their size, the memory of those that wait. */
const spare = new Map<number, ArrayBufferLike[]>();
/** Those that were taken and not given back, by their memory. */
const taken = new WeakMap<ArrayBufferLike, Buffer>();

/** So many bytes. */
export function takeSpan(bytes: number): Buffer {
  let size = SMALLEST;
  while (size < bytes) size *= 2;
  const memory = spare.get(size)?.pop() ?? Buffer.allocUnsafeSlow(size).buffer;
  const span = Buffer.from(memory, 0, bytes);
  taken.set(memory, span);
  return span;
}

/** The span that the bytes lie in is used again from now on. Of other bytes, and what was given back already, nothing comes. */
export function giveBackSpan(bytes: Buffer): void {
  const memory = bytes.buffer;
  if (!taken.delete(memory)) return;
  const size = memory.byteLength;
  const waiting = spare.get(size);
  if (waiting === undefined) spare.set(size, [memory]);
  else if ((waiting.length + 1) * size <= MOST_SPARE) waiting.push(memory);
}

/** That very span was given back; another taker may have its memory by now. */
export function isFree(span: Buffer): boolean {
  return taken.get(span.buffer) !== span;
}
