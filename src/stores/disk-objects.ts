/**
 * @module stores/disk-objects
 * Objects as they are read from the disk: a row, whose checksum covers all that makes the answer, and
 * a body from that row or from segments. What is damaged is reported, and counts as not stored.
 */
import { crc32 } from 'node:zlib';
import type { Body, StoredObject } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import { bufferOf } from './blob.ts';
import { Chunks } from './chunks.ts';
import { ReadBody, SegmentBody, readBlocks } from './disk-bodies.ts';
import { SUM } from './disk-checksum.ts';
import type { DiskIndex } from './disk-index.ts';
import { decodeKey } from './disk-key.ts';
import { Layout, unitsFor } from './disk-layout.ts';
import type { Pins } from './disk-pins.ts';
import type { DiskSegments } from './disk-segments.ts';
import { PAGE, type Row } from './disk-tables.ts';

/** What a row takes in the table besides key, description and body; measured. */
const ROW_OVERHEAD = 160;
/** Bytes of a page of the table, and those of a row that fit into one; of a longer one, most is in pages of its own. */
const IN_PAGE = PAGE - 35;
/** Bytes of a body in segments that is read at once: where it is damaged that is a miss, not a response that breaks off. */
const READ_AT_ONCE = 64 * 1024;
/** Layouts that are remembered, and bytes of the longest one: that of a body of some 7 MB. */
const MOST_KNOWN = 1024;
const LONGEST_KNOWN = 1024;

export class DiskObject implements StoredObject {
  readonly meta: Buffer;
  readonly body: Body;
  readonly at: Whereabouts;

  constructor(meta: Buffer, body: Body, at: Whereabouts) {
    this.meta = meta;
    this.body = body;
    this.at = at;
  }

  get version(): number {
    return this.at.version;
  }
}

/** All it takes to find the body of an object again, without its key and description. */
export interface Whereabouts {
  /** Of its key. */
  readonly hash: number;
  readonly place: number;
  /** Names this object with this description, and no other. */
  readonly version: number;
  /** The first of its units in segments; 0 where the body is in the row. */
  readonly unit: number;
  readonly length: number;
  /**
   * Of a body in the row: the checksum of all else, and that with the body. Of a short one that lies in
   * one extent: its checksum, as four numbers. Of any other: nothing.
   */
  readonly sums: readonly number[];
}

interface ReaderParts {
  readonly path: string;
  readonly segments: DiskSegments;
  readonly index: DiskIndex;
  readonly pins: Pins;
  /** A number that is another one once what is stored under that hash has changed. */
  readonly changesOf: (hash: number) => number;
  readonly onAccess: (place: number) => void;
  readonly onDamage: (hash: number, version: number, error: MillraceError) => void;
}

/** The layout of a body, and what changesOf() said before it was read. */
interface KnownLayout {
  readonly layout: Layout;
  readonly changes: number;
}

export class DiskObjects {
  readonly #parts: ReaderParts;
  /** By version, the one known longest first: looking for it in the table takes 14 µs. */
  readonly #known = new Map<number, KnownLayout>();

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** Throws where the table cannot be read. */
  read(hash: number, key: Buffer): DiskObject | undefined {
    const { index, path, onAccess, onDamage } = this.#parts;
    // Between the look at the row and the hold on its body another thread may drop it; then what is there now counts.
    for (;;) {
      const row = index.find(hash, key);
      if (row === undefined) return undefined;
      const { place, version, length, checksum } = row;
      const before = checksumBefore(row);
      if (crc32(row.inline, before) !== checksum) {
        onDamage(hash, version, new MillraceError('ERR_STORE', `What is stored for ${JSON.stringify(decodeKey(key))} in ${path} is damaged. It is dropped.`));
        return undefined;
      }
      const layout = row.file === 0 ? undefined : Layout.decode(row.layout, length);
      const at: Whereabouts = { hash, place, version, unit: layout?.unit ?? 0, length, sums: layout === undefined ? [before, checksum] : sumsOf(layout, length) };
      const body = layout === undefined ? inlineBody(row.inline) : this.#bodyIn(layout, at);
      if (body instanceof Error || body === undefined) {
        if (!index.stands(place, version)) continue;
        if (body !== undefined) onDamage(hash, version, new MillraceError('ERR_STORE', `The body stored for ${JSON.stringify(decodeKey(key))} in ${path} is damaged or gone. It is dropped.`, { cause: body }));
        return undefined;
      }
      onAccess(place);
      return new DiskObject(bufferOf(row.meta), body, at);
    }
  }

