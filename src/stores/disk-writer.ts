/**
 * @module stores/disk-writer
 * An object on its way to the disk. A small body waits in memory for its row; a larger one goes block
 * by block into a file of its own, which nothing leads to before the commit. The file's room is asked
 * for before it is taken, and a few blocks at most wait in memory.
 */
import type { StoreWriter } from '../cache/ports.ts';
import { BlockWriter, fileBytes } from './disk-bodies.ts';
import { BLOCK } from './disk-spans.ts';

/** Bytes of the longest body that lies in its row. */
const INLINE_BODY = 16 * 1024;
/** Blocks that go to the file together. */
const BATCH = 4;
const FIRST_BLOCK = 4096;

/** Where a body is when it is complete. */
export type Written = { readonly inline: Buffer } | { readonly body: number; readonly length: number; readonly file: number };

/** What a writer needs of its store. */
export interface DiskWriterHost {
  readonly directory: string;
  nextNumber(): number;
  /** Takes room for a body file; false when there is none. */
  reserve(body: number, bytes: number, isNew: boolean): Promise<boolean>;
  /** The body file that so many bytes were reserved for is not wanted any more. */
  giveUp(body: number, bytes: number): void;
  /** Its version; undefined where it could not be kept. */
  store(meta: Buffer, written: Written): Promise<number | undefined>;
  /** Something could not be written. */
  failed(error: unknown): void;
}

interface Room {
  body: number;
  bytes: number;
}

/** Gives up what was being written by writers that were let go of without a word. */
const forgotten = new FinalizationRegistry<{ readonly host: DiskWriterHost; readonly room: Room }>(({ host, room }) => giveUp(host, room));

function giveUp(host: DiskWriterHost, room: Room): void {
  if (room.bytes > 0) host.giveUp(room.body, room.bytes);
  room.bytes = 0;
}

