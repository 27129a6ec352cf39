/**
 * @module cache/purger
 * Removes what is stored, and what is on its way into the store.
 */
import type { Store, Target } from './ports.ts';
import { urlOfKey } from './key.ts';
import { groupScope, tagScope, urlScope } from './scopes.ts';
import type { Stamps } from './stamps.ts';
import type { Variants } from './variants.ts';
import type { Verdicts } from './verdicts.ts';

export type Purge =
  /** All variants of one URL. */
  | { readonly url: Target }
  /** All URLs, as the origin gets them, that begin so: `http://origin:3000/images/`. */
  | { readonly prefix: string }
  /** All responses with that tag (Cache-Groups, Surrogate-Key, Cache-Tag, xkey), of any origin. */
  | { readonly tag: string }
  | { readonly all: true };

export interface PurgerParts {
  readonly store: Store;
  readonly stamps: Stamps;
  readonly variants: Variants;
  readonly verdicts: Verdicts;
  /** The keys of what is being fetched. */
  readonly underWay: () => readonly string[];
  /** Other workers, or processes to come, have a part in stamps and store: what they hold or fetch is not known here. */
  readonly isShared: boolean;
}

/** Keys looked at between two turns of the event loop. */
const SWEEP_STEP = 1000;

export class Purger {
  readonly #parts: PurgerParts;

  constructor(parts: PurgerParts) {
    this.#parts = parts;
  }

  /**
   * A stamp is written only where something is on its way, or stored where the key does not lead: what is
   * stored under the key is removed at once, and every stamp costs an unrelated response its slot some day.
   * Among several workers that cannot be known, and each purge is stamped. With n objects stored that
   * costs n in a million another object, which is fetched once more.
   */
  async purgeKey(key: string): Promise<number> {
    const { stamps, variants, underWay, isShared } = this.#parts;
    const scope = urlScope(key);
    if (isShared || variants.holdsQueries || underWay().some((other) => urlScope(other) === scope)) stamps.purge(scope);
    return variants.remove(key);
  }

  /** https://www.rfc-editor.org/rfc/rfc9875.html#section-3 */
  purgeGroup(key: string, group: string): void {
    this.#parts.stamps.purge(groupScope(key, group));
  }

  /** How many stored responses it removed; undefined where that is not known, as they are removed when they are met. */
  async purge(what: Exclude<Purge, { url: Target }>): Promise<number | undefined> {
    if ('prefix' in what) return this.#sweep(what.prefix);
    if ('tag' in what) {
      this.#parts.stamps.purge(tagScope(what.tag));
      return undefined;
    }
    this.#parts.stamps.purgeAll();
    this.#parts.verdicts.clear();
    return this.#parts.store.clear();
  }

  async #sweep(prefix: string): Promise<number> {
    const { store, stamps, variants, underWay, isShared } = this.#parts;
    for (const key of underWay()) if (urlOfKey(key).startsWith(prefix)) stamps.purge(urlScope(key));
    let seen = 0;
    let removed = 0;
    for await (const key of store.keys()) {
      // The variants of a URL are removed with it; a key that holds a line end is a variant's.
      if (!key.includes('\n') && urlOfKey(key).startsWith(prefix)) {
        removed += await variants.remove(key);
        // Another worker may have read it a moment ago, and keep it in its memory.
        if (isShared) stamps.purge(urlScope(key));
      }
      if (++seen % SWEEP_STEP === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return removed;
  }
}
