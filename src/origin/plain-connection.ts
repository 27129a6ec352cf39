/**
 * @module origin/plain-connection
 * One connection of the plain client. All of them read into one buffer, which spares an allocation
 * and an event per read; but for large bodies, which would be copied out of it: those are read into
 * buffers that are handed on.
 */
import type { OnReadOpts, Socket } from 'node:net';

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

const shared = Buffer.allocUnsafeSlow(64 * 1024);

/** Bytes of body still to come from which on a buffer of its own pays, and of that buffer at most. */
const LARGE = 32 * 1024;
const LARGEST = 256 * 1024;

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
  /** Where the next read goes. */
  #buffer = shared;
  #over = false;
  #isUnref = false;

  constructor(authority: string, owner: ConnectionOwner) {
    this.authority = authority;
    this.#owner = owner;
    this.onread = {
      buffer: () => this.#buffer,
      callback: (length) => {
        if (this.reader !== undefined) return this.reader.read(this.#buffer, length);
        this.destroy();
        return false;
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

  /** The bytes [start, end) of those just read, for good. @param left how many are expected after them */
  take(bytes: Buffer, start: number, end: number, left: number): Buffer {
    // Of a buffer of which little is used the rest would be kept for nothing; the next read may fill it.
    const isHandedOn = bytes !== shared && bytes === this.#buffer && end - start >= bytes.length / 2;
    if (isHandedOn || this.#buffer === shared || left === 0) this.#buffer = left < LARGE ? shared : Buffer.allocUnsafeSlow(Math.min(left, LARGEST));
    return isHandedOn ? bytes.subarray(start, end) : copyOf(bytes, start, end);
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

/** Bytes [start, end), for whoever needs them after the read. */
export function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start);
  bytes.copy(copy, 0, start, end);
  return copy;
}
