/**
 * @module stores/disk-stamps
 * Purge stamps that outlive the process. They lie in a file of fixed size, taken in full when it is
 * made, so that writing one down needs no room and takes the same few microseconds whatever is
 * stored: a purge is in the file before the call that makes it returns.
 */
import { closeSync, constants, existsSync, readSync, writeSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { type StampKeeper, Stamps } from '../cache/stamps.ts';
import { openFile, replaceFile } from './disk-files.ts';

/** Names the version too; its length keeps cells from lying across two pages. */
const MAGIC = Buffer.from('millrace stamps2');
const CELL = Int32Array.BYTES_PER_ELEMENT;
/** After a kill, a stamp may be in a stored response that was not written down yet: the numbers go on beyond any such. */
const GAP = 1024;
/** Rather than come near the end of the numbers, everything begins anew. */
const MOST = 2 ** 30;

/** Whether the stamps in that directory can be read, and go on; what was stored without them must not be served. */
export function hasStamps(directory: string): boolean {
  const path = join(directory, 'stamps');
  if (!existsSync(path)) return false;
  const cells = readCells(path);
  return cells !== undefined && newest(cells) < MOST;
}

export class DiskStamps implements StampKeeper {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #file: number;

  /** @param memory of the thread that opened the directory; undefined for that one: they are read from the file, which is made where there is none */
  constructor(directory: string, memory?: SharedArrayBuffer) {
    const path = join(directory, 'stamps');
    this.memory = memory ?? Stamps.memory();
    this.#cells = new Int32Array(this.memory);
    if (memory === undefined) {
      const stored = existsSync(path) ? readCells(path) : undefined;
      if (stored === undefined) replaceFile(path, Buffer.concat([MAGIC, Buffer.alloc(this.memory.byteLength)]));
      else {
        this.#cells.set(stored);
        Atomics.store(this.#cells, Stamps.COUNTER, newest(stored) + GAP);
      }
    }
    this.#file = openFile(path, constants.O_RDWR);
  }

  keep(cell: number): void {
    const bytes = Buffer.allocUnsafe(CELL);
    // Of two threads that raise one cell at a time, the later number stays.
    let stamp: number;
    do {
      stamp = Atomics.load(this.#cells, cell);
      bytes.writeInt32LE(stamp);
      writeSync(this.#file, bytes, 0, CELL, MAGIC.length + cell * CELL);
    } while (Atomics.load(this.#cells, cell) !== stamp);
  }

  close(): void {
    closeSync(this.#file);
  }
}

function readCells(path: string): Int32Array | undefined {
  const bytes = Buffer.from(new ArrayBuffer(MAGIC.length + Stamps.memory().byteLength));
  const file = openFile(path, constants.O_RDONLY);
  try {
    if (readSync(file, bytes) !== bytes.length || readSync(file, Buffer.alloc(1)) > 0 || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  } finally {
    closeSync(file);
  }
  // A million of them at each start: not one by one.
  if (endianness() === 'BE') bytes.subarray(MAGIC.length).swap32();
  return new Int32Array(bytes.buffer, MAGIC.length);
}

function newest(cells: Int32Array): number {
  let stamp = 0;
  for (let i = 0; i < cells.length; i++) if (cells[i]! > stamp) stamp = cells[i]!;
  return stamp;
}
