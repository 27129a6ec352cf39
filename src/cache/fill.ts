/**
 * @module cache/fill
 * One body on its way from the origin, given to every reader as it comes and, where it is storable,
 * to the store. While it is being stored it comes at the origin's pace, and a reader who falls far
 * behind reads it from the store's writer at its own; when it is not, it comes at the pace of its
 * slowest reader.
 */
import type { Fields } from '../http/fields.ts';
import type { BodySink, Lender, OriginBody, StoreWriter } from './ports.ts';

/** Takes the body in order, from its first byte. */
export interface FillReader {
  /** False where it did not keep the chunk. */
  chunk(chunk: Buffer): boolean;
  end(trailers: Fields | undefined): void;
  fail(error: Error): void;
  /** It begins with what the writer has; see `chunkAt`. */
  readBehind(): void;
  /** It was given more than may wait for its client. */
  readonly isFull: boolean;
  /** It reads from the writer what it was not given. */
  readonly isBehind: boolean;
  /** The memory of what it has yet to read is needed for others: where its client is stuck, it ends here. */
  cutIfStuck(): void;
}

/** The store may be so many bytes behind before the origin is asked to pause. */
const MAX_UNSTORED = 1024 * 1024;

/** Bytes that a reader may ask for ahead of what has come, and be made to wait for. */
const MAX_AHEAD = 8 * 1024 * 1024;
/** A part that nobody reads any more is fetched to its end where no more bytes are missing than that. */
const WORTH_FINISHING = 1024 * 1024;
/** Else it ends after so many ms, or MAX_AHEAD bytes: clients that fetch by ranges often ask again at once. */
const UNREAD_PART_MS = 1000;

/** Someone who waits for a byte. */
interface Awaited {
  readonly position: number;
  readonly settle: (isThere: boolean) => void;
}

const NOT_STORED = Promise.resolve(false);

/** What becomes of a body besides being read. */
export interface Storing {
  /** Makes the written body visible in the store. */
  readonly commit: (writer: StoreWriter) => Promise<boolean>;
  /** False once a purge means it: it will not be stored. */
  readonly stands: () => boolean;
  /**
   * Milliseconds it is taken for the store alone; undefined: to its end.
   * @param wasRead somebody has read it, and left
   */
  readonly unreadMs: (wasRead: boolean) => number | undefined;
  /** Bytes that come, of a part that can be stored as far as it has come when its readers leave; undefined: it is fetched to its end. */
  readonly expected?: number | undefined;
}

/** For a body without a writer. */
export const UNSTORED: Storing = { commit: async () => false, stands: () => false, unreadMs: () => undefined };

export class Fill implements BodySink, Lender {
  /** True once the response is stored; false when it was not. Never rejects. */
  readonly stored: Promise<boolean>;
  readonly #body: OriginBody;
  readonly #readers = new Set<FillReader>();
  readonly #storing: Storing;
  readonly #settle: (stored: boolean | Promise<boolean>) => void;
  #writer: StoreWriter | undefined;
  /** It takes no more, but readers who are behind still need it. */
  #kept: StoreWriter | undefined;
  #isStored = false;
  #received = 0;
  /** At some time there was more than one reader: who has taken a chunk does not know about the others. */
  #isShared = false;
  #paused = false;
  #started = false;
  #ended = false;
  #wasRead = false;
  /** Runs while nobody reads a body that may have no end, or a part; `from`: bytes that had come when it began. */
  #unread: { readonly from: number; readonly timer: NodeJS.Timeout } | undefined;
  #trailers: Fields | undefined;
  #error: Error | undefined;
  #isCut = false;
  #awaited: Awaited[] | undefined;

  /**
   * @param writer undefined: the body is not stored
   */
  constructor(body: OriginBody, writer: StoreWriter | undefined, storing: Storing) {
    if (writer === undefined) {
      this.stored = NOT_STORED;
      this.#settle = () => {};
    } else {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      this.stored = promise.catch(() => false);
      this.#settle = resolve;
    }
    this.#body = body;
    this.#writer = writer;
    this.#storing = storing;
  }

