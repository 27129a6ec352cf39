/**
 * @module server/fast/general-side
 * A connection of the fast lane as node:http sees it: the bytes that are handed over come out of
 * it, and what is written to it goes to the client.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { KEEP_ALIVE_TIMEOUT } from '../node-server.ts';

/** Milliseconds node:http keeps an idle connection: a second beyond the time it announces. */
export const IDLE: number = KEEP_ALIVE_TIMEOUT + 1_000;

/** CR LF CR LF as one number. */
const BLANK_LINE = 0x0d0a0d0a;

export class GeneralSide extends Duplex {
  readonly #socket: Socket;
  readonly #onClosed: (error: Error | null) => void;
  #full = false;
  /** The last four bytes that were handed over. */
  #last = 0;
  #isHeld = false;
  /** What it was to do while it was held. */
  #later: (() => void) | undefined;
  #timeout = 0;

  /** @param onClosed this side is done with the connection, in whatever way */
  constructor(socket: Socket, onClosed: (error: Error | null) => void) {
    super({ decodeStrings: false });
    this.#socket = socket;
    this.#onClosed = onClosed;
  }

  /** @param bytes are kept */
  feed(bytes: Buffer): void {
    if (this.destroyed || this.readableEnded) return;
    for (let at = Math.max(0, bytes.length - 4); at < bytes.length; at++) this.#last = (this.#last << 8) | bytes[at]!;
    if (this.push(bytes)) return;
    this.#full = true;
    this.#socket.pause();
  }

  /** The client sends nothing any more. */
  feedEnd(): void {
    if (!this.destroyed) this.push(null);
  }

  /**
   * All that was handed over is read, and ends with an empty line. Where every request in it is
   * answered, that is the end of a message: whatever began after the last one would, at an empty
   * line, be a request too.
   */
  get isRead(): boolean {
    return this.readableLength === 0 && !this.#full && this.#last === BLANK_LINE && this.writable && !this.readableEnded;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Nothing leaves until release(): the response to an earlier request is written past it. */
  hold(): void {
    this.#isHeld = true;
    this.#timeout = 0;
  }

  release(): void {
    this.#isHeld = false;
    this.#socket.setTimeout(this.#timeout);
    const later = this.#later;
    this.#later = undefined;
    later?.();
  }

  override _read(): void {
    if (!this.#full) return;
    this.#full = false;
    this.#socket.resume();
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#whenFree(() => this.#socket.write(chunk, encoding, callback));
  }

  override _writev(chunks: { chunk: Buffer | string; encoding: BufferEncoding }[], callback: (error?: Error | null) => void): void {
    this.#whenFree(() => {
      this.#socket.cork();
      for (const [i, { chunk, encoding }] of chunks.entries()) this.#socket.write(chunk, encoding, i === chunks.length - 1 ? callback : undefined);
      this.#socket.uncork();
    });
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#socket.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#onClosed(error);
    callback(error);
  }

  /** A stream writes one thing after the other: there is no more than one to be done later. */
  #whenFree(write: () => void): void {
    if (this.#isHeld) this.#later = write;
    else write();
  }

  // What node:http and the general lane use of a net.Socket.

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  get remoteFamily(): string | undefined {
    return this.#socket.remoteFamily;
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  setTimeout(milliseconds: number): this {
    this.#timeout = milliseconds;
    // Meanwhile it is the other response's client that is waited for.
    if (!this.#isHeld) this.#socket.setTimeout(milliseconds);
    return this;
  }

  setNoDelay(noDelay?: boolean): this {
    this.#socket.setNoDelay(noDelay);
    return this;
  }

  setKeepAlive(enable?: boolean, initialDelay?: number): this {
    this.#socket.setKeepAlive(enable, initialDelay);
    return this;
  }

  /** Closes once what is written has left. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): this {
    this.#socket.resetAndDestroy();
    return this.destroy();
  }
}
