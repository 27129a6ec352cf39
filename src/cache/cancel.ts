/**
 * @module cache/cancel
 * Calls off a request to an origin. It stands in for an AbortController, which with its EventTarget
 * costs more than all else the engine does for a request, and serves the one listener there is.
 */
import type { Cancellation } from './ports.ts';

export class Cancel implements Cancellation {
  #reason: Error | undefined;
  #listener: (() => void) | undefined;

  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  get reason(): Error | undefined {
    return this.#reason;
  }

  addEventListener(_: 'abort', listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(_: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined;
  }

  abort(reason: Error): void {
    if (this.aborted) return;
    this.#reason = reason;
    this.#listener?.();
  }
}
