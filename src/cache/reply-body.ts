/**
 * @module cache/reply-body
 * Brings a body to a client at the client's pace: from a fill as it comes, or from the store.
 */
import type { MillraceError } from '../errors.ts';
import { MillraceError as Failure } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import type { Reply } from './exchange.ts';
import { type Fill, type FillReader, MAX_BACKLOG } from './fill.ts';
import type { Body } from './ports.ts';

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
export function sendFill(fill: Fill, reply: Reply, span: Span | undefined): Promise<ReplyEnd> | undefined {
  const { promise, resolve } = Promise.withResolvers<ReplyEnd>();
  const reader = new ReplyReader(fill, reply, span, resolve);
  if (!fill.attach(reader)) return undefined;
  reply.onClose(() => reader.leave());
  return promise;
}

/**
 * How the body it reads ended. A value and not a callback: with a closure in its place nearly every
 * exchange outlived its end until the next full garbage collection.
 */
type Ending = { readonly trailers: Fields | undefined } | { readonly error: Error };

class ReplyReader implements FillReader {
  readonly #fill: Fill;
  readonly #reply: Reply;
  readonly #span: Span | undefined;
  readonly #over: (end: ReplyEnd) => void;
  #position = 0;
  /** Chunks the client is not ready for. */
  #queue: Buffer[] = [];
  /** Chunks that come after what is read behind. */
  #later: Buffer[] = [];
  #waiting = false;
  #ending: Ending | undefined;
  #left = false;
  backlog = 0;
  isBehind = false;

  constructor(fill: Fill, reply: Reply, span: Span | undefined, over: (end: ReplyEnd) => void) {
    this.#fill = fill;
    this.#reply = reply;
    this.#span = span;
    this.#over = over;
  }

  chunk(chunk: Buffer): void {
    if (this.#left) return;
    const isKept = this.#fill.allowsLag;
    if (isKept && (this.isBehind || (this.#waiting && this.backlog >= MAX_BACKLOG))) this.isBehind = true;
    else if (this.isBehind) {
      this.#later.push(chunk);
      this.backlog += chunk.length;
    } else this.#pass(chunk);
  }

  readBehind(): void {
    this.isBehind = true;
    if (this.#span !== undefined) this.#position = Math.min(this.#span.start, this.#fill.kept);
    this.#catchUp();
  }

  #pass(chunk: Buffer): void {
    const wanted = this.#cut(chunk);
    if (wanted === undefined) return;
    if (this.#waiting) {
      this.#queue.push(wanted);
      this.backlog += wanted.length;
    } else this.#write(wanted);
    if (this.#span !== undefined && this.#position >= this.#span.end) {
      this.isBehind = false;
      this.#later = [];
      this.end(undefined);
      this.#fill.detach(this);
    }
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
      for (const each of later) this.backlog -= each.length;
      if (this.#position < this.#fill.kept) this.#ending = { error: new Failure('ERR_STORE', 'What a slow client had not read yet could not be read from the store.') };
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
    if (this.#left) return;
    this.#left = true;
    this.#queue = [];
    this.#later = [];
    this.backlog = 0;
    this.isBehind = false;
    this.#fill.detach(this);
    this.#over(new Failure('ERR_CLIENT_GONE', 'The client closed the connection before it had the whole response.'));
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
    this.#reply.onDrain(() => this.#onDrain());
  }

  #onDrain(): void {
    this.#waiting = false;
    while (!this.#waiting && this.#queue.length > 0) {
      const next = this.#queue.shift()!;
      this.backlog -= next.length;
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

  #finishWhenSent(ending: Ending): void {
    if (this.#left || this.isBehind || this.#queue.length > 0) return;
    this.#left = true;
    this.#fill.detach(this);
    if ('error' in ending) {
      this.#reply.abort();
      this.#over(Failure.from(ending.error));
    } else {
      this.#reply.end(ending.trailers);
      this.#over(undefined);
    }
  }
}

/** One piece of a stored reply: bytes of our own, or a span of the stored body. */
export type Piece = Buffer | Span;

/** Sends pieces of a stored body and ends the reply. The head is already sent. */
export async function sendStored(body: Body, pieces: readonly Piece[], reply: Reply): Promise<ReplyEnd> {
  const { lender } = body;
  try {
    for (const piece of pieces) {
      const chunks = Buffer.isBuffer(piece) ? [piece] : body.read(piece.start, piece.end);
      for await (const chunk of chunks) {
        if (!reply.write(chunk, lender)) await drained(reply);
        if (reply.closed) return new Failure('ERR_CLIENT_GONE', 'The client closed the connection before it had the whole response.');
      }
    }
  } catch (error) {
    reply.abort();
    return Failure.from(error);
  }
  reply.end();
  return undefined;
}

function drained(reply: Reply): Promise<void> {
  return new Promise((resolve) => reply.onDrain(resolve));
}
