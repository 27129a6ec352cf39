/**
 * @module stores/disk-bodies
 * Bodies that lie in segments, as they are read: in blocks, each of which must have its checksum, so
 * that neither a damaged block nor one that others have written over is ever taken for the right one.
 */
import type { Body, Lender } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import { BLOCK, type Layout, placesOf } from './disk-layout.ts';
import type { Pins } from './disk-pins.ts';
import type { DiskSegments } from './disk-segments.ts';
import { giveBackSpan, isFree, takeSpan } from './disk-spans.ts';

/** Blocks that are read together for who keeps up. More at a time are no faster: they do not stay in the processor's cache. */
const MOST_BLOCKS = 2;

/** So many bytes of a body from that block on, which end where a block does; they lie in a span that is the caller's. Undefined where they are not what was written. Throws where they cannot be read. */
export function readBlocks(segments: DiskSegments, layout: Layout, first: number, length: number): Buffer | undefined {
  const bytes = takeSpan(length);
  let isRight = false;
  try {
    isRight = segments.read(bytes, placesOf(layout.extents, first * BLOCK, length));
    for (let at = 0; isRight && at < length; at += BLOCK) isRight = layout.fits(first + at / BLOCK, bytes.subarray(at, at + BLOCK));
  } finally {
    if (!isRight) giveBackSpan(bytes);
  }
  return isRight ? bytes : undefined;
}

const SPANS: Lender = { giveBack: giveBackSpan };

/** A body that was read whole. Who first asks for all of it gets what was read, and may give it back. */
export class ReadBody implements Body {
  readonly length: number;
  readonly lender: Lender = SPANS;
  readonly #again: () => Body | undefined;
  readonly #bytes: Buffer;
  #isGiven = false;

  /** @param again reads it once more, for who comes when it was given back */
  constructor(bytes: Buffer, again: () => Body | undefined) {
    this.length = bytes.length;
    this.#bytes = bytes;
    this.#again = again;
  }

  *read(start: number, end: number): Generator<Buffer> {
    if (start >= end) return;
    const bytes = this.#bytes;
    if (isFree(bytes)) {
      const body = this.#again();
      if (body === undefined) throw new MillraceError('ERR_STORE', 'A stored body is not there any more.');
      yield* body.read(start, end) as Iterable<Buffer>;
    } else if (this.#isGiven || start > 0 || end < this.length) yield Buffer.from(bytes.subarray(start, end));
    else {
      this.#isGiven = true;
      yield bytes;
    }
  }
}

/** What a body in segments needs of its store. */
export interface SegmentBodyHost {
  readonly segments: DiskSegments;
  readonly pins: Pins;
  /** The very object is still stored. */
  stands(): boolean;
  onDamage(error: MillraceError): void;
}

/**
 * A body that is read as it is needed. Its room is pinned only while it is read or sent: a look-up
 * alone, as for a validation, must not keep the room of an object that leaves. What it yields belongs
 * to the reader, who gives back what it is done with, where it knows that: who does so keeps up, and
 * gets more at a time.
 */
export class SegmentBody implements Body {
  readonly length: number;
  readonly lender: Lender = SPANS;
  readonly #host: SegmentBodyHost;
  readonly #layout: Layout;
  #pinned = 0;

  constructor(host: SegmentBodyHost, layout: Layout, length: number) {
    this.length = length;
    this.#host = host;
    this.#layout = layout;
  }

  pin(): boolean {
    if (this.#pinned === 0) {
      const { pins } = this.#host;
      // Pinned before it is known to be there: what is removed after that is found pinned.
      pins.pin(this.#layout.unit);
      if (!this.#host.stands()) {
        pins.unpin(this.#layout.unit);
        return false;
      }
      // An iteration that is dropped without its end must not pin the room for ever.
      pins.holdBy(this, this.#layout.unit);
    }
    this.#pinned++;
    return true;
  }

  unpin(): void {
    if (this.#pinned > 0 && --this.#pinned === 0) this.#host.pins.release(this, this.#layout.unit);
  }

  *read(start: number, end: number): Generator<Buffer> {
    if (start >= end) return;
    if (!this.pin()) throw new MillraceError('ERR_STORE', 'A stored body was removed before it was read.');
    try {
      let most = 1;
      for (let position = start; position < end; ) {
        const block = Math.floor(position / BLOCK);
        const bytes = this.#read(block, Math.min(most, Math.ceil(end / BLOCK) - block));
        const wanted = bytes.subarray(position - block * BLOCK, end - block * BLOCK);
        position += wanted.length;
        yield wanted;
        most = isFree(bytes) ? MOST_BLOCKS : 1;
      }
    } finally {
      this.unpin();
    }
  }

  #read(block: number, count: number): Buffer {
    const length = Math.min(count * BLOCK, this.length - block * BLOCK);
    let bytes: Buffer | undefined;
    try {
      bytes = readBlocks(this.#host.segments, this.#layout, block, length);
    } catch (cause) {
      throw this.#damage(new MillraceError('ERR_STORE', `A stored body cannot be read: ${(cause as Error).message}. It is dropped.`, { cause }));
    }
    if (bytes !== undefined) return bytes;
    throw this.#damage(new MillraceError('ERR_STORE', `A stored body is damaged: the part from byte ${block * BLOCK} on is not what was written. It is dropped.`));
  }

  #damage(error: MillraceError): MillraceError {
    this.#host.onDamage(error);
    return error;
  }
}
