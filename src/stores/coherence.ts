/**
 * @module stores/coherence
 * Keeps the stamps of this process the same as those of all machines that share a store. It asks the
 * journal in the store four times a second, and at once when something was purged here: tells what
 * was, and applies what others have told. While the journal is away, purges are in force here, and
 * owed; when it is back, what was missed is applied before anything in the shared store counts again.
 *
 * Numbers. A purge here is in force at once under a number of this process alone; the journal then
 * gives it one on the line of all. What was asked for under a number goes into the shared store only
 * when all purges up to that number have been applied here: so whoever reads it there can judge it by
 * the purges they know.
 */
import type { Stamps } from '../cache/stamps.ts';
import type { Change, Fleet, FleetMemory } from './fleet.ts';
import { type Journal, LAST_NUMBER, MOST_TOLD, type Notice, type Told } from './journal.ts';

/** Milliseconds between two exchanges. */
const INTERVAL = 250;
/** Milliseconds after which a journal that does not answer counts as away. */
const PATIENCE = 750;
/** Raised cells and purged prefixes that are told again where the journal has lost its memory; the latest. */
const MOST_KNOWN = 10_000;
/** Changes that wait to be told; of more than these, everything counts as changed. */
const MOST_CHANGED = 1 << 16;
const HASH = 4;
const CHANGE = 2 * HASH;
/** Before the first change. */
const BEGINNING = '0-0';

export interface PrefixPurge {
  readonly prefix: string;
  readonly soft: boolean;
  /** What lies in the shared store with a lower one is gone. */
  readonly number: number;
  /** This very process has purged it. */
  readonly isOwn: boolean;
}

export interface CoherenceOptions {
  readonly journal: Journal;
  /** Of this process; what is applied to them is not told to the journal again. */
  readonly stamps: Stamps;
  readonly memory: FleetMemory;
  /** Has to be in force here when it resolves. */
  readonly onPrefix: (purge: PrefixPurge) => Promise<void>;
  readonly onNotice: (text: string) => void;
}

