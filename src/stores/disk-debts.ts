/**
 * @module stores/disk-debts
 * Removals that could not be written down: what is owed is not served, and is paid as soon as
 * something can be written again.
 */

/** Milliseconds until it is tried again. */
const RETRY = 1000;

export class DiskDebts {
  readonly #pay: (keys: readonly string[]) => Promise<boolean>;
  readonly #clear: () => Promise<unknown>;
  #keys = new Set<string>();
  #owesClear = false;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param pay removes what is stored under these keys; false where it could not
   * @param clear the clear that is owed; where it fails, it is owed again
   */
  constructor(pay: (keys: readonly string[]) => Promise<boolean>, clear: () => Promise<unknown>) {
    this.#pay = pay;
    this.#clear = clear;
  }

  /** Whether what may still be stored under the key is gone. */
  covers(key: string): boolean {
    return this.#owesClear || this.#keys.has(key);
  }

  owe(key: string): void {
    this.#keys.add(key);
    this.#payLater();
  }

  oweClear(): void {
    this.#owesClear = true;
    this.#payLater();
  }

  /** Something new is stored there. */
  forget(key: string): void {
    this.#keys.delete(key);
  }

  /** Everything is gone. */
  settle(): void {
    this.#keys.clear();
    this.#owesClear = false;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #payLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#payNow();
    }, RETRY).unref();
  }

  async #payNow(): Promise<void> {
    if (this.#owesClear) {
      await this.#clear();
      return;
    }
    const keys = [...this.#keys];
    if (keys.length === 0) return;
    if (await this.#pay(keys)) for (const key of keys) this.#keys.delete(key);
    else this.#payLater();
  }
}
