/**
 * @module cache/members
 * Invalidates the members of collections: what is stored for URLs below another one.
 */
import { beginsWith } from '../http/normal-url.ts';
import type { Collections } from './collections.ts';
import { urlOfKey } from './key.ts';

export class Members {
  readonly #collections: Collections;
  readonly #underWay: () => readonly string[];
  readonly #purgePrefix: (prefix: string) => Promise<unknown>;
  /** To be begun, by prefix: requests that come meanwhile share one. */
  readonly #waiting = new Map<string, Promise<unknown>>();
  /** Each looks through the whole store: one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param underWay the keys of what is being fetched
   * @param purgePrefix marks what begins so as stale
   */
  constructor(collections: Collections, underWay: () => readonly string[], purgePrefix: (prefix: string) => Promise<unknown>) {
    this.#collections = collections;
    this.#underWay = underWay;
    this.#purgePrefix = purgePrefix;
  }

  /**
   * In force when it resolves.
   * @param prefix a URL with a slash at its end
   */
  async invalidate(prefix: string): Promise<void> {
    if (!this.#collections.mayHaveMembers(prefix) && !this.#underWay().some((key) => beginsWith(urlOfKey(key), prefix))) return;
    await (this.#waiting.get(prefix) ?? this.#begin(prefix));
  }

  #begin(prefix: string): Promise<unknown> {
    const begun = this.#last.then(() => {
      this.#waiting.delete(prefix);
      return this.#purgePrefix(prefix);
    });
    this.#waiting.set(prefix, begun);
    this.#last = begun.catch(() => undefined);
    return begun;
  }
}
