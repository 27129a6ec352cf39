/**
 * @module stores/disk-space
 * Which units of the segments are taken, in tables beside that of the objects: a bitmap a segment, what
 * threads have reserved to write into, and what is to be freed. All of it changes within the
 * transactions of disk-index.ts. What was reserved counts as free again when a process starts.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { bufferOf } from './blob.ts';
import { type Extent, SEGMENT_UNITS, addExtent, decodeExtents, encodeExtents } from './disk-layout.ts';
import { prepared } from './disk-tables.ts';

/** What no object has any more, though somebody may read it still. */
export interface Garbage {
  /** The first of its units. */
  readonly unit: number;
  /** Bytes. */
  readonly size: number;
  readonly extents: readonly Extent[];
}

interface Segment {
  readonly number: number;
  /** Units that are taken. */
  used: number;
  /** Units that its file has, or had; all behind them are free. */
  high: number;
  /** For each unit, whether it is taken. */
  readonly bits: Buffer;
  isChanged: boolean;
}

/** Segments that are looked at for free units. */
const LOOKED_AT = 8;

export const SPACE_SCHEMA = `
  CREATE TABLE IF NOT EXISTS segments(number INTEGER PRIMARY KEY, used INTEGER NOT NULL, high INTEGER NOT NULL, bits BLOB NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS segments_by_free ON segments(high - used);
  CREATE INDEX IF NOT EXISTS segments_growing ON segments(number) WHERE high < ${SEGMENT_UNITS};
  CREATE TABLE IF NOT EXISTS arenas(number INTEGER PRIMARY KEY, owner INTEGER NOT NULL, extents BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS garbage(unit INTEGER PRIMARY KEY, size INTEGER NOT NULL, extents BLOB NOT NULL) STRICT;`;

const STATEMENTS = {
  segment: 'SELECT number, used, high, bits FROM segments WHERE number = ?',
  freest: 'SELECT number FROM segments WHERE high - used > 0 ORDER BY high - used DESC LIMIT ?',
  growing: `SELECT number FROM segments WHERE high < ${SEGMENT_UNITS} ORDER BY number LIMIT 1`,
  newest: 'SELECT max(number) AS number FROM segments',
  setSegment: 'INSERT OR REPLACE INTO segments(number, used, high, bits) VALUES (?, ?, ?, ?)',
  arenas: 'SELECT number, owner, extents FROM arenas',
  setArena: 'UPDATE arenas SET extents = ? WHERE number = ?',
  addArena: 'INSERT INTO arenas(number, owner, extents) VALUES (?, ?, ?)',
  removeArena: 'DELETE FROM arenas WHERE number = ?',
  addGarbage: 'INSERT INTO garbage(unit, size, extents) VALUES (?, ?, ?)',
  garbage: 'SELECT unit, size, extents FROM garbage WHERE unit > ? ORDER BY unit LIMIT 64',
  removeGarbage: 'DELETE FROM garbage WHERE unit = ? RETURNING size, extents',
} as const;

export class DiskSpace {
  readonly #run: Readonly<Record<keyof typeof STATEMENTS, StatementSync>>;
  /** Those that the transaction has to do with. */
  readonly #segments = new Map<number, Segment>();

  constructor(database: DatabaseSync) {
    this.#run = prepared(database, STATEMENTS);
  }

  /** An object has these units from now on. */
  take(extents: readonly Extent[]): void {
    this.#mark(extents, true);
  }

  /**
   * Reserves so many units, or fewer: free ones of the segments first, and of what no segment has yet `most` at most.
   * @param arena a number to end the reservation by
   * @param owner the thread
   */
  reserve(arena: number, owner: number, units: number, most: number): { readonly extents: Extent[]; readonly added: number } {
    this.save();
    const extents: Extent[] = [];
    let missing = units;
    const reserved = this.#reserved();
    for (const segment of this.#freest(reserved)) {
      if (missing === 0) break;
      for (const extent of freeIn(segment, reserved, missing)) {
        addExtent(extents, extent);
        missing -= extent.count;
      }
    }
    let added = 0;
    while (missing > 0 && added < most) {
      const segment = this.#growing();
      const count = Math.min(missing, most - added, SEGMENT_UNITS - segment.high);
      addExtent(extents, { unit: segment.number * SEGMENT_UNITS + segment.high, count });
      segment.high += count;
      segment.isChanged = true;
      missing -= count;
      added += count;
      this.save();
    }
    if (extents.length > 0) this.#run.addArena.run(arena, owner, encodeExtents(extents));
    return { extents, added };
  }

  /** Nothing of that reservation is to be written into any more. */
  endReservation(arena: number): void {
    this.#run.removeArena.run(arena);
  }

  /** These are not reserved any more. */
  release(unused: readonly Extent[]): void {
    for (const arena of this.#arenas()) {
      const left = without(arena.extents, unused);
      if (left !== arena.extents) this.#run.setArena.run(encodeExtents(left), arena.number);
    }
  }

  discard({ unit, size, extents }: Garbage): void {
    this.#run.addGarbage.run(unit, size, encodeExtents(extents));
  }

