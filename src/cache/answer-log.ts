/**
 * @module cache/answer-log
 * Records of some hundred bytes, found by 32-bit hashes: what a memo has no room for as objects. A
 * million of them cost the garbage collector nothing. They are written one after the other into
 * segments; when all are full, the oldest is emptied, and the records in it that were used go on.
 */

/** Bytes. Emptying one takes well below a millisecond. */
const LARGEST_SEGMENT = 256 * 1024;
const SEGMENTS = 8;
/** No record takes more than this part of a segment. */
const LARGEST_SHARE = 1 / 4;
/** Used records go on as long as they are no more than this part, so that there is room for others. */
const MOST_KEPT = 3 / 4;
/** What a record is expected to take; the index has room for twice as many, as sets that are full lose some. */
const EXPECTED = 256;
/** Records of one hash are in one set, so there are no more of them. */
const WAYS = 8;
/** Addresses count in these units. */
const UNIT = 4;

// A record begins with these, in units.
const LENGTH = 0;
const HASH = 1;
const USED = 2;
const HEAD = 3;

const NONE = -1;

export interface Lender {
  lend(bytes: number): boolean;
  giveBack(bytes: number): void;
}

interface Segment {
  readonly bytes: Buffer;
  readonly units: Int32Array;
}

export class AnswerLog {
  readonly #lender: Lender;
  readonly #segmentUnits: number;
  readonly #maxSegments: number;
  #segments: Segment[] = [];
  #current = -1;
  /** Where the next record goes in the current segment, in units. */
  #end = 0;
  /** By place: a hash, and the address of its record + 1; 0 where there is none. */
  readonly #places: number;
  #hashes = new Int32Array(0);
  #addresses = new Int32Array(0);
  #lent = 0;

  /** @param maxBytes for everything it has, lent by the lender */
  constructor(lender: Lender, maxBytes: number) {
    this.#lender = lender;
    this.#places = WAYS * 2 ** Math.max(0, Math.floor(Math.log2(maxBytes / EXPECTED / WAYS)) + 1);
    const forSegments = maxBytes - this.#indexBytes;
    this.#segmentUnits = Math.floor(Math.min(LARGEST_SEGMENT, forSegments / SEGMENTS) / UNIT);
    this.#maxSegments = this.#segmentUnits > 0 ? Math.floor(forSegments / (this.#segmentUnits * UNIT)) : 0;
  }

  /** Bytes it takes of what it was lent. */
  get bytes(): number {
    return this.#lent;
  }

