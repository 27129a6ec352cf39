/**
 * @module origin/plain-connection
 * One connection of the plain client. All of them read into one buffer, which spares an allocation
 * and an event per read; but for large bodies, which would be copied out of it: those are read into
 * buffers that are handed on.
 */
import type { OnReadOpts, Socket } from 'node:net';
import { copyOf, leaveReadBuffer, lend, takeReadBuffer } from './read-buffers.ts';

/** Whoever has asked something on the connection. */
export interface ConnectionReader {
  /** Bytes [0, length) were read; they are gone when the call returns, but for what take() gives. False: read no more until resume(). */
  read(bytes: Buffer, length: number): boolean;
  /** Nothing more comes. @param error undefined: the origin has closed the connection in order */
  ended(error: Error | undefined): void;
}

export interface ConnectionOwner {
  /** It ends, and can be used no more. */
  gone(connection: PlainConnection): void;
}

/** A body of 64 KB comes with its head in one read. */
const shared = Buffer.allocUnsafeSlow(68 * 1024);

/** Bytes of body still to come from which on a buffer of its own pays. */
const LARGE = 32 * 1024;
/** How much more than the last read the next one may bring: while an origin is ahead, more comes in fewer reads. */
const GROWTH = 4;

export class PlainConnection {
  /** host:port */
  readonly authority: string;
  /** Undefined: nothing is asked, and nothing may come. */
  reader: ConnectionReader | undefined;
  /** It has served before. */
  isReused = false;
  /** Ticks for which the origin keeps it, and the last at which it was used; see plain-client. */
  keptFor = 0;
  usedAt = 0;
  readonly onread: OnReadOpts;
  readonly #owner: ConnectionOwner;
  #socket: Socket | undefined;
  /** Where the next read goes; undefined: into a buffer that is yet to be taken. */
  #buffer: Buffer | undefined = shared;
  /** Bytes that the next read may bring. */
  #expected = 0;
  #over = false;
  #isUnref = false;

  constructor(authority: string, owner: ConnectionOwner) {
    this.authority = authority;
    this.#owner = owner;
    this.onread = {
      // Asked for after each read, when what that one brought may have been given back.
      buffer: () => (this.#buffer ??= takeReadBuffer(this.#expected)),
      callback: (length) => {
        try {
          if (this.reader !== undefined) return this.reader.read(this.#buffer!, length);
          this.destroy();
          return false;
        } catch (error) {
          // The next read would go where this one went, which may be lent.
          this.destroy();
          throw error;
        }
      },
    };
  }

  /** @param socket connected, with `onread` */
  open(socket: Socket): void {
    this.#socket = socket;
    socket.on('end', () => this.end(undefined)).on('error', (error) => this.end(error)).on('close', () => this.end(undefined));
  }

  send(text: string): void {
    if (this.#isUnref) {
      this.#isUnref = false;
      this.#socket!.ref();
    }
    this.#socket!.write(text, 'latin1');
  }

  /** Until it is used again, the process need not go on for it. */
  unref(): void {
    if (this.#isUnref) return;
    this.#isUnref = true;
    this.#socket!.unref();
  }

  /** What was sent has left: the next request may follow. */
  get isFlushed(): boolean {
    return this.#socket!.writableLength === 0;
  }

  /** The bytes [start, end) of those just read, until they are given back. @param left how many are expected after them */
  take(bytes: Buffer, start: number, end: number, left: number): Buffer {
    const own = bytes === this.#buffer && bytes !== shared ? bytes : undefined;
    const lent = own && lend(own, start, end);
    const chunk = lent ?? copyOf(bytes, start, end);
    if (left < LARGE) {
      if (own !== undefined && lent === undefined) leaveReadBuffer(own);
      this.#buffer = shared;
    } else if (lent !== undefined || this.#buffer === shared) {
      this.#buffer = undefined;
      this.#expected = Math.min(left, GROWTH * (end - start));
    }
    return chunk;
  }

  resume(): void {
    this.#socket!.resume();
  }

  /** The reader is told nothing more. */
  destroy(): void {
    this.reader = undefined;
    this.end(undefined);
  }

  end(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.gone(this);
    const { reader } = this;
    this.reader = undefined;
    this.#socket!.destroy();
    reader?.ended(error);
  }
}
