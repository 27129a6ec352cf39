/**
 * @module stores/disk-segments
 * The files that bodies lie in, each of up to 4 MB: a few large files, where one for each body would
 * cost more to make, to open and to remove than all else that is done for it. Reads are made at once.
 * So are writes, while the system takes them into its memory: what has just come from the origin is
 * still in the processor's cache then. When one has taken long, as the disk does not keep up and the
 * system halts who writes, those of the next seconds go through the thread pool.
 */
import { closeSync, constants, ftruncateSync, readSync, writev, writevSync } from 'node:fs';
import { promisify } from 'node:util';
import { segmentPath } from './disk-directory.ts';
import { openFile } from './disk-files.ts';
import { type Extent, type Place, SEGMENT_UNITS, UNIT, placesOf } from './disk-layout.ts';

const SEGMENT = SEGMENT_UNITS * UNIT;
/** Files held open. */
const MOST_OPEN = 1024;
/**
 * Milliseconds of a write that is slow, and those for which the thread pool writes then. The system halts
 * a thread for up to 200 ms that writes faster than the disk; a thread that only had to wait for its
 * turn on a busy processor was halted for less than this.
 */
const SLOW = 50;
const POOLED = 2000;
/** Bytes that the pool writes at a time, and how many such writes run at once. */
const MOST_WRITTEN = 1024 * 1024;
const MOST_POOLED = 4;
/** What is read of them is nobody else's to read. */
const PRIVATE = 0o600;

const OUT_OF_FILES = new Set(['EMFILE', 'ENFILE']);
const writeAll = promisify(writev);
/** What is left of a unit is written too: else the system would have to read it first. */
const PADDING = Buffer.alloc(UNIT);

interface Write {
  readonly position: number;
  readonly parts: readonly Buffer[];
  readonly length: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class DiskSegments {
  readonly #directory: string;
  /** By segment, the one used longest ago first. */
  readonly #files = new Map<number, number>();
  /** The segments that are being written. */
  readonly #writing: number[] = [];
  #queue: Write[] = [];
  #drains = 0;
  /** Their promises, until after their end. */
  readonly #running = new Set<Promise<void>>();
  #pooledUntil = -Infinity;
  #isClosed = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Reads what lies at these places, one after the other; false where not all of it is there. Throws where it cannot be read. Also for who still reads when the store is closed. */
  read(into: Buffer, places: readonly Place[]): boolean {
    let at = 0;
    for (const { position, length } of places) {
      const number = Math.floor(position / SEGMENT);
      const file = this.#isClosed ? this.#openFile(number) : this.#open(number);
      try {
        if (readSync(file, into, at, length, position % SEGMENT) !== length) return false;
      } finally {
        if (this.#isClosed) closeSync(file);
      }
      at += length;
    }
    return true;
  }

  /** Fills the extents with these bytes; undefined where that is done when it returns. Throws or rejects where they cannot be written. */
  write(extents: readonly Extent[], bytes: Buffer): Promise<void> | undefined {
    let at = 0;
    const writes: Promise<void>[] = [];
    for (const { position, length } of placesOf(extents, 0, bytes.length)) {
      const end = at + length;
      const part = bytes.subarray(at, end);
      const written = this.#write(position, end % UNIT === 0 ? [part] : [part, PADDING.subarray(end % UNIT)]);
      if (written !== undefined) writes.push(written);
      at = end;
    }
    return writes.length > 0 ? allOf(writes) : undefined;
  }

  /** Nothing that counts lies behind so many units of the segment: the system gets the room back. */
  truncate(number: number, units: number): void {
    ftruncateSync(this.#open(number), units * UNIT);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#running.size > 0) await Promise.all(this.#running);
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }

  #write(position: number, parts: readonly Buffer[]): Promise<void> | undefined {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const start = performance.now();
    if (this.#running.size === 0 && start >= this.#pooledUntil) {
      mustBeAll(writevSync(this.#open(Math.floor(position / SEGMENT)), parts, position % SEGMENT), length);
      const end = performance.now();
      if (end - start > SLOW) this.#pooledUntil = end + POOLED;
      return undefined;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#queue.push({ position, parts, length, resolve, reject });
    if (this.#drains < MOST_POOLED) {
      const running = this.#drain();
      this.#running.add(running);
      void running.then(() => this.#running.delete(running));
    }
    return promise;
  }

  async #drain(): Promise<void> {
    this.#drains++;
    // What comes in this turn can go together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#nextBatch();
      try {
        await this.#writeBatch(batch);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    // In the turn that found the queue empty: a write that comes later must start another one.
    this.#drains--;
  }

  /** The first that waits, and what follows it in the file. */
  #nextBatch(): Write[] {
    const first = this.#queue[0]!;
    let count = 1;
    let { length } = first;
    for (let next = this.#queue[count]; next !== undefined && length < MOST_WRITTEN; next = this.#queue[++count]) {
      if (next.position !== first.position + length || next.position % SEGMENT === 0) break;
      length += next.length;
    }
    return this.#queue.splice(0, count);
  }

  async #writeBatch(batch: readonly Write[]): Promise<void> {
    const { position } = batch[0]!;
    const number = Math.floor(position / SEGMENT);
    const file = this.#open(number);
    this.#writing.push(number);
    try {
      const { bytesWritten } = await writeAll(file, batch.flatMap(({ parts }) => parts), position % SEGMENT);
      mustBeAll(bytesWritten, batch.reduce((sum, { length }) => sum + length, 0));
    } finally {
      this.#writing.splice(this.#writing.indexOf(number), 1);
    }
  }

  #open(number: number): number {
    const known = this.#files.get(number);
    if (known !== undefined) {
      if (this.#files.size > MOST_OPEN / 2) {
        this.#files.delete(number);
        this.#files.set(number, known);
      }
      return known;
    }
    if (this.#isClosed) throw new Error('The store is closed.');
    this.#closeAllBut(MOST_OPEN - 1);
    let file: number;
    try {
      file = this.#openFile(number);
    } catch (error) {
      // Connections take files, too.
      if (!OUT_OF_FILES.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      this.#closeAllBut(this.#files.size / 2);
      file = this.#openFile(number);
    }
    this.#files.set(number, file);
    return file;
  }

  #closeAllBut(most: number): void {
    for (const [oldest, file] of this.#files) {
      if (this.#files.size <= most) return;
      if (this.#writing.includes(oldest)) continue;
      this.#files.delete(oldest);
      closeSync(file);
    }
  }

  #openFile(number: number): number {
    return openFile(segmentPath(this.#directory, number), constants.O_RDWR | constants.O_CREAT, PRIVATE);
  }
}

/** Rejects where one of them does, but not before all are over: what they write into is somebody else's then. */
async function allOf(writes: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(writes)) if (result.status === 'rejected') throw result.reason;
}

function mustBeAll(written: number, length: number): void {
  if (written !== length) throw new Error('ENOSPC: no space left on the device');
}
