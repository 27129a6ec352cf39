/**
 * @module stores/shared
 * A store of this machine in front of one that many machines share. What one of them stores is a hit
 * for all. What is here carries a count of the changes that others have told of for its key, so that
 * what they replaced or removed is not taken from here. While the shared store is away, or what was
 * purged meanwhile is not known yet, the local one stands alone.
 */
import { urlOfKey } from '../cache/key.ts';
import { beginsWith } from '../http/normal-url.ts';
import type { TicketStore } from '../cache/memo.ts';
import type { PackedReader } from '../cache/packed.ts';
import type { Body, CommitTerms, Store, StoredObject, StoreWriter } from '../cache/ports.ts';
import type { StoreStats } from '../cache/store-stats.ts';
import type { Stamps } from '../cache/stamps.ts';
import { fnv1a } from '../http/hash.ts';
import { ChangesInOrder } from './changes-in-order.ts';
import { NAME, newName } from './envelope.ts';
import type { Fleet, FleetMemory } from './fleet.ts';
import { type RemoteObject, type RemoteStore, type RemoteTerms, type RemoteWriter, UNLIMITED } from './remote.ts';
import { type Changes, SharedTicket } from './shared-ticket.ts';
import { SharedWriter } from './shared-writer.ts';

/** Before a description in the local store: the counts of changes, for its key and for all, and the version in the shared store. */
const OF_ALL = 4;
const VERSION = 8;
const PREFIX = VERSION + NAME;
const NOT_SHARED = Buffer.alloc(NAME);
/** Bytes of a body that is handed on as it was read; a longer one is read again from where it was put. */
const SMALL = 64 * 1024;
/** Milliseconds that a change of the shared store may hold up who asked for it; it goes on. */
const PATIENCE = 200;
/** Milliseconds that a clear waits for the shared store; what is left is dead by its stamp. */
const CLEAR_PATIENCE = 1000;
/** Prefixes that are looked for in what comes from the shared store; with more, the oldest stands for everything. */
const MOST_RULES = 256;

const LATE = Symbol('late');

class SharedObject implements StoredObject {
  readonly meta: Buffer;
  readonly body: StoredObject['body'];
  /** In the shared store. */
  readonly version: Buffer;
  /** Where it was read from the local store, and the changes that were known then. */
  readonly local: { readonly object: StoredObject; readonly cell: number; readonly changes: Changes } | undefined;

  constructor(object: StoredObject, meta: Buffer, version: Buffer, local: SharedObject['local']) {
    this.meta = meta;
    this.body = object.body;
    this.version = version;
    this.local = local;
  }
}

export interface SharedStoreOptions {
  readonly local: TicketStore;
  readonly remote: RemoteStore;
  readonly stamps: Stamps;
  readonly fleet: Fleet;
}

export class SharedStore implements Store {
  readonly name = 'shared';
  readonly #local: TicketStore;
  readonly #remote: RemoteStore;
  readonly #stamps: Stamps;
  readonly #fleet: Fleet;
  readonly #memory: FleetMemory;
  /** Of what the shared store has. */
  readonly #changes = new ChangesInOrder();
  readonly #promoting = new Set<string>();
  /** What lies in the shared store under a lower number and such a URL was purged. */
  readonly #rules: { prefix: string; number: number }[] = [];
  #localHits = 0;
  #remoteHits = 0;

  constructor({ local, remote, stamps, fleet }: SharedStoreOptions) {
    this.#local = local;
    this.#remote = remote;
    this.#stamps = stamps;
    this.#fleet = fleet;
    this.#memory = fleet.memory;
  }

