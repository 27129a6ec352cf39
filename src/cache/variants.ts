/**
 * @module cache/variants
 * The responses stored for one URL. The first variant stands under the URL's key and lists the
 * others, which stand under keys of their own: a URL without variants costs one look-up, and its
 * list is at least as hot as the hottest variant.
 */
import type { ByteRange } from '../http/byte-range.ts';
import type { Fields } from '../http/fields.ts';
import { normalUrl } from '../http/normal-url.ts';
import type { StoredRange } from '../policy/message.ts';
import { isWhole } from '../policy/partial.ts';
import { updatedFields } from '../policy/validate.ts';
import type { Selection } from '../policy/vary.ts';
import { Changes } from './changes.ts';
import type { Collections } from './collections.ts';
import { type Entry, type Variant, encodeEntry, entryOf } from './entry.ts';
import { Parts, type View, partKey } from './parts.ts';
import type { CommitTerms, Store, StoredObject, StoreWriter } from './ports.ts';
import { urlOfKey } from './key.ts';
import { scopesOf } from './scopes.ts';
import { type First, type Selected, isSame, select, selectionIn, variantKey } from './selected.ts';
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

/** Variants kept for one URL; the oldest goes when there is one more, so that a client that sends ever new values cannot fill the store with one page. */
const MAX_VARIANTS = 32;

/** Nothing is stored for the URL, or nothing was looked for. */
export const NOTHING: Lookup = { located: undefined, mismatch: undefined, names: [], read: [], softPurged: false };

export class Variants {
  readonly #store: Store;
  readonly #stamps: Stamps;
  readonly #collections: Collections;
  readonly #keepFor: (entry: Entry) => number;
  readonly #parts: Parts;
  /** Changes of what is stored for one URL. */
  readonly #changes = new Changes();

  #holdsQueries = false;
  #holdsOtherSpellings = false;

  /** @param keepFor seconds that a response can be of use */
  constructor(store: Store, stamps: Stamps, collections: Collections, keepFor: (entry: Entry) => number) {
    this.#store = store;
    this.#stamps = stamps;
    this.#collections = collections;
    this.#keepFor = keepFor;
    this.#parts = new Parts({ store, isDead: (key, entry) => this.isDead(key, entry), terms: (key, entry) => this.#terms(key, entry) });
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
    const located = best === undefined || 'entry' in best ? best : await this.#read(best.key, key);
    return this.#found(key, first, selected, located, located && hasParts(located) ? await this.#parts.view(key, located, request) : undefined);
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
    const located = best === undefined || 'entry' in best ? best : this.#living(best.key, key, this.#store.peek(best.key));
    return this.#found(key, first, selected, located, located && hasParts(located) ? this.#parts.peek(key, located, request) : undefined);
  }

