/**
 * @module cache/changes
 * Changes of what is stored under one key, one after the other.
 */

/** The last change under a key. Undefined once it is settled: a Map keeps what it held for a while (see flights.ts). */
interface Change {
  settled: Promise<unknown> | undefined;
}

export class Changes {
  readonly #last = new Map<string, Change>();

  /** Runs the change after those of the same key that were begun before. */
  async run<T>(key: string, change: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)?.settled;
    const settled = before === undefined ? change() : before.then(change, change);
    const mine: Change = { settled };
    this.#last.set(key, mine);
    try {
      return await settled;
    } finally {
      mine.settled = undefined;
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