export class DiskWriter implements StoreWriter {
  readonly #host: DiskWriterHost;
  readonly #maxObject: number;
  readonly #expectedLength: number;
  /** Of the object it became. */
  #version: number | undefined;
  /** "refused": takes no more, but can be read until it is over. */
  #state: 'open' | 'refused' | 'committing' | 'over' = 'open';
  /** Full blocks that are not in the file yet. */
  readonly #blocks: Buffer[] = [];
  /** The block being filled, and how far it is. */
  #block: Buffer | undefined;
  #filled = 0;
  #written = 0;
  /** Blocks in the file. */
  #inFile = 0;
  #file: BlockWriter | undefined;
  /** The body file, and what is reserved for it. */
  readonly #room: Room = { body: 0, bytes: 0 };
  #flushing: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  constructor(host: DiskWriterHost, expectedLength: number | undefined, maxObject: number) {
    this.#host = host;
    this.#expectedLength = expectedLength ?? 0;
    this.#maxObject = maxObject;
    forgotten.register(this, { host, room: this.#room });
  }

  get written(): number {
    return this.#written;
  }

  get version(): number | undefined {
    return this.#version;
  }

  get backlog(): number {
    return this.#state === 'open' ? this.#blocks.length * BLOCK : 0;
  }

  onDrain(listener: () => void): void {
    this.#drained = listener;
  }

  write(chunk: Buffer): boolean {
    if (this.#state !== 'open') return false;
    if (this.#written + chunk.length > this.#maxObject) {
      this.#state = 'refused';
      return false;
    }
    for (let taken = 0; taken < chunk.length; ) {
      const block = this.#blockFor(chunk.length - taken);
      const copied = chunk.copy(block, this.#filled, taken);
      taken += copied;
      this.#filled += copied;
      this.#written += copied;
      if (this.#filled === BLOCK) this.#closeBlock();
    }
    if (this.#blocks.length >= BATCH) this.#flushing ??= this.#flush(BATCH);
    return true;
  }

  chunkAt(position: number): Buffer | undefined {
    if (position >= this.#written) return undefined;
    const number = Math.floor(position / BLOCK);
    const offset = position - number * BLOCK;
    if (number < this.#inFile) return this.#file?.read(number, this.#written)?.subarray(offset);
    return this.#blocks[number - this.#inFile]?.subarray(offset) ?? this.#block?.subarray(offset, this.#filled);
  }

  async commit(meta: Buffer): Promise<boolean> {
    if (this.#state !== 'open') return false;
    this.#state = 'committing';
    // The caller may use its bytes again.
    const description = Buffer.from(meta);
    this.#version = await this.#finish(description);
    if (this.#version !== undefined) this.#room.bytes = 0;
    // What could not be kept can still be read, until it is aborted.
    this.#state = this.#version === undefined ? 'refused' : 'over';
    return this.#version !== undefined;
  }

  /** After commit: nobody reads from the writer any more. */
  abort(): void {
    if (this.#version !== undefined) this.#file?.close();
    else if (this.#state === 'open' || this.#state === 'refused') this.#giveUp();
  }

  async #finish(meta: Buffer): Promise<number | undefined> {
    try {
      if (this.#written <= INLINE_BODY) return await this.#host.store(meta, { inline: this.#block?.subarray(0, this.#filled) ?? Buffer.alloc(0) });
      if (this.#filled > 0) this.#closeBlock();
      await this.#flushing;
      await this.#flush(1);
      if (this.#blocks.length > 0) return undefined;
      return await this.#host.store(meta, { body: this.#room.body, length: this.#written, file: this.#room.bytes });
    } catch (error) {
      this.#host.failed(error);
      return undefined;
    }
  }

  /** Brings blocks to the file while there are so many. Never rejects; what it cannot bring stays. */
  async #flush(fewest: number): Promise<void> {
    const room = this.#room;
    try {
      while (this.#blocks.length >= fewest && (this.#state === 'open' || this.#state === 'committing')) {
        const batch = this.#blocks.slice(0, 2 * BATCH);
        const bytes = fileBytes(batch.reduce((sum, block) => sum + block.length, this.#inFile * BLOCK)) - room.bytes;
        const isNew = room.bytes === 0;
        if (isNew) room.body = this.#host.nextNumber();
        if (!(await this.#host.reserve(room.body, bytes, isNew))) {
          if (this.#state === 'open') this.#state = 'refused';
          break;
        }
        room.bytes += bytes;
        this.#file ??= await BlockWriter.open(this.#host.directory, room.body);
        await this.#file.write(batch);
        this.#blocks.splice(0, batch.length);
        this.#inFile += batch.length;
        this.#drained?.();
      }
    } catch (error) {
      this.#host.failed(error);
      if (this.#state === 'open') this.#state = 'refused';
    }
    this.#flushing = undefined;
    this.#drained?.();
  }

  #giveUp(): void {
    this.#state = 'over';
    this.#written = 0;
    void this.#clean();
  }

  async #clean(): Promise<void> {
    await this.#flushing;
    this.#blocks.length = 0;
    this.#block = undefined;
    this.#file?.close();
    giveUp(this.#host, this.#room);
  }

  /** The block to fill; it grows with what was really written. */
  #blockFor(needed: number): Buffer {
    const block = this.#block;
    if (block !== undefined && this.#filled < block.length) return block;
    const missing = this.#expectedLength - this.#written;
    const wanted = missing > 0 ? this.#filled + missing : Math.max(FIRST_BLOCK, 4 * this.#filled, this.#filled + needed);
    const larger = Buffer.allocUnsafeSlow(Math.min(BLOCK, wanted));
    block?.copy(larger, 0, 0, this.#filled);
    this.#block = larger;
    return larger;
  }

  #closeBlock(): void {
    this.#blocks.push(this.#block!.subarray(0, this.#filled));
    this.#block = undefined;
    this.#filled = 0;
  }
}