  /** The body of an object that was read before, and is not changed. Undefined where it is not to be had like that: then the object is to be looked for. */
  readBody(at: Whereabouts): Body | undefined {
    const { place, version, unit, length, sums } = at;
    const { index } = this.#parts;
    if (unit === 0) {
      const inline = index.inline(place, version);
      return inline !== undefined && crc32(inline, sums[0]) === sums[1] ? inlineBody(inline) : undefined;
    }
    if (sums.length === 0) return this.#inSegments(at);
    const body = this.#readWhole(layoutOf(unit, length, sums), at);
    return body instanceof Error ? undefined : body;
  }

  /** Undefined where the object is no longer there. */
  #bodyIn(layout: Layout, at: Whereabouts): Body | Error | undefined {
    return at.length > READ_AT_ONCE ? this.#inSegments(at) : this.#readWhole(layout, at);
  }

  /** A body that is read later. Undefined where the object is no longer there. */
  #inSegments(at: Whereabouts): Body | undefined {
    const { hash, version, length } = at;
    const { pins, segments, onDamage } = this.#parts;
    const layout = this.#storedLayout(at);
    if (layout === undefined) return undefined;
    return new SegmentBody({ segments, pins, stands: () => this.#stands(at, layout), onDamage: (error) => onDamage(hash, version, error) }, layout, length);
  }

  /** Some object still has that very body; it may have another place in the queues by now, or another description. */
  #stands(at: Whereabouts, layout: Layout): boolean {
    return this.#storedLayout(at) !== undefined || this.#parts.index.layoutsOf(at.hash).some((bytes) => layout.isEncodedBy(bytes));
  }

  #storedLayout({ hash, place, version, length }: Whereabouts): Layout | undefined {
    const known = this.#known.get(version);
    const changes = this.#parts.changesOf(hash);
    if (known?.changes === changes) return known.layout;
    this.#known.delete(version);
    const bytes = this.#parts.index.layout(place, version);
    if (bytes === undefined) return undefined;
    const layout = Layout.decode(bytes, length);
    if (bytes.length > LONGEST_KNOWN) return layout;
    if (this.#known.size >= MOST_KNOWN) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(version, { layout, changes });
    return layout;
  }

  #readWhole(layout: Layout, at: Whereabouts): Body | Error {
    try {
      const bytes = readBlocks(this.#parts.segments, layout, 0, at.length);
      return bytes === undefined ? new Error('its checksum is another one') : new ReadBody(bytes, () => this.#inSegments(at));
    } catch (error) {
      return error as Error;
    }
  }
}

/** What a row counts for: its share of a page with others of its size. https://www.sqlite.org/fileformat2.html#b_tree_pages */
export function rowBytes({ key, meta, layout, inline }: Pick<Row, 'key' | 'meta' | 'layout' | 'inline'>): number {
  const bytes = ROW_OVERHEAD + key.length + meta.length + layout.length + inline.length;
  return bytes <= IN_PAGE ? Math.ceil(PAGE / Math.floor(IN_PAGE / bytes)) : PAGE * Math.ceil(bytes / PAGE) + PAGE / 8;
}

/** Over everything that makes the answer, so that no part of it can be another object's. */
export function checksumOf(row: CheckedRow): number {
  return crc32(row.inline, checksumBefore(row));
}

type CheckedRow = Pick<Row, 'version' | 'length' | 'key' | 'meta' | 'layout' | 'inline'>;

/** Of all but the body in the row, which comes last. */
function checksumBefore({ version, length, key, meta, layout }: CheckedRow): number {
  return crc32(layout, crc32(meta, crc32(key, crc32(`${version} ${length} ${layout.length} ${meta.length}`))));
}

/** What Whereabouts say of a body in segments. */
function sumsOf(layout: Layout, length: number): readonly number[] {
  if (length > READ_AT_ONCE || layout.extents.length > 1) return [];
  const sum = layout.sum(0);
  return [sum.readInt32LE(0), sum.readInt32LE(4), sum.readInt32LE(8), sum.readInt32LE(12)];
}

function layoutOf(unit: number, length: number, sums: readonly number[]): Layout {
  const sum = Buffer.allocUnsafe(SUM);
  for (const [i, part] of sums.entries()) sum.writeInt32LE(part, i * 4);
  return new Layout(sum, [{ unit, count: unitsFor(length) }]);
}

function inlineBody(inline: Uint8Array): Body {
  return new Chunks(inline.length > 0 ? [bufferOf(inline)] : []);
}
