/**
 * @module cache/memo
 * Answers the engine has given, ready to be given again: for requests that are the same in every
 * byte that had a part in the decision, as long as what it rested on still stands. No decision is
 * made here. What does not match, or does not stand any more, is the engine's.
 *
 * Most answers are notes beside the stored object; those that cannot be lie in a log of bytes, without
 * their bodies. Some thousand hot ones are objects besides, with their bodies, which spares a third of
 * what a hit costs.
 */
import type { Fields } from '../http/fields.ts';
import type { Lifetime } from '../policy/freshness.ts';
import { AnswerLog } from './answer-log.ts';
import type { NotedAnswer } from './noted-answer.ts';
import { NotedAnswers, type Noting, hasNotes } from './noted-answers.ts';
import { pack, unpack } from './packed-preparation.ts';
import { ABSENT, type PlainRequest, REPEATED } from './plain-request.ts';
import type { Body, Store, StoredObject } from './ports.ts';
import { type Answer, type Condition, type Preparation, PreparedAnswer } from './prepared-answer.ts';
import type { Piece } from './reply-body.ts';
import type { Stamps } from './stamps.ts';

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
export type TicketStore = Store & Required<Pick<Store, 'ticket' | 'readTicket' | 'touch' | 'bodyOf' | 'lend' | 'giveBack'>>;

export function hasTickets(store: Store): store is TicketStore {
  return store.ticket !== undefined && store.readTicket !== undefined && store.touch !== undefined && store.bodyOf !== undefined;
}

/** Answers for one target and Host: variants, conditions, ranges. */
const MAX_ANSWERS = 16;
/** Answers that are kept as objects; more would cost the garbage collector pauses that can be felt. */
const MAX_HOT = 4096;
/** The part of the bytes that they may take. */
const HOT_SHARE = 1 / 4;
/** The part of the bytes that finding notes may take. */
const NOTED_SHARE = 1 / 16;
/** One in so many answers that are not hot asks for a place among the hot ones: who is asked for most gets there. */
const ASKING = 256;
/** Of the bytes for hot ones; as long as fewer are taken, all may. */
const MOSTLY_FULL = 15 / 16;
/** Hot answers that are looked at to find one that can go. */
const MOST_LOOKS = 4;
const SECOND = 1000;

export class Memo {
  readonly #store: TicketStore;
  readonly #stamps: Stamps;
  readonly #maxHot: number;
  readonly #maxHotBytes: number;
  readonly #hot = new Map<number, PreparedAnswer>();
  /** In the order they will be looked at for eviction. */
  readonly #queue = new Set<PreparedAnswer>();
  #hotBytes = 0;
  /** Undefined where the store keeps no notes. */
  readonly #noted: NotedAnswers | undefined;
  /** What is not noted. */
  readonly #log: AnswerLog;
  #given = 0;

  /**
   * @param maxBytes for everything it keeps, out of the store's budget
   * @param maxHot answers that are objects
   */
  constructor(store: TicketStore, stamps: Stamps, maxBytes: number, noting: Noting, maxHot: number = MAX_HOT) {
    this.#store = store;
    this.#stamps = stamps;
    this.#maxHot = maxHot;
    this.#maxHotBytes = maxHot === 0 ? 0 : maxBytes * HOT_SHARE;
    const notedBytes = hasNotes(store) ? maxBytes * NOTED_SHARE : 0;
    this.#noted = hasNotes(store) ? new NotedAnswers(store, stamps, notedBytes, noting) : undefined;
    this.#log = new AnswerLog(store, maxBytes - this.#maxHotBytes - notedBytes);
  }

  clear(): void {
    this.#store.giveBack(this.#hotBytes);
    this.#hot.clear();
    this.#queue.clear();
    this.#hotBytes = 0;
    this.#noted?.clear();
    this.#log.clear();
  }

