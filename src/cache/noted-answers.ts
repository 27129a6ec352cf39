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
import type { ServedHit, SplitHead } from './memo.ts';
import type { Lifetime } from '../policy/freshness.ts';
import type { Reason } from '../policy/reason.ts';
import { freshReasons } from '../policy/reuse.ts';
import type { PlainRequest } from './plain-request.ts';
import { type Lying, NOTE_LENGTH, type Store } from './ports.ts';
import { type Answer, type Condition, type Preparation, isSameRequest } from './prepared-answer.ts';
import type { Stamps } from './stamps.ts';

/** What an engine says of all its answers. */
export interface Noting {
  /** What policy says of a stored response. */
  readonly lifetimeOf: (entry: Entry) => Lifetime;
  /** Names of fields, in lower case, that are stored and not sent. */
  readonly withheld: readonly string[];
}

/** A store whose objects can have notes. */
export type NoteStore = Store & Required<Pick<Store, 'annotate' | 'reannotate' | 'annotation' | 'look' | 'lying' | 'access' | 'lend' | 'giveBack'>>;

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

/** What the answers of many objects have in common. */
interface Recipe {
  readonly isHead: boolean;
  readonly host: string;
  readonly hasCookie: boolean;
  readonly decidingCount: number;
  readonly conditions: readonly Condition[];
  /** Characters of a key before the request target. */
  readonly prefix: number;
  readonly status: number;
  /** In the stamps, besides that of the URL. */
  readonly slots: readonly number[];
  /** The head: this, the lines of what is stored, */
  readonly statusLine: Buffer;
  /** the Age, */
  readonly untilTtl: Buffer;
  /** the ttl, and these, with the length of the body between them. */
  readonly rest: Buffer;
  readonly afterLength: Buffer;
  /** The head of the first of them; those that are prepared otherwise mostly share its texts. */
  readonly head: SplitHead;
  /** What policy said of the first. */
  readonly lifetime: Lifetime;
}

/** Found by hashes; those of one set are in one line of the processor's cache, or two. */
const WAYS = 8;
/** By place: a hash, and the slot + 1 of an object that has an answer for it. */
const PLACE = 2;
const PLACE_BYTES = PLACE * Int32Array.BYTES_PER_ELEMENT;
/** Recipes that are kept: those of clients that send ever new Hosts must not stay. */
const MAX_RECIPES = 1024;
/** Bytes of the longest answer. */
const LONGEST = 16 * 1024;
/** Bytes that answers are made in: several that are held find room. */
const SCRATCH = 2 * LONGEST;
/** Seconds that a note can hold. */
const MAX_LIFETIME = 2 ** 31 - 1;
const SECOND = 1000;
const AGE = Buffer.from('Age: ', 'latin1');

