/**
 * @module server/request-body
 * The body of a client's request as a stream of its own. Whoever reads it may destroy it (undici
 * does when the origin fails), and the client's connection must outlive that: its answer is still
 * to be written.
 */
import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { Config } from '../config.ts';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import { checkNumber } from './request-check.ts';

/** Bytes of a body nobody wants that are read to keep the connection; past that it is closed. */
const MAX_DISCARDED = 262_144;

/** Milliseconds a client may be silent in the middle of its body, and over which its rate is measured. */
const SILENCE = 60_000;

export interface BodyLimits {
  /** A request with more trailer fields is refused, as far as that is still possible. */
  readonly maxTrailers: number;
  /** Bytes a second that a client has to send, on average over a minute of waiting for it; 0: any. */
  readonly minRate: number;
}

export function bodyLimits({ maxRequestFields, minBodyRate }: Pick<Config, 'maxRequestFields' | 'minBodyRate'>): BodyLimits {
  return { maxTrailers: maxRequestFields, minRate: minBodyRate };
}

/** What brings it: a message of node:http, or a stream of node:http2. */
export interface BodySource {
  readonly stream: Readable;
  /** All of it has come. */
  isComplete(): boolean;
  /** The trailer fields that have come: name, value, name, value … */
  trailers(): readonly string[];
  /** Does what has to be done with what nobody reads, once the response is written. */
  discard(): void;
}

export class RequestBody extends Readable {
  readonly #source: BodySource;
  readonly #limits: BodyLimits;
  /** Bytes that came in the minute that is measured, of which ms were spent waiting for them. */
  #bytes = 0;
  #waitedMs = 0;
  #waitsSince: number | undefined;
  #reading = false;
  #answered = false;
  #discarded = false;
  #silence: NodeJS.Timeout | undefined;

  constructor(source: BodySource, limits: BodyLimits) {
    const { stream } = source;
    super({ highWaterMark: stream.readableHighWaterMark });
    this.#source = source;
    this.#limits = limits;
    stream.on('close', this.#onClose);
    stream.on('error', ignore);
    // An error nobody listens for would end the process; who reads the body hears of it all the same.
    this.on('error', ignore);
  }

  /** Known once it has ended; undefined where there are none. */
  trailers(): Fields | undefined {
    const lines = this.#source.trailers();
    return lines.length === 0 ? undefined : new Fields(lines.slice());
  }

  /** The response is written: what is left of the request is read only to keep the connection. */
  answered(): void {
    this.#answered = true;
    if (this.destroyed || !this.#reading) this.#discard();
  }

  override _read(): void {
    const { stream } = this.#source;
    if (!this.#reading) {
      this.#reading = true;
      stream.on('data', this.#onData);
      stream.on('end', this.#onEnd);
    }
    this.#watch();
    stream.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#silence);
    const { stream } = this.#source;
    stream.off('close', this.#onClose);
    stream.off('data', this.#onData);
    stream.off('end', this.#onEnd);
    if (this.#answered) this.#discard();
    else if (this.#reading) stream.pause();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    const isSlow = this.#isTooSlow(chunk.length);
    const wantsMore = this.push(chunk);
    if (isSlow) {
      this.destroy(new MillraceError('ERR_REQUEST_TIMEOUT', `The client sent its content at less than ${this.#limits.minRate} bytes a second.`, { forOperator: 'The limit is --min-body-rate.' }));
    } else if (wantsMore) this.#watch();
    else {
      clearTimeout(this.#silence);
      this.#waitsSince = undefined;
      this.#source.stream.pause();
    }
  };

  readonly #onEnd = (): void => {
    // A stream of node:http2 that is reset without an error ends too.
    if (!this.#source.isComplete()) return this.#onClose();
    const refused = checkNumber(this.#source.trailers().length / 2, this.#limits.maxTrailers, 'trailer');
    if (refused === undefined) this.push(null);
    else this.destroy(refused);
  };

  readonly #onClose = (): void => {
    if (!this.#source.isComplete()) this.destroy(new MillraceError('ERR_CLIENT_GONE', 'The client went away in the middle of its request.'));
  };

  /** A body that drips holds a connection to the origin as one that is silent does. */
  #isTooSlow(bytes: number): boolean {
    const now = Date.now();
    this.#bytes += bytes;
    if (this.#waitsSince !== undefined) this.#waitedMs += now - this.#waitsSince;
    this.#waitsSince = now;
    if (this.#waitedMs < SILENCE) return false;
    const isSlow = this.#bytes < (this.#limits.minRate * this.#waitedMs) / 1000;
    this.#bytes = 0;
    this.#waitedMs = 0;
    return isSlow;
  }

  #watch(): void {
    this.#waitsSince ??= Date.now();
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.destroy(new MillraceError('ERR_REQUEST_TIMEOUT', `The client sent nothing for ${SILENCE / 1000} s in the middle of its request.`));
    }, SILENCE);
  }

  #discard(): void {
    if (this.#discarded || this.#source.isComplete()) return;
    this.#discarded = true;
    this.#source.discard();
  }
}

/** The body of a message of node:http that has one. */
export function messageBody(message: IncomingMessage, limits: BodyLimits): RequestBody {
  return new RequestBody({ stream: message, isComplete: () => message.complete, trailers: () => message.rawTrailers, discard: () => discard(message) }, limits);
}

function discard(message: IncomingMessage): void {
  const { socket } = message;
  if (socket.destroyed) return;
  let left = MAX_DISCARDED;
  const silence = setTimeout(() => socket.destroy(), SILENCE);
  const stop = (): void => {
    clearTimeout(silence);
    socket.off('close', stop);
  };
  // Once the response is written, node tells the end of the connection to the socket alone.
  socket.on('close', stop);
  message.on('end', stop).on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) socket.destroy();
  });
  message.resume();
}

function ignore(): void {}
