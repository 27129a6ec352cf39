/**
 * @module cache/variants
 * The responses stored for one URL. The first variant stands under the URL's key and lists the
 * others, which stand under keys of their own: a URL without variants costs one look-up, and its
 * list is at least as hot as the hottest variant.
 */
import { createHash } from 'node:crypto';
import { MillraceError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import { normalUrl } from '../http/normal-url.ts';
import { type Selection, SelectingFields, firstMismatch } from '../policy/vary.ts';
import type { Collections } from './collections.ts';
import { type Entry, type Variant, decodeEntry, encodeEntry } from './entry.ts';
import type { CommitTerms, Store, StoredObject, StoreWriter } from './ports.ts';
import { urlOfKey } from './key.ts';
import { scopesOf } from './scopes.ts';
import type { Stamps } from './stamps.ts';

/** An entry with where it is stored and its bytes. */
export interface Located {
  readonly key: string;
  readonly entry: Entry;
  readonly object: StoredObject;
}

export interface Lookup {
  readonly located: Located | undefined;
  /** The selecting field that rules out the last variant looked at, where there are any but none fits. */
  readonly mismatch: string | undefined;
  /** The fields that select among what is stored. */
  readonly names: readonly string[];
  /** What was read to find it. */
  readonly read: readonly StoredObject[];
  /** A soft purge has marked it stale. */
  readonly softPurged: boolean;
}

/** Where a response will stand. */
export interface Place {
  readonly key: string;
  /** Where a stored one stands that it replaces besides. */
  readonly replaces: string | undefined;
}

/** What stands under a URL's own key. */
interface First extends Located {
  readonly isDead: boolean;
}

/** What is stored for a URL, as a request selects among it. */
interface Selected {
  /** The first variant itself, or one of its list. */
  readonly best: Located | Variant | undefined;
  readonly mismatch: string | undefined;
  readonly names: readonly string[];
}

/** The last change of one URL's list. Undefined once it is settled: a Map keeps what it held for a while (see flights.ts). */
interface Change {
  settled: Promise<unknown> | undefined;
}

/** Variants kept for one URL; the oldest goes when there is one more, so that a client that sends ever new values cannot fill the store with one page. */
const MAX_VARIANTS = 32;

/** Nothing is stored for the URL, or nothing was looked for. */
export const NOTHING: Lookup = { located: undefined, mismatch: undefined, names: [], read: [], softPurged: false };

export class Variants {
  readonly #store: Store;
  readonly #stamps: Stamps;
  readonly #collections: Collections;
  readonly #keepFor: (entry: Entry) => number;
  /** Changes of one URL's list happen one after the other. */
  readonly #changes = new Map<string, Change>();

  #holdsQueries = false;
  #holdsOtherSpellings = false;

  /** @param keepFor seconds that a response can be of use */
  constructor(store: Store, stamps: Stamps, collections: Collections, keepFor: (entry: Entry) => number) {
    this.#store = store;
    this.#stamps = stamps;
    this.#collections = collections;
    this.#keepFor = keepFor;
  }

  /** Responses to QUERY were stored, whose keys a URL alone does not lead to. */
  get holdsQueries(): boolean {
    return this.#holdsQueries;
  }

  /** Responses were stored for a URL in another than its normal spelling, from which a key does not lead to it. */
  get holdsOtherSpellings(): boolean {
    return this.#holdsOtherSpellings;
  }

  /** The stored response that the request selects; of several the most recent (RFC 9111 §4.1). */
  async find(key: string, request: Fields, forwardedAs: string): Promise<Lookup> {
    const first = this.#first(key, await this.#store.get(key));
    if (first === undefined) return NOTHING;
    const selected = select(first, request, forwardedAs);
    const { best } = selected;
    return this.#found(key, first, selected, best === undefined || 'entry' in best ? best : await this.#read(best.key, key));
  }

  /** It can be looked for at once. */
  get isInMemory(): boolean {
    return this.#store.peek !== undefined;
  }

  /** As find(), at once; undefined where the store is not in memory. */
  peek(key: string, request: Fields, forwardedAs: string): Lookup | undefined {
    if (this.#store.peek === undefined) return undefined;
    const first = this.#first(key, this.#store.peek(key));
    if (first === undefined) return NOTHING;
    const selected = select(first, request, forwardedAs);
    const { best } = selected;
    return this.#found(key, first, selected, best === undefined || 'entry' in best ? best : this.#living(best.key, key, this.#store.peek(best.key)));
  }

  #found(key: string, first: Located, { mismatch, names }: Selected, located: Located | undefined): Lookup {
    const read = located === undefined || located === first ? [first.object] : [first.object, located.object];
    const softPurged = located !== undefined && this.isSoftPurged(key, located.entry);
    return { located, mismatch: located === undefined ? mismatch : undefined, names, read, softPurged };
  }

  /** All that is stored for a URL, the first variant first. */
  async list(key: string): Promise<Located[]> {
    const first = this.#first(key, await this.#store.get(key));
    if (first === undefined) return [];
    const others = (await Promise.all(first.entry.others.map((variant) => this.#read(variant.key, key)))).filter((each) => each !== undefined);
    return first.isDead ? others : [first, ...others];
  }

  /** A purge means it. */
  isDead(key: string, entry: Entry): boolean {
    // Nothing at all was purged since.
    if (entry.stamp === this.#stamps.now()) return false;
    return scopesOf(key, entry.selection.forwardedAs, entry.tags).some((scope) => this.#stamps.isDead(scope, entry.stamp));
  }

  /** A soft purge has marked it stale. */
  isSoftPurged(key: string, entry: Entry): boolean {
    if (entry.stamp === this.#stamps.now()) return false;
    return scopesOf(key, entry.selection.forwardedAs, entry.tags).some((scope) => this.#stamps.isSoftPurged(scope, entry.stamp));
  }

  /** Where a response that is selected so by that request will stand. */
  async place(key: string, selection: Selection, request: Fields): Promise<Place> {
    const first = this.#first(key, await this.#store.get(key));
    if (first === undefined) return { key, replaces: undefined };
    // A stored response with Vary would go before a newer one without, however old: the same request has both.
    const { best } = select(first, request, selection.forwardedAs);
    const replaces = selection.names.length === 0 && best !== undefined && selectionIn(best).names.length > 0 ? best.key : undefined;
    if (replaces === key || isSame(first.entry.selection, selection)) return { key, replaces };
    // Of a first one that is purged nothing counts but its list.
    const isFree = first.isDead && !first.entry.others.some((variant) => isSame(variant.selection, selection));
    return { key: isFree ? key : variantKey(key, selection), replaces };
  }

  /** Makes a written response visible at its place. False when it could not be kept. */
  async commit(key: string, place: Place, entry: Entry, writer: StoreWriter): Promise<boolean> {
    if (entry.method === 'QUERY') this.#holdsQueries = true;
    const url = urlOfKey(key);
    if (normalUrl(url) !== url) this.#holdsOtherSpellings = true;
    this.#collections.add(url);
    return this.#alone(key, async () => {
      if (this.isDead(key, entry)) return false;
      const first = this.#first(key, await this.#store.get(key));
      const isReplaced = (each: Variant): boolean => each.key === place.key || each.key === place.replaces || isSame(each.selection, entry.selection);
      const others = first?.entry.others.filter((each) => !isReplaced(each)) ?? [];
      const replaced = first?.entry.others.filter((each) => each.key !== place.key && isReplaced(each)) ?? [];
      if (place.key === key) {
        if (!(await writer.commit(encodeEntry({ ...entry, others }), this.#terms(key, entry)))) return false;
      } else {
        if (!(await writer.commit(encodeEntry(entry), this.#terms(key, entry)))) return false;
        others.push({ key: place.key, selection: entry.selection, at: entry.responseTime });
        if (others.length + 1 > MAX_VARIANTS) replaced.push(others.shift()!);
        // What no list names can never be found: it must not take up room.
        if (first === undefined || !(await this.#enlist(key, first, others, this.#keepFor(entry)))) {
          await this.#store.delete(place.key);
          return false;
        }
      }
      for (const each of replaced) await this.#store.delete(each.key);
      return true;
    });
  }

  /** Replaces the description of a stored response, where it is still stored; its body stays. */
  async update(key: string, located: Located, entry: Entry): Promise<Located | undefined> {
    return this.#alone(key, async () => {
      const current = await this.#read(located.key, key);
      if (current === undefined || !isSameArrival(current.entry, located.entry)) return undefined;
      const meta = encodeEntry({ ...entry, others: current.entry.others });
      if (!(await this.#store.update(located.key, current.object, meta, this.#terms(key, entry)))) return undefined;
      return { key: located.key, entry, object: { meta, body: located.object.body } };
    });
  }

  /** Removes all that is stored for a URL; how many responses there were. */
  async remove(key: string): Promise<number> {
    return this.#alone(key, async () => {
      const object = await this.#store.get(key);
      if (object === undefined) return 0;
      const others = this.#decode(object)?.others ?? [];
      const removed = await Promise.all([key, ...others.map((variant) => variant.key)].map((each) => this.#store.delete(each)));
      return removed.filter(Boolean).length;
    });
  }

  /** Marks one stored response as stale, so that it is validated before it is used again. */
  async invalidate(key: string, located: Located): Promise<void> {
    await this.update(key, located, { ...located.entry, invalidated: true });
  }

  #terms(key: string, entry: Entry): CommitTerms {
    return { keepFor: () => this.#keepFor(entry), stands: () => !this.isDead(key, entry) };
  }

  /** @param keepFor of the newest variant: its list must not go before it */
  #enlist(key: string, first: First, others: readonly Variant[], keepFor: number): Promise<boolean> {
    return this.#store.update(key, first.object, encodeEntry({ ...first.entry, others }), { keepFor: () => keepFor, stands: () => true });
  }

  async #read(key: string, urlKey: string): Promise<Located | undefined> {
    return this.#living(key, urlKey, await this.#store.get(key));
  }

  #living(key: string, urlKey: string, object: StoredObject | undefined): Located | undefined {
    const located = this.#locate(key, object);
    return located === undefined || this.isDead(urlKey, located.entry) ? undefined : located;
  }

  /** What stands under the URL's own key: while it is stored its list counts, also where a purge means it alone. */
  #first(key: string, object: StoredObject | undefined): First | undefined {
    const located = this.#locate(key, object);
    return located && { ...located, isDead: this.isDead(key, located.entry) };
  }

  #locate(key: string, object: StoredObject | undefined): Located | undefined {
    const entry = object && this.#decode(object);
    return object === undefined || entry === undefined ? undefined : { key, entry, object };
  }

  /** Undefined for bytes that cannot be read: they count as not stored. */
  #decode(object: StoredObject): Entry | undefined {
    try {
      return decodeEntry(object.meta);
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'ERR_STORED_FORMAT') return undefined;
      throw error;
    }
  }

  async #alone<T>(key: string, change: () => Promise<T>): Promise<T> {
    const before = this.#changes.get(key)?.settled;
    const settled = before === undefined ? change() : before.then(change, change);
    const mine: Change = { settled };
    this.#changes.set(key, mine);
    try {
      return await settled;
    } finally {
      mine.settled = undefined;
      if (this.#changes.get(key) === mine) this.#changes.delete(key);
    }
  }

}

/**
 * Of several the most recent. Those that state what selects them go before those that do not: an origin
 * may leave Vary out of its default response alone.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.1
 */
function select(first: First, request: Fields, forwardedAs: string): Selected {
  const fields = new SelectingFields(request);
  let mismatch = first.isDead ? undefined : firstMismatch(first.entry.selection, fields, forwardedAs);
  let best: Located | Variant | undefined = first.isDead || mismatch !== undefined ? undefined : first;
  if (first.entry.others.length === 0) return { best, mismatch, names: first.entry.selection.names.toSorted() };
  const names = new Set(first.entry.selection.names);
  for (const variant of first.entry.others) {
    for (const name of variant.selection.names) names.add(name);
    const differs = firstMismatch(variant.selection, fields, forwardedAs);
    if (differs !== undefined) mismatch = differs;
    else if (best === undefined || isBetter(variant, best)) best = variant;
  }
  return { best, mismatch, names: [...names].sort() };
}

function isBetter(variant: Variant, than: Located | Variant): boolean {
  const [varies, othersVary] = [variant.selection.names.length > 0, selectionIn(than).names.length > 0];
  return varies === othersVary ? variant.at > ('entry' in than ? than.entry.responseTime : than.at) : varies;
}

function selectionIn(each: Located | Variant): Selection {
  return 'entry' in each ? each.entry.selection : each.selection;
}

/** The entry is still the one that was looked up, not one that replaced it. */
function isSameArrival(a: Entry, b: Entry): boolean {
  return a.requestTime === b.requestTime && a.responseTime === b.responseTime && a.stamp === b.stamp;
}

/** The language of the response is a consequence of what selected it. */
function selectors({ names, values, forwardedAs }: Selection): string {
  return JSON.stringify([names, values, forwardedAs]);
}

function isSame(a: Selection, b: Selection): boolean {
  return selectors(a) === selectors(b);
}

function variantKey(key: string, selection: Selection): string {
  return `${key}\n${createHash('sha256').update(selectors(selection)).digest('base64url')}`;
}