  /** Keeps a copy, where there is room. */
  add(hash: number, content: Uint8Array): boolean {
    const units = HEAD + Math.ceil(content.length / UNIT);
    if (units > this.#segmentUnits * LARGEST_SHARE) return false;
    if ((this.#current === -1 || this.#end + units > this.#segmentUnits) && !this.#turn()) return false;
    const place = this.#placeFor(hash);
    const segment = this.#segments[this.#current]!;
    segment.units[this.#end + LENGTH] = content.length;
    segment.units[this.#end + HASH] = hash;
    segment.units[this.#end + USED] = 0;
    segment.bytes.set(content, (this.#end + HEAD) * UNIT);
    this.#hashes[place] = hash;
    this.#addresses[place] = this.#current * this.#segmentUnits + this.#end + 1;
    this.#end += units;
    return true;
  }

  /** A place with a record of that hash, or -1. Places hold until something is added. */
  first(hash: number): number {
    return this.#places === 0 || this.#lent === 0 ? NONE : this.#search(this.#setOf(hash), hash);
  }

  /** The next place with a record of the same hash, or -1. */
  next(place: number): number {
    return (place + 1) % WAYS === 0 ? NONE : this.#search(place + 1, this.#hashes[place]!);
  }

  /** The content, until something is added. */
  read(place: number): Buffer {
    const { segment, at } = this.#locate(place);
    const start = (at + HEAD) * UNIT;
    return segment.bytes.subarray(start, start + segment.units[at + LENGTH]!);
  }

  /** It goes on when its segment is emptied. */
  use(place: number): void {
    const { segment, at } = this.#locate(place);
    segment.units[at + USED] = 1;
  }

  remove(place: number): void {
    this.#addresses[place] = 0;
  }

  clear(): void {
    this.#lender.giveBack(this.#lent);
    this.#lent = 0;
    this.#segments = [];
    this.#current = -1;
    this.#end = 0;
    this.#hashes = new Int32Array(0);
    this.#addresses = new Int32Array(0);
  }

  get #indexBytes(): number {
    return this.#places * 2 * Int32Array.BYTES_PER_ELEMENT;
  }

  #setOf(hash: number): number {
    return (hash & (this.#places / WAYS - 1)) * WAYS;
  }

  #search(from: number, hash: number): number {
    for (let place = from; ; place++) {
      if (this.#hashes[place] === hash && this.#addresses[place] !== 0) return place;
      if ((place + 1) % WAYS === 0) return NONE;
    }
  }

  #locate(place: number): { segment: Segment; at: number } {
    const address = this.#addresses[place]! - 1;
    return { segment: this.#segments[Math.floor(address / this.#segmentUnits)]!, at: address % this.#segmentUnits };
  }

  /** A free place, else that of the oldest of the set; the used ones last. */
  #placeFor(hash: number): number {
    const set = this.#setOf(hash);
    const newest = this.#current * this.#segmentUnits + this.#end + 1;
    const all = this.#segments.length * this.#segmentUnits;
    let oldest = set;
    let greatest = -1;
    for (let place = set; place < set + WAYS; place++) {
      if (this.#addresses[place] === 0) return place;
      const { segment, at } = this.#locate(place);
      const age = ((newest - this.#addresses[place]! + all) % all) + (segment.units[at + USED] === 1 ? 0 : all);
      if (age > greatest) {
        greatest = age;
        oldest = place;
      }
    }
    return oldest;
  }

  /** Makes room for records in the next segment. */
  #turn(): boolean {
    const next = this.#current + 1;
    if (next === this.#segments.length && next < this.#maxSegments && this.#addSegment()) this.#end = 0;
    else if (this.#segments.length === 0) return false;
    else this.#end = this.#empty(next % this.#segments.length);
    this.#current = next % this.#segments.length;
    return true;
  }

  #addSegment(): boolean {
    const index = this.#lent === 0 ? this.#indexBytes : 0;
    const length = this.#segmentUnits * UNIT;
    if (!this.#lender.lend(index + length)) return false;
    this.#lent += index + length;
    if (index > 0) {
      this.#hashes = new Int32Array(this.#places);
      this.#addresses = new Int32Array(this.#places);
    }
    const bytes = Buffer.allocUnsafeSlow(length);
    // A length of 0 ends a segment that is not full.
    const units = new Int32Array(bytes.buffer, 0, this.#segmentUnits).fill(0);
    this.#segments.push({ bytes, units });
    return true;
  }

  /** Moves the used records to the front, and returns where they end. */
  #empty(segmentIndex: number): number {
    const { units } = this.#segments[segmentIndex]!;
    const base = segmentIndex * this.#segmentUnits + 1;
    const most = this.#segmentUnits * MOST_KEPT;
    let kept = 0;
    for (let at = 0; at + HEAD <= this.#segmentUnits && units[at + LENGTH]! > 0; ) {
      const size = HEAD + Math.ceil(units[at + LENGTH]! / UNIT);
      const place = this.#placeOf(units[at + HASH]!, base + at);
      if (place !== NONE && units[at + USED] === 1 && kept + size <= most) {
        units.copyWithin(kept, at, at + size);
        units[kept + USED] = 0;
        this.#addresses[place] = base + kept;
        kept += size;
      } else if (place !== NONE) this.#addresses[place] = 0;
      at += size;
    }
    units.fill(0, kept);
    return kept;
  }

  #placeOf(hash: number, address: number): number {
    const set = this.#setOf(hash);
    for (let place = set; place < set + WAYS; place++) if (this.#addresses[place] === address) return place;
    return NONE;
  }
}
