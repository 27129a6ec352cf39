/**
 * @module cache/purger
 * Removes what is stored, and what is on its way into the store.
 */
import type { Store, Target } from './ports.ts';
import type { Stamps } from './stamps.ts';
import type { Variants } from './variants.ts';
import type { Verdicts } from './verdicts.ts';

export type Purge =
  /** All variants of one URL. */
  | { readonly url: Target }
  /** All URLs, as the origin gets them, that begin so: `http://origin:3000/images/`. */
  | { readonly prefix: string }
  | { readonly all: true };

export interface PurgerParts {
  readonly store: Store;
  readonly stamps: Stamps;
  readonly variants: Variants;
  readonly verdicts: Verdicts;
  /** The keys of what is being fetched. */
  readonly underWay: () => readonly string[];
}

/** Keys looked at between two turns of the event loop. */
const SWEEP_STEP = 1000;

export class Purger {
  readonly #parts: PurgerParts;

  constructor(parts: PurgerParts) {
    this.#parts = parts;
  }

  async purgeKey(key: string): Promise<number> {
    this.#parts.stamps.purge(key);
    return this.#parts.variants.remove(key);
  }

  async purge(what: Exclude<Purge, { url: Target }>): Promise<number> {
    if ('prefix' in what) return this.#sweep(`GET ${what.prefix}`);
    this.#parts.stamps.purgeAll();
    this.#parts.verdicts.clear();
    return this.#parts.store.clear();
  }

  async #sweep(prefix: string): Promise<number> {
    const { store, stamps, variants, underWay } = this.#parts;
    for (const key of underWay()) if (key.startsWith(prefix)) stamps.purge(key);
    let seen = 0;
    let removed = 0;
    for await (const key of store.keys()) {
      // The variants of a URL are removed with it; a key that holds a line end is a variant's.
      if (key.startsWith(prefix) && !key.includes('\n')) removed += await variants.remove(key);
      if (++seen % SWEEP_STEP === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return removed;
  }
}
