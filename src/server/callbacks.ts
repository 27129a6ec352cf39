/**
 * @module server/callbacks
 * Those who wait for one thing to happen to a reply: each is called once, and none twice.
 */
export class Callbacks {
  /** Most replies have none. */
  #waiting: (() => void)[] | undefined;

  add(callback: () => void): void {
    (this.#waiting ??= []).push(callback);
  }

  /** Those that are added meanwhile wait for the next time. */
  call(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) for (const callback of waiting) callback();
  }

  /** It will not happen any more. */
  drop(): void {
    this.#waiting = undefined;
  }
}