  /** Some of what is to be freed, in the order of the units. */
  garbageBehind(unit: number): Garbage[] {
    return (this.#run.garbage.all(unit) as { unit: number; size: number; extents: Uint8Array }[]).map(({ extents, ...rest }) => ({ ...rest, extents: decodeExtents(bufferOf(extents)) }));
  }

  /** What was to be freed at that unit, which nobody reads any more; how many bytes. Others may have freed it before. */
  free(unit: number): number {
    const row = this.#run.removeGarbage.get(unit) as { size: number; extents: Uint8Array } | undefined;
    if (row === undefined) return 0;
    const extents = decodeExtents(bufferOf(row.extents));
    this.#mark(extents, false);
    // What it was written into may be reserved still, for others that are on their way.
    this.release(extents);
    return row.size;
  }

  /** What a thread that has ended had reserved is free; how many units. */
  releaseAllOf(owner: number): number {
    let units = 0;
    for (const arena of this.#arenas()) {
      if (arena.owner !== owner) continue;
      for (const { unit, count } of arena.extents) {
        for (let each = unit; each < unit + count; each++) if (!isSet(this.#segment(Math.floor(each / SEGMENT_UNITS)).bits, each % SEGMENT_UNITS)) units++;
      }
      this.#run.removeArena.run(arena.number);
    }
    return units;
  }

  /**
   * Gives free units at the end of a segment back to the system; how many.
   * @param truncate makes the file of a segment so many units long
   */
  shrink(truncate: (number: number, units: number) => void): number {
    this.save();
    const reserved = this.#reserved();
    for (const segment of this.#freest(reserved)) {
      const bits = withReserved(segment, reserved);
      let high = segment.high;
      while (high > 0 && !isSet(bits, high - 1)) high--;
      const given = segment.high - high;
      if (given === 0) continue;
      truncate(segment.number, high);
      segment.high = high;
      segment.isChanged = true;
      return given;
    }
    return 0;
  }

  /** Writes down what has changed. */
  save(): void {
    for (const segment of this.#segments.values()) {
      if (!segment.isChanged) continue;
      this.#run.setSegment.run(segment.number, segment.used, segment.high, segment.bits);
      segment.isChanged = false;
    }
  }

  /** At the end of a transaction: another thread may have the next one. */
  forget(): void {
    this.#segments.clear();
  }

  #mark(extents: readonly Extent[], isTaken: boolean): void {
    for (const { unit, count } of extents) {
      const segment = this.#segment(Math.floor(unit / SEGMENT_UNITS));
      const first = unit % SEGMENT_UNITS;
      for (let i = first; i < Math.min(first + count, SEGMENT_UNITS); i++) {
        if (isSet(segment.bits, i) === isTaken) continue;
        segment.bits[i >> 3]! ^= 1 << (i & 7);
        segment.used += isTaken ? 1 : -1;
      }
      segment.isChanged = true;
    }
  }

  #segment(number: number): Segment {
    let segment = this.#segments.get(number);
    if (segment === undefined) {
      const row = this.#run.segment.get(number) as { used: number; high: number; bits: Uint8Array } | undefined;
      segment = row === undefined ? { number, used: 0, high: 0, bits: Buffer.alloc(SEGMENT_UNITS / 8), isChanged: false } : { ...row, number, bits: bufferOf(row.bits), isChanged: false };
      this.#segments.set(number, segment);
    }
    return segment;
  }

  #growing(): Segment {
    const growing = this.#run.growing.get() as { number: number } | undefined;
    return this.#segment(growing?.number ?? ((this.#run.newest.get() as { number: number | null }).number ?? 0) + 1);
  }

  /** Segments with the most free units; what is reserved looks free there, so those it lies in come on top. */
  #freest(reserved: readonly Extent[]): Segment[] {
    const most = LOOKED_AT + new Set(reserved.map(({ unit }) => Math.floor(unit / SEGMENT_UNITS))).size;
    return (this.#run.freest.all(most) as { number: number }[]).map(({ number }) => this.#segment(number));
  }

  /** What all threads have reserved, some of which objects have by now. */
  #reserved(): Extent[] {
    return this.#arenas().flatMap(({ extents }) => extents);
  }

  #arenas(): { number: number; owner: number; extents: readonly Extent[] }[] {
    return (this.#run.arenas.all() as { number: number; owner: number; extents: Uint8Array }[]).map((arena) => ({ ...arena, extents: decodeExtents(bufferOf(arena.extents)) }));
  }
}

/** Units that nobody has, so many at most. */
function freeIn(segment: Segment, reserved: readonly Extent[], most: number): Extent[] {
  const bits = withReserved(segment, reserved);
  const extents: Extent[] = [];
  let left = most;
  for (let i = 0; i < segment.high && left > 0; i++) {
    if ((i & 7) === 0 && bits[i >> 3] === 0xff) i += 7;
    else if (!isSet(bits, i)) {
      addExtent(extents, { unit: segment.number * SEGMENT_UNITS + i, count: 1 });
      left--;
    }
  }
  return extents;
}

/** The units that are not among the others; the very same extents where none are. */
function without(extents: readonly Extent[], others: readonly Extent[]): readonly Extent[] {
  let left = extents;
  for (const { unit, count } of others) {
    const end = unit + count;
    if (left.every((extent) => extent.unit >= end || extent.unit + extent.count <= unit)) continue;
    left = left.flatMap((extent) => [
      { unit: extent.unit, count: Math.min(extent.count, unit - extent.unit) },
      { unit: Math.max(extent.unit, end), count: Math.min(extent.count, extent.unit + extent.count - end) },
    ].filter((part) => part.count > 0));
  }
  return left;
}

function withReserved({ number, bits }: Segment, reserved: readonly Extent[]): Buffer {
  const all = Buffer.from(bits);
  for (const { unit, count } of reserved) {
    if (Math.floor(unit / SEGMENT_UNITS) !== number) continue;
    const first = unit % SEGMENT_UNITS;
    for (let i = first; i < first + count; i++) all[i >> 3]! |= 1 << (i & 7);
  }
  return all;
}

function isSet(bits: Buffer, i: number): boolean {
  return (bits[i >> 3]! & (1 << (i & 7))) !== 0;
}