  /** The answer to this request that the engine would give now, where it is prepared. */
  find(request: PlainRequest, now: number): Answer | undefined {
    for (let answer = this.#hot.get(request.hash); answer !== undefined; answer = answer.next) {
      if (!answer.matches(request)) continue;
      if (answer.stands(now, this.#store, this.#stamps)) {
        answer.used = true;
        return answer;
      }
      this.#remove(answer);
      break;
    }
    const noted = this.#noted?.find(request, now);
    if (noted === undefined) return this.#fromLog(request, now);
    if (this.#asksForPlace()) this.#heatNoted(request, noted, now);
    return noted;
  }

  /** Keeps the answer for requests like this one, and returns it, where that can be done. */
  keep(request: PlainRequest, hit: ServedHit, head: SplitHead): Answer | undefined {
    const preparation = this.#prepare(request, hit, head);
    if (preparation === undefined) return undefined;
    this.#makeWay(request);
    const noted = this.#noted?.keep(request, hit, preparation);
    if (noted !== undefined) return noted;
    this.#log.add(request.hash, pack(preparation));
    const answer = new PreparedAnswer(request.hash, preparation);
    // What it would be lent belongs to the client that is being answered.
    if (hit.body.lender === undefined) answer.take(hit.body, hit.now);
    return answer;
  }

  #fromLog(request: PlainRequest, now: number): PreparedAnswer | undefined {
    const log = this.#log;
    for (let place = log.first(request.hash); place !== -1; place = log.next(place)) {
      const answer = new PreparedAnswer(request.hash, unpack(log.read(place), this.#store));
      if (!answer.matches(request)) continue;
      const body = answer.stands(now, this.#store, this.#stamps) ? this.#store.bodyOf(answer.bodyTicket) : undefined;
      if (body === undefined) {
        log.remove(place);
        return undefined;
      }
      log.use(place);
      answer.take(body, now);
      // What is lent is given once.
      if (answer.lender === undefined && this.#asksForPlace()) this.#heat(answer);
      return answer;
    }
    return undefined;
  }

  #heatNoted(request: PlainRequest, noted: NotedAnswer, now: number): void {
    const preparation = noted.prepare(now);
    const body = this.#store.bodyOf(preparation.tickets[0]!);
    if (body === undefined) return;
    const answer = new PreparedAnswer(request.hash, preparation);
    answer.take(body, now);
    this.#heat(answer);
  }

  #asksForPlace(): boolean {
    return ++this.#given % ASKING === 0 || (this.#queue.size < this.#maxHot && this.#hotBytes < this.#maxHotBytes * MOSTLY_FULL);
  }

  /** Undefined where it cannot be known that the same request would get the same answer. */
  #prepare(request: PlainRequest, hit: ServedHit, head: SplitHead): Preparation | undefined {
    const span = spanOf(hit);
    const conditions = conditionsOf(request, hit.selecting);
    const tickets = hit.read.map((object) => this.#store.ticket(object)).filter((ticket) => ticket !== undefined);
    if (span === undefined || conditions === undefined || tickets.length < hit.read.length || !canReadNow(hit.body)) return undefined;
    return {
      status: hit.status,
      isHead: request.isHead,
      target: textOf(request, request.targetStart, request.targetEnd),
      host: textOf(request, request.hostStart, request.hostEnd),
      hasCookie: request.hasCookie,
      decidingCount: request.decidingCount,
      conditions,
      head,
      preparedAt: hit.now,
      age: Math.round(hit.age * SECOND),
      lifetime: hit.lifetime,
      stamp: hit.stamp,
      slots: hit.scopes.map((scope) => this.#stamps.slot(scope)),
      tickets,
      ...span,
    };
  }

  /** Removes the answers that a new one takes the place of, and the oldest hot one where there are many. */
  #makeWay(request: PlainRequest): void {
    let count = 1;
    for (let answer = this.#hot.get(request.hash); answer !== undefined; answer = answer.next) {
      if (++count > MAX_ANSWERS || answer.matches(request)) this.#remove(answer);
    }
    for (let place = this.#log.first(request.hash); place !== -1; place = this.#log.next(place)) {
      if (new PreparedAnswer(request.hash, unpack(this.#log.read(place), this.#store)).matches(request)) this.#log.remove(place);
    }
  }

  /** Keeps the answer as an object, where there is room. */
  #heat(answer: PreparedAnswer): void {
    const { cost } = answer;
    if (!this.#makeRoom(cost) || !this.#store.lend(cost)) return;
    answer.settle();
    answer.next = this.#hot.get(answer.hash);
    this.#hot.set(answer.hash, answer);
    this.#queue.add(answer);
    this.#hotBytes += cost;
  }

  /** A first-in-first-out queue that gives those another turn that were used: CLOCK. */
  #makeRoom(bytes: number): boolean {
    let looks = 0;
    for (const answer of this.#queue) {
      if (this.#queue.size < this.#maxHot && this.#hotBytes + bytes <= this.#maxHotBytes) return true;
      if (!answer.used) {
        this.#remove(answer);
        continue;
      }
      if (++looks > MOST_LOOKS) return false;
      answer.used = false;
      this.#queue.delete(answer);
      this.#queue.add(answer);
    }
    return bytes <= this.#maxHotBytes;
  }

  #remove(answer: PreparedAnswer): void {
    const { cost } = answer;
    this.#queue.delete(answer);
    this.#hotBytes -= cost;
    this.#store.giveBack(cost);
    const first = this.#hot.get(answer.hash);
    if (first === answer) {
      if (answer.next === undefined) this.#hot.delete(answer.hash);
      else this.#hot.set(answer.hash, answer.next);
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
    conditions.push({ name, value: field === ABSENT ? undefined : textOf(request, request.valueStart(field), request.valueEnd(field)) });
  }
  return conditions;
}

function canReadNow(body: Body): boolean {
  return Symbol.iterator in body.read(0, 0);
}

function textOf({ bytes }: PlainRequest, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
