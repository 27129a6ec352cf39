/**
 * @module stores/disk-objects
 * Objects as they are read from the disk: a row, whose checksum covers all that makes the answer, and
 * a body from that row or from its file. What is damaged is reported, and counts as not stored.
 */
import { crc32 } from 'node:zlib';
import type { Body, StoredObject } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import { Chunks } from './chunks.ts';
import { BlockReader, FileBody, type Pins } from './disk-bodies.ts';
import type { DiskIndex, Row } from './disk-index.ts';
import { decodeKey } from './disk-key.ts';
import { BLOCK } from './disk-spans.ts';

/** What a row takes in the table besides key, description and body; measured. */
const ROW_OVERHEAD = 160;

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
  /** The number of its body file; 0 where the body is in the row. */
  readonly body: number;
  readonly length: number;
  /** Of a body in the row: the checksum of all else, and that with the body. */
  readonly before: number;
  readonly checksum: number;
}

interface ReaderParts {
  readonly path: string;
  readonly index: DiskIndex;
  readonly pins: Pins;
  readonly onAccess: (place: number) => void;
  readonly onDamage: (hash: number, version: number, error: MillraceError) => void;
}

export class DiskObjects {
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** Throws where the table cannot be read. */
  read(hash: number, key: Buffer): DiskObject | undefined {
    const { index, path, onAccess, onDamage } = this.#parts;
    // Between the look at the row and the hold on its file another thread may drop it; then what is there now counts.
    for (;;) {
      const row = index.find(hash, key);
      if (row === undefined) return undefined;
      const { place, version, length, checksum } = row;
      const before = checksumBefore(row);
      if (crc32(row.inline, before) !== checksum) {
        onDamage(hash, version, new MillraceError('ERR_STORE', `What is stored for ${JSON.stringify(decodeKey(key))} in ${path} is damaged. It is dropped.`));
        return undefined;
      }
      const at = { hash, place, version, body: row.body, length, before, checksum };
      const body = row.body === 0 ? inlineBody(row.inline) : this.#readFile(at);
      if (body instanceof Error || body === undefined) {
        if (!index.stands(place, version)) continue;
        if (body !== undefined) onDamage(hash, version, new MillraceError('ERR_STORE', `The body stored for ${JSON.stringify(decodeKey(key))} in ${path} is damaged or gone. It is dropped.`, { cause: body }));
        return undefined;
      }
      onAccess(place);
      return new DiskObject(asBuffer(row.meta), body, at);
    }
  }

  /** The body of an object that was read before, and is not changed. Undefined where it is not to be had like that: then the object is to be looked for. */
  readBody(at: Whereabouts): Body | undefined {
    if (at.body !== 0) {
      const body = this.#readFile(at);
      return body instanceof Error ? undefined : body;
    }
    const inline = this.#parts.index.inline(at.place, at.version);
    return inline !== undefined && crc32(inline, at.before) === at.checksum ? inlineBody(inline) : undefined;
  }

  /** A body in one block is read at once: where it is damaged that is a miss, not a response that breaks off. Undefined where the object is no longer there. */
  #readFile({ hash, place, version, body, length }: Whereabouts): Body | Error | undefined {
    const { path, index, pins, onDamage } = this.#parts;
    const at = { directory: path, body, length, onDamage: (error: MillraceError) => onDamage(hash, version, error) };
    if (length > BLOCK) {
      pins.pin(body);
      if (index.stands(place, version)) return new FileBody(at, pins);
      pins.unpin(body);
      return undefined;
    }
    try {
      const reader = new BlockReader(path, body, length);
      const block = reader.blocks(0, 1);
      reader.close();
      return block === undefined ? new Error('its checksum is another one') : new FileBody(at, block);
    } catch (error) {
      return error as Error;
    }
  }
}

/** What a row counts for. */
export function rowBytes(key: Uint8Array, meta: Uint8Array, inline: Uint8Array): number {
  return ROW_OVERHEAD + key.length + meta.length + inline.length;
}

/** Over everything that makes the answer, so that no part of it can be another object's. */
export function checksumOf(row: CheckedRow): number {
  return crc32(row.inline, checksumBefore(row));
}

type CheckedRow = Pick<Row, 'version' | 'length' | 'body' | 'key' | 'meta' | 'inline'>;

/** Of all but the body in the row, which comes last. */
function checksumBefore({ version, length, body, key, meta }: CheckedRow): number {
  return crc32(meta, crc32(key, crc32(`${version} ${length} ${body} ${meta.length}`)));
}

function inlineBody(inline: Uint8Array): Body {
  return new Chunks(inline.length > 0 ? [asBuffer(inline)] : []);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
