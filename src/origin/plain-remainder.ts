/**
 * @module origin/plain-remainder
 * What the plain client does not judge: the rest of a response, from a place where any reader can
 * begin, as a connection that node:http reads. The request has been sent already.
 */
import { Duplex } from 'node:stream';

/** The connection behind it. */
export interface RemainderSource {
  resume(): void;
  /** Nobody reads on. */
  destroy(): void;
}

export class Remainder extends Duplex {
  readonly #source: RemainderSource;

  /** @param begin what is known of the response: a head, or chunks */
  constructor(source: RemainderSource, begin: Buffer) {
    super();
    this.#source = source;
    this.push(begin);
  }

  override _read(): void {
    this.#source.resume();
  }

  /** node:http writes the request once more. */
  override _write(_: unknown, __: unknown, written: () => void): void {
    written();
  }

  /** node:http has done with the connection. */
  override _final(finished: () => void): void {
    finished();
    this.destroy();
  }

  override _destroy(error: Error | null, destroyed: (error: Error | null) => void): void {
    this.#source.destroy();
    destroyed(error);
  }
}

/** A head behind which the rest of a body in chunks can be read. */
export const CHUNKS_FOLLOW = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
