/**
 * @module cache/parts
 * Several stored parts of one representation. The first stands with the description and lists the others,
 * which stand under keys of their own.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-3.4
 */
import type { ByteRange } from '../http/byte-range.ts';
import type { Fields } from '../http/fields.ts';
import type { StoredRange } from '../policy/message.ts';
import { isWhole, shareStrongTag } from '../policy/partial.ts';
import { type Placement, coverOf, isSame, mergeable, placePart, touches } from '../policy/parts.ts';
import { type Entry, encodeEntry, entryOf } from './entry.ts';
import { JoinedBody } from './joined-body.ts';
import type { CommitTerms, Store, StoredObject, StoreWriter } from './ports.ts';
import type { Located } from './variants.ts';

export interface PartsOptions {
  readonly store: Store;
  /** A purge means it. */
  readonly isDead: (key: string, entry: Entry) => boolean;
  readonly terms: (key: string, entry: Entry) => CommitTerms;
}

/** The parts that serve a request, as one stored response. */
export interface View {
  readonly located: Located;
  /** What was read for it, besides the description. */
  readonly read: readonly StoredObject[];
}

/** Keys to be read, for which objects come back. */
type Reading<T> = Generator<readonly string[], T, readonly (StoredObject | undefined)[]>;

/** Bytes a store may be behind before it is given time while parts are copied. */
const MAX_UNSTORED = 1024 * 1024;

export class Parts {
  readonly #store: Store;
  readonly #options: PartsOptions;

  constructor(options: PartsOptions) {
    this.#store = options.store;
    this.#options = options;
  }

