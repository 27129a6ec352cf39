/**
 * @module cache/exchange
 * One exchange with a client as the engine sees it, whichever lane it came by: the request, and
 * the reply that is written to. The lanes implement `Reply`.
 */
import type { Readable } from 'node:stream';
import type { Fields } from '../http/fields.ts';
import type { Site } from '../http/site.ts';
import type { Lender, Target } from './ports.ts';

export interface ClientRequest {
  readonly method: string;
  readonly target: Target;
  /** The URL as the client wrote it, for logs and messages. */
  readonly url: string;
  /** End-to-end fields: hop-by-hop ones and those named in Connection are gone; forwarding fields (Via, X-Forwarded-*, Host) are as the origin shall get them. */
  readonly fields: Fields;
  /**
   * What the forwarding fields tell the origin about the URL the client used (X-Forwarded-Proto and
   * -Host), "" where nothing is told. A stored response is reused only for requests that told the
   * same, as if it stood in Vary: else one client's Host could poison another's page.
   */
  readonly forwardedAs: string;
  /** Of a fixed origin: the names that it and this client have for it. */
  readonly site?: Site | undefined;
  /** "1.1", "1.0", "2.0" */
  readonly httpVersion: string;
  /** Undefined: the request has no body. */
  readonly body: Readable | undefined;
  readonly trailers?: () => Fields | undefined;
}

/** Where the response goes. */
export interface Reply {
  /** A 1xx response; ignored where the client's version has none. */
  informational(status: number, fields: Fields): void;
  /** The head. `length` is the body's where known; then exactly so many bytes are written. */
  head(status: number, fields: Fields, length: number | undefined): void;
  readonly headSent: boolean;
  /**
   * False: more than the client takes now is waiting; see onDrain.
   * @param lender may be given the chunk back, once the system has taken all of it
   */
  write(chunk: Buffer, lender?: Lender): boolean;
  /** Called once, when what was waiting is gone or the client has left. */
  onDrain(callback: () => void): void;
  /** The message is complete. */
  end(trailers?: Fields): void;
  /** The message ends visibly incomplete: the connection is closed. */
  abort(): void;
  /** The client has left, or abort() was called. */
  readonly closed: boolean;
  /** Called once when the client leaves before the end; at once where it has already left. */
  onClose(callback: () => void): void;
  /** Bytes that wait for the client although the message is complete; undefined: not more than the system's buffers take. */
  readonly unsent?: number;
  /** Calls back once the client has them, or has left. */
  onSent?(callback: () => void): void;
  /** Bytes of body written so far. */
  readonly bytesWritten: number;
}

/** Takes a response and sends it to nobody. */
export const NOBODY: Reply = {
  headSent: false,
  closed: false,
  bytesWritten: 0,
  informational: () => {},
  head: () => {},
  write: () => true,
  onDrain: (callback) => queueMicrotask(callback),
  end: () => {},
  abort: () => {},
  onClose: () => {},
};
