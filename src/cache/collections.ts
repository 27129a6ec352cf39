/**
 * @module cache/collections
 * Which URLs have others below them that are, or were, stored. DELETE of an API's item then costs nothing, and
 * DELETE of a collection one look through the store for its members.
 */
import { normalUrl } from '../http/normal-url.ts';
import { TextSet } from './text-set.ts';

/** Half a megabyte, for some million collections. */
const BITS = 1 << 22;
/** Says that all that was stored before has been looked at; no URL begins so. */
const COMPLETE = 'complete';

export class Collections {
  readonly #seen: TextSet;

  /** @param memory shared by all workers; see `Collections.memory()` */
  constructor(memory: SharedArrayBuffer = Collections.memory()) {
    this.#seen = new TextSet(memory);
  }

  static memory(): SharedArrayBuffer {
    return TextSet.memory(BITS);
  }

  /** Something is stored for that URL. */
  add(url: string): void {
    const normal = normalUrl(url);
    const query = normal.indexOf('?');
    const path = query === -1 ? normal : normal.slice(0, query);
    for (let at = path.indexOf('/', path.indexOf('://') + 3); at !== -1 && at < path.length - 1; at = path.indexOf('/', at + 1)) this.#seen.add(path.slice(0, at + 1));
  }

  /** Everything that was stored before this began has been added. */
  complete(): void {
    this.#seen.add(COMPLETE);
  }

  /** @param prefix a URL with a slash at its end */
  mayHaveMembers(prefix: string): boolean {
    return !this.#seen.has(COMPLETE) || this.#seen.has(normalUrl(prefix));
  }
}
