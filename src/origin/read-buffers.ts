/**
 * @module origin/read-buffers
 * Memory that large bodies are read into, used again and again: new memory for each read costs page
 * faults, and a full garbage collection every few dozen megabytes. A chunk that lies in it is lent
 * to whoever takes it. It comes back when the last who holds it says so (see OriginBody), or never,
 * and then it is garbage like any other: to say nothing is always right.
 */

/** Bytes of a buffer: what one read mostly brings (a body of 64 KB with its head), and what it brings while the origin is ahead. */
const SMALL = 68 * 1024;
const LARGE = 256 * 1024;

/** Bytes of either that are kept for later. */
const KEPT = 4 * 1024 * 1024;

const small: Buffer[] = [];
const large: Buffer[] = [];
/** The buffer that a chunk lies in. What was given back is not in here, and so not given back again. */
const lent = new WeakMap<Buffer, Buffer>();

/** A buffer to read into. @param expected bytes that the read may bring */
export function takeReadBuffer(expected: number): Buffer {
  return expected > SMALL ? (large.pop() ?? Buffer.allocUnsafeSlow(LARGE)) : (small.pop() ?? Buffer.allocUnsafeSlow(SMALL));
}

/** It is read into no more, and nothing of it was lent. */
export function leaveReadBuffer(buffer: Buffer): void {
  const free = buffer.length === LARGE ? large : small;
  if (free.length * buffer.length < KEPT) free.push(buffer);
}

/** Bytes [start, end) of a buffer that was taken, and is read into no more; undefined where a copy is better. */
export function lend(buffer: Buffer, start: number, end: number): Buffer | undefined {
  if (!isWorth(end - start, buffer.length)) return undefined;
  const chunk = buffer.subarray(start, end);
  lent.set(chunk, buffer);
  return chunk;
}

/** Nobody reads the chunk any more. Nothing happens where it is not one that was lent. */
export function giveBack(chunk: Buffer): void {
  const buffer = lent.get(chunk);
  if (buffer === undefined) return;
  lent.delete(chunk);
  leaveReadBuffer(buffer);
}

/** Bytes [start, end), for whoever needs them after the read. */
export function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  const length = end - start;
  const isLent = isWorth(length, SMALL) || isWorth(length, LARGE);
  const copy = isLent ? takeReadBuffer(length) : Buffer.allocUnsafe(length);
  bytes.copy(copy, 0, start, end);
  return isLent ? lend(copy, 0, length)! : copy;
}

/** A slow client would keep the rest of the buffer for nothing. */
function isWorth(length: number, buffer: number): boolean {
  return length >= buffer / 2 && length <= buffer;
}
