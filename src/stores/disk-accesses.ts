/**
 * @module stores/disk-accesses
 * Has accesses written down after a while, or when they are many.
 */
import type { DiskEviction } from './disk-eviction.ts';

/** Milliseconds until they are. */
const DELAY = 5000;

/** Within a transaction; undefined where it failed. */
type Write = (write: () => boolean) => Promise<boolean | undefined> | undefined;

export class DiskAccesses {
  readonly #eviction: DiskEviction;
  readonly #write: Write;
  #timer: NodeJS.Timeout | undefined;

  constructor(eviction: DiskEviction, write: Write) {
    this.#eviction = eviction;
    this.#write = write;
  }

  /** The object at that place was asked for. */
  add(place: number): void {
    const isTime = this.#eviction.access(place);
    if (!isTime && this.#timer !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#writeAll();
    }, isTime ? 0 : DELAY).unref();
  }

  /** Writes down what is noted. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    for (let more = true; more; ) more = (await this.#write(() => this.#eviction.flush())) ?? false;
  }
}
