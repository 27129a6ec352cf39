/**
 * @module stores/changes-in-order
 * Changes that take a while: those of one key happen one after the other, as they were asked for.
 */
export class ChangesInOrder {
  /** The last change of each key that has one under way. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Settles as the change does. */
  async run<T>(key: string, change: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before === undefined ? change() : before.then(change, change);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }

  /** The same where nobody waits for it. */
  runLater(key: string, change: () => Promise<unknown>): void {
    this.run(key, change).catch(() => undefined);
  }

  /** What is under way for the key, to its end. */
  last(key: string): Promise<unknown> | undefined {
    return this.#last.get(key);
  }

  /** Resolves when what was begun until now has come to its end. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#last.values());
  }
}
