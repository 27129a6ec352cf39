/**
 * @module cache/prepared-answer
 * One answer that the engine has given, with all it takes to give it again: the bytes of requests
 * it is for, its head around what changes with time, and what it rests on. Its body is the store's.
 */
import type { Lifetime } from '../policy/freshness.ts';
import type { Reason } from '../policy/reason.ts';
import { freshReasons } from '../policy/reuse.ts';
import type { SplitHead, TicketStore } from './memo.ts';
import { ABSENT, type PlainRequest } from './plain-request.ts';
import type { Body, BodyReader, Lender, StoreTicket } from './ports.ts';
import type { Stamps } from './stamps.ts';

/** One field of a request that has to be as it was, as latin1; undefined: absent. */
export interface Condition {
  readonly name: string;
  readonly value: string | undefined;
}

/** An answer without its body, as plain data. */
export interface Preparation {
  readonly status: number;
  readonly isHead: boolean;
  /** As latin1. */
  readonly target: string;
  readonly host: string;
  readonly hasCookie: boolean;
  readonly decidingCount: number;
  readonly conditions: readonly Condition[];
  readonly head: SplitHead;
  /** ms since the epoch */
  readonly preparedAt: number;
  /** ms, at preparedAt */
  readonly age: number;
  readonly lifetime: Lifetime;
  readonly stamp: number;
  readonly slots: readonly number[];
  /** Of what was read to find it; the last one is that of its body. */
  readonly tickets: readonly StoreTicket[];
  /** The bytes of the body that go with it. */
  readonly start: number;
  readonly end: number;
}

/** An answer that is ready to be given. */
export interface Answer {
  readonly status: number;
  readonly method: 'GET' | 'HEAD';
  /** As the client wrote it. */
  readonly url: string;
  /** Bytes of body. */
  readonly bodyLength: number;
  /** What the access log keeps with it to tell the next hit sooner; null: it is given once. */
  logged: object | null | undefined;
  /** What it rests on. */
  reasons(now: number): readonly Reason[];
  /** Head and body in one piece; undefined where the body has its own. */
  whole(now: number): Buffer | undefined;
  /** The head as latin1. */
  head(now: number): string;
  /** Whose the chunks are, where they are lent. */
  readonly lender?: Lender | undefined;
  /** The chunks of the body without the head. */
  chunks(): Iterator<Buffer>;
  /** It is not over once it is written: none of its bytes may be used for others. */
  hold(): void;
  /** Pins the body, where it has its own, for that reader, who unpins it. */
  pin(reader: BodyReader): Body | undefined;
}

/** Bytes of body up to which head and body are kept, and written, in one piece. */
const ONE_PIECE = 16 * 1024;
/** What an answer takes as objects besides its own bytes; measured, rounded up. */
const OVERHEAD = 1024;
const SECOND = 1000;

export class PreparedAnswer implements Answer {
  /** Used since it was last looked at for eviction. */
  used = false;
  logged: object | undefined;
  /** Another for the same hash. */
  next: PreparedAnswer | undefined;
  readonly hash: number;
  readonly #is: Preparation;
  readonly #freshUntil: number;
  /** ms */
  readonly #lifetime: number;
  /** The count of purges up to which none has met it. */
  #purges = -1;
  /** A body in one piece with its head; the head is as of #wholeFrom, and right until #wholeUntil. */
  #whole: Buffer | undefined;
  #wholeFrom = 0;
  #wholeUntil = 0;
  /** Digits. */
  #ageLength = 0;
  #ttlLength = 0;
  /** Somebody may still write the bytes that are there. */
  #isHeld = false;
  #reasons: readonly Reason[] | undefined;
  #reasonsAge = 0;
  /** Any other body is the store's: nothing here keeps it alive. */
  #body: WeakRef<Body> | undefined;
  /** One that lends its chunks, and is read once. */
  #lent: Body | undefined;

  /** It cannot be given before it has its body. */
  constructor(hash: number, preparation: Preparation) {
    this.hash = hash;
    this.#is = preparation;
    this.#lifetime = Math.round(preparation.lifetime.seconds * SECOND);
    this.#freshUntil = preparation.preparedAt + this.#lifetime - preparation.age;
  }

  get status(): number {
    return this.#is.status;
  }

  get method(): 'GET' | 'HEAD' {
    return this.#is.isHead ? 'HEAD' : 'GET';
  }

  /** As the client wrote it. */
  get url(): string {
    return this.#is.target;
  }

