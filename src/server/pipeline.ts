/**
 * @module server/pipeline
 * When a request may be started beside those that came before it on its connection.
 * Source: https://www.rfc-editor.org/rfc/rfc9112.html#section-9.3.2
 */
import type { Duplex } from 'node:stream';
import { isSafe } from '../policy/invalidate.ts';
import type { Answering } from './node.ts';

/**
 * Requests of one connection that are under way at once. A client can send thousands in one packet, each
 * of which could open a connection to the origin; further ones wait until earlier ones are answered.
 */
const MAX_AT_ONCE = 16;
/** When so many wait, no more are read. */
const MAX_WAITING = 64;

/** A request that is not begun before others on its connection are answered. */
interface Waiting {
  readonly reply: Answering;
  readonly safe: boolean;
  readonly start: () => void;
}

export class Pipeline {
  readonly #replies: (socket: Duplex) => readonly Answering[];
  /** What starts requests that wait for earlier ones on their connection. */
  readonly #waiting = new WeakMap<Duplex, Waiting[]>();
  /** Of connections on which a request is under way that may change what others get: its reply. */
  readonly #alone = new WeakMap<Duplex, Answering>();

  /** @param replies those under way on a connection, in order, with those that wait */
  constructor(replies: (socket: Duplex) => readonly Answering[]) {
    this.#replies = replies;
  }

  /** Starts it now, or when enough of what came before it is answered; beside others only where all are safe. */
  inTurn(socket: Duplex, method: string, reply: Answering, start: () => void): void {
    const waiting = this.#waiting.get(socket) ?? [];
    const next: Waiting = { reply, safe: isSafe(method), start };
    if (waiting.length === 0 && this.#mayStart(socket, next, 1)) return this.#start(socket, next);
    this.#waiting.set(socket, waiting);
    waiting.push(next);
    if (waiting.length === MAX_WAITING) socket.pause();
  }

  /** The reply is written, or never will be, and is no longer under way: starts what has waited for it. */
  ended(socket: Duplex, reply: Answering): void {
    if (this.#alone.get(socket) === reply) this.#alone.delete(socket);
    const waiting = this.#waiting.get(socket);
    if (waiting === undefined) return;
    // Nobody is there to be answered.
    if (socket.destroyed) waiting.length = 0;
    while (waiting.length > 0 && this.#mayStart(socket, waiting[0]!, waiting.length)) this.#start(socket, waiting.shift()!);
    if (waiting.length === 0) {
      this.#waiting.delete(socket);
      socket.resume();
    }
  }

  /** @param waiting how many are not begun, with this one */
  #mayStart(socket: Duplex, { reply, safe }: Waiting, waiting: number): boolean {
    const replies = this.#replies(socket);
    return replies[0] === reply || (safe && !this.#alone.has(socket) && replies.length - waiting < MAX_AT_ONCE);
  }

  #start(socket: Duplex, { reply, safe, start }: Waiting): void {
    if (!safe) this.#alone.set(socket, reply);
    start();
  }
}
