/**
 * @module stores/envelope
 * The bytes under which a store on another machine keeps an object: a header with the version of the
 * format and a checksum, the description, and the body where it is small. A longer body lies in
 * chunks of its own, each with a checksum before it.
 */
import { randomFillSync } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { LONGEST_SHARED } from './remote.ts';

export interface Envelope {
  /** 8 bytes that name this object with this description, and no other. */
  readonly version: Buffer;
  /** 8 bytes that are in the keys of its chunks; another description does not change them. */
  readonly generation: Buffer;
  /** The purge number its writer had reached; see coherence.ts. */
  readonly number: number;
  /** Bytes of body. */
  readonly length: number;
  readonly meta: Buffer;
  /** The whole body; undefined where it is in chunks. */
  readonly inline: Buffer | undefined;
}

const MAGIC = 0x6d;
const FORMAT = 1;
const CHUNKED = 1;
// Where what stands in the header.
const FLAGS = 2;
const CHECKSUM = 4;
export const VERSION_AT = 8;
const GENERATION = 16;
const NUMBER = 24;
const LENGTH = 28;
const META_LENGTH = 34;
const INLINE_CHECKSUM = 38;
export const HEADER = 42;
export const NAME = 8;

/** Bytes of the longest body that stands in the envelope itself. */
export const LONGEST_INLINE = 64 * 1024;
/** Bytes of body in one chunk. */
export const CHUNK = 256 * 1024;
const CHUNK_CHECKSUM = 4;

/** 8 bytes that nobody has had. */
export function newName(): Buffer {
  return randomFillSync(Buffer.allocUnsafeSlow(NAME));
}

export function encodeEnvelope(envelope: Envelope): Buffer {
  const { meta, inline } = envelope;
  return Buffer.concat([encodeHead(envelope, inline === undefined ? 0 : crc32(inline)), meta, inline ?? Buffer.alloc(0)]);
}

/** Header and description anew; what stands behind them stays as it is. */
export function redescribe(header: Buffer, version: Buffer, number: number, meta: Buffer): Buffer | undefined {
  const old = readHeader(header);
  if (old === undefined) return undefined;
  const { generation, length, isChunked, inlineChecksum } = old;
  return Buffer.concat([encodeHead({ version, generation, number, length, meta, inline: isChunked ? undefined : Buffer.alloc(0) }, inlineChecksum), meta]);
}

/** Undefined for bytes of another version or program, and for damaged ones. */
export function decodeEnvelope(bytes: Buffer): Envelope | undefined {
  const header = readHeader(bytes);
  if (header === undefined) return undefined;
  const { metaLength, isChunked, length, inlineChecksum, checksum, ...names } = header;
  const bodyStart = HEADER + metaLength;
  if (bytes.length !== bodyStart + (isChunked ? 0 : length)) return undefined;
  const meta = bytes.subarray(HEADER, bodyStart);
  const inline = isChunked ? undefined : bytes.subarray(bodyStart);
  if (crc32(bytes.subarray(VERSION_AT, bodyStart), crc32(bytes.subarray(0, CHECKSUM))) !== checksum) return undefined;
  if (inline !== undefined && crc32(inline) !== inlineChecksum) return undefined;
  return { ...names, length, meta, inline };
}

interface Header extends Pick<Envelope, 'version' | 'generation' | 'number' | 'length'> {
  readonly metaLength: number;
  readonly isChunked: boolean;
  readonly inlineChecksum: number;
  readonly checksum: number;
}

/** Undefined where it is none of this format. Its checksum is not: that is of the description too. */
export function readHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < HEADER || bytes[0] !== MAGIC || bytes[1] !== FORMAT) return undefined;
  const length = bytes.readUIntLE(LENGTH, 6);
  // Damaged: as many chunks as it says would be more than there can be memory for their keys.
  if (length > LONGEST_SHARED) return undefined;
  return {
    version: bytes.subarray(VERSION_AT, VERSION_AT + NAME),
    generation: bytes.subarray(GENERATION, GENERATION + NAME),
    number: bytes.readUInt32LE(NUMBER),
    length,
    metaLength: bytes.readUInt32LE(META_LENGTH),
    isChunked: (bytes[FLAGS]! & CHUNKED) !== 0,
    inlineChecksum: bytes.readUInt32LE(INLINE_CHECKSUM),
    checksum: bytes.readUInt32LE(CHECKSUM),
  };
}

function encodeHead({ version, generation, number, length, meta, inline }: Envelope, inlineChecksum: number): Buffer {
  const header = Buffer.alloc(HEADER);
  header[0] = MAGIC;
  header[1] = FORMAT;
  header[FLAGS] = inline === undefined ? CHUNKED : 0;
  version.copy(header, VERSION_AT);
  generation.copy(header, GENERATION);
  header.writeUInt32LE(number, NUMBER);
  header.writeUIntLE(length, LENGTH, 6);
  header.writeUInt32LE(meta.length, META_LENGTH);
  header.writeUInt32LE(inlineChecksum, INLINE_CHECKSUM);
  header.writeUInt32LE(crc32(meta, crc32(header.subarray(VERSION_AT), crc32(header.subarray(0, CHECKSUM)))), CHECKSUM);
  return header;
}

export function encodeChunk(bytes: Buffer): Buffer {
  const chunk = Buffer.allocUnsafe(CHUNK_CHECKSUM + bytes.length);
  chunk.writeUInt32LE(crc32(bytes));
  bytes.copy(chunk, CHUNK_CHECKSUM);
  return chunk;
}

/** Undefined where it is not the chunk that belongs there. */
export function decodeChunk(chunk: Buffer, length: number): Buffer | undefined {
  if (chunk.length !== CHUNK_CHECKSUM + length) return undefined;
  const bytes = chunk.subarray(CHUNK_CHECKSUM);
  return crc32(bytes) === chunk.readUInt32LE() ? bytes : undefined;
}

export function chunkCount(length: number): number {
  return Math.ceil(length / CHUNK);
}

/** Bytes of body in that chunk. */
export function chunkLength(length: number, index: number): number {
  return Math.min(CHUNK, length - index * CHUNK);
}