  /** What it rests on; the same list for a second. */
  reasons(now: number): readonly Reason[] {
    const age = Math.floor(this.#ageAt(now) / SECOND);
    if (this.#reasons === undefined || age !== this.#reasonsAge) {
      this.#reasons = freshReasons(age, this.#is.lifetime);
      this.#reasonsAge = age;
    }
    return this.#reasons;
  }

  /** Bytes of body. */
  get bodyLength(): number {
    return this.#is.end - this.#is.start;
  }

  /** What it counts for. */
  get cost(): number {
    const { conditions, target, host, head } = this.#is;
    const values = conditions.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    // As text, and in one piece with the body.
    const text = head.untilAge.length + head.untilTtl.length + head.rest.length;
    return OVERHEAD + values + target.length + host.length + 2 * text + (this.bodyLength <= ONE_PIECE ? this.bodyLength : 0);
  }

  /** The ticket of the object whose body it has. */
  get bodyTicket(): StoreTicket {
    return this.#is.tickets.at(-1)!;
  }

  /** Gives it the body of that object, of which it copies a small part, and keeps none alive. */
  take(body: Body, now: number): void {
    const { start, end } = this.#is;
    // Most are given once and forgotten: the bytes come from Node's pool, which a long life would keep.
    if (this.bodyLength <= ONE_PIECE) this.#renew(now, readNow(body, start, end), true, body.lender);
    else if (body.lender === undefined) this.#body = new WeakRef(body);
    else this.#lent = body;
  }

  /** It will be kept: its bytes must not keep others alive. */
  settle(): void {
    if (this.#whole === undefined) return;
    const own = Buffer.allocUnsafeSlow(this.#whole.length);
    own.set(this.#whole);
    this.#whole = own;
  }

  matches(request: PlainRequest): boolean {
    return isSame(request.bytes, request.targetStart, request.targetEnd, this.#is.target) && isSameRequest(this.#is, request);
  }

  /** What it rests on is still so. */
  stands(now: number, store: TicketStore, stamps: Stamps): boolean {
    const { preparedAt, tickets } = this.#is;
    if (now >= this.#freshUntil || now < preparedAt || !this.#isUnpurged(stamps)) return false;
    for (let i = 0; i < tickets.length; i++) if (!store.touch(tickets[i]!)) return false;
    return this.#body === undefined || this.#body.deref() !== undefined;
  }

  /** Head and body in one piece; undefined where the body has its own. */
  whole(now: number): Buffer | undefined {
    const whole = this.#whole;
    if (whole === undefined || (now < this.#wholeUntil && now >= this.#wholeFrom) || (!this.#isHeld && this.#rewrite(whole, now))) return whole;
    return this.#renew(now, [whole.subarray(whole.length - this.bodyLength)]);
  }

  /** The head as latin1. */
  head(now: number): string {
    const { untilAge, untilTtl, rest } = this.#is.head;
    return `${untilAge}${this.#ageText(now)}${untilTtl}${this.#ttlText(now)}${rest}`;
  }

  get lender(): Lender | undefined {
    return this.#lent?.lender;
  }

  /** To be asked for right after it was found. */
  chunks(): Iterator<Buffer> {
    const body = this.#lent ?? this.#body?.deref();
    this.#lent = undefined;
    const chunks = body === undefined ? this.#inOnePiece() : readNow(body, this.#is.start, this.#is.end);
    return chunks[Symbol.iterator]();
  }

  hold(): void {
    this.#isHeld = true;
  }

  pin(reader: BodyReader): Body | undefined {
    const body = this.#body?.deref();
    return body?.pin?.(reader) === true ? body : undefined;
  }

  #inOnePiece(): Buffer[] {
    const whole = this.#whole;
    return whole === undefined || this.bodyLength === 0 ? [] : [whole.subarray(whole.length - this.bodyLength)];
  }

  #isUnpurged(stamps: Stamps): boolean {
    const { purges } = stamps;
    if (purges === this.#purges) return true;
    const { slots, stamp } = this.#is;
    for (let i = 0; i < slots.length; i++) if (stamps.isRaised(slots[i]!, stamp)) return false;
    this.#purges = purges;
    return true;
  }

  #ageAt(now: number): number {
    return this.#is.age + now - this.#is.preparedAt;
  }

  #renew(now: number, chunks: Iterable<Buffer>, fromPool = false, lender?: Lender): Buffer {
    const head = this.head(now);
    const length = head.length + this.bodyLength;
    const whole = fromPool ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
    let at = whole.write(head, 'latin1');
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
      lender?.giveBack(chunk);
    }
    this.#whole = whole;
    this.#isHeld = false;
    this.#ageLength = this.#ageText(now).length;
    this.#ttlLength = this.#ttlText(now).length;
    this.#isRightAt(now);
    return whole;
  }

  /** Writes what changes with time over what is there; false where it is longer or shorter. */
  #rewrite(whole: Buffer, now: number): boolean {
    const { untilAge, untilTtl } = this.#is.head;
    const age = this.#ageText(now);
    const ttl = this.#ttlText(now);
    if (age.length !== this.#ageLength || ttl.length !== this.#ttlLength) return false;
    whole.write(age, untilAge.length, 'latin1');
    whole.write(ttl, untilAge.length + age.length + untilTtl.length, 'latin1');
    this.#isRightAt(now);
    return true;
  }

  /** And for the rest of a second of its age, or of its time left. */
  #isRightAt(now: number): void {
    const age = this.#ageAt(now);
    this.#wholeFrom = now;
    this.#wholeUntil = now + Math.min(SECOND - (age % SECOND), ((this.#lifetime - age) % SECOND) + 1);
  }

  #ageText(now: number): string {
    return String(Math.floor(this.#ageAt(now) / SECOND));
  }

  #ttlText(now: number): string {
    return String(Math.floor((this.#lifetime - this.#ageAt(now)) / SECOND));
  }
}

/** All that the answer depends on, but the target, is in the request as it was. */
export function isSameRequest({ isHead, hasCookie, decidingCount, host, conditions }: Pick<Preparation, 'isHead' | 'hasCookie' | 'decidingCount' | 'host' | 'conditions'>, request: PlainRequest): boolean {
  if (request.isHead !== isHead || request.hasCookie !== hasCookie || request.decidingCount !== decidingCount) return false;
  const { bytes } = request;
  if (!isSame(bytes, request.hostStart, request.hostEnd, host)) return false;
  for (let i = 0; i < conditions.length; i++) {
    const { name, value } = conditions[i]!;
    const field = request.find(name);
    if (value === undefined ? field !== ABSENT : field < 0 || !isSame(bytes, request.valueStart(field), request.valueEnd(field), value)) return false;
  }
  return true;
}

function readNow(body: Body, start: number, end: number): Iterable<Buffer> {
  return body.read(start, end) as Iterable<Buffer>;
}

function isSame(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}
