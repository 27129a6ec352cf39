/**
 * @module cache/memo
 * Answers the engine has given, ready to be given again: for requests that are the same in every
 * byte that had a part in the decision, as long as what it rested on still stands. No decision is
 * made here. What does not match, or does not stand any more, is the engine's.
 */
import type { Fields } from '../http/fields.ts';
import type { Lifetime } from '../policy/freshness.ts';
import type { Body, Store, StoreTicket, StoredObject } from './ports.ts';
import type { Piece } from './reply-body.ts';
import type { Stamps } from './stamps.ts';

/** A plain request as it lies in a buffer: GET or HEAD, no body, and nothing that a prepared answer could not know of. */
export interface PlainRequest {
  readonly isHead: boolean;
  readonly bytes: Uint8Array;
  readonly targetStart: number;
  readonly targetEnd: number;
  readonly hostStart: number;
  readonly hostEnd: number;
  /** Of target and Host. */
  readonly hash: number;
  readonly hasCookie: boolean;
  /** The fields it has whose very values decide (conditions, ranges …), by their index. */
  readonly deciding: Int32Array;
  readonly decidingCount: number;
  nameOf(field: number): string;
  /** The index of the field with that name in lower case; ABSENT, or REPEATED where several lines have it. */
  find(name: string): number;
  valueStart(field: number): number;
  valueEnd(field: number): number;
}

export const ABSENT = -1;
export const REPEATED = -2;

/** A hit that the engine has just answered. */
export interface ServedHit {
  readonly status: number;
  /** As they were sent. */
  readonly fields: Fields;
  /** Announced. */
  readonly length: number | undefined;
  readonly pieces: readonly Piece[];
  readonly body: Body;
  /** Seconds, at `now`. */
  readonly age: number;
  readonly lifetime: Lifetime;
  /** ms since the epoch */
  readonly now: number;
  /** What was read to find it: while all of it is stored, a look-up gives the same. */
  readonly read: readonly StoredObject[];
  /** Fields that select among what is stored for the URL, in lower case. */
  readonly selecting: readonly string[];
  /** See scopes.ts. */
  readonly scopes: readonly string[];
  readonly stamp: number;
}

/** The head of an answer around what changes in it with time: Age, and the ttl of Cache-Status. */
export interface SplitHead {
  readonly untilAge: string;
  readonly untilTtl: string;
  readonly rest: string;
}

/** A store in memory. */
export type TicketStore = Store & Required<Pick<Store, 'ticket' | 'touch' | 'lend' | 'giveBack'>>;

export function hasTickets(store: Store): store is TicketStore {
  return store.ticket !== undefined && store.touch !== undefined;
}

/** One field of a request that has to be as it was; undefined: absent. */
interface Condition {
  readonly name: string;
  readonly value: Uint8Array | undefined;
}

/** Bytes of body up to which head and body are kept, and written, in one piece. */
const ONE_PIECE = 16 * 1024;
/** What an answer takes besides its own bytes; measured, rounded up. */
const OVERHEAD = 1024;
/** Answers for one target and Host: variants, conditions, ranges. */
const MAX_ANSWERS = 16;
const SECOND = 1000;

export class PreparedAnswer {
  readonly status: number;
  /** Bytes of body. */
  readonly bodyLength: number;
  readonly lifetime: Lifetime;
  /** Used since it was last looked at for eviction. */
  used = false;
  /** What it counts for. */
  readonly cost: number;
  /** Another for the same hash. */
  next: PreparedAnswer | undefined;
  readonly hash: number;
  readonly #isHead: boolean;
  readonly #target: Uint8Array;
  readonly #host: Uint8Array;
  readonly #hasCookie: boolean;
  readonly #decidingCount: number;
  readonly #conditions: readonly Condition[];
  readonly #head: SplitHead;
  readonly #preparedAt: number;
  readonly #freshUntil: number;
  /** ms, at #preparedAt */
  readonly #age: number;
  /** ms */
  readonly #lifetime: number;
  readonly #stamp: number;
  readonly #slots: readonly number[];
  /** The count of purges up to which none has met it. */
  #purges = -1;
  readonly #tickets: readonly StoreTicket[];
  /** A body in one piece with its head; the head is as of #wholeFrom, and right until #wholeUntil. */
  #whole: Buffer | undefined;
  #wholeFrom = 0;
  #wholeUntil = 0;
  /** Any other body is the store's: nothing here keeps it alive. */
  readonly #body: WeakRef<Body> | undefined;
  readonly #start: number;

