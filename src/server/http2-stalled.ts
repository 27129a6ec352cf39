/**
 * @module server/http2-stalled
 * Ends streams whose clients take nothing. A stream that is answered in one write has no timer of its
 * own, and a client keeps its connection alive by PING: it could hold its answers for ever.
 */
import type { ServerHttp2Stream } from 'node:http2';

/** ms between two looks: a client that has taken nothing between them is stuck. */
export const LOOK_MS = 60_000;

export class StalledStreams {
  /** Bytes that waited for the client at the last look. */
  #waiting = new Map<ServerHttp2Stream, number>();

  /** @param streams all that are under way */
  look(streams: Iterable<ServerHttp2Stream>): void {
    const waiting = new Map<ServerHttp2Stream, number>();
    for (const stream of streams) {
      const { writableLength } = stream;
      if (!stream.headersSent || writableLength === 0) continue;
      if (this.#waiting.get(stream) === writableLength) stream.destroy(new Error('The client takes nothing.'));
      else waiting.set(stream, writableLength);
    }
    this.#waiting = waiting;
  }
}
