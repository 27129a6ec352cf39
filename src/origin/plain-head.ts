/**
 * @module origin/plain-head
 * Recognises a complete, plain head of a response at a place in a buffer. No parser of HTTP: it
 * accepts a small set of heads that every reader of RFC 9112 reads alike, and turns away all others,
 * right or wrong, for llhttp to judge (see plain-remainder).
 */
import { TOKEN_BYTES, VALUE_BYTES } from '../http/field-bytes.ts';
import { FNV_PRIME, FNV_SEED, fnv1a } from '../http/hash.ts';
import { HOP_BY_HOP } from '../http/hop-by-hop.ts';
import { KnownNames } from '../http/known-names.ts';

/** Bytes of a head; llhttp takes more. */
const MAX_HEAD = 16_384;
/** As many may come in any response; llhttp takes more. */
const MAX_FIELDS = 64;

const SP = 0x20;
const HTAB = 0x09;
const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;

const VERSION = Buffer.from('HTTP/1.1 ');

/** The names that mean something for the connection, by their hash; another with the same hash is told by its text. */
const SPECIAL: ReadonlyMap<number, string> = new Map(
  ['content-length', ...HOP_BY_HOP].map((name) => [fnv1a(name) | 0, name]),
);

const NAMES = new KnownNames();

export type Recognised =
  | 'plain'
  /** What is there could be the beginning of one. */
  | 'incomplete'
  | 'other';

/** One for all heads: it tells of the last that was recognised. */
export class PlainHead {
  /** 100 to 599, but not 101. */
  status = 0;
  /** name, value, name, value …, without the fields of the connection that were read here. */
  lines: string[] = [];
  /** There may be more among them that are not end-to-end. */
  hasHopByHop = false;
  /** Content-Length. */
  length: number | undefined;
  /** The body comes in chunks; then there is no length. */
  isChunked = false;
  /** The connection ends with this response. */
  closes = false;
  /** Seconds for which the origin says that it keeps the connection. */
  keepAlive: number | undefined;
  /** Where the head ends, and what comes next begins. */
  end = 0;
  readonly #nameStarts = new Int32Array(MAX_FIELDS);
  readonly #nameEnds = new Int32Array(MAX_FIELDS);
  readonly #valueStarts = new Int32Array(MAX_FIELDS);
  readonly #valueEnds = new Int32Array(MAX_FIELDS);
  readonly #hashes = new Int32Array(MAX_FIELDS);

