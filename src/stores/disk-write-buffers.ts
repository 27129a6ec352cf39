/**
 * @module stores/disk-write-buffers
 * The memory that bodies wait in on their way to the disk, of all writers of a thread together. It is
 * bounded: when the disk does not keep up, or has no room, the next body is served without being
 * stored, so that neither its client nor the process's memory pays for the disk.
 */
import { giveBackSpan, takeSpan } from './disk-spans.ts';

/** Bytes that the writers of one thread may hold together. */
const MAX_WRITE_BUFFER_BYTES = 16 * 1024 * 1024;
/** Bytes from which on memory that is used again pays. */
const WORTH_A_SPAN = 16 * 1024;

export class WriteBuffers {
  readonly #maxBytes: number;
  #heldBytes = 0;

  constructor(maxBytes: number = MAX_WRITE_BUFFER_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that are taken and not released. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether a writer may take that many bytes more. */
  hasRoomFor(bytes: number): boolean {
    return this.#heldBytes + bytes <= this.#maxBytes;
  }

  /** A buffer of that many bytes, until it is released. */
  take(bytes: number): Buffer {
    const buffer = bytes > WORTH_A_SPAN ? takeSpan(bytes) : Buffer.allocUnsafeSlow(bytes);
    this.#heldBytes += buffer.buffer.byteLength;
    return buffer;
  }

  /**
   * The writer is done with a buffer that it took.
   * @param isShared a reader may still hold parts of it: its memory is left to the garbage collector
   */
  release(buffer: Buffer, isShared: boolean): void {
    this.#heldBytes -= buffer.buffer.byteLength;
    if (!isShared) giveBackSpan(buffer);
  }
}