  #found(key: string, first: Located, { mismatch, names }: Selected, located: Located | undefined, view: View | undefined): Lookup {
    const read = located === undefined || located === first ? [first.object] : [first.object, located.object];
    if (view !== undefined) read.push(...view.read);
    const softPurged = located !== undefined && this.isSoftPurged(key, located.entry);
    return { located: view?.located ?? located, mismatch: located === undefined ? mismatch : undefined, names, read, softPurged };
  }

  /** All that is stored for a URL, the first variant first; of those in parts, the parts that are still stored. */
  async list(key: string): Promise<Located[]> {
    const first = this.#first(key, await this.#store.get(key));
    if (first === undefined) return [];
    const others = (await Promise.all(first.entry.others.map((variant) => this.#read(variant.key, key)))).filter((each) => each !== undefined);
    return Promise.all((first.isDead ? others : [first, ...others]).map(async (each) => (hasParts(each) ? { ...each, entry: { ...each.entry, parts: await this.#parts.present(key, each) } } : each)));
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

  /** Before it is stored: what is true of all that is stored. */
  #know(key: string, entry: Entry): void {
    if (entry.method === 'QUERY') this.#holdsQueries = true;
    const url = urlOfKey(key);
    if (normalUrl(url) !== url) this.#holdsOtherSpellings = true;
    this.#collections.add(url);
  }

  /** Makes a written response visible at its place. False when it could not be kept. */
  async commit(key: string, place: Place, entry: Entry, writer: StoreWriter): Promise<boolean> {
    this.#know(key, entry);
    return this.#changes.run(key, () => this.#commit(key, place, entry, writer));
  }

  async #commit(key: string, place: Place, entry: Entry, writer: StoreWriter): Promise<boolean> {
    if (this.isDead(key, entry)) return false;
    const first = this.#first(key, await this.#store.get(key));
    const isReplaced = (each: Variant): boolean => each.key === place.key || each.key === place.replaces || isSame(each.selection, entry.selection);
    const others = first?.entry.others.filter((each) => !isReplaced(each)) ?? [];
    const replaced = first?.entry.others.filter((each) => each.key !== place.key && isReplaced(each)) ?? [];
    const before = place.key === key ? first : first?.entry.others.some((each) => each.key === place.key) ? this.#locate(place.key, await this.#store.get(place.key)) : undefined;
    if (place.key === key) {
      if (!(await writer.commit(encodeEntry({ ...entry, others }), this.#terms(key, entry)))) return false;
    } else {
      if (!(await writer.commit(encodeEntry(entry), this.#terms(key, entry)))) return false;
      others.push({ key: place.key, selection: entry.selection, at: entry.responseTime });
      if (others.length + 1 > MAX_VARIANTS) replaced.push(others.shift()!);
      // What no list names can never be found: it must not take up room.
      if (first === undefined || !(await this.#enlist(key, first, others, this.#keepFor(entry)))) {
        await this.#store.delete(place.key);
        await this.#parts.remove(place.key, before?.entry.parts ?? []);
        return false;
      }
    }
    await this.#parts.drop(place.key, before?.entry.parts ?? [], entry.parts);
    for (const each of replaced) await this.#delete(each.key);
    return true;
  }

  /** The key under which a part is best written; see commitPart(). */
  async placeOfPart(key: string, place: Place, entry: Entry, range: StoredRange): Promise<string> {
    const placement = await this.#parts.placement(key, await this.#read(place.key, key), entry, range);
    return placement === undefined || placement.kind === 'first' ? place.key : partKey(place.key, range);
  }

  /**
   * Makes a written part visible, beside those that are stored of the same representation. A part that has
   * nothing new only freshens what is stored. Parts of another representation go.
   * @param entry describes the whole
   * @param at the key that the writer writes to
   */
  async commitPart(key: string, place: Place, entry: Entry, range: StoredRange, writer: StoreWriter, at: string): Promise<boolean> {
    this.#know(key, entry);
    return this.#changes.run(key, async () => {
      if (this.isDead(key, entry)) return false;
      const stored = await this.#read(place.key, key);
      const placement = await this.#parts.placement(key, stored, entry, range);
      const described: Entry = stored === undefined || placement === undefined ? entry : { ...entry, fields: updatedFields(stored.entry.fields, entry.fields, []) };
      if (placement?.kind === 'covered') {
        await this.#describe(key, stored!, described);
        return false;
      }
      const to = placement?.kind === 'other' ? partKey(place.key, range) : place.key;
      const moved = await this.#parts.moved(writer, at, to);
      if (moved === undefined) return false;
      const isStored =
        placement?.kind === 'other'
          ? await this.#addPart(key, stored!, { ...described, range }, placement.others, moved)
          : await this.#commit(key, place, { ...described, range: isWhole(range) ? undefined : range, parts: placement?.others ?? [] }, moved);
      if (!isStored) {
        if (moved !== writer) moved.abort();
        return false;
      }
      const first = await this.#read(place.key, key);
      if (first !== undefined) await this.#parts.merge(key, first, range);
      return true;
    });
  }

  /** @param parts besides the first, with that one */
  async #addPart(key: string, first: Located, part: Entry, parts: readonly ByteRange[], writer: StoreWriter): Promise<boolean> {
    if (!(await writer.commit(encodeEntry({ ...part, others: [] }), this.#terms(key, part)))) return false;
    const isListed = await this.#describe(key, first, part, parts);
    if (isListed) await this.#parts.drop(first.key, first.entry.parts, parts);
    else await this.#parts.remove(first.key, [part.range!]);
    return isListed;
  }

  /** Replaces the description of what is stored, but not what says where its bytes are. */
  #describe(key: string, { key: place, entry: { range, parts, others }, object }: Located, entry: Entry, newParts: readonly ByteRange[] = parts): Promise<boolean> {
    return this.#store.update(place, object, encodeEntry({ ...entry, range, parts: newParts, others }), this.#terms(key, entry));
  }

  /** Replaces the description of a stored response, where it is still stored; its body stays. */
  async update(key: string, located: Located, entry: Entry): Promise<Located | undefined> {
    return this.#changes.run(key, async () => {
      const current = await this.#read(located.key, key);
      if (current === undefined || !isSameArrival(current.entry, located.entry)) return undefined;
      return (await this.#describe(key, current, entry)) ? { ...located, entry } : undefined;
    });
  }

  /** Removes all that is stored for a URL; how many responses there were. */
  async remove(key: string): Promise<number> {
    return this.#changes.run(key, async () => {
      const object = await this.#store.get(key);
      if (object === undefined) return 0;
      const others = entryOf(object)?.others ?? [];
      const removed = await Promise.all([key, ...others.map((variant) => variant.key)].map((each) => this.#delete(each)));
      return removed.reduce((sum, count) => sum + count, 0);
    });
  }

  /** Removes a variant with all its parts; how many stored responses that were. */
  async #delete(key: string): Promise<number> {
    const object = await this.#store.get(key);
    if (object === undefined) return 0;
    const parts = await this.#parts.remove(key, entryOf(object)?.parts ?? []);
    return (await this.#store.delete(key)) ? 1 + parts : parts;
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
    const entry = object && entryOf(object);
    return object === undefined || entry === undefined ? undefined : { key, entry, object };
  }
}

function hasParts({ entry }: Located): boolean {
  return entry.parts.length > 0;
}

/** The entry is still the one that was looked up, not one that replaced it. */
function isSameArrival(a: Entry, b: Entry): boolean {
  return a.requestTime === b.requestTime && a.responseTime === b.responseTime && a.stamp === b.stamp;
}