  constructor(request: PlainRequest, conditions: readonly Condition[], hit: ServedHit, head: SplitHead, slots: readonly number[], tickets: readonly StoreTicket[], span: { start: number; end: number }) {
    const { bytes } = request;
    this.status = hit.status;
    this.lifetime = hit.lifetime;
    this.hash = request.hash;
    this.#isHead = request.isHead;
    this.#target = bytes.slice(request.targetStart, request.targetEnd);
    this.#host = bytes.slice(request.hostStart, request.hostEnd);
    this.#hasCookie = request.hasCookie;
    this.#decidingCount = request.decidingCount;
    this.#conditions = conditions;
    this.#head = head;
    this.#age = Math.round(hit.age * SECOND);
    this.#lifetime = Math.round(hit.lifetime.seconds * SECOND);
    this.#preparedAt = hit.now;
    this.#freshUntil = hit.now + this.#lifetime - this.#age;
    this.#stamp = hit.stamp;
    this.#slots = slots;
    this.#tickets = tickets;
    this.bodyLength = span.end - span.start;
    this.#start = span.start;
    const inOnePiece = this.bodyLength <= ONE_PIECE;
    if (inOnePiece) this.#renew(hit.now, readAll(hit.body, span.start, span.end));
    else this.#body = new WeakRef(hit.body);
    const values = conditions.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    const text = head.untilAge.length + head.untilTtl.length + head.rest.length;
    this.cost = OVERHEAD + values + this.#target.length + this.#host.length + text + (this.#whole?.length ?? 0);
  }

