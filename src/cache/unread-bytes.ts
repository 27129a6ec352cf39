/**
 * @module cache/unread-bytes
 * The bytes of responses that clients have been given and have not taken, outside of what the stores
 * count. They have a budget for all replies: as it fills, each reply may queue less, and then the
 * clients that have taken nothing for the longest time are cut.
 */
import { MillraceError } from '../errors.ts';

/** Bytes that one reply may queue while there are few in all. */
export const MAX_BACKLOG = 256 * 1024;
/** A client is stuck that has taken nothing for so many ms. What it is given at a time may be 256 KB: 13 KB/s suffice. */
export const STUCK_MS = 20_000;
/** The same where the budget is used up. */
const STUCK_AT_LIMIT_MS = 1000;
/** Shares of the budget from which on replies queue nothing, and from which on clients that are stuck are cut. */
const TIGHT = 1 / 4;
const SHORT = 1 / 2;

/** A reply whose client does not take what it is given. */
export interface WaitingReply {
  cut(error: MillraceError): void;
}

interface Waiting {
  bytes: number;
  /** ms since the epoch; the client has taken nothing since. */
  since: number;
}

export class UnreadBytes {
  readonly #limit: number;
  readonly #now: () => number;
  /** Those whose clients have taken nothing for the longest time first. */
  readonly #replies = new Map<WaitingReply, Waiting>();
  #bytes = 0;

  /** @param limit bytes */
  constructor(limit: number, now: () => number) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Bytes that wait for clients. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that one reply may queue. */
  get allowance(): number {
    return this.#bytes > this.#limit * TIGHT ? 0 : MAX_BACKLOG;
  }

  add(reply: WaitingReply, bytes: number): void {
    this.#bytes += bytes;
    const waiting = this.#replies.get(reply);
    if (waiting === undefined) this.#replies.set(reply, { bytes, since: this.#now() });
    else waiting.bytes += bytes;
    if (this.#bytes > this.#limit * SHORT) this.#cutStuck();
  }

  /** The client has taken so many of them. */
  take(reply: WaitingReply, bytes: number): void {
    const waiting = this.#replies.get(reply);
    if (waiting === undefined) return;
    this.#bytes -= bytes;
    waiting.bytes -= bytes;
    waiting.since = this.#now();
    this.#replies.delete(reply);
    if (waiting.bytes > 0) this.#replies.set(reply, waiting);
  }

  /** Nothing of the reply waits any more. */
  remove(reply: WaitingReply): void {
    const waiting = this.#replies.get(reply);
    if (waiting === undefined) return;
    this.#replies.delete(reply);
    this.#bytes -= waiting.bytes;
  }

  isStuck(reply: WaitingReply): boolean {
    const waiting = this.#replies.get(reply);
    return waiting !== undefined && this.#now() - waiting.since >= STUCK_MS;
  }

  #cutStuck(): void {
    const now = this.#now();
    // Each that is cut removes itself.
    for (const [reply, { since }] of this.#replies) {
      const stuckMs = this.#bytes > this.#limit ? STUCK_AT_LIMIT_MS : STUCK_MS;
      if (this.#bytes <= this.#limit * SHORT || now - since < stuckMs) return;
      reply.cut(new MillraceError('ERR_CLIENT_SLOW', 'The client did not take what it was sent, and the memory for that (--max-unread) was needed for others.'));
      this.remove(reply);
    }
  }
}
