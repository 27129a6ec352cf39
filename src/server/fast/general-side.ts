/**
 * @module server/fast/general-side
 * A connection of the fast lane as node:http sees it: the bytes that are handed over come out of
 * it, and what is written to it goes to the client.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { STAND_IN, unknownMethod } from '../methods.ts';
import { HEAD_TIMEOUT, KEEP_ALIVE_TIMEOUT } from '../timeouts.ts';

/** Milliseconds node:http keeps an idle connection: a second beyond the time it announces. */
export const IDLE: number = KEEP_ALIVE_TIMEOUT + 1_000;

/** CR LF CR LF as one number. */
const BLANK_LINE = 0x0d0a0d0a;

const CR = 0x0d;
const LF = 0x0a;

/** Characters of a request line that have its protocol. */
const END_OF_LINE = 16;
/** At the end of a request line. */
const OTHER_PROTOCOL = / (?:RTSP|ICE)\/\d\.\d\r?$/;

const STAND_IN_BYTES: Buffer = Buffer.from(STAND_IN, 'latin1');

/** Emits 'late' where the method of a request has not come in time. */
export class GeneralSide extends Duplex {
  readonly #socket: Socket;
  readonly #onClosed: (error: Error | null) => void;
  #full = false;
  /** The last four bytes that were handed over. */
  #last = 0;
  /** How many were, where the head of the message that was told to begin ends among them, and that message itself. */
  #fed = 0;
  #isInHead = false;
  /** The first line of that head as far as it has come; undefined once it is whole. */
  #line: string | undefined;
  #headEnd: number | undefined;
  #messageEnd: number | undefined;
  /** The first bytes of a message, whose method goes on. */
  #begun: Buffer | undefined;
  #late: NodeJS.Timeout | undefined;
  /** Of the message that begins: llhttp reads STAND_IN for it. */
  #method: string | undefined;
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

  /**
   * @param bytes are kept
   * @param isStart a message begins with them
   */
  feed(bytes: Buffer, isStart: boolean): void {
    if (this.destroyed || this.readableEnded) return;
    if (this.#begun !== undefined) this.#begin(Buffer.concat([this.#begun, bytes]));
    else if (isStart) this.#begin(bytes);
    else this.#pass(bytes);
  }

  /** The client sends nothing any more. */
  feedEnd(): void {
    if (this.destroyed) return;
    if (this.#begun !== undefined) this.#pass(this.#begun);
    this.#forgetBegun();
    this.push(null);
  }

  /**
   * All that was handed over is read, and ends where a message ends that node:http has told the head
   * of, or with an empty line. Where every request in it is answered, that is the end of a message:
   * whatever began after the last one would, at an empty line, be a request too.
   */
  get isRead(): boolean {
    if (this.readableLength > 0 || this.#full || this.#begun !== undefined || !this.writable || this.readableEnded) return false;
    return this.#fed === 0 || this.#fed === this.#messageEnd || this.#last === BLANK_LINE;
  }

  /** node:http has read the head of a request. Returns its method, where llhttp does not know it. */
  headRead(fields: IncomingHttpHeaders): string | undefined {
    const method = this.#method;
    this.#method = undefined;
    // What has chunks ends with an empty line.
    if (this.#headEnd !== undefined && fields['transfer-encoding'] === undefined) this.#messageEnd = this.#headEnd + Number(fields['content-length'] ?? 0);
    this.#headEnd = undefined;
    return method;
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

  #begin(bytes: Buffer): void {
    this.#messageEnd = undefined;
    const unknown = unknownMethod(bytes);
    if (unknown === 'unclear') {
      this.#begun = bytes;
      // node:http counts the time of a head from its first byte, which it has not got.
      this.#late ??= setTimeout(() => this.emit('late'), HEAD_TIMEOUT);
      return;
    }
    this.#forgetBegun();
    const read = unknown === undefined ? bytes : Buffer.concat([STAND_IN_BYTES, bytes.subarray(unknown.end)]);
    this.#method = unknown?.method;
    this.#isInHead = true;
    this.#line = '';
    this.#headEnd = undefined;
    this.#last = 0;
    this.#pass(read);
  }

  #pass(bytes: Buffer): void {
    this.#checkLine(bytes);
    let at = this.#isInHead ? 0 : Math.max(0, bytes.length - 4);
    for (; at < bytes.length; at++) {
      this.#last = (this.#last << 8) | bytes[at]!;
      if (!this.#isInHead || this.#last !== BLANK_LINE) continue;
      this.#isInHead = false;
      this.#headEnd = this.#fed + at + 1;
      at = Math.max(at, bytes.length - 5);
    }
    this.#fed += bytes.length;
    if (this.push(bytes)) return;
    this.#full = true;
    this.#socket.pause();
  }

  /**
   * llhttp takes RTSP/1.0 and ICE/1.0 for HTTP. Spoils the end of such a line, so that it is refused.
   * https://www.rfc-editor.org/rfc/rfc9112.html#section-2.3
   */
  #checkLine(bytes: Buffer): void {
    if (this.#line === undefined) return;
    const start = /[^\r\n]/.test(this.#line) ? 0 : bytes.findIndex((byte) => byte !== CR && byte !== LF);
    const end = start === -1 ? -1 : bytes.indexOf(LF, start);
    // The end of the line is enough, however long it is.
    const line = (this.#line + bytes.toString('latin1', 0, end === -1 ? undefined : end)).slice(-END_OF_LINE);
    this.#line = end === -1 ? line : undefined;
    if (end !== -1 && OTHER_PROTOCOL.test(line)) bytes[end] = 0;
  }

  #forgetBegun(): void {
    clearTimeout(this.#late);
    this.#late = undefined;
    this.#begun = undefined;
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
    this.#forgetBegun();
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

/** One that is encrypted, as node:http and its users ask a socket. */
export class EncryptedSide extends GeneralSide {
  readonly encrypted = true;
}
