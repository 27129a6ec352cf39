/**
 * @module cache/noted-answers
 * Answers that the engine has given, as seven numbers beside the stored object: when it was made, how
 * long it is fresh, what invalidates it, and a recipe that many objects have in common. The answer is
 * made of the object where it lies. Of a million objects most are asked for so rarely that none of
 * their bytes is near the processor; what a hit costs is then how often memory has to be waited for.
 *
 * No decision is made here. A note is kept only where what is made by it is, byte for byte, what the
 * engine has answered.
 */
import { type Entry, decodeEntry } from './entry.ts';
import { EntryLines } from './entry-lines.ts';
import type { ServedHit } from './memo.ts';
import type { Lifetime } from '../policy/freshness.ts';
import { AGE, NotedAnswer } from './noted-answer.ts';
import type { PlainRequest } from './plain-request.ts';
import { type Lying, NOTE_LENGTH, type Store } from './ports.ts';
import { type Answer, type Preparation, isSameRequest } from './prepared-answer.ts';
import { NO_RECIPE, type Recipe, Recipes } from './recipes.ts';
import type { Stamps } from './stamps.ts';

/** What an engine says of all its answers. */
export interface Noting {
  /** What policy says of a stored response. */
  readonly lifetimeOf: (entry: Entry) => Lifetime;
  /** Names of fields, in lower case, that are stored and not sent. */
  readonly withheld: readonly string[];
}

/** A store whose objects can have notes. */
export type NoteStore = Store & Required<Pick<Store, 'slotOf' | 'ticketAt' | 'annotate' | 'annotation' | 'look' | 'lying' | 'access' | 'lend' | 'giveBack'>>;

export function hasNotes(store: Store): store is NoteStore {
  return store.annotate !== undefined && store.lying !== undefined;
}

// A note.
const RECIPE = 0;
const STAMP = 1;
/** The count of purges up to which none has met it. */
const PURGES = 2;
const NOT_COMPARED = -1;
/** The slot of its URL in the stamps. */
const SCOPE = 3;
/** Seconds. */
const LIFETIME = 4;
/** And the number behind it: a double, ms since the epoch, when its age was 0. */
const MADE = 5;

/** Found by hashes; those of one set are in one line of the processor's cache, or two. */
const WAYS = 8;
/** By place: a hash, and the slot + 1 of an object that has an answer for it. */
const PLACE = 2;
const PLACE_BYTES = PLACE * Int32Array.BYTES_PER_ELEMENT;
/** Bytes of the longest answer. */
const LONGEST = 16 * 1024;
/** Bytes that answers are made in: several that are held find room. */
const SCRATCH = 2 * LONGEST;
/** Seconds that a note can hold. */
const MAX_LIFETIME = 2 ** 31 - 1;
const SECOND = 1000;

export class NotedAnswers {
  readonly #store: NoteStore;
  readonly #stamps: Stamps;
  readonly #lifetimeOf: (entry: Entry) => Lifetime;
  readonly #sets: number;
  #places = new Int32Array(0);
  readonly #lines: EntryLines;
  readonly #recipes = new Recipes();
  readonly #note = new Int32Array(NOTE_LENGTH);
  readonly #made: Float64Array = new Float64Array(1);
  readonly #madeNumbers = new Int32Array(this.#made.buffer);
  #scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH);
  /** What stands before it is held. */
  #start = 0;

  /** @param maxBytes for finding them, lent by the store; the notes are the store's */
  constructor(store: NoteStore, stamps: Stamps, maxBytes: number, { lifetimeOf, withheld }: Noting) {
    this.#store = store;
    this.#stamps = stamps;
    this.#lifetimeOf = lifetimeOf;
    this.#lines = new EntryLines(withheld);
    this.#sets = 2 ** Math.floor(Math.log2(maxBytes / (WAYS * PLACE_BYTES)));
  }

  clear(): void {
    this.#store.giveBack(this.#places.byteLength);
    this.#places = new Int32Array(0);
    this.#recipes.forget();
  }