  /** @param urlKey under which purges know it */
  async view(urlKey: string, first: Located, request: Fields): Promise<View> {
    const reading = this.#assemble(urlKey, first, request);
    let step = reading.next();
    while (step.done !== true) step = reading.next(await Promise.all(step.value.map((key) => this.#store.get(key))));
    return step.value;
  }

  /** As view(), at once; of a store that is in memory. */
  peek(urlKey: string, first: Located, request: Fields): View {
    const reading = this.#assemble(urlKey, first, request);
    let step = reading.next();
    while (step.done !== true) step = reading.next(step.value.map((key) => this.#store.peek!(key)));
    return step.value;
  }

  *#assemble(urlKey: string, located: Located, request: Fields): Reading<View> {
    const { entry, object } = located;
    const first = entry.range!;
    let others = entry.parts;
    for (;;) {
      const cover = coverOf(request, entry, [first, ...others], first.length);
      if (cover === undefined || (cover.parts.length === 1 && cover.parts[0] === first)) return { located, read: [] };
      const listed = cover.parts.filter((part) => part !== first);
      const objects = yield listed.map((part) => partKey(located.key, part));
      const there = new Map(listed.flatMap((part, i) => (this.#isOf(urlKey, entry, part, objects[i]) ? [[part, objects[i]!]] : [])));
      if (there.size < listed.length) {
        // The store has let go of some.
        others = others.filter((part) => !listed.includes(part) || there.has(part));
        continue;
      }
      const bodies = cover.parts.map((part) => ({ range: part, body: (there.get(part) ?? object).body }));
      const range = { ...cover.range, length: first.length };
      const view: Located = { key: located.key, entry: { ...entry, range: isWhole(range) ? undefined : range }, object: { meta: object.meta, body: bodies.length === 1 ? bodies[0]!.body : new JoinedBody(bodies) } };
      return { located: view, read: [...there.values()] };
    }
  }

  /** Of the listed parts those that are still stored. */
  async present(urlKey: string, { key, entry }: Located, wanted: (part: ByteRange) => boolean = () => true): Promise<ByteRange[]> {
    const isThere = await Promise.all(entry.parts.map(async (part) => !wanted(part) || this.#isOf(urlKey, entry, part, await this.#store.get(partKey(key, part)))));
    return entry.parts.filter((_part, i) => isThere[i]);
  }

  /** Where a newer part goes; undefined where nothing is stored that it belongs to. */
  async placement(urlKey: string, stored: Located | undefined, newer: Entry, range: StoredRange): Promise<Placement | undefined> {
    if (stored === undefined || !shareStrongTag(stored.entry.fields, newer.fields)) return undefined;
    const own = stored.entry.range;
    if (own === undefined) return stored.object.body.length === range.length ? { kind: 'covered' } : undefined;
    if (own.length !== range.length) return undefined;
    return placePart(own, await this.present(urlKey, stored, (part) => touches(part, range)), range);
  }

  /**
   * Makes one of the parts that touch the newest, where copying them costs little enough.
   * @param stored the first part, with its description as it is stored now
   */
  async merge(urlKey: string, stored: Located, newest: StoredRange): Promise<void> {
    const { key, entry } = stored;
    const first = entry.range;
    const cover = first && mergeable([first, ...entry.parts], newest, first.length);
    if (first === undefined || cover === undefined) return;
    const bodies = [];
    for (const part of cover.parts) {
      const object = part === first ? stored.object : await this.#store.get(partKey(key, part));
      if (object === undefined || (part !== first && !this.#isOf(urlKey, entry, part, object))) return;
      bodies.push({ range: part, body: object.body });
    }
    const range = { ...cover.range, length: first.length };
    const swallowed = entry.parts.filter((part) => part.first >= range.first && part.last <= range.last);
    const left = entry.parts.filter((part) => !swallowed.includes(part));
    const takesFirst = first.first >= range.first && first.last <= range.last;
    const joined = new JoinedBody(bodies);
    const to = takesFirst ? key : partKey(key, range);
    const described: Entry = { ...entry, range: takesFirst ? (isWhole(range) ? undefined : range) : first, parts: takesFirst ? left : [...left, cover.range] };
    const meta = encodeEntry(takesFirst ? described : { ...entry, range, parts: [], others: [] });
    if (!(await this.#write(to, joined.length, joined.read(0, joined.length), meta, this.#options.terms(urlKey, entry)))) return;
    if (!takesFirst && !(await this.#store.update(key, stored.object, encodeEntry(described), this.#options.terms(urlKey, described)))) {
      await this.#store.delete(to);
      return;
    }
    await this.drop(key, swallowed, takesFirst ? [] : [cover.range]);
  }

  /** The writer itself where it writes to that key, else one that does and was given the same bytes; undefined where the store takes no more. */
  async moved(writer: StoreWriter, from: string, to: string): Promise<StoreWriter | undefined> {
    if (from === to) return writer;
    const other = this.#store.put(to, writer.written);
    if (other === undefined || (await copy(chunksOf(writer), other))) return other;
    other.abort();
    return undefined;
  }

  /** Removes those that are not listed any more. */
  async drop(key: string, listed: readonly ByteRange[], kept: readonly ByteRange[]): Promise<void> {
    if (listed.length > 0) await this.remove(key, listed.filter((part) => !kept.some(({ first }) => first === part.first)));
  }

  /** How many of them were stored. */
  async remove(key: string, parts: readonly ByteRange[]): Promise<number> {
    const removed = await Promise.all(parts.map((part) => this.#store.delete(partKey(key, part))));
    return removed.filter(Boolean).length;
  }

  async #write(key: string, length: number, chunks: AsyncIterable<Buffer>, meta: Buffer, terms: CommitTerms): Promise<boolean> {
    const writer = this.#store.put(key, length);
    if (writer === undefined) return false;
    try {
      if ((await copy(chunks, writer)) && (await writer.commit(meta, terms))) return true;
    } catch {
      // What cannot be read is the store's to tell; the parts stay as they are.
    }
    writer.abort();
    return false;
  }

  /** The object is that part of that representation. */
  #isOf(urlKey: string, description: Entry, part: ByteRange, object: StoredObject | undefined): boolean {
    const entry = object && entryOf(object);
    if (entry?.range === undefined || !isSame(entry.range, part)) return false;
    return entry.range.length === description.range!.length && shareStrongTag(entry.fields, description.fields) && !this.#options.isDead(urlKey, entry);
  }
}

/** Where a part stands besides the first. */
export function partKey(key: string, { first }: ByteRange): string {
  return `${key}\n${first}`;
}

async function copy(chunks: AsyncIterable<Buffer> | Iterable<Buffer>, writer: StoreWriter): Promise<boolean> {
  for await (const chunk of chunks) {
    if (!writer.write(chunk)) return false;
    if ((writer.backlog ?? 0) >= MAX_UNSTORED) await caughtUp(writer);
  }
  return true;
}

function caughtUp(writer: StoreWriter): Promise<void> {
  return new Promise((resolve) => writer.onDrain!(() => (writer.backlog ?? 0) < MAX_UNSTORED && resolve()));
}

function* chunksOf(writer: StoreWriter): Iterable<Buffer> {
  for (let at = 0, chunk; (chunk = writer.chunkAt(at)) !== undefined; at += chunk.length) yield chunk;
}