  /** Begins to take the body; readers are attached before, or join later. */
  start(): void {
    this.#writer?.onDrain?.(() => this.readerHasRoom());
    this.#writer?.onReclaim?.(() => this.#cutStuck());
    this.#started = true;
    this.#body.pipe(this);
    this.endIfUnwanted();
  }

  /** Ends it where nobody reads it and it will not be stored, or where that would take too long. */
  endIfUnwanted(): void {
    if (!this.#started || this.#ended || this.#readers.size > 0 || (this.#awaited !== undefined && this.#writer !== undefined)) return;
    if (this.#writer === undefined || !this.#storing.stands()) return this.#giveUp();
    if (this.#unread !== undefined) {
      if (this.#received - this.#unread.from > MAX_AHEAD) this.#cut();
      return;
    }
    const isPart = this.#storing.expected !== undefined;
    const ms = isPart ? UNREAD_PART_MS : this.#storing.unreadMs(this.#wasRead);
    if (ms !== undefined) this.#unread = { from: this.#received, timer: setTimeout(() => (isPart ? this.#cut() : this.#giveUp()), ms).unref() };
  }

  /** Ends a part of which much is missing: what has come is stored. */
  #cut(): void {
    const { expected } = this.#storing;
    if (expected === undefined || expected - this.#received <= WORTH_FINISHING || this.#isCut) return;
    this.#isCut = true;
    this.#body.abort(new Error('nobody reads it any more'));
  }

  /** False when it is too late to attach a reader: bytes that are gone cannot be read again. */
  get joinable(): boolean {
    return this.#error === undefined && !this.#isCut && (this.#received === 0 || this.#writer !== undefined);
  }

  /** True as soon as all before that position is there; false where it is far off, or has not come after `patienceMs`. */
  reaches(position: number, patienceMs: number): Promise<boolean> {
    if (position <= this.kept || this.#ended) return Promise.resolve(true);
    if (position > this.kept + MAX_AHEAD) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const awaited: Awaited = {
      position,
      settle: (isThere) => {
        clearTimeout(timer);
        const others = this.#awaited?.filter((each) => each !== awaited);
        this.#awaited = others?.length === 0 ? undefined : others;
        resolve(isThere);
        this.endIfUnwanted();
      },
    };
    const timer = setTimeout(() => awaited.settle(false), patienceMs);
    this.#stopWaiting();
    (this.#awaited ??= []).push(awaited);
    return promise;
  }

  attach(reader: FillReader): boolean {
    if (!this.joinable) return false;
    this.#wasRead = true;
    this.#stopWaiting();
    this.#isShared ||= this.#readers.size > 0;
    // It may have begun with what was stored before.
    if (this.kept > 0) {
      this.#readers.add(reader);
      reader.readBehind();
      if (this.#ended) reader.end(this.#trailers);
      return true;
    }
    if (this.#ended) reader.end(this.#trailers);
    else this.#readers.add(reader);
    return true;
  }

  /** What it receives can be read from the writer later: a reader need not keep it. */
  get allowsLag(): boolean {
    return this.#writer !== undefined;
  }

  /** The writer has it in memory: to read it later costs nothing. */
  get isInMemory(): boolean {
    return this.#writer !== undefined && this.#writer.backlog === undefined;
  }

  /** Bytes of the body from that position on, for a reader who is behind; undefined at the end of what the writer took. */
  chunkAt(position: number): Buffer | undefined {
    return (this.#writer ?? this.#kept)?.chunkAt(position);
  }

  /** Bytes that can be had by chunkAt(). */
  get kept(): number {
    return (this.#writer ?? this.#kept)?.written ?? 0;
  }

  /** The reader has left, or has all it wanted. A body that nobody reads and nobody stores is given up. */
  detach(reader: FillReader): void {
    if (!this.#readers.delete(reader)) return;
    this.#letGo();
    this.endIfUnwanted();
    this.readerHasRoom();
  }

  /** Those who wait for bytes that are there, or will not come. */
  #wake(): void {
    for (const awaited of this.#awaited ?? []) if (this.#ended || awaited.position <= this.kept) awaited.settle(true);
  }

  /** A reader has passed on what it was given. */
  readerHasRoom(): void {
    this.#letGo();
    if (!this.#paused || this.#ended || !this.#hasRoom()) return;
    this.#paused = false;
    this.#body.resume();
  }

  /** From a reader, whose client has taken it. */
  giveBack(chunk: Buffer): void {
    if (!this.#isShared) this.#body.giveBack(chunk);
  }

  data(chunk: Buffer): boolean {
    this.#received += chunk.length;
    if (this.#writer !== undefined && !this.#writer.write(chunk)) {
      this.#onlyKeep(this.#writer);
      this.#settle(false);
    }
    // Who has a part of it, and leaves with that, may still have a client that has not taken it.
    if (this.#readers.size === 0) this.#body.giveBack(chunk);
    else {
      let isKept = false;
      for (const reader of this.#readers) isKept = reader.chunk(chunk) || isKept;
      if (!isKept) this.#body.giveBack(chunk);
    }
    if (this.#awaited !== undefined) this.#wake();
    if (this.#readers.size === 0) {
      this.endIfUnwanted();
      if (this.#ended || this.#isCut) return true;
    }
    this.#paused = !this.#hasRoom();
    return !this.#paused;
  }

  end(trailers: Fields | undefined): void {
    this.#ended = true;
    this.#stopWaiting();
    this.#trailers = trailers;
    if (this.#writer === undefined) this.#settle(false);
    else void this.#store(this.#writer);
    for (const reader of this.#readers) {
      reader.end(trailers);
      if (!reader.isBehind) this.#readers.delete(reader);
    }
    this.#wake();
  }

  error(error: Error): void {
    if (this.#ended) return;
    if (this.#isCut) return this.end(undefined);
    this.#ended = true;
    this.#stopWaiting();
    this.#error = error;
    if (this.#writer !== undefined) this.#onlyKeep(this.#writer);
    this.#settle(false);
    for (const reader of this.#readers) {
      reader.fail(error);
      if (!reader.isBehind) this.#readers.delete(reader);
    }
    this.#wake();
  }

  #giveUp(): void {
    const reason = new Error('nobody reads it any more');
    this.error(reason);
    this.#body.abort(reason);
  }

  #stopWaiting(): void {
    if (this.#unread === undefined) return;
    clearTimeout(this.#unread.timer);
    this.#unread = undefined;
  }

  async #store(writer: StoreWriter): Promise<void> {
    const stored = this.#storing.commit(writer).catch(() => false);
    this.#settle(stored);
    // Until now late readers could have it from the writer.
    if (await stored) {
      this.#isStored = true;
      this.#letGo();
    } else this.#onlyKeep(writer);
  }

  /** The writer stores nothing any more. */
  #onlyKeep(writer: StoreWriter): void {
    this.#writer = undefined;
    this.#kept = writer;
    this.#letGo();
  }

  #cutStuck(): void {
    for (const reader of this.#readers) if (reader.isBehind) reader.cutIfStuck();
  }

  /** Lets go of a writer that stores nothing any more, once nobody is behind. */
  #letGo(): void {
    if (this.#writer === undefined ? this.#kept === undefined : !this.#isStored) return;
    for (const reader of this.#readers) if (reader.isBehind) return;
    this.#kept?.abort();
    this.#kept = undefined;
    // Where it is stored: nobody reads it here any more.
    this.#writer?.abort();
  }

  #hasRoom(): boolean {
    if (this.#writer !== undefined) return (this.#writer.backlog ?? 0) < MAX_UNSTORED;
    for (const reader of this.#readers) if (reader.isBehind || reader.isFull) return false;
    return true;
  }
}
