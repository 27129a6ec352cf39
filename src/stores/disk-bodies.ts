/**
 * @module stores/disk-bodies
 * Bodies in files of their own: blocks, each followed by its checksum, which also tells the file and
 * the place it belongs to, so that neither a damaged nor a misplaced block is ever taken for the
 * right one. A file is never written again once it is complete, and its number never used again.
 */
import { closeSync, open, openSync, readSync, readvSync, writev } from 'node:fs';
import { mkdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import type { Body, Lender } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import { bodyPath } from './disk-directory.ts';
import { BLOCK, CHECKSUM, MOST_BLOCKS, giveBackSpan, isFree, takeSpan } from './disk-spans.ts';

const STRIDE = BLOCK + CHECKSUM;
/** What the file system needs for a file besides its blocks, and their last one is rounded up to. */
const FILE_OVERHEAD = 512;
const FILE_UNIT = 4096;

/** What a file with a body of that length counts for. */
export function fileBytes(length: number): number {
  const onDisk = length + CHECKSUM * Math.ceil(length / BLOCK);
  return FILE_OVERHEAD + Math.ceil(onDisk / FILE_UNIT) * FILE_UNIT;
}

/** Counts, in memory all threads share, who reads which file, so that none is removed while it is read. */
export class Pins {
  readonly #counts: Int32Array;
  /** Lets go of what was pinned for an object that nobody holds any more. */
  readonly #forgotten = new FinalizationRegistry<number>((body) => this.unpin(body));

  constructor(memory: SharedArrayBuffer) {
    this.#counts = new Int32Array(memory);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * 2 ** 16);
  }

  pin(body: number): void {
    Atomics.add(this.#counts, body % this.#counts.length, 1);
  }

  unpin(body: number): void {
    Atomics.sub(this.#counts, body % this.#counts.length, 1);
  }

  /** Another file that shares the count may be meant: then this one is kept a little longer. */
  isPinned(body: number): boolean {
    return Atomics.load(this.#counts, body % this.#counts.length) > 0;
  }

  /** What was pinned is unpinned with the end of its holder, or by `release`. */
  holdBy(holder: object, body: number): void {
    this.#forgotten.register(holder, body, holder);
  }

  release(holder: object, body: number): void {
    if (this.#forgotten.unregister(holder)) this.unpin(body);
  }
}

const SPANS: Lender = { giveBack: giveBackSpan };

/** Where a body file is, and who is told when it turns out to be damaged. */
export interface BodyPlace {
  readonly directory: string;
  readonly body: number;
  readonly length: number;
  readonly onDamage: (error: MillraceError) => void;
}

/**
 * A body file as it is read. What it yields belongs to the reader, who gives back what it is done with,
 * where it knows that: who does so keeps up, and gets more at a time.
 */
export class FileBody implements Body {
  readonly length: number;
  readonly lender: Lender = SPANS;
  readonly #place: BodyPlace;
  /** Holds the file where it is; undefined for a body that is one block. */
  readonly #pins: Pins | undefined;
  /** The first block, for the first reader. */
  #first: Buffer | undefined;

  /**
   * @param first the only block there is, as it was read; else the file is pinned already, and stays so for as long as anyone holds this, or until it was read to its end
   */
  constructor(place: BodyPlace, held: Pins | Buffer) {
    this.length = place.length;
    this.#place = place;
    if (held instanceof Pins) {
      this.#pins = held;
      held.holdBy(this, place.body);
    } else this.#first = held;
  }

  *read(start: number, end: number): Generator<Buffer> {
    if (start >= end) return;
    const first = this.#first;
    if (first !== undefined) {
      this.#first = undefined;
      yield first.subarray(start, end);
      return;
    }
    const reader = this.#open();
    try {
      let most = 1;
      for (let position = start; position < end; ) {
        const block = Math.floor(position / BLOCK);
        const bytes = reader.blocks(block, Math.min(most, Math.ceil(end / BLOCK) - block));
        if (bytes === undefined) throw this.#damage(new MillraceError('ERR_STORE', `A stored body is damaged: block ${block} of ${bodyPath(this.#place.directory, this.#place.body)}. It is dropped.`));
        const wanted = bytes.subarray(position - block * BLOCK, end - block * BLOCK);
        position += wanted.length;
        yield wanted;
        most = isFree(bytes) ? Math.min(MOST_BLOCKS, 2 * most) : 1;
      }
    } finally {
      reader.close();
    }
    if (end >= this.length) this.#pins?.release(this, this.#place.body);
  }

  #open(): BlockReader {
    const { directory, body, length } = this.#place;
    try {
      return new BlockReader(directory, body, length);
    } catch (cause) {
      throw this.#damage(new MillraceError('ERR_STORE', `A stored body cannot be read: ${(cause as Error).message}. It is dropped.`, { cause }));
    }
  }

  #damage(error: MillraceError): MillraceError {
    this.#place.onDamage(error);
    return error;
  }
}

/** Reads the blocks of one body file. */
export class BlockReader {
  readonly #file: number;
  readonly #body: number;
  readonly #length: number;

  constructor(directory: string, body: number, length: number) {
    this.#file = openSync(bodyPath(directory, body), 'r');
    this.#body = body;
    this.#length = length;
  }

  /** That block and those behind it, at most so many in all; they lie in a span that is the caller's. Undefined where one is damaged, or not there. */
  blocks(first: number, most: number): Buffer | undefined {
    const whole = Math.min(most, Math.floor(this.#length / BLOCK) - first);
    return whole > 1 ? readBlocks(this.#file, this.#body, first, whole >= MOST_BLOCKS ? MOST_BLOCKS : 2) : readBlock(this.#file, this.#body, first, this.#length);
  }

  close(): void {
    closeSync(this.#file);
  }
}

const openFile = promisify(open);
const writeAll = promisify(writev);

/** Closes the files of writers that were let go of without a word. */
const forgotten = new FinalizationRegistry<number>((file) => closeSync(file));

/** Writes the blocks of one body file, in order, and reads them again, even when the file has been removed meanwhile. */
export class BlockWriter {
  readonly #file: number;
  readonly #directory: string;
  readonly #body: number;
  #position = 0;
  #isOpen = true;

  private constructor(file: number, directory: string, body: number) {
    this.#file = file;
    this.#directory = directory;
    this.#body = body;
    forgotten.register(this, file, this);
  }

  static async open(directory: string, body: number): Promise<BlockWriter> {
    const path = bodyPath(directory, body);
    try {
      return new BlockWriter(await openFile(path, 'wx+'), directory, body);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await mkdir(dirname(path), { recursive: true });
      return new BlockWriter(await openFile(path, 'wx+'), directory, body);
    }
  }

  /** All but the last of the file have BLOCK bytes. */
  async write(blocks: readonly Buffer[]): Promise<void> {
    const parts: Buffer[] = [];
    let length = 0;
    for (const [i, block] of blocks.entries()) {
      const sum = Buffer.allocUnsafe(CHECKSUM);
      sum.writeUInt32LE(checksum(this.#body, this.#position / STRIDE + i, block));
      parts.push(block, sum);
      length += block.length + CHECKSUM;
    }
    const { bytesWritten } = await writeAll(this.#file, parts, this.#position);
    if (bytesWritten !== length) throw new Error('ENOSPC: no space left on the device');
    this.#position += length;
  }

  /** A block of a body of that length; undefined where it is damaged, or was removed after close(). */
  read(number: number, length: number): Buffer | undefined {
    if (this.#isOpen) return readBlock(this.#file, this.#body, number, length);
    try {
      const reader = new BlockReader(this.#directory, this.#body, length);
      const block = reader.blocks(number, 1);
      reader.close();
      return block;
    } catch {
      return undefined;
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    forgotten.unregister(this);
    closeSync(this.#file);
  }
}

/** True when the file is gone. */
export async function removeBody(directory: string, body: number): Promise<boolean> {
  try {
    await unlink(bodyPath(directory, body));
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

function readBlock(file: number, body: number, number: number, bodyLength: number): Buffer | undefined {
  const length = Math.min(BLOCK, bodyLength - number * BLOCK);
  const bytes = takeSpan(1).single;
  try {
    if (readSync(file, bytes, 0, length + CHECKSUM, number * STRIDE) !== length + CHECKSUM) return undefined;
  } catch {
    return undefined;
  }
  const block = bytes.subarray(0, length);
  return bytes.readUInt32LE(length) === checksum(body, number, block) ? block : undefined;
}

/** Full ones. */
function readBlocks(file: number, body: number, first: number, count: number): Buffer | undefined {
  const { bytes, parts } = takeSpan(count);
  try {
    if (readvSync(file, parts, first * STRIDE) !== count * STRIDE) return undefined;
  } catch {
    return undefined;
  }
  for (let i = 0; i < count; i++) if (parts[2 * i + 1]!.readUInt32LE() !== checksum(body, first + i, parts[2 * i]!)) return undefined;
  return bytes;
}

function checksum(body: number, block: number, bytes: Uint8Array): number {
  return crc32(bytes, (Math.imul(body % 2 ** 32, 0x9e3779b1) ^ Math.imul(block + 1, 0x85ebca6b)) >>> 0);
}
