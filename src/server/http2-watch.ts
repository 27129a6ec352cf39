/**
 * @module server/http2-watch
 * Ends connections of HTTP/2 whose header blocks cost more than they bring. A block of 8 KB can refer
 * 8,000 times to one field, and nghttp2 reads all of it; node:http2 resets the stream without a word to
 * JavaScript. Such streams are seen by the numbers of streams alone.
 * Source: https://www.rfc-editor.org/rfc/rfc9113.html#section-10.5.1
 */
import { type ServerHttp2Session, constants } from 'node:http2';
import type { Socket } from 'node:net';

/** Milliseconds between two looks at the connections. */
const PERIOD = 100;
/** Streams of one connection that bring no request that can be taken, beside a tenth of those that do. */
const MAX_WASTED = 20;

export interface Watched {
  readonly session: ServerHttp2Session;
  readonly socket: Socket;
  /** Streams whose request was taken. */
  taken: number;
  /** It is ended. @param wasted streams that brought nothing */
  readonly onCut: (wasted: number) => void;
}

export class Http2Watch {
  readonly #watched = new Map<Watched, number>();
  #timer: NodeJS.Timeout | undefined;

  add(connection: Watched): void {
    this.#watched.set(connection, 0);
    this.#timer ??= setInterval(() => this.#look(), PERIOD).unref();
    connection.session.once('close', () => {
      this.#watched.delete(connection);
      if (this.#watched.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
  }

  #look(): void {
    for (const [connection, before] of this.#watched) {
      const { bytesRead } = connection.socket;
      // Most are idle, and the state of a session takes longer.
      if (bytesRead === before) continue;
      this.#watched.set(connection, bytesRead);
      const { session, taken } = connection;
      // A client's streams have the odd numbers.
      const wasted = Math.ceil((session.state.lastProcStreamID ?? 0) / 2) - taken;
      if (wasted <= MAX_WASTED + taken / 10) continue;
      session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      session.destroy();
      connection.onCut(wasted);
    }
  }
}