  matches(request: PlainRequest): boolean {
    if (request.isHead !== this.#isHead || request.hasCookie !== this.#hasCookie || request.decidingCount !== this.#decidingCount) return false;
    const { bytes } = request;
    if (!isSame(bytes, request.targetStart, request.targetEnd, this.#target)) return false;
    if (!isSame(bytes, request.hostStart, request.hostEnd, this.#host)) return false;
    for (let i = 0; i < this.#conditions.length; i++) {
      const { name, value } = this.#conditions[i]!;
      const field = request.find(name);
      if (value === undefined ? field !== ABSENT : field < 0 || !isSame(bytes, request.valueStart(field), request.valueEnd(field), value)) return false;
    }
    return true;
  }

  /** What it rests on is still so. */
  stands(now: number, store: TicketStore, stamps: Stamps): boolean {
    if (now >= this.#freshUntil || now < this.#preparedAt) return false;
    if (!this.#isUnpurged(stamps)) return false;
    for (let i = 0; i < this.#tickets.length; i++) if (!store.touch(this.#tickets[i]!)) return false;
    return this.#body === undefined || this.#body.deref() !== undefined;
  }

  #isUnpurged(stamps: Stamps): boolean {
    const { purges } = stamps;
    if (purges === this.#purges) return true;
    for (let i = 0; i < this.#slots.length; i++) if (stamps.isRaised(this.#slots[i]!, this.#stamp)) return false;
    this.#purges = purges;
    return true;
  }

  /** Head and body in one piece; undefined where the body has its own. */
  whole(now: number): Buffer | undefined {
    const whole = this.#whole;
    if (whole === undefined || (now < this.#wholeUntil && now >= this.#wholeFrom)) return whole;
    return this.#renew(now, whole.subarray(whole.length - this.bodyLength));
  }

  /** The head as latin1. */
  head(now: number): string {
    const { untilAge, untilTtl, rest } = this.#head;
    const age = this.#ageAt(now);
    return `${untilAge}${Math.floor(age / SECOND)}${untilTtl}${Math.floor((this.#lifetime - age) / SECOND)}${rest}`;
  }

  /** The chunks of a body that is not in one piece with the head. To be asked for right after `stands`. */
  chunks(): Iterator<Buffer> {
    const body = this.#body?.deref();
    if (body === undefined) return [][Symbol.iterator]();
    return readNow(body, this.#start, this.#start + this.bodyLength)[Symbol.iterator]();
  }

  /** Seconds. */
  age(now: number): number {
    return this.#ageAt(now) / SECOND;
  }

  #ageAt(now: number): number {
    return this.#age + now - this.#preparedAt;
  }

  #renew(now: number, body: Uint8Array): Buffer {
    const head = this.head(now);
    const whole = Buffer.allocUnsafeSlow(head.length + body.length);
    whole.write(head, 'latin1');
    whole.set(body, head.length);
    const age = this.#ageAt(now);
    this.#wholeFrom = now;
    this.#wholeUntil = now + Math.min(SECOND - (age % SECOND), ((this.#lifetime - age) % SECOND) + 1);
    this.#whole = whole;
    return whole;
  }
}

export class Memo {
  readonly #store: TicketStore;
  readonly #stamps: Stamps;
  readonly #maxBytes: number;
  readonly #byHash = new Map<number, PreparedAnswer>();
  /** In the order they will be looked at for eviction. */
  readonly #queue = new Set<PreparedAnswer>();
  #bytes = 0;

  /** @param maxBytes for everything it keeps, out of the store's budget */
  constructor(store: TicketStore, stamps: Stamps, maxBytes: number) {
    this.#store = store;
    this.#stamps = stamps;
    this.#maxBytes = maxBytes;
  }

  clear(): void {
    this.#store.giveBack(this.#bytes);
    this.#byHash.clear();
    this.#queue.clear();
    this.#bytes = 0;
  }

  /** The answer to this request that the engine would give now, where it is prepared. */
  find(request: PlainRequest, now: number): PreparedAnswer | undefined {
    for (let answer = this.#byHash.get(request.hash); answer !== undefined; answer = answer.next) {
      if (!answer.matches(request)) continue;
      if (answer.stands(now, this.#store, this.#stamps)) {
        answer.used = true;
        return answer;
      }
      this.#remove(answer);
      return undefined;
    }
    return undefined;
  }

  /** Keeps the answer for requests like this one, where that can be done. */
  keep(request: PlainRequest, hit: ServedHit, head: SplitHead): void {
    const span = spanOf(hit);
    const conditions = conditionsOf(request, hit.selecting);
    const tickets = hit.read.map((object) => this.#store.ticket(object)).filter((ticket) => ticket !== undefined);
    if (span === undefined || conditions === undefined || tickets.length < hit.read.length || !canReadNow(hit.body)) return;
    const slots = hit.scopes.map((scope) => this.#stamps.slot(scope));
    const answer = new PreparedAnswer(request, conditions, hit, head, slots, tickets, span);
    if (answer.cost > this.#maxBytes) return;
    this.#makeWay(request);
    while (this.#bytes + answer.cost > this.#maxBytes) this.#evict();
    if (!this.#store.lend(answer.cost)) return;
    answer.next = this.#byHash.get(request.hash);
    this.#byHash.set(request.hash, answer);
    this.#queue.add(answer);
    this.#bytes += answer.cost;
  }

  /** Removes the answer that a new one takes the place of, and the oldest where there are many. */
  #makeWay(request: PlainRequest): void {
    let count = 1;
    for (let answer = this.#byHash.get(request.hash); answer !== undefined; answer = answer.next) {
      if (++count > MAX_ANSWERS || answer.matches(request)) this.#remove(answer);
    }
  }

  /** A first-in-first-out queue that gives those another turn that were used: CLOCK. */
  #evict(): void {
    for (const answer of this.#queue) {
      if (!answer.used) {
        this.#remove(answer);
        return;
      }
      answer.used = false;
      this.#queue.delete(answer);
      this.#queue.add(answer);
    }
  }

  #remove(answer: PreparedAnswer): void {
    this.#queue.delete(answer);
    this.#bytes -= answer.cost;
    this.#store.giveBack(answer.cost);
    const first = this.#byHash.get(answer.hash);
    if (first === answer) {
      if (answer.next === undefined) this.#byHash.delete(answer.hash);
      else this.#byHash.set(answer.hash, answer.next);
      return;
    }
    for (let before = first; before !== undefined; before = before.next) {
      if (before.next === answer) before.next = answer.next;
    }
  }
}

/** The bytes of the body that go with it; undefined where they are more than one span. */
function spanOf({ pieces }: ServedHit): { start: number; end: number } | undefined {
  const [piece, ...others] = pieces;
  if (piece === undefined) return { start: 0, end: 0 };
  return others.length > 0 || Buffer.isBuffer(piece) ? undefined : piece;
}

/** Undefined where a field that selects has several lines: their combination is the engine's. */
function conditionsOf(request: PlainRequest, selecting: readonly string[]): Condition[] | undefined {
  const conditions: Condition[] = [];
  const names = new Set(selecting);
  for (let i = 0; i < request.decidingCount; i++) names.add(request.nameOf(request.deciding[i]!));
  for (const name of names) {
    const field = request.find(name);
    if (field === REPEATED) return undefined;
    conditions.push({ name, value: field === ABSENT ? undefined : request.bytes.slice(request.valueStart(field), request.valueEnd(field)) });
  }
  return conditions;
}

function canReadNow(body: Body): boolean {
  return Symbol.iterator in body.read(0, 0);
}

function readNow(body: Body, start: number, end: number): Iterable<Buffer> {
  return body.read(start, end) as Iterable<Buffer>;
}

function readAll(body: Body, start: number, end: number): Buffer {
  return Buffer.concat([...readNow(body, start, end)]);
}

function isSame(bytes: Uint8Array, start: number, end: number, other: Uint8Array): boolean {
  if (end - start !== other.length) return false;
  for (let i = 0; i < other.length; i++) if (bytes[start + i] !== other[i]) return false;
  return true;
}
