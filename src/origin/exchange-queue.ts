/**
 * @module origin/exchange-queue
 * How many exchanges may be under way with one origin at once; each takes a connection. Further ones
 * wait in a queue that is bounded in length and time, so that a slow origin is not asked for more than
 * it can do, and clients learn soon that it cannot.
 */
import type { Cancellation } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';

interface Waiting {
  readonly start: () => void;
  readonly refuse: (error: Error) => void;
  readonly signal: Cancellation;
  readonly onAbort: () => void;
  readonly timer: NodeJS.Timeout;
}

interface Queue {
  underWay: number;
  /** First come, first served. */
  readonly waiting: Waiting[];
}

export class ExchangeQueue {
  readonly #max: number;
  readonly #timeoutMs: number;
  readonly #queues = new Map<string, Queue>();

  /**
   * @param max exchanges with one origin at once; as many more may wait
   * @param timeoutMs for which one waits
   */
  constructor(max: number, timeoutMs: number) {
    this.#max = max;
    this.#timeoutMs = timeoutMs;
  }

  /** Exchanges that are under way or wait, with all origins. */
  get size(): number {
    return this.#queues.values().reduce((sum, { underWay, waiting }) => sum + underWay + waiting.length, 0);
  }

  /**
   * Calls `start` as soon as an exchange may begin, at once where that is so now; `leave()` is to be
   * called when it is over. Calls `refuse` where it may not.
   */
  enter(origin: string, signal: Cancellation, start: () => void, refuse: (error: Error) => void): void {
    let queue = this.#queues.get(origin);
    if (queue === undefined) this.#queues.set(origin, (queue = { underWay: 0, waiting: [] }));
    if (queue.underWay < this.#max) {
      queue.underWay++;
      start();
    } else if (queue.waiting.length >= this.#max) refuse(this.#overloaded(origin, queue, 'and as many more wait'));
    else this.#wait(origin, queue, signal, start, refuse);
  }

  /** An exchange is over. */
  leave(origin: string): void {
    const queue = this.#queues.get(origin)!;
    const next = queue.waiting.shift();
    if (next !== undefined) {
      this.#stopWaiting(next);
      next.start();
    } else if (--queue.underWay === 0) this.#queues.delete(origin);
  }

  #wait(origin: string, queue: Queue, signal: Cancellation, start: () => void, refuse: (error: Error) => void): void {
    const giveUp = (error: Error): void => {
      queue.waiting.splice(queue.waiting.indexOf(waiting), 1);
      this.#stopWaiting(waiting);
      refuse(error);
    };
    const onAbort = (): void => giveUp(signal.reason as Error);
    const timer = setTimeout(() => giveUp(this.#overloaded(origin, queue, `and none ended within ${this.#timeoutMs / 1000} s (--connect-timeout)`)), this.#timeoutMs);
    const waiting: Waiting = { start, refuse, signal, onAbort, timer };
    queue.waiting.push(waiting);
    signal.addEventListener('abort', onAbort);
  }

  #stopWaiting({ signal, onAbort, timer }: Waiting): void {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }

  #overloaded(origin: string, { underWay }: Queue, detail: string): MillraceError {
    return new MillraceError('ERR_OVERLOADED', `${underWay} requests are under way to ${origin}, as many as --max-origin-connections allows, ${detail}. Find out why the origin is slow, or raise the limit.`);
  }
}
