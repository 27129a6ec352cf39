/**
 * @module stores/disk-removal
 * Frees the room of bodies that no object has any more, once nobody reads them. It counts until then.
 */
import type { Garbage } from './disk-space.ts';

/** Bodies freed in one transaction. */
const AT_A_TIME = 64;
/** Milliseconds until it is looked again who reads a body. */
const LOOK_AGAIN = 100;

export class DiskRemoval {
  /** Some of all that is to be freed, behind that unit. */
  readonly #left: (behind: number) => Garbage[];
  /** Frees those that nobody reads; gives those that somebody does. */
  readonly #free: (garbage: readonly Garbage[]) => Promise<readonly Garbage[]>;
  #queue: Garbage[] = [];
  /** Those that are read, by their first unit. */
  readonly #held = new Map<number, Garbage>();
  #heldBytes = 0;
  #isActive = false;
  /** How far what others left is taken over; undefined: it is not being taken over. */
  #takenUpTo: number | undefined;
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(left: (behind: number) => Garbage[], free: (garbage: readonly Garbage[]) => Promise<readonly Garbage[]>) {
    this.#left = left;
    this.#free = free;
  }

  /** Bytes that cannot be freed as long as someone reads them. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  add(garbage: readonly Garbage[]): void {
    this.#queue.push(...garbage);
    void this.#go();
  }

  /** Also frees, a few at a time, what an earlier process left, or a thread that has ended; not to be called within a transaction. */
  takeOver(): void {
    this.#takenUpTo = 0;
    void this.#go();
  }

  /** Resolves when all that can be freed is, at the latest after so many milliseconds. */
  async settled(patience: number): Promise<void> {
    if (!this.#isActive || patience <= 0) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      setTimeout(resolve, patience).unref();
    });
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #go(): Promise<void> {
    if (this.#isActive || this.#isClosed) return;
    this.#isActive = true;
    for (let some = this.#next(); some.length > 0; some = this.#next()) {
      for (const each of await this.#free(some)) this.#hold(each);
    }
    this.#isActive = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #hold(garbage: Garbage): void {
    if (!this.#held.has(garbage.unit)) this.#heldBytes += garbage.size;
    this.#held.set(garbage.unit, garbage);
    if (this.#isClosed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const held = [...this.#held.values()];
      this.#held.clear();
      this.#heldBytes = 0;
      this.add(held);
    }, LOOK_AGAIN).unref();
  }

  #next(): Garbage[] {
    if (this.#queue.length > 0) return this.#queue.splice(0, AT_A_TIME);
    if (this.#takenUpTo === undefined) return [];
    const some = this.#left(this.#takenUpTo);
    this.#takenUpTo = some.at(-1)?.unit;
    return some;
  }
}
