/**
 * @module cache/fill
 * One body on its way from the origin, given to every reader as it comes and, where it is storable,
 * to the store. While it is being stored it comes at the origin's pace and readers take what is
 * there at theirs; when it is not, it comes at the pace of its slowest reader.
 */
import type { Fields } from '../http/fields.ts';
import type { BodySink, OriginBody, StoreWriter } from './ports.ts';

/** Takes the body in order, from its first byte. */
export interface FillReader {
  chunk(chunk: Buffer): void;
  end(trailers: Fields | undefined): void;
  fail(error: Error): void;
  /** Bytes it was given and has not passed on. */
  readonly backlog: number;
}

/** A reader may be so many bytes behind before the origin is asked to pause. */
const MAX_BACKLOG = 256 * 1024;

export class Fill implements BodySink {
  /** True once the response is stored; false when it was not. Never rejects. */
  readonly stored: Promise<boolean>;
  readonly #body: OriginBody;
  readonly #readers = new Set<FillReader>();
  readonly #commit: (writer: StoreWriter) => Promise<boolean>;
  readonly #settle: (stored: boolean | Promise<boolean>) => void;
  #writer: StoreWriter | undefined;
  #received = 0;
  #paused = false;
  #ended = false;
  #trailers: Fields | undefined;
  #error: Error | undefined;

  /**
   * @param writer undefined: the body is not stored
   * @param commit makes the written body visible in the store
   */
  constructor(body: OriginBody, writer: StoreWriter | undefined, commit: (writer: StoreWriter) => Promise<boolean>) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.stored = promise.catch(() => false);
    this.#settle = resolve;
    this.#body = body;
    this.#writer = writer;
    this.#commit = commit;
  }

  /** Begins to take the body; readers are attached before, or join later. */
  start(): void {
    this.#body.pipe(this);
  }

  /** False when it is too late to attach a reader: bytes that are gone cannot be read again. */
  get joinable(): boolean {
    return this.#error === undefined && (this.#received === 0 || this.#writer !== undefined);
  }

  attach(reader: FillReader): boolean {
    if (!this.joinable) return false;
    for (let chunk, position = 0; (chunk = this.#writer?.chunkAt(position)) !== undefined; position += chunk.length) reader.chunk(chunk);
    if (this.#ended) reader.end(this.#trailers);
    else this.#readers.add(reader);
    return true;
  }

  /** The reader has left, or has all it wanted. A body that nobody reads and nobody stores is given up. */
  detach(reader: FillReader): void {
    if (!this.#readers.delete(reader)) return;
    if (this.#readers.size === 0 && this.#writer === undefined && !this.#ended) this.#body.abort(new Error('nobody reads it any more'));
    else this.readerHasRoom();
  }

  /** A reader has passed on what it was given. */
  readerHasRoom(): void {
    if (!this.#paused || !this.#hasRoom()) return;
    this.#paused = false;
    this.#body.resume();
  }

  data(chunk: Buffer): boolean {
    this.#received += chunk.length;
    if (this.#writer !== undefined && !this.#writer.write(chunk)) {
      this.#writer = undefined;
      this.#settle(false);
    }
    for (const reader of this.#readers) reader.chunk(chunk);
    if (this.#writer === undefined && this.#readers.size === 0) {
      this.#body.abort(new Error('nobody reads it any more'));
      return true;
    }
    this.#paused = !this.#hasRoom();
    return !this.#paused;
  }

  end(trailers: Fields | undefined): void {
    this.#ended = true;
    this.#trailers = trailers;
    if (this.#writer === undefined) this.#settle(false);
    else void this.#store(this.#writer);
    for (const reader of this.#readers) reader.end(trailers);
    this.#readers.clear();
  }

  error(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#writer?.abort();
    this.#writer = undefined;
    this.#settle(false);
    for (const reader of this.#readers) reader.fail(error);
    this.#readers.clear();
  }

  async #store(writer: StoreWriter): Promise<void> {
    const stored = this.#commit(writer).catch(() => false);
    this.#settle(stored);
    if (await stored) return;
    // Until now late readers could have it from the writer.
    this.#writer = undefined;
    writer.abort();
  }

  #hasRoom(): boolean {
    if (this.#writer !== undefined) return true;
    for (const reader of this.#readers) if (reader.backlog > MAX_BACKLOG) return false;
    return true;
  }
}