  /** The answer to this request that the engine would give now, where one is noted. */
  find(request: PlainRequest, now: number): NotedAnswer | undefined {
    const places = this.#places;
    if (places.length === 0) return undefined;
    const start = this.#setOf(request.hash);
    for (let place = start; place < start + WAYS * PLACE; place += PLACE) {
      if (places[place] !== request.hash || places[place + 1] === 0) continue;
      const slot = places[place + 1]! - 1;
      if (!this.#store.annotation(slot, this.#note)) continue;
      const recipe = this.#recipes.get(this.#note[RECIPE]!);
      if (recipe === undefined || !isSameRequest(recipe, request)) continue;
      this.#store.look(slot);
      if (!isUnder(this.#store.lying, recipe.prefix, request)) continue;
      return this.#stands(recipe, slot, now) ? this.#make(recipe, now) : undefined;
    }
    return undefined;
  }

  /** Notes the answer, where that can be done, and returns it. */
  keep(request: PlainRequest, hit: ServedHit, preparation: Preparation): Answer | undefined {
    const { tickets, decidingCount, lifetime, start, head } = preparation;
    const [ticket] = tickets;
    if (tickets.length !== 1 || decidingCount > 0 || start !== 0 || !Number.isInteger(lifetime.seconds) || lifetime.seconds > MAX_LIFETIME) return undefined;
    // Making room may drop the object.
    const slot = this.#hasPlaces() ? this.#store.slotOf(ticket!) : undefined;
    if (slot === undefined) return undefined;
    const note = this.#note;
    if (this.#store.annotation(slot, note)) {
      const recipe = this.#recipes.get(note[RECIPE]!);
      // It is for other requests, and stays.
      if (recipe !== undefined && !isSameRequest(recipe, request)) return undefined;
    }
    this.#made[0] = preparation.preparedAt - preparation.age;
    // Another thread may have purged it since it was looked for.
    note.set([NO_RECIPE, preparation.stamp, NOT_COMPARED, preparation.slots[0]!, lifetime.seconds, this.#madeNumbers[0]!, this.#madeNumbers[1]!]);
    this.#store.look(slot);
    note[RECIPE] = this.#recipes.numberFor(preparation, this.#store.lying);
    const answer = note[RECIPE] === NO_RECIPE ? undefined : this.#make(this.#recipes.get(note[RECIPE])!, hit.now);
    const isSame = answer !== undefined && hit.now >= this.#lines.responseTime && answer.head() === headAt(preparation, head);
    if (!isSame) note[RECIPE] = NO_RECIPE;
    this.#store.annotate(slot, note);
    if (!isSame) return undefined;
    this.#place(request.hash, slot);
    return answer;
  }

  /** All that the note in hand rests on is still so. */
  #stands({ slots }: Recipe, slot: number, now: number): boolean {
    const note = this.#note;
    if (now >= this.#madeAt() + note[LIFETIME]! * SECOND) return false;
    const { purges } = this.#stamps;
    if (note[PURGES] !== purges) {
      if (this.#stamps.isRaised(note[SCOPE]!, note[STAMP]!)) return false;
      for (let i = 0; i < slots.length; i++) if (this.#stamps.isRaised(slots[i]!, note[STAMP]!)) return false;
      note[PURGES] = purges;
      this.#store.annotate(slot, note);
    }
    this.#store.access(slot);
    return true;
  }

  #madeAt(): number {
    this.#madeNumbers[0] = this.#note[MADE]!;
    this.#madeNumbers[1] = this.#note[MADE + 1]!;
    return this.#made[0]!;
  }

  /** The answer by the note in hand, of the object that was looked at; undefined where it cannot be made, or the clock was set back. */
  #make(recipe: Recipe, now: number): NotedAnswer | undefined {
    const { bytes, meta, body, end } = this.#store.lying;
    const target = this.#scratch;
    const start = this.#start;
    const age = now - this.#madeAt();
    let at = put(recipe.statusLine, target, start);
    at = this.#lines.write(bytes, meta, body, target, at);
    const linesEnd = at;
    const length = end - body;
    if (at === -1 || now < this.#lines.responseTime) return undefined;
    // Of three numbers none has more than 16 digits.
    if (at + AGE.length + recipe.untilTtl.length + recipe.rest.length + recipe.afterLength.length + 48 + length > start + LONGEST) return undefined;
    at = put(AGE, target, at);
    at = putNumber(Math.floor(age / SECOND), target, at);
    at = put(recipe.untilTtl, target, at);
    at = putNumber(Math.floor((this.#note[LIFETIME]! * SECOND - age) / SECOND), target, at);
    at = put(recipe.rest, target, at);
    at = putNumber(length, target, at);
    at = put(recipe.afterLength, target, at);
    bytes.copy(target, at, body, end);
    return new NotedAnswer(this, recipe, target, start, linesEnd, at, at + length, age);
  }

  /** The bytes before `end` are held on to. */
  letGo(scratch: Buffer, end: number): void {
    if (this.#scratch !== scratch) return;
    this.#start = Math.max(this.#start, end);
    if (this.#start + LONGEST <= SCRATCH) return;
    this.#scratch = Buffer.allocUnsafeSlow(SCRATCH);
    this.#start = 0;
  }

  /** What the answer that was found last rests on. */
  ground(slots: readonly number[]): Pick<Preparation, 'stamp' | 'slots' | 'tickets'> {
    return { stamp: this.#note[STAMP]!, slots: [this.#note[SCOPE]!, ...slots], tickets: [this.#store.ticketAt(this.#store.lying.slot)] };
  }

  /** The lifetime of the object that was looked at last, and the target it was asked for by. */
  describe({ prefix }: Recipe): { readonly lifetime: Lifetime; readonly url: string } {
    const { bytes, key, meta, body } = this.#store.lying;
    return { lifetime: this.#lifetimeOf(decodeEntry(bytes.subarray(meta, body))), url: bytes.toString('latin1', key + prefix, meta) };
  }

  #hasPlaces(): boolean {
    if (this.#places.length > 0) return true;
    const count = this.#sets * WAYS * PLACE;
    if (this.#sets < 1 || !this.#store.lend(count * Int32Array.BYTES_PER_ELEMENT)) return false;
    this.#places = new Int32Array(count);
    return true;
  }

  #setOf(hash: number): number {
    return (hash & (this.#sets - 1)) * WAYS * PLACE;
  }

  /** In its own place, else a free one, else that of another whose turn it is. */
  #place(hash: number, slot: number): void {
    const places = this.#places;
    const start = this.#setOf(hash);
    let found = -1;
    for (let place = start; place < start + WAYS * PLACE; place += PLACE) {
      if (places[place] === hash && places[place + 1] === slot + 1) return;
      if (found === -1 && (places[place + 1] === 0 || !this.#store.annotation(places[place + 1]! - 1, this.#note))) found = place;
    }
    if (found === -1) found = start + (slot % WAYS) * PLACE;
    places[found] = hash;
    places[found + 1] = slot + 1;
  }
}

function isUnder({ bytes, key, meta }: Lying, prefix: number, request: PlainRequest): boolean {
  const { targetStart, targetEnd } = request;
  if (meta - key - prefix !== targetEnd - targetStart) return false;
  for (let at = targetStart, of = key + prefix; at < targetEnd; at++, of++) if (request.bytes[at] !== bytes[of]) return false;
  return true;
}

/** As the engine's answer had it. */
function headAt({ age, lifetime }: Preparation, { untilAge, untilTtl, rest }: Preparation['head']): string {
  return `${untilAge}${Math.floor(age / SECOND)}${untilTtl}${Math.floor((Math.round(lifetime.seconds * SECOND) - age) / SECOND)}${rest}`;
}

function put(bytes: Buffer, target: Buffer, at: number): number {
  for (let i = 0; i < bytes.length; i++) target[at + i] = bytes[i]!;
  return at + bytes.length;
}

const ZERO = 0x30;

function putNumber(value: number, target: Buffer, at: number): number {
  let digits = 1;
  for (let power = 10; value >= power; power *= 10) digits++;
  for (let i = digits - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 10)) target[at + i] = ZERO + (rest % 10);
  return at + digits;
}
