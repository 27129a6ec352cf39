/**
 * @module origin/incoming-body
 * The body of an origin's response between the connection that pushes it and the sink that takes it.
 * Held back until piped; what still arrives while the sink asks for a pause waits here, and the
 * connection is paused, so that little does. It is not paused for the beginning of a body whose
 * head has just been told: that is piped within the same turn, and a pause makes the parser stop
 * in the middle of what it was given.
 */
import type { BodySink, OriginBody } from '../cache/ports.ts';
import type { Fields } from '../http/fields.ts';
import { giveBack } from './read-buffers.ts';

/** What can be done to the connection a body comes from. Pausing twice or aborting late is harmless. */
export interface Flow {
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

/** Bytes that wait for a sink before the connection is paused: about one read from a socket. */
const UNCLAIMED = 64 * 1024;

type End = { readonly trailers: Fields | undefined } | { readonly error: Error };

export class IncomingBody implements OriginBody {
  readonly #flow: Flow;
  #onOver: (() => void) | undefined;
  #sink: BodySink | undefined;
  #paused = true;
  #waiting: Buffer[] = [];
  #unclaimed = 0;
  #end: End | undefined;

  /** @param onOver called once when nothing more comes */
  constructor(flow: Flow, onOver: (() => void) | undefined) {
    this.#flow = flow;
    this.#onOver = onOver;
  }

  pipe(sink: BodySink): void {
    this.#sink = sink;
    this.resume();
  }

  resume(): void {
    if (this.#sink === undefined || !this.#paused) return;
    this.#paused = false;
    this.#deliver();
    if (!this.#paused && this.#end === undefined) this.#flow.resume();
  }

  giveBack(chunk: Buffer): void {
    giveBack(chunk);
  }

  abort(reason: Error): void {
    if (this.#end !== undefined && this.#waiting.length === 0) return;
    this.fail(reason);
    this.#flow.abort(reason);
  }

  /** The connection's side: the next bytes. */
  push(chunk: Buffer): void {
    if (this.#end !== undefined) return;
    this.#waiting.push(chunk);
    if (!this.#paused) this.#deliver();
    if (!this.#paused) return;
    // The sink asked for a pause, or there is none yet.
    if (this.#sink !== undefined || (this.#unclaimed += chunk.length) >= UNCLAIMED) this.#flow.pause();
  }

  /** The connection's side: the body is complete. */
  finish(trailers: Fields | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { trailers };
    this.#over();
    if (!this.#paused) this.#deliver();
  }

  /** The connection's side: the body broke off. What waits is dropped: nobody can use half a body more. */
  fail(error: Error): void {
    if (this.#end !== undefined && 'error' in this.#end) return;
    this.#waiting = [];
    this.#end = { error };
    this.#over();
    if (this.#sink !== undefined) this.#settle(this.#sink);
  }

  #over(): void {
    const onOver = this.#onOver;
    this.#onOver = undefined;
    onOver?.();
  }

  #deliver(): void {
    const sink = this.#sink!;
    while (this.#waiting.length > 0) {
      if (sink.data(this.#waiting.shift()!)) continue;
      this.#paused = true;
      return;
    }
    if (this.#end !== undefined) this.#settle(sink);
  }

  /** Tells the end, once. */
  #settle(sink: BodySink): void {
    const end = this.#end!;
    this.#sink = undefined;
    this.#paused = true;
    if ('error' in end) sink.error(end.error);
    else sink.end(end.trailers);
  }
}
