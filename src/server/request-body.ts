/**
 * @module server/request-body
 * The body of a client's request as a stream of its own. Whoever reads it may destroy it (undici
 * does when the origin fails), and the client's connection must outlive that: its answer is still
 * to be written.
 */
import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { MillraceError } from '../errors.ts';

export class RequestBody extends Readable {
  readonly #source: IncomingMessage;
  readonly #onFirstRead: (() => void) | undefined;
  #started = false;
  #finished = false;

  /** `onFirstRead` is called when somebody first wants bytes: the moment to send 100 (Continue). */
  constructor(source: IncomingMessage, onFirstRead?: () => void) {
    super({ highWaterMark: source.readableHighWaterMark });
    this.#source = source;
    this.#onFirstRead = onFirstRead;
    source.on('close', this.#onClose);
    // An error nobody listens for would end the process; who reads the body hears of it all the same.
    this.on('error', ignore);
  }

  override _read(): void {
    if (!this.#started) {
      this.#started = true;
      this.#onFirstRead?.();
      this.#source.on('data', this.#onData);
      this.#source.on('end', this.#onEnd);
      this.#source.on('error', ignore);
    }
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const source = this.#source;
    source.off('close', this.#onClose);
    source.off('data', this.#onData);
    source.off('end', this.#onEnd);
    if (this.#started && !source.readableEnded) source.pause();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#source.pause();
  };

  readonly #onEnd = (): void => {
    this.#finished = true;
    this.push(null);
  };

  readonly #onClose = (): void => {
    if (this.#finished || this.#source.complete) return;
    this.destroy(new MillraceError('ERR_CLIENT_GONE', 'The client went away in the middle of its request.'));
  };
}

function ignore(): void {}
