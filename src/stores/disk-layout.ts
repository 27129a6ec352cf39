/**
 * @module stores/disk-layout
 * Where a body lies, and what it must be: of each block a checksum, and the extents it fills one after
 * the other. An object's row has it as bytes.
 */
import { bufferOf } from './blob.ts';
import { MOST_SUMMED, SUM, checksumOf } from './disk-checksum.ts';

/** Bytes that room is given out in: what the system reads and writes at a time anyway. */
export const UNIT = 4096;
/** Units of a segment; none of another one follows them in an extent. Large enough for few files, and small enough to become empty when what came at one time leaves: then the system gets them back. */
export const SEGMENT_UNITS = 1024;
/** Bytes of body with a checksum of their own; the last may have fewer. */
export const BLOCK: number = MOST_SUMMED;
const EXTENT = 8;

/** Some units in a row. Units are numbered through all segments; the first segment has number 1. */
export interface Extent {
  readonly unit: number;
  readonly count: number;
}

/** Bytes in a row; positions are counted through all segments. */
export interface Place {
  readonly position: number;
  readonly length: number;
}

export function unitsFor(bytes: number): number {
  return Math.ceil(bytes / UNIT);
}

export function unitsIn(extents: readonly Extent[]): number {
  return extents.reduce((sum, { count }) => sum + count, 0);
}

/** What a body of that length counts for in segments. */
export function fileBytes(length: number): number {
  return unitsFor(length) * UNIT;
}

export function encodeExtents(extents: readonly Extent[]): Buffer {
  const bytes = Buffer.allocUnsafe(extents.length * EXTENT);
  for (const [i, { unit, count }] of extents.entries()) bytes.writeUInt32LE(count, bytes.writeUInt32LE(unit, i * EXTENT));
  return bytes;
}

export function decodeExtents(bytes: Buffer): Extent[] {
  const extents: Extent[] = [];
  for (let at = 0; at + EXTENT <= bytes.length; at += EXTENT) extents.push({ unit: bytes.readUInt32LE(at), count: bytes.readUInt32LE(at + 4) });
  return extents;
}

/** Puts an extent behind others; where it goes on from the last one, the two are one. */
export function addExtent(extents: Extent[], { unit, count }: Extent): void {
  const last = extents.at(-1);
  if (last !== undefined && last.unit + last.count === unit && unit % SEGMENT_UNITS !== 0) extents[extents.length - 1] = { unit: last.unit, count: last.count + count };
  else extents.push({ unit, count });
}

/** Where bytes from `start` on lie, of what fills the extents. */
export function placesOf(extents: readonly Extent[], start: number, length: number): Place[] {
  const places: Place[] = [];
  let passed = 0;
  let left = length;
  for (const { unit, count } of extents) {
    if (left === 0) break;
    const size = count * UNIT;
    const skipped = Math.max(0, start - passed);
    passed += size;
    if (skipped >= size) continue;
    const taken = Math.min(left, size - skipped);
    places.push({ position: unit * UNIT + skipped, length: taken });
    left -= taken;
  }
  return places;
}

export class Layout {
  readonly extents: readonly Extent[];
  readonly #sums: Buffer;

  constructor(sums: Buffer, extents: readonly Extent[]) {
    this.#sums = sums;
    this.extents = extents;
  }

  /** @param length of the body */
  static decode(bytes: Uint8Array, length: number): Layout {
    const buffer = bufferOf(bytes);
    const sums = SUM * Math.ceil(length / BLOCK);
    return new Layout(buffer.subarray(0, sums), decodeExtents(buffer.subarray(sums)));
  }

  encode(): Buffer {
    return Buffer.concat([this.#sums, encodeExtents(this.extents)]);
  }

  /** The bytes stand for this layout: the same room, and the same checksums. */
  isEncodedBy(bytes: Uint8Array): boolean {
    return this.encode().equals(bytes);
  }

  /** The first; names the body as long as it is stored. */
  get unit(): number {
    return this.extents[0]?.unit ?? 0;
  }

  sum(block: number): Buffer {
    return this.#sums.subarray(block * SUM, (block + 1) * SUM);
  }

  /** The bytes are those that were written as that block. */
  fits(block: number, bytes: Uint8Array): boolean {
    return this.#sums.compare(checksumOf(bytes), 0, SUM, block * SUM, (block + 1) * SUM) === 0;
  }
}
