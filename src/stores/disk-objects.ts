/**
 * @module stores/disk-objects
 * Objects as they are read from the disk: a row, whose checksum covers all that makes the answer, and
 * a body from that row or from its file. What is damaged is reported, and counts as not stored.
 */
import { crc32 } from 'node:zlib';
import type { Body, StoredObject } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import { Chunks } from './chunks.ts';
import { BLOCK, BlockReader, FileBody, type Pins } from './disk-bodies.ts';
import type { DiskIndex, Row } from './disk-index.ts';
import { decodeKey } from './disk-key.ts';

/** What a row takes in the table besides key, description and body; measured. */
const ROW_OVERHEAD = 160;

export class DiskObject implements StoredObject {
  readonly meta: Buffer;
  readonly body: Body;
  /** Names this object with this description, and no other. */
  readonly version: number;

  constructor(meta: Buffer, body: Body, version: number) {
    this.meta = meta;
    this.body = body;
    this.version = version;
  }
}

interface ReaderParts {
  readonly path: string;
  readonly index: DiskIndex;
  readonly pins: Pins;
  readonly onAccess: (place: number) => void;
  readonly onDamage: (hash: number, key: Uint8Array, version: number, error: MillraceError) => void;
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
      if (checksumOf(row) !== row.checksum) {
        onDamage(hash, key, row.version, new MillraceError('ERR_STORE', `What is stored for ${JSON.stringify(decodeKey(key))} in ${path} is damaged. It is dropped.`));
        return undefined;
      }
      const body = row.body === 0 ? new Chunks(row.inline.length > 0 ? [asBuffer(row.inline)] : []) : this.#readFile(hash, key, row);
      if (body === undefined) {
        if (index.stands(row.place, row.version)) return undefined;
        continue;
      }
      onAccess(row.place);
      return new DiskObject(asBuffer(row.meta), body, row.version);
    }
  }

  /** A body in one block is read at once: where it is damaged that is a miss, not a response that breaks off. */
  #readFile(hash: number, key: Buffer, { body, length, place, version }: Row): Body | undefined {
    const { path, index, pins } = this.#parts;
    const onDamage = (error: MillraceError): void => this.#parts.onDamage(hash, key, version, error);
    if (length > BLOCK) {
      pins.pin(body);
      if (index.stands(place, version)) return new FileBody(path, body, length, pins, onDamage);
      pins.unpin(body);
      return undefined;
    }
    let block: Buffer | undefined;
    let cause: unknown;
    try {
      const reader = new BlockReader(path, body, length);
      block = reader.block(0);
      reader.close();
    } catch (error) {
      cause = error;
    }
    if (block !== undefined) return new Chunks([block]);
    if (index.stands(place, version)) onDamage(new MillraceError('ERR_STORE', `The body stored for ${JSON.stringify(decodeKey(key))} in ${path} is damaged or gone. It is dropped.`, { cause }));
    return undefined;
  }
}

/** What a row counts for. */
export function rowBytes(key: Uint8Array, meta: Uint8Array, inline: Uint8Array): number {
  return ROW_OVERHEAD + key.length + meta.length + inline.length;
}

/** Over everything that makes the answer, so that no part of it can be another object's. */
export function checksumOf({ version, length, body, key, meta, inline }: Pick<Row, 'version' | 'length' | 'body' | 'key' | 'meta' | 'inline'>): number {
  return crc32(inline, crc32(meta, crc32(key, crc32(`${version} ${length} ${body} ${meta.length}`))));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