  /** Whether a plain head stands in bytes [start, end), at their beginning. */
  recognise(bytes: Buffer, start: number, end: number): Recognised {
    const limit = Math.min(end, start + MAX_HEAD);
    const short = limit < end ? 'other' : 'incomplete';
    let at = start;
    for (let i = 0; i < VERSION.length; i++, at++) {
      if (at === limit) return short;
      if (bytes[at] !== VERSION[i]) return 'other';
    }
    let status = 0;
    for (let i = 0; i < 3; i++, at++) {
      if (at === limit) return short;
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) return 'other';
      status = status * 10 + digit;
    }
    // A 101 changes what the connection speaks.
    if (status < 100 || status > 599 || status === 101) return 'other';
    this.status = status;
    if (at === limit) return short;
    if (bytes[at] !== SP) return 'other';
    at = this.#lineEnd(bytes, at, limit);
    return at > 0 ? this.#fieldLines(bytes, start, at, limit, short) : at === 0 ? short : 'other';
  }

  #fieldLines(bytes: Buffer, start: number, first: number, limit: number, short: Recognised): Recognised {
    let count = 0;
    for (let at = first; at < limit; count++) {
      if (bytes[at] === CR) {
        if (at + 1 === limit) return short;
        if (bytes[at + 1] !== LF) return 'other';
        this.end = at + 2;
        return this.#read(bytes, start, count) ? 'plain' : 'other';
      }
      if (count === MAX_FIELDS) return 'other';
      const nameStart = at;
      let hash = FNV_SEED;
      for (let byte = 0; at < limit && (byte = TOKEN_BYTES[bytes[at]!]!) !== 0; at++) hash = Math.imul(hash ^ byte, FNV_PRIME);
      if (at === limit) return short;
      if (at === nameStart || bytes[at] !== COLON) return 'other';
      this.#nameStarts[count] = nameStart;
      this.#nameEnds[count] = at++;
      while (at < limit && (bytes[at] === SP || bytes[at] === HTAB)) at++;
      const valueStart = at;
      at = this.#lineEnd(bytes, at, limit);
      if (at <= 0) return at === 0 ? short : 'other';
      let valueEnd = at - 2;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
      this.#valueStarts[count] = valueStart;
      this.#valueEnds[count] = valueEnd;
      this.#hashes[count] = hash;
    }
    return short;
  }

  /** Behind the CRLF of the line whose text goes on at that place; 0 where it is not there yet, -1 where the line is another one. */
  #lineEnd(bytes: Uint8Array, from: number, limit: number): number {
    let at = from;
    while (at < limit && VALUE_BYTES[bytes[at]!] === 1) at++;
    if (at === limit) return 0;
    if (bytes[at] !== CR) return -1;
    if (at + 1 === limit) return 0;
    return bytes[at + 1] === LF ? at + 2 : -1;
  }

  /** False where a field says something that is not plain. */
  #read(bytes: Buffer, start: number, count: number): boolean {
    this.lines = [];
    this.hasHopByHop = false;
    this.length = undefined;
    this.isChunked = false;
    this.closes = false;
    this.keepAlive = undefined;
    // One string for the whole head: the values are slices of it.
    const text = bytes.toString('latin1', start, this.end);
    for (let i = 0; i < count; i++) {
      const name = NAMES.at(bytes, this.#nameStarts[i]!, this.#nameEnds[i]!, this.#hashes[i]!);
      const value = text.slice(this.#valueStarts[i]! - start, this.#valueEnds[i]! - start);
      const special = SPECIAL.get(this.#hashes[i]!);
      if (special !== undefined && special === name.toLowerCase()) {
        // llhttp does not read a coding before a tab as others do: it is that parser's to refuse.
        if (special === 'transfer-encoding' && bytes[this.#valueEnds[i]!] === HTAB) return false;
        if (!this.#take(special, value)) return false;
        if (special === 'keep-alive' || special === 'transfer-encoding') continue;
        if (special === 'connection' && !this.hasHopByHop) continue;
      }
      this.lines.push(name, value);
    }
    return !(this.isChunked && this.length !== undefined);
  }

  #take(name: string, value: string): boolean {
    switch (name) {
      case 'content-length':
        if (this.length !== undefined || !/^\d{1,15}$/.test(value)) return false;
        this.length = Number(value);
        return true;
      case 'transfer-encoding':
        if (this.isChunked || value.toLowerCase() !== 'chunked') return false;
        this.isChunked = true;
        return true;
      case 'connection':
        return this.#takeConnection(value.toLowerCase());
      case 'keep-alive': {
        const timeout = /(?:^|[,\s])timeout=(\d{1,9})(?:$|[,\s])/i.exec(value)?.[1];
        if (timeout !== undefined) this.keepAlive = Number(timeout);
        return true;
      }
      default:
        this.hasHopByHop = true;
        return true;
    }
  }

  /** https://www.rfc-editor.org/rfc/rfc9110.html#section-7.6.1 */
  #takeConnection(value: string): boolean {
    if (value === 'keep-alive') return true;
    if (value === 'close') {
      this.closes = true;
      return true;
    }
    // It names other fields, which are to be taken off.
    if (!/^[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*$/.test(value)) return false;
    this.hasHopByHop = true;
    if (value.split(/[ \t]*,[ \t]*/).includes('close')) this.closes = true;
    return true;
  }
}
