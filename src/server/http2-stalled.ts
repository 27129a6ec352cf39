/**
 * @module server/http2-stalled
 * Ends streams whose clients take nothing. A stream that is answered in one write has no timer of its
 * own, and a client keeps its connection alive by PING: it could hold its answers for ever.
 */
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';

/** Milliseconds between two looks: a client that has taken nothing between them is stuck. */
const PERIOD = 60_000;

export class StalledStreams {
  /** The streams under way on each connection. */
  readonly #sessions = new Map<Pick<ServerHttp2Session, 'once'>, ReadonlySet<ServerHttp2Stream>>();
  /** Bytes that waited for the client at the last look. */
  #waiting = new Map<ServerHttp2Stream, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param streams of the connection that are under way, at any time */
  add(session: Pick<ServerHttp2Session, 'once'>, streams: ReadonlySet<ServerHttp2Stream>): void {
    this.#sessions.set(session, streams);
    this.#timer ??= setInterval(() => this.#look(), PERIOD).unref();
    session.once('close', () => {
      this.#sessions.delete(session);
      if (this.#sessions.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#waiting.clear();
    });
  }

  #look(): void {
    const waiting = new Map<ServerHttp2Stream, number>();
    for (const streams of this.#sessions.values()) {
      for (const stream of streams) {
        const { writableLength } = stream;
        if (!stream.headersSent || writableLength === 0) continue;
        if (this.#waiting.get(stream) === writableLength) stream.destroy(new Error('The client takes nothing.'));
        else waiting.set(stream, writableLength);
      }
    }
    this.#waiting = waiting;
  }
}