export class NotedAnswers {
  readonly #store: NoteStore;
  readonly #stamps: Stamps;
  readonly #lifetimeOf: (entry: Entry) => Lifetime;
  readonly #sets: number;
  #places = new Int32Array(0);
  readonly #lines: EntryLines;
  /** Numbers of recipes are never used again. */
  #recipes: Recipe[] = [];
  #firstRecipe = 1;
  readonly #numbers = new Map<string, number>();
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
    this.#forgetRecipes();
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
      const recipe = this.#recipes[this.#note[RECIPE]! - this.#firstRecipe];
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
    const slot = ticket![0]!;
    const note = this.#note;
    if (this.#store.annotation(slot, note)) {
      const recipe = this.#recipes[note[RECIPE]! - this.#firstRecipe];
      // It is for other requests, and stays.
      if (recipe !== undefined && !isSameRequest(recipe, request)) return undefined;
    }
    if (!this.#hasPlaces()) return undefined;
    this.#made[0] = preparation.preparedAt - preparation.age;
    // Another thread may have purged it since it was looked for.
    note.set([0, preparation.stamp, NOT_COMPARED, preparation.slots[0]!, lifetime.seconds, this.#madeNumbers[0]!, this.#madeNumbers[1]!]);
    // The same object is still there: what is looked at next is what the answer was made of.
    note[RECIPE] = -1;
    if (!this.#store.annotate(ticket!, note)) return undefined;
    this.#store.look(slot);
    note[RECIPE] = this.#recipeFor(preparation, this.#store.lying);
    const answer = note[RECIPE] === 0 ? undefined : this.#make(this.#recipes[note[RECIPE] - this.#firstRecipe]!, hit.now);
    const isSame = answer !== undefined && hit.now >= this.#lines.responseTime && answer.head() === headAt(preparation, head);
    if (!isSame) note[RECIPE] = 0;
    this.#store.reannotate(slot, note);
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
      this.#store.reannotate(slot, note);
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
    const { slot, version } = this.#store.lying;
    return { stamp: this.#note[STAMP]!, slots: [this.#note[SCOPE]!, ...slots], tickets: [[slot, version]] };
  }

  /** The lifetime of the object that was looked at last, and the target it was asked for by. */
  describe({ prefix }: Recipe): { readonly lifetime: Lifetime; readonly url: string } {
    const { bytes, key, meta, body } = this.#store.lying;
    return { lifetime: this.#lifetimeOf(decodeEntry(bytes.subarray(meta, body))), url: bytes.toString('latin1', key + prefix, meta) };
  }

  /** The number of the recipe; 0 where none can be made. */
  #recipeFor({ isHead, host, hasCookie, decidingCount, conditions, target, status, slots, head, lifetime, end }: Preparation, { bytes, key, meta, body, end: bodyEnd }: Lying): number {
    const prefix = meta - key - target.length;
    const lengthText = `\r\nContent-Length: ${end}\r\n`;
    const lengthAt = head.rest.indexOf(lengthText);
    if (prefix < 0 || bytes.toString('latin1', key + prefix, meta) !== target || end !== bodyEnd - body || lengthAt === -1) return 0;
    const statusLine = head.untilAge.slice(0, head.untilAge.indexOf('\r\n') + 2);
    const rest = head.rest.slice(0, lengthAt + lengthText.length - `${end}\r\n`.length);
    const afterLength = head.rest.slice(rest.length + String(end).length);
    // What is sent has no NUL.
    let name = `${isHead} ${hasCookie} ${prefix} ${status} ${slots.slice(1).join()}\0${host}\0${statusLine}\0${head.untilTtl}\0${rest}\0${afterLength}`;
    if (conditions.length > 0) name += JSON.stringify(conditions);
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#recipes.length === MAX_RECIPES) this.#forgetRecipes();
    this.#recipes.push({ isHead, host, hasCookie, decidingCount, conditions, prefix, status, slots: slots.slice(1), statusLine: latin1(statusLine), untilTtl: latin1(head.untilTtl), rest: latin1(rest), afterLength: latin1(afterLength), head, lifetime });
    const number = this.#firstRecipe + this.#recipes.length - 1;
    this.#numbers.set(name, number);
    return number;
  }

  #forgetRecipes(): void {
    this.#firstRecipe += this.#recipes.length;
    this.#recipes = [];
    this.#numbers.clear();
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

/** Head and body in one piece. What it tells besides is to be asked for before the store is asked for anything else, or `hold` called. */
export class NotedAnswer implements Answer {
  readonly logged = null;
  readonly status: number;
  readonly bodyLength: number;
  readonly #answers: NotedAnswers;
  readonly #recipe: Recipe;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #linesEnd: number;
  readonly #headEnd: number;
  readonly #end: number;
  /** ms */
  readonly #age: number;
  #reasons: readonly Reason[] | undefined;
  #told: { readonly lifetime: Lifetime; readonly url: string } | undefined;

  constructor(answers: NotedAnswers, recipe: Recipe, bytes: Buffer, start: number, linesEnd: number, headEnd: number, end: number, age: number) {
    this.status = recipe.status;
    this.bodyLength = end - headEnd;
    this.#answers = answers;
    this.#recipe = recipe;
    this.#bytes = bytes;
    this.#start = start;
    this.#linesEnd = linesEnd;
    this.#headEnd = headEnd;
    this.#end = end;
    this.#age = age;
  }

  get method(): 'GET' | 'HEAD' {
    return this.#recipe.isHead ? 'HEAD' : 'GET';
  }

  get url(): string {
    return this.#tell().url;
  }

  reasons(): readonly Reason[] {
    return (this.#reasons ??= freshReasons(Math.floor(this.#age / SECOND), this.#tell().lifetime));
  }

  whole(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  head(): string {
    return this.#bytes.toString('latin1', this.#start, this.#headEnd);
  }

  chunks(): Iterator<Buffer> {
    return (this.bodyLength === 0 ? [] : [this.#bytes.subarray(this.#headEnd, this.#end)])[Symbol.iterator]();
  }

  /** To be asked for right after it was found: with it the answer can be kept otherwise. */
  prepare(now: number): Preparation {
    const { isHead, host, hasCookie, decidingCount, conditions, status, slots, rest, afterLength, head: first, lifetime: of } = this.#recipe;
    const { lifetime, url: target } = this.#tell();
    const own = `${rest.toString('latin1')}${this.bodyLength}${afterLength.toString('latin1')}`;
    // In one piece: a text of two would keep both beside it.
    const head = { untilAge: this.#bytes.toString('latin1', this.#start, this.#linesEnd + AGE.length), untilTtl: first.untilTtl, rest: own === first.rest ? first.rest : own };
    const shared = lifetime.seconds === of.seconds && lifetime.source === of.source && lifetime.reason.code === of.reason.code && lifetime.reason.detail === of.reason.detail ? of : lifetime;
    return { status, isHead, target, host, hasCookie, decidingCount, conditions, head, preparedAt: now, age: this.#age, lifetime: shared, ...this.#answers.ground(slots), start: 0, end: this.bodyLength };
  }

  hold(): void {
    this.#tell();
    this.#answers.letGo(this.#bytes, this.#end);
  }

  #tell(): { readonly lifetime: Lifetime; readonly url: string } {
    return (this.#told ??= this.#answers.describe(this.#recipe));
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

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
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