  async get(key: string): Promise<SharedObject | undefined> {
    const near = await this.#near(key);
    if (near !== undefined) {
      this.#localHits++;
      return near;
    }
    if (!this.#memory.isInSync) return undefined;
    const changes = this.#changesAt(this.#memory.cellOf(key));
    const changing = this.#changes.last(key);
    if (changing !== undefined && (await within(changing, PATIENCE)) === LATE) return undefined;
    const far = await this.#remote.get(key);
    // It may have been away meanwhile.
    if (far === undefined || !this.#memory.isInSync || this.#isForgotten(key, far.number)) return undefined;
    // Numbers given here from now on are above the one that it carries.
    this.#stamps.lift(far.number);
    this.#remoteHits++;
    await this.#promote(key, far, changes);
    const promoted = far.body.length > SMALL ? await this.#near(key) : undefined;
    return promoted?.version.equals(far.version) === true ? promoted : new SharedObject(far, far.meta, far.version, undefined);
  }

  put(key: string, expectedLength: number | undefined): StoreWriter | undefined {
    const local = this.#local.put(key, expectedLength);
    if (local === undefined) return undefined;
    const remote = this.#memory.isInSync ? this.#remote.put(key, expectedLength) : undefined;
    return new SharedWriter(local, remote, (meta, terms, taken) => this.#commit(key, meta, terms, local, taken));
  }

  async update(key: string, previous: StoredObject, meta: Buffer, terms?: CommitTerms): Promise<boolean> {
    if (!(previous instanceof SharedObject)) return false;
    const description = Buffer.from(meta);
    const next = newName();
    const describe = async (): Promise<boolean> => {
      const reached = await this.#reached(terms);
      const isDescribed = reached !== undefined && (await this.#remote.describe(key, previous.version, next, description, reached));
      if (isDescribed) this.#changed(key, next);
      return isDescribed;
    };
    const { local } = previous;
    if (local !== undefined && (await this.#local.update(key, local.object, prefixed(local.changes, next, description)))) {
      if (!previous.version.equals(NOT_SHARED)) this.#changes.runLater(key, describe);
      return true;
    }
    const isDescribed = (await within(this.#changes.run(key, describe), PATIENCE)) === true;
    // What went to the local store meanwhile has the old description.
    if (isDescribed) await this.#local.delete(key);
    return isDescribed;
  }

  async delete(key: string): Promise<boolean> {
    const near = await this.#local.delete(key);
    const far = await within(this.#changes.run(key, () => this.#deleteFar(key)), PATIENCE);
    // What was read from the shared store meanwhile may have gone to the local one.
    await this.#local.delete(key);
    return near || far === true;
  }

  async clear(): Promise<number> {
    const near = await this.#local.clear();
    // What is left of it in the shared store is not there any more for this process.
    this.#stamps.lift(this.#stamps.now() + 1);
    this.forget('', this.#stamps.now());
    await within(this.idle(), PATIENCE);
    const far = this.#memory.isInSync ? await within(this.#remote.clear(), CLEAR_PATIENCE) : undefined;
    await this.#local.clear();
    return Math.max(near, typeof far === 'number' ? far : 0);
  }

  /** Those of the local store: what is in the shared one alone is found by its key, and not listed. */
  keys(): AsyncIterable<string> | Iterable<string> {
    return this.#local.keys();
  }

  stats(): StoreStats {
    const local = this.#local.stats();
    const near = local.tiers ?? [{ ...local, hits: this.#localHits }];
    const { peer, ...remote } = this.#remote.stats();
    const far = { ...remote, hits: this.#remoteHits, ...(peer && { peer: { ...peer, isThere: peer.isThere && this.#memory.isInSync } }) };
    const { latency: _latency, ...figures } = local;
    return { ...figures, name: this.name, hits: this.#localHits + this.#remoteHits, tiers: [...near, far] };
  }

  /** Resolves when what was stored here until now lies in the shared store, or does not. */
  async idle(): Promise<void> {
    await this.#changes.idle();
  }

  async close(): Promise<void> {
    await within(this.idle(), PATIENCE);
    await this.#remote.close();
    await this.#local.close();
  }

  /** What lies in the shared store under a lower number, and belongs to a URL that begins so, is not there any more. */
  forget(prefix: string, number: number): void {
    this.#rules.push({ prefix, number });
    if (this.#rules.length <= MOST_RULES) return;
    this.#rules.sort((a, b) => a.number - b.number);
    const [oldest] = this.#rules.splice(0, 1);
    this.#rules[0] = { prefix: '', number: Math.max(oldest!.number, this.#rules[0]!.number) };
  }

  ticket(object: StoredObject): SharedTicket | undefined {
    if (!(object instanceof SharedObject) || object.local === undefined) return undefined;
    const { object: held, cell, changes } = object.local;
    const local = this.#local.ticket(held);
    return local && new SharedTicket(local, cell, changes);
  }

  readTicket(reader: PackedReader): SharedTicket {
    return SharedTicket.read(reader, (rest) => this.#local.readTicket(rest));
  }

  touch(ticket: SharedTicket): boolean {
    return this.#isUnchanged(ticket) && this.#local.touch(ticket.local);
  }

  bodyOf(ticket: SharedTicket): Body | undefined {
    return this.#isUnchanged(ticket) ? this.#local.bodyOf(ticket.local) : undefined;
  }

  get lendable(): number {
    return this.#local.lendable ?? 0;
  }

  lend(bytes: number): boolean {
    return this.#local.lend(bytes);
  }

  giveBack(bytes: number): void {
    this.#local.giveBack(bytes);
  }

  #isUnchanged({ cell, changes }: SharedTicket): boolean {
    return this.#memory.changesAt(cell) === changes.own && this.#memory.changesOfAll === changes.ofAll;
  }

  #changesAt(cell: number): Changes {
    return { own: this.#memory.changesAt(cell), ofAll: this.#memory.changesOfAll };
  }

  #changed(key: string, version: Buffer): void {
    this.#fleet.changed({ hash: fnv1a(key), version: version.readUInt32LE() });
  }

  /** What the local store has, where no other machine has changed it. */
  async #near(key: string): Promise<SharedObject | undefined> {
    const cell = this.#memory.cellOf(key);
    const changes = this.#changesAt(cell);
    const held = await this.#local.get(key);
    if (held === undefined) return undefined;
    const { meta } = held;
    const version = meta.subarray(VERSION, PREFIX);
    const isCurrent = meta.readInt32LE(OF_ALL) === changes.ofAll && (meta.readInt32LE() === changes.own || this.#memory.isLatest(cell, version.readUInt32LE()));
    if (isCurrent) return new SharedObject(held, meta.subarray(PREFIX), version, { object: held, cell, changes });
    await this.#local.delete(key);
    return undefined;
  }

  async #promote(key: string, far: RemoteObject, changes: Changes): Promise<void> {
    if (this.#promoting.has(key)) return;
    const writer = this.#local.put(key, far.body.length);
    if (writer === undefined) return;
    this.#promoting.add(key);
    try {
      for (const chunk of far.body) if (!writer.write(chunk)) return;
      await writer.commit(prefixed(changes, far.version, far.meta));
    } finally {
      writer.abort();
      this.#promoting.delete(key);
    }
  }

  /** @param remote took all of it too */
  async #commit(key: string, meta: Buffer, terms: CommitTerms | undefined, local: StoreWriter, remote: RemoteWriter | undefined): Promise<boolean> {
    const description = Buffer.from(meta);
    const kept = await local.commit(prefixed(this.#changesAt(this.#memory.cellOf(key)), remote?.version ?? NOT_SHARED, description));
    if (!kept) remote?.abort();
    else {
      this.#changes.runLater(key, async () => {
        const reached = remote && (await this.#reached(terms));
        const isShared = reached !== undefined && (await remote!.commit(description, reached));
        remote?.abort();
        if (isShared) this.#changed(key, remote!.version);
        // What was there before must not outlive it.
        else if (this.#memory.isInSync) await this.#deleteFar(key);
      });
    }
    return kept;
  }

  /** What is to be stored may be judged by others from now on; undefined where it cannot. */
  async #reached(terms: CommitTerms | undefined): Promise<RemoteTerms | undefined> {
    await this.#fleet.settle();
    const number = this.#stamps.now();
    if (!this.#memory.isInSync || number > this.#memory.number) return undefined;
    return { ...(terms ?? UNLIMITED), number };
  }

  async #deleteFar(key: string): Promise<boolean> {
    const isDeleted = await this.#remote.delete(key);
    if (isDeleted) this.#changed(key, NOT_SHARED);
    return isDeleted;
  }

  #isForgotten(key: string, number: number): boolean {
    return this.#rules.some((rule) => number < rule.number && (rule.prefix === '' || beginsWith(urlOfKey(key), rule.prefix)));
  }
}

function prefixed({ own, ofAll }: Changes, version: Buffer, meta: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX + meta.length);
  bytes.writeInt32LE(own);
  bytes.writeInt32LE(ofAll, OF_ALL);
  version.copy(bytes, VERSION);
  meta.copy(bytes, PREFIX);
  return bytes;
}

/** What it resolves to; LATE where it takes longer. It goes on all the same. */
async function within<T>(promise: Promise<T>, limit: number): Promise<T | typeof LATE> {
  const { promise: late, resolve } = Promise.withResolvers<typeof LATE>();
  const timer = setTimeout(() => resolve(LATE), limit).unref();
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