export class Coherence implements Fleet {
  readonly memory: FleetMemory;
  readonly #journal: Journal;
  readonly #stamps: Stamps;
  readonly #onPrefix: CoherenceOptions['onPrefix'];
  readonly #onNotice: CoherenceOptions['onNotice'];
  /** Purged here, and not told yet. */
  readonly #owed = new Set<Notice>();
  /** Told by anybody, the latest last. */
  readonly #known = new Set<Notice>();
  #changed: Change[] = [];
  /** All up to this number was seen. */
  #seen = 0;
  /** Notices above this number are asked for next. */
  #since = 0;
  #position: string | undefined;
  #id: string | undefined;
  #round: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #succeededAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor({ journal, stamps, memory, onPrefix, onNotice }: CoherenceOptions) {
    this.#journal = journal;
    this.#stamps = stamps;
    this.memory = memory;
    this.#onPrefix = onPrefix;
    this.#onNotice = onNotice;
    this.#schedule();
  }

  /** A cell of the stamps was raised here. */
  raised(cell: number): void {
    this.#owe(`c${cell}`);
  }

  /** What begins so was purged here; it is in force here for the shared store when it was told. */
  announce(prefix: string, soft: boolean): void {
    this.#owe(`${soft ? 's' : 'p'}${prefix}`);
  }

  changed(change: Change): void {
    if (this.#changed.length <= MOST_CHANGED) this.#changed.push(change);
  }

  async settle(): Promise<void> {
    if (this.memory.isInSync && (this.#owed.size > 0 || this.#stamps.now() > this.memory.number)) await this.sync();
  }

  /** The store was connected to, perhaps anew. */
  async reconnected(): Promise<void> {
    // A server that took the place of another may have lost what was seen, and given its numbers again.
    this.#since = 0;
    await this.sync();
  }

  /** Resolves after an exchange that began now or later. */
  sync(): Promise<void> {
    if (this.#round === undefined) {
      this.#round = this.#exchangeAll().finally(() => (this.#round = undefined));
      return this.#round;
    }
    this.#next ??= this.#round.then(() => {
      this.#next = undefined;
      return this.sync();
    });
    return this.#next;
  }

  async close(): Promise<void> {
    if (this.memory.isInSync && this.#owed.size > 0) await this.sync();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.memory.isInSync = false;
  }

  #owe(notice: Notice): void {
    this.#owed.add(notice);
    if (this.memory.isInSync) void this.sync();
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      if (performance.now() - this.#succeededAt > PATIENCE) this.memory.isInSync = false;
      void this.sync().then(() => this.#schedule());
    }, INTERVAL).unref();
  }

  /** Until all is told and applied. */
  async #exchangeAll(): Promise<void> {
    for (let isDone = false, isCaughtUp = this.memory.isInSync; !isDone && !this.#isClosed; ) {
      // What others did first is seen first: then one exchange both tells and shows that nothing is missing.
      const notices = isCaughtUp ? [...this.#owed].slice(0, MOST_TOLD) : [];
      const changed = this.#changed;
      this.#changed = [];
      const told = await this.#exchange(notices, changed);
      if (told === undefined) {
        if (this.#changed.length + changed.length <= MOST_CHANGED) this.#changed.push(...changed);
        if (performance.now() - this.#succeededAt > PATIENCE) this.memory.isInSync = false;
        return;
      }
      isDone = await this.#apply(told, notices);
      isCaughtUp = !told.isMore;
    }
    if (this.#isClosed) return;
    this.#succeededAt = performance.now();
    this.memory.isInSync = true;
  }

  async #exchange(notices: readonly Notice[], changed: readonly Change[]): Promise<Told | undefined> {
    const isAll = changed.length > MOST_CHANGED;
    const bytes = Buffer.alloc(isAll ? 1 : changed.length * CHANGE);
    if (!isAll) for (const [i, { hash, version }] of changed.entries()) bytes.writeUInt32LE(version, bytes.writeUInt32LE(hash, i * CHANGE));
    const told = await this.#journal.exchange({ since: this.#since, atLeast: this.#stamps.now(), notices, position: this.#position, changed: bytes });
    if (told === undefined || told.number < LAST_NUMBER) return told;
    this.#onNotice('the numbers of purges in the shared store are used up, and it is not used any more. Remove the keys that begin with its prefix and j{ to begin anew.');
    this.#isClosed = true;
    this.memory.isInSync = false;
    return undefined;
  }

  /** False where there is more to ask for. */
  async #apply(told: Told, notices: readonly Notice[]): Promise<boolean> {
    const { missed, number } = told;
    const isNewLine = this.#id !== undefined && told.id !== this.#id;
    // What the journal has lost is told to it again.
    if (isNewLine || told.before < this.#seen) for (const notice of this.#known) this.#owed.add(notice);
    this.#id = told.id;
    if (isNewLine) {
      this.#seen = 0;
      this.#since = 0;
      this.#position = BEGINNING;
      return false;
    }
    for (const { notice, number: at } of missed) await this.#applyOne(notice, at, at <= this.#seen);
    for (const notice of notices) {
      this.#owed.delete(notice);
      this.#know(notice);
      if (!notice.startsWith('c')) await this.#onPrefix({ ...prefixOf(notice), number, isOwn: true });
    }
    if (told.hasGap) this.memory.countChangeOfAll();
    for (const changes of told.changed) this.#countChanges(changes);
    this.#position = told.position;
    this.#since = told.isMore ? missed.at(-1)!.number : number;
    if (told.isMore) return false;
    this.#seen = number;
    this.#stamps.lift(number);
    this.memory.number = number;
    return this.#owed.size === 0 && this.#stamps.now() <= number;
  }

  async #applyOne(notice: Notice, number: number, wasSeen: boolean): Promise<void> {
    if (notice.startsWith('c')) this.#stamps.apply(Number(notice.slice(1)), number, wasSeen);
    else if (!wasSeen || !this.#known.has(notice)) await this.#onPrefix({ ...prefixOf(notice), number, isOwn: false });
    this.#know(notice);
  }

  #know(notice: Notice): void {
    this.#known.delete(notice);
    this.#known.add(notice);
    if (this.#known.size > MOST_KNOWN) this.#known.delete(this.#known.values().next().value!);
  }

  #countChanges(changes: Buffer): void {
    if (changes.length % CHANGE !== 0) this.memory.countChangeOfAll();
    else for (let at = 0; at < changes.length; at += CHANGE) this.memory.countChange({ hash: changes.readUInt32LE(at), version: changes.readUInt32LE(at + HASH) });
  }
}

function prefixOf(notice: Notice): { prefix: string; soft: boolean } {
  return { prefix: notice.slice(1), soft: notice.startsWith('s') };
}
