/**
 * @module stores/disk-transactions
 * Changes of the table on disk, gathered into transactions that run between turns of the event loop
 * and take a few milliseconds at most. One thread at a time runs one; the others wait their turn
 * without blocking.
 */
import type { Aftermath, DiskIndex } from './disk-index.ts';

/** What a change returns that cannot be made yet; it is tried again. */
export const LATER: unique symbol = Symbol('later');

interface Change {
  readonly isPatient: boolean;
  readonly run: (tries: number) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  tries: number;
}

/** Milliseconds of changes in one transaction. */
const LONGEST = 3;
/** Milliseconds that patient changes wait for others after a transaction, and so many of them do not: what a transaction takes, it takes once for all of them. */
const GATHERING = 5;
const ENOUGH = 64;
/** Milliseconds until what had to wait is tried again. */
const PAUSE = 5;
/** Milliseconds to wait for another thread that may have died in the middle of its turn. SQLite's own lock still keeps order. */
const PATIENCE = 1000;

export class DiskTransactions {
  readonly #index: DiskIndex;
  /** 0: free, 1: a thread has its turn. */
  readonly #turn: Int32Array;
  /** Done in every transaction, after the changes; true when there is more of it to do. */
  readonly #upkeep: () => boolean;
  readonly #onCommit: (aftermath: Aftermath) => void;
  readonly #onFailure: (error: unknown) => void;
  #queue: Change[] = [];
  #running: Promise<void> | undefined;
  #lastEnd = 0;
  /** Ends the gathering. */
  #hurry: (() => void) | undefined;
  #isFinishing = false;

  /** @param onFailure told of upkeep that failed */
  constructor(index: DiskIndex, turn: Int32Array, upkeep: () => boolean, onCommit: (aftermath: Aftermath) => void, onFailure: (error: unknown) => void) {
    this.#index = index;
    this.#turn = turn;
    this.#upkeep = upkeep;
    this.#onCommit = onCommit;
    this.#onFailure = onFailure;
  }

  /**
   * Makes a change; resolves with what it returned once that is committed. It must leave nothing
   * behind but rows. Where it returns LATER it is run again, and told how often it was run before.
   * @param isPatient nobody waits for it
   */
  run<T>(change: (tries: number) => T, isPatient = false): Promise<Exclude<T, typeof LATER>> {
    const { promise, resolve, reject } = Promise.withResolvers<Exclude<T, typeof LATER>>();
    this.#queue.push({ isPatient, run: change, resolve: resolve as (value: unknown) => void, reject, tries: 0 });
    if (!isPatient || this.#queue.length >= ENOUGH) this.#hurry?.();
    this.#running ??= this.#drain();
    return promise;
  }

  /** Resolves when all changes are made; what is not needed now is left to the next process. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    this.#hurry?.();
    while (this.#running !== undefined) await this.#running;
  }

  async #drain(): Promise<void> {
    try {
      await new Promise(setImmediate);
      while (this.#queue.length > 0) {
        await this.#gather();
        const waiting = await this.#transact();
        await (waiting ? new Promise((resolve) => setTimeout(resolve, PAUSE)) : new Promise(setImmediate));
      }
    } finally {
      this.#running = undefined;
    }
  }

  /** Lets patient changes come together. */
  async #gather(): Promise<void> {
    const left = this.#lastEnd + GATHERING - performance.now();
    if (left <= 0 || this.#isFinishing || this.#queue.length >= ENOUGH || this.#queue.some(({ isPatient }) => !isPatient)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, left);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#hurry = undefined;
  }

  /** True when all that is left has to wait. */
  async #transact(): Promise<boolean> {
    const done: [change: Change, value: unknown][] = [];
    const later: Change[] = [];
    const pending = this.#queue;
    let moreUpkeep = false;
    let aftermath: Aftermath;
    await this.#takeTurn();
    try {
      aftermath = this.#index.transaction(() => {
        const end = performance.now() + LONGEST;
        do {
          const change = pending.shift()!;
          done.push([change, undefined]);
          const value = change.run(change.tries);
          done.pop();
          if (value === LATER) later.push(change);
          else done.push([change, value]);
        } while (pending.length > 0 && performance.now() < end);
        moreUpkeep = this.#upkeep();
      });
    } catch (error) {
      // Where not even a transaction could be begun, all fail.
      const failed = done.length + later.length > 0 ? [...done.map(([change]) => change), ...later] : pending.splice(0);
      for (const change of failed) change.reject(error);
      return false;
    } finally {
      this.#endTurn();
      this.#lastEnd = performance.now();
    }
    this.#onCommit(aftermath);
    for (const [change, value] of done) change.resolve(value);
    for (const change of later) change.tries++;
    this.#queue.push(...later);
    if (moreUpkeep && this.#queue.length === 0 && !this.#isFinishing) this.run(() => {}).catch(this.#onFailure);
    return later.length > 0 && later.length === this.#queue.length;
  }

  async #takeTurn(): Promise<void> {
    while (Atomics.compareExchange(this.#turn, 0, 0, 1) !== 0) {
      const { async, value } = Atomics.waitAsync(this.#turn, 0, 1);
      if (!async) continue;
      // The timer also keeps the event loop going, which the wait alone does not.
      const patience = Promise.withResolvers<'timed-out'>();
      const timer = setTimeout(() => patience.resolve('timed-out'), PATIENCE);
      const outcome = await Promise.race([value, patience.promise]);
      clearTimeout(timer);
      if (outcome === 'timed-out') return;
    }
  }

  #endTurn(): void {
    Atomics.store(this.#turn, 0, 0);
    Atomics.notify(this.#turn, 0, 1);
  }
}
