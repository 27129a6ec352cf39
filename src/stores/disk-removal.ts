/**
 * @module stores/disk-removal
 * Removes body files that no object has any more, once nobody reads them. What they take counts
 * until they are gone.
 */
import { type Pins, removeBody } from './disk-bodies.ts';
import type { Garbage } from './disk-index.ts';

/** Files removed at a time. */
const AT_A_TIME = 8;
/** Milliseconds until it is looked again who reads a file. */
const LOOK_AGAIN = 100;

export class DiskRemoval {
  readonly #directory: string;
  readonly #pins: Pins;
  /** Writes down that a file is gone. */
  readonly #onGone: (garbage: Garbage) => Promise<unknown>;
  readonly #queue: Garbage[] = [];
  /** Those that are read, by their number. */
  readonly #held = new Map<number, Garbage>();
  #heldBytes = 0;
  #active = 0;
  /** Those that are held will be looked at again. */
  #isWaiting = false;
  /** Some of all that is to be removed, behind that number. */
  readonly #left: (behind: number) => Garbage[];
  /** How far what others left is taken over; undefined: it is not being taken over. */
  #takenUpTo: number | undefined;
  #waiting: (() => void)[] = [];

  constructor(directory: string, pins: Pins, left: (behind: number) => Garbage[], onGone: (garbage: Garbage) => Promise<unknown>) {
    this.#directory = directory;
    this.#pins = pins;
    this.#left = left;
    this.#onGone = onGone;
  }

  /** Bytes that cannot be freed as long as someone reads them. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  add(garbage: readonly Garbage[]): void {
    this.#queue.push(...garbage);
    this.#go();
  }

  /** Also removes, a few at a time, what an earlier process left, or a thread that has ended; not to be called within a transaction. */
  takeOver(): void {
    this.#takenUpTo = 0;
    this.#go();
  }

  /** Resolves when all that can be removed is, at the latest after so many milliseconds. */
  async settled(patience: number): Promise<void> {
    if (this.#active === 0 || patience <= 0) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      setTimeout(resolve, patience).unref();
    });
  }

  #go(): void {
    while (this.#active < AT_A_TIME) {
      const next = this.#queue.pop() ?? this.#nextLeft();
      if (next === undefined) break;
      if (this.#pins.isPinned(next.body)) this.#hold(next);
      else void this.#remove(next);
    }
    if (this.#active > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #remove(garbage: Garbage): Promise<void> {
    this.#active++;
    try {
      if (await removeBody(this.#directory, garbage.body)) await this.#onGone(garbage);
      else this.#hold(garbage);
    } catch {
      this.#hold(garbage);
    }
    this.#active--;
    this.#go();
  }

  #hold(garbage: Garbage): void {
    if (!this.#held.has(garbage.body)) this.#heldBytes += garbage.size;
    this.#held.set(garbage.body, garbage);
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    setTimeout(() => {
      this.#isWaiting = false;
      this.#queue.push(...this.#held.values());
      this.#held.clear();
      this.#heldBytes = 0;
      this.#go();
    }, LOOK_AGAIN).unref();
  }

  #nextLeft(): Garbage | undefined {
    if (this.#takenUpTo === undefined) return undefined;
    const some = this.#left(this.#takenUpTo);
    this.#takenUpTo = some.at(-1)?.body;
    this.#queue.push(...some.slice(1));
    return some[0];
  }
}
