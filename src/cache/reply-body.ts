/**
 * @module cache/reply-body
 * Brings a body to a client at the client's pace: from a fill as it comes, or from the store.
 */
import { MillraceError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import type { Reply } from './exchange.ts';
import type { Fill, FillReader } from './fill.ts';
import type { Body, BodyReader } from './ports.ts';
import { STUCK_MS, type UnreadBytes, type WaitingReply } from './unread-bytes.ts';

/** How the body of a reply ended; undefined: well. */
export type ReplyEnd = MillraceError | undefined;

/** Bytes of a chunk up from which it pays to follow it until the client has taken it. */
const WORTH_GIVING_BACK = 16 * 1024;

/** Bytes [start, end). */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Sends a fill's body, or a span of it; settles when the reply is over. The head is already sent. Undefined: it was too late to join. */
export function sendFill(fill: Fill, reply: Reply, span: Span | undefined, unread: UnreadBytes): Promise<ReplyEnd> | undefined {
  const { promise, resolve } = Promise.withResolvers<ReplyEnd>();
  const reader = new ReplyReader(fill, reply, span, unread, resolve);
  if (!fill.attach(reader)) return undefined;
  reply.onClose(() => reader.leave());
  return promise;
}

/**
 * How the body it reads ended. A value and not a callback: with a closure in its place nearly every
 * exchange outlived its end until the next full garbage collection.
 */
type Ending = { readonly trailers: Fields | undefined } | { readonly error: Error };

class ReplyReader implements FillReader, WaitingReply {
  readonly #fill: Fill;
  readonly #reply: Reply;
  readonly #span: Span | undefined;
  readonly #unread: UnreadBytes;
  readonly #over: (end: ReplyEnd) => void;
  #position = 0;
  /** Chunks the client is not ready for. */
  #queue: Buffer[] = [];
  /** Chunks that come after what is read behind. */
  #later: Buffer[] = [];
  #waiting = false;
  #ending: Ending | undefined;
  #left = false;
  /** Bytes of the queue and of what comes later. */
  #backlog = 0;
  /** Bytes that were written, and that the client was not ready for. */
  #written = 0;
  isBehind = false;

  constructor(fill: Fill, reply: Reply, span: Span | undefined, unread: UnreadBytes, over: (end: ReplyEnd) => void) {
    this.#fill = fill;
    this.#reply = reply;
    this.#span = span;
    this.#unread = unread;
    this.#over = over;
  }

  get isFull(): boolean {
    return this.#waiting && this.#backlog > this.#unread.allowance;
  }

  chunk(chunk: Buffer): boolean {
    if (this.#left) return false;
    if (this.#fill.allowsLag && (this.isBehind || (this.#waiting && (this.#fill.isInMemory || this.#backlog >= this.#unread.allowance)))) {
      this.isBehind = true;
      return false;
    }
    if (this.isBehind) {
      this.#later.push(chunk);
      this.#queued(chunk.length);
      return true;
    }
    return this.#pass(chunk);
  }

  #queued(bytes: number): void {
    this.#backlog += bytes;
    this.#unread.add(this, bytes);
  }

  readBehind(): void {
    this.isBehind = true;
    if (this.#span !== undefined) this.#position = Math.min(this.#span.start, this.#fill.kept);
    this.#catchUp();
  }

  /** False where its client wants nothing of it. */
  #pass(chunk: Buffer): boolean {
    const wanted = this.#cut(chunk);
    if (wanted === undefined) return false;
    if (this.#waiting) {
      this.#queue.push(wanted);
      this.#queued(wanted.length);
    } else this.#write(wanted);
    if (this.#span !== undefined && this.#position >= this.#span.end) {
      this.isBehind = false;
      this.#later = [];
      this.end(undefined);
      this.#fill.detach(this);
    }
    return true;
  }

  /** Passes on what the writer has, as far as the client is ready for it, and then what came after that. */
  #catchUp(): void {
    while (this.isBehind && !this.#waiting) {
      const chunk = this.#fill.chunkAt(this.#position);
      if (chunk !== undefined) {
        this.#pass(chunk);
        continue;
      }
      this.isBehind = false;
      const later = this.#later;
      this.#later = [];
      for (const each of later) this.#dequeued(each.length);
      if (this.#position < this.#fill.kept) this.#ending = { error: new MillraceError('ERR_STORE', 'What a slow client had not read yet could not be read from the store.') };
      else for (const each of later) this.#pass(each);
    }
    if (this.#ending !== undefined) this.#finishWhenSent(this.#ending);
  }

  end(trailers: Fields | undefined): void {
    this.#finish({ trailers });
  }

  fail(error: Error): void {
    // What came before the break is still sent: the client shall see how far it came.
    this.#finish({ error });
  }

  leave(): void {
    this.#stop(clientGone());
  }

  cutIfStuck(): void {
    if (this.#unread.isStuck(this)) this.cut(memoryReclaimed());
  }

  cut(error: MillraceError): void {
    if (this.#left) return;
    this.#reply.abort();
    this.#stop(error);
  }

  #stop(error: MillraceError): void {
    if (this.#left) return;
    this.#left = true;
    this.#queue = [];
    this.#later = [];
    this.#unread.remove(this);
    this.isBehind = false;
    this.#fill.detach(this);
    this.#over(error);
  }

  #cut(chunk: Buffer): Buffer | undefined {
    const from = this.#position;
    this.#position += chunk.length;
    if (this.#span === undefined) return chunk;
    const start = Math.max(0, this.#span.start - from);
    const end = Math.min(chunk.length, this.#span.end - from);
    // That very chunk can be given back, a part of it cannot.
    if (start === 0 && end === chunk.length) return chunk;
    return start < end ? chunk.subarray(start, end) : undefined;
  }

  #write(chunk: Buffer): void {
    if (this.#reply.write(chunk, chunk.length < WORTH_GIVING_BACK ? undefined : this.#fill)) return;
    this.#waiting = true;
    this.#written = chunk.length;
    this.#unread.add(this, chunk.length);
    this.#reply.onDrain(() => this.#onDrain());
  }

  #dequeued(bytes: number): void {
    this.#backlog -= bytes;
    this.#unread.take(this, bytes);
  }

  #onDrain(): void {
    if (this.#left) return;
    this.#waiting = false;
    this.#unread.take(this, this.#written);
    while (!this.#waiting && this.#queue.length > 0) {
      const next = this.#queue.shift()!;
      this.#dequeued(next.length);
      this.#write(next);
    }
    this.#catchUp();
    this.#fill.readerHasRoom();
  }

  #finish(ending: Ending): void {
    if (this.#left || this.#ending !== undefined) return;
    this.#ending = ending;
    this.#finishWhenSent(ending);
  }

  /** What was written at the end waits as what was written before. */
  #countUnsent(): void {
    const reply = this.#reply;
    const { unsent = 0 } = reply;
    if (unsent === 0) return;
    const rest: WaitingReply = { cut: () => reply.abort() };
    this.#unread.add(rest, unsent);
    reply.onSent!(() => this.#unread.remove(rest));
  }

  #finishWhenSent(ending: Ending): void {
    if (this.#left || this.isBehind || this.#queue.length > 0) return;
    this.#left = true;
    this.#unread.remove(this);
    this.#fill.detach(this);
    if ('error' in ending) {
      this.#reply.abort();
      this.#over(MillraceError.from(ending.error));
    } else {
      this.#reply.end(ending.trailers);
      this.#countUnsent();
      this.#over(undefined);
    }
  }
}

/** One piece of a stored reply: bytes of our own, or a span of the stored body. */
export type Piece = Buffer | Span;

/** Sends one stored body to one client. */
export class StoredReader implements BodyReader {
  readonly #reply: Reply;
  /** When its client was not ready for more, in ms since the epoch; undefined while it is. */
  #waitsSince: number | undefined;
  #wasCut = false;

  constructor(reply: Reply) {
    this.#reply = reply;
  }

  /** Waits until the client is ready for more. */
  async drained(): Promise<void> {
    this.#waitsSince = Date.now();
    await drained(this.#reply);
    this.#waitsSince = undefined;
  }

  cutIfStuck(): void {
    if (this.#waitsSince === undefined || Date.now() - this.#waitsSince < STUCK_MS) return;
    this.#wasCut = true;
    this.#reply.abort();
  }

  /** Why the client has not got all of it. */
  get error(): MillraceError {
    return this.#wasCut ? memoryReclaimed() : clientGone();
  }
}

/** Sends pieces of a stored body and ends the reply. The head is already sent. */
export async function sendStored(body: Body, pieces: readonly Piece[], reply: Reply, reader: StoredReader): Promise<ReplyEnd> {
  const { lender } = body;
  try {
    for (const piece of pieces) {
      const chunks = Buffer.isBuffer(piece) ? [piece] : body.read(piece.start, piece.end);
      for await (const chunk of chunks) {
        if (!reply.write(chunk, lender)) await reader.drained();
        if (reply.closed) return reader.error;
      }
    }
  } catch (error) {
    reply.abort();
    return MillraceError.from(error);
  }
  reply.end();
  return undefined;
}

function clientGone(): MillraceError {
  return new MillraceError('ERR_CLIENT_GONE', 'The client closed the connection before it had the whole response.');
}

/** Why a slow client did not get all of a stored body. */
export function memoryReclaimed(): MillraceError {
  return new MillraceError('ERR_CLIENT_SLOW', 'The client took nothing for 20s of a response that is stored no more, and its memory (--max-memory) was needed for others.');
}

function drained(reply: Reply): Promise<void> {
  return new Promise((resolve) => reply.onDrain(resolve));
}
