/**
 * @module test/kit/raw-connection
 * One TCP connection, byte for byte, seen from either end: what a raw client holds, and what a raw
 * origin is given. Text is sent and searched as latin1, so that any byte can be written as `\xNN`.
 */
import type { Socket } from 'node:net';
import { messageLength } from './framing.ts';

/** How the peer ended: it sent FIN, or the connection broke. */
export type Closing = 'end' | 'reset';

interface Reader {
  readonly measure: (unread: Buffer) => number | undefined;
  readonly resolve: (bytes: Buffer) => void;
  readonly reject: (error: Error) => void;
}

export class RawConnection {
  /** For what is rarely needed: pause(), resume(), ports. */
  readonly socket: Socket;
  /** Settles once the peer sends nothing any more; never rejects. */
  readonly closed: Promise<Closing>;
  #chunks: Buffer[] = [];
  #closing: Closing | undefined;
  #reader: Reader | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    const { promise, resolve } = Promise.withResolvers<Closing>();
    this.closed = promise;
    const close = (closing: Closing): void => {
      if (this.#closing !== undefined) return;
      this.#closing = closing;
      resolve(closing);
      this.#serve();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#serve();
    });
    socket.on('end', () => close('end'));
    socket.on('error', () => close('reset'));
    socket.on('close', () => close('reset'));
  }

  /** What came and was not read yet. */
  get unread(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** Writes the bytes; settles when they were handed to the system, or the connection is gone. */
  send(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => resolve());
    });
  }

  /**
   * Reads as many bytes as `measure(unread)` says, once it says so. Rejects when the peer closes before.
   */
  read(measure: (unread: Buffer) => number | undefined): Promise<Buffer> {
    if (this.#reader !== undefined) throw new Error('Two reads at once on a raw connection; await the first.');
    return new Promise((resolve, reject) => {
      this.#reader = { measure, resolve, reject };
      this.#serve();
    });
  }

  /** Reads to the end of the first `end`, or, where `end(unread)` is true, all that came. */
  readUntil(end: string | ((unread: Buffer) => boolean)): Promise<Buffer> {
    if (typeof end === 'function') return this.read((unread) => (end(unread) ? unread.length : undefined));
    return this.read((unread) => {
      const at = unread.indexOf(end, 0, 'latin1');
      return at < 0 ? undefined : at + end.length;
    });
  }

  /** Reads exactly so many bytes. */
  readBytes(count: number): Promise<Buffer> {
    return this.read((unread) => (unread.length < count ? undefined : count));
  }

  /**
   * Reads one request, or one final response with the interim ones before it, to the end that its
   * framing gives (not for responses to HEAD, nor for those that end with the connection).
   */
  readMessage(): Promise<Buffer> {
    return this.read(messageLength);
  }

  /** Reads until the peer has ended or broken off. */
  async readAll(): Promise<Buffer> {
    await this.closed;
    return this.#take(this.unread.length);
  }

  /** Ends our side (FIN); the peer can still send. */
  end(): void {
    this.socket.end();
  }

  /** Breaks off at once: by RST, or, where our side has ended already, by letting go. */
  reset(): void {
    // Node never closes the handle of a socket that is reset while its FIN is on the way.
    if (this.socket.writableEnded) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  /** Gives the waiting reader what it asked for, or its error. */
  #serve(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const count = reader.measure(this.unread);
    if (count !== undefined) {
      this.#reader = undefined;
      reader.resolve(this.#take(count));
    } else if (this.#closing !== undefined) {
      this.#reader = undefined;
      const got = JSON.stringify(this.unread.toString('latin1', 0, 500));
      reader.reject(new Error(`The connection closed (${this.#closing}) while more was expected; unread: ${got}`));
    }
  }

  #take(count: number): Buffer {
    const unread = this.unread;
    this.#chunks = count < unread.length ? [unread.subarray(count)] : [];
    return unread.subarray(0, count);
  }
}
