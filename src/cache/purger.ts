/**
 * @module cache/purger
 * Removes what is stored and what is on its way into the store, or marks it stale.
 */
import { beginsWith } from '../http/normal-url.ts';
import { ANY_TAG } from '../policy/groups.ts';
import type { Collections } from './collections.ts';
import type { Store, Target } from './ports.ts';
import { normalKey, urlOfKey } from './key.ts';
import { groupScope, hostScope, tagScope, urlScope } from './scopes.ts';
import type { Stamps } from './stamps.ts';
import type { Located, Variants } from './variants.ts';
import type { Verdicts } from './verdicts.ts';

export type Purge = (
  /** All variants of one URL. */
  | { readonly url: Target }
  /** All URLs, as the origin gets them, that begin so: `http://origin:3000/images/`. */
  | { readonly prefix: string }
  /** All responses of that host[:port]; see scopes.ts. */
  | { readonly host: string }
  /** All responses with that tag (Cache-Groups, Surrogate-Key, Cache-Tag, xkey), of any origin. */
  | { readonly tag: string }
  | { readonly all: true }
) & {
  /** They stay, marked stale: each is validated when it is asked for next, and serves until then where policy permits. */
  readonly soft?: boolean;
};

export interface PurgerParts {
  readonly store: Store;
  readonly stamps: Stamps;
  readonly variants: Variants;
  readonly verdicts: Verdicts;
  readonly collections: Collections;
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
   * All spellings of its URL are meant. A stamp is written only where something is on its way, or stored where the key does not lead: what is
   * stored under the key is removed at once, and every stamp costs an unrelated response its slot some day.
   * Among several workers that cannot be known, and each purge is stamped. With n objects stored that
   * costs n in a million another object, which is fetched once more.
   */
  async purgeKey(key: string, soft = false): Promise<number> {
    const { stamps, variants, underWay, isShared } = this.#parts;
    const scope = urlScope(key);
    // Other spellings than these two are met by the stamp alone.
    const keys = new Set([key, normalKey(key)]);
    if (soft) {
      return sum(await Promise.all([...keys].map((each) => this.#soften(each))));
    }
    if (isShared || variants.holdsQueries || variants.holdsOtherSpellings || underWay().some((other) => urlScope(other) === scope)) stamps.purge(scope);
    return sum(await Promise.all([...keys].map((each) => variants.remove(each))));
  }

  async #soften(key: string): Promise<number> {
    const { stamps, variants } = this.#parts;
    stamps.purge(urlScope(key), true);
    return sum((await variants.list(key)).map(({ entry }) => 1 + entry.parts.length));
  }

  /** https://www.rfc-editor.org/rfc/rfc9875.html#section-3 */
  purgeGroup(key: string, group: string): void {
    const { stamps } = this.#parts;
    for (const each of [group, ANY_TAG]) stamps.purge(groupScope(key, each));
  }

  /** What another machine has purged under that number: only what is older is meant. */
  async purgeOlder(prefix: string, soft: boolean, number: number): Promise<void> {
    await this.#sweep(prefix, soft, number);
  }

  /** How many stored responses it hit; undefined where that is not known, as they are met one by one when they are asked for. */
  async purge(what: Exclude<Purge, { url: Target }>): Promise<number | undefined> {
    const { store, stamps, verdicts } = this.#parts;
    const { soft = false } = what;
    if ('prefix' in what) return this.#sweep(what.prefix, soft);
    if ('host' in what || 'tag' in what) {
      const scopes = 'host' in what ? [hostScope(what.host)] : [tagScope(what.tag), tagScope(ANY_TAG)];
      for (const scope of scopes) stamps.purge(scope, soft);
      return undefined;
    }
    stamps.purgeAll(soft);
    if (soft) return store.stats().objects;
    verdicts.clear();
    return store.clear();
  }

  async #sweep(prefix: string, soft: boolean, number = Number.POSITIVE_INFINITY): Promise<number> {
    const { store, stamps, variants, collections, underWay, isShared } = this.#parts;
    for (const key of underWay()) if (beginsWith(urlOfKey(key), prefix)) stamps.purge(urlScope(key), soft);
    let seen = 0;
    let hit = 0;
    for await (const key of store.keys()) {
      collections.add(urlOfKey(key));
      // The variants of a URL go with it; a key that holds a line end is a variant's.
      if (!key.includes('\n') && beginsWith(urlOfKey(key), prefix)) {
        const isMeant = ({ entry }: Located): boolean => entry.stamp < number && (!soft || !variants.isSoftPurged(key, entry));
        // Among others, what they have purged already is not purged again.
        if (!isShared || (await variants.list(key)).some(isMeant)) {
          hit += soft ? await this.#soften(key) : await variants.remove(key);
          // Another worker may have read it a moment ago, and keep it in its memory.
          if (isShared && !soft) stamps.purge(urlScope(key));
        }
      }
      if (++seen % SWEEP_STEP === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    collections.complete();
    return hit;
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
