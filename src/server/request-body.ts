/**
 * @module server/request-body
 * The body of a client's request as a stream of its own. Whoever reads it may destroy it (undici
 * does when the origin fails), and the client's connection must outlive that: its answer is still
 * to be written.
 */
import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { MillraceError } from '../errors.ts';

/** Bytes of a body nobody wants that are read to keep the connection; past that it is closed. */
const MAX_DISCARDED = 262_144;

/** Milliseconds a client may be silent in the middle of its body. */
const SILENCE = 60_000;

export class RequestBody extends Readable {
  readonly #source: IncomingMessage;
  #reading = false;
  #answered = false;
  #discarding = false;
  #silence: NodeJS.Timeout | undefined;

  constructor(source: IncomingMessage) {
    super({ highWaterMark: source.readableHighWaterMark });
    this.#source = source;
    source.on('close', this.#onClose);
    source.on('error', ignore);
    // An error nobody listens for would end the process; who reads the body hears of it all the same.
    this.on('error', ignore);
  }

  /** The response is written: what is left of the request is read only to keep the connection. */
  answered(): void {
    this.#answered = true;
    if (this.destroyed || !this.#reading) this.#discard();
  }

  override _read(): void {
    if (!this.#reading) {
      this.#reading = true;
      this.#source.on('data', this.#onData);
      this.#source.on('end', this.#onEnd);
    }
    this.#watch();
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#silence);
    const source = this.#source;
    source.off('close', this.#onClose);
    source.off('data', this.#onData);
    source.off('end', this.#onEnd);
    if (this.#answered) this.#discard();
    else if (this.#reading) source.pause();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.push(chunk)) {
      this.#watch();
      return;
    }
    clearTimeout(this.#silence);
    this.#source.pause();
  };

  readonly #onEnd = (): void => {
    this.push(null);
  };

  readonly #onClose = (): void => {
    if (!this.#source.complete) this.destroy(new MillraceError('ERR_CLIENT_GONE', 'The client went away in the middle of its request.'));
  };

  #watch(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.destroy(new MillraceError('ERR_REQUEST_TIMEOUT', `The client sent nothing for ${SILENCE / 1000} s in the middle of its request.`));
    }, SILENCE);
  }

  #discard(): void {
    const source = this.#source;
    const { socket } = source;
    if (this.#discarding || source.complete || socket.destroyed) return;
    this.#discarding = true;
    let left = MAX_DISCARDED;
    const silence = setTimeout(() => socket.destroy(), SILENCE);
    const stop = (): void => {
      clearTimeout(silence);
      socket.off('close', stop);
    };
    // Once the response is written, node tells the end of the connection to the socket alone.
    socket.on('close', stop);
    source.on('end', stop).on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) socket.destroy();
    });
    source.resume();
  }
}

function ignore(): void {}
