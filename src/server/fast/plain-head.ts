/**
 * @module server/fast/plain-head
 * Recognises a complete, plain GET or HEAD at a place in a buffer. No parser of HTTP: it accepts a
 * small set of heads that every reader of RFC 9112 reads alike, and turns away all others, right or
 * wrong, for llhttp to judge. What it accepts is only looked up, by the bytes it consists of.
 */
import { ABSENT, type PlainRequest, REPEATED } from '../../cache/plain-request.ts';
import { TOKEN_BYTES, VALUE_BYTES } from '../../http/field-bytes.ts';
import { FNV_PRIME, FNV_SEED } from '../../http/hash.ts';
import { KnownNames } from '../../http/known-names.ts';
import { FROM_PROXIES, FROM_PROXIES_PREFIXES } from '../../http/proxy-fields.ts';
import { isKnownCredential } from '../../policy/credentials.ts';
import { FieldLines, KnownFieldLines, MAX_FIELDS } from './field-lines.ts';

/** Bytes of a head; the general lane takes more. */
const MAX_HEAD = 16_384;

const SP = 0x20;
const HTAB = 0x09;
const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const SLASH = 0x2f;

/** What a field means for a request that has it. */
type Kind =
  /** Only the general lane knows what to do. */
  | 'decline'
  /** Its value, byte for byte, is part of what is looked up. */
  | 'deciding'
  | 'host'
  | 'connection'
  | 'cookie'
  /** Nothing, which is known beforehand as nearly every client sends it. */
  | 'usual';

const KINDS: Readonly<Record<string, Kind>> = {
  host: 'host',
  connection: 'connection',
  cookie: 'cookie',
  // Framing, and what changes the connection or the exchange.
  'content-length': 'decline', 'transfer-encoding': 'decline', trailer: 'decline', te: 'decline', expect: 'decline', upgrade: 'decline',
  'http2-settings': 'decline', 'keep-alive': 'decline', 'max-forwards': 'decline',
  'proxy-connection': 'decline', 'proxy-authorization': 'decline', 'proxy-authenticate': 'decline', 'proxy-authentication-info': 'decline',
  // Who asks, and on which conditions.
  authorization: 'decline', 'cache-control': 'decline', pragma: 'decline', 'if-match': 'decline', 'if-unmodified-since': 'decline',
  // What part, or whether at all.
  'if-none-match': 'deciding', 'if-modified-since': 'deciding', 'if-range': 'deciding', range: 'deciding',
  // What else the response depends on; see policy/vary.ts.
  vary: 'deciding',
  // A loop is told by them.
  via: 'deciding', 'cdn-loop': 'deciding',
  'user-agent': 'usual', accept: 'usual', 'accept-encoding': 'usual', 'accept-language': 'usual', referer: 'usual', origin: 'usual',
};

export interface PlainHeadOptions {
  /** The host may stand in the path: the Referer tells which one is meant, and what a browser tells of its page decides whether it is served. */
  readonly embedsHosts: boolean;
  /** Field lines of a head; more are the general lane's to refuse. */
  readonly maxFields?: number;
  /** Some clients are believed what they say of other clients. */
  readonly trustsProxies: boolean;
}

/** By byte: as TOKEN_BYTES, with "-" for "_" as CGI programs see it. */
const NAME_BYTES = TOKEN_BYTES.map((byte) => (byte === 0x5f ? 0x2d : byte));
/** By byte: 1 where a request target may have it. https://www.rfc-editor.org/rfc/rfc9112.html#section-3.2.1, with what llhttp takes besides */
const TARGET_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => (byte > SP && byte < 0x7f && byte !== 0x23 ? 1 : 0));

function hashOfName(name: string): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ NAME_BYTES[name.charCodeAt(i)]!, FNV_PRIME);
  return hash;
}

/** One for all heads: it tells of the last that was recognised, and nothing once the buffer is used again. */
export class PlainHead implements PlainRequest {
  isHead = false;
  /** Its version, which is 1.1 else. */
  isHttp10 = false;
  bytes: Buffer = Buffer.alloc(0);
  targetStart = 0;
  targetEnd = 0;
  hostStart = 0;
  hostEnd = 0;
  /** FNV-1a; targets that are made to collide cost their senders the fast lane, since few answers are kept for one hash. */
  hash = 0;
  /** Where the head ends, and what comes next begins. */
  end = 0;
  readonly #kinds = new Map<number, Kind>();
  readonly #trustsProxies: boolean;
  readonly #maxFields: number;
  readonly #known = new KnownFieldLines();
  readonly #names = new KnownNames();
  readonly #recognised = new FieldLines();
  /** Those of this head; they begin at #start. */
  #lines = this.#recognised;
  #start = 0;

  constructor({ embedsHosts, trustsProxies, maxFields = MAX_FIELDS }: PlainHeadOptions) {
    this.#trustsProxies = trustsProxies;
    this.#maxFields = Math.min(maxFields, MAX_FIELDS);
    // Where an unknown name has the hash of a known one, it is taken for that: the general lane then answers it.
    for (const [name, kind] of Object.entries(KINDS)) this.#kinds.set(hashOfName(name), kind);
    if (embedsHosts) {
      this.#kinds.set(hashOfName('referer'), 'deciding');
      for (const name of ['sec-fetch-site', 'service-worker', 'cookie']) this.#kinds.set(hashOfName(name), 'decline');
    }
    if (trustsProxies) for (const name of FROM_PROXIES) this.#kinds.set(hashOfName(name), 'decline');
  }

  /** Whether a plain head stands in bytes [start, end), at their beginning. */
  recognise(bytes: Buffer, start: number, end: number): boolean {
    const limit = Math.min(end, start + MAX_HEAD);
    this.bytes = bytes;
    const fields = this.#requestLine(bytes, start, limit);
    if (fields === 0) return false;
    this.#start = fields;
    // Where several requests came at once, it is not known before where the lines of one end.
    const known = this.#known.find(bytes, fields, limit);
    if (known !== undefined) this.#lines = known;
    else {
      this.#lines = this.#recognised;
      this.#lines.clear();
      if (!this.#fieldLines(bytes, fields, limit)) return false;
      this.#known.remember(bytes, fields, this.#lines.length + fields, this.#lines);
    }
    this.end = fields + this.#lines.length;
    this.#addHost(this.#lines.host);
    return true;
  }

  get hasCookie(): boolean {
    return this.#lines.hasCookie;
  }

  /** The connection ends after this request: https://www.rfc-editor.org/rfc/rfc9112.html#section-9.3 */
  get closes(): boolean {
    return this.#lines.closes || (this.isHttp10 && !this.#lines.hasConnection);
  }

  get deciding(): Int32Array {
    return this.#lines.deciding;
  }

  get decidingCount(): number {
    return this.#lines.decidingCount;
  }

  nameOf(field: number): string {
    return this.bytes.toString('latin1', this.#nameStart(field), this.#nameEnd(field)).toLowerCase();
  }

  find(name: string): number {
    let found = ABSENT;
    for (let field = 0; field < this.#lines.count; field++) {
      if (!this.#isNamed(field, name)) continue;
      if (found !== ABSENT) return REPEATED;
      found = field;
    }
    return found;
  }

  valueStart(field: number): number {
    return this.#start + this.#lines.valueStarts[field]!;
  }

  valueEnd(field: number): number {
    return this.#start + this.#lines.valueEnds[field]!;
  }

  #nameStart(field: number): number {
    return this.#start + this.#lines.nameStarts[field]!;
  }

  #nameEnd(field: number): number {
    return this.#start + this.#lines.nameEnds[field]!;
  }

  get method(): 'GET' | 'HEAD' {
    return this.isHead ? 'HEAD' : 'GET';
  }

  /** The request target. */
  get target(): string {
    return this.bytes.toString('latin1', this.targetStart, this.targetEnd);
  }

  /** Bytes from the request target to the end. */
  get length(): number {
    return this.end - this.targetStart;
  }

  /** Name, value, name, value … as llhttp would tell them: bytes as latin1, in case, order and number. Others get the same array: it is not to be changed. */
  lines(): string[] {
    return this.#lines.texts(this.bytes, this.#start);
  }

  /** Returns where the field lines begin; 0 where the line is another one. */
  #requestLine(bytes: Uint8Array, start: number, limit: number): number {
    // "GET /" or "HEAD /"
    let at = start;
    if (bytes[at] === 0x47 && bytes[at + 1] === 0x45 && bytes[at + 2] === 0x54) at += 3;
    else if (bytes[at] === 0x48 && bytes[at + 1] === 0x45 && bytes[at + 2] === 0x41 && bytes[at + 3] === 0x44) at += 4;
    else return 0;
    this.isHead = at === start + 4;
    if (bytes[at] !== SP || bytes[at + 1] !== SLASH) return 0;
    this.targetStart = ++at;
    let hash = FNV_SEED;
    for (; at < limit && TARGET_BYTES[bytes[at]!] === 1; at++) hash = Math.imul(hash ^ bytes[at]!, FNV_PRIME);
    this.targetEnd = at;
    this.hash = hash;
    // " HTTP/1.1" CRLF, or 1.0
    if (at + 11 > limit || bytes[at] !== SP || bytes[at + 1] !== 0x48 || bytes[at + 2] !== 0x54 || bytes[at + 3] !== 0x54 || bytes[at + 4] !== 0x50) return 0;
    if (bytes[at + 5] !== SLASH || bytes[at + 6] !== 0x31 || bytes[at + 7] !== 0x2e || (bytes[at + 8]! | 1) !== 0x31 || bytes[at + 9] !== CR || bytes[at + 10] !== LF) return 0;
    this.isHttp10 = bytes[at + 8] === 0x30;
    return at + 11;
  }

  #fieldLines(bytes: Uint8Array, start: number, limit: number): boolean {
    const lines = this.#lines;
    let hosts = 0;
    for (let at = start; at < limit; ) {
      if (bytes[at] === CR) {
        lines.length = at + 2 - start;
        return at + 1 < limit && bytes[at + 1] === LF && hosts === 1;
      }
      const field = lines.count++;
      if (field === this.#maxFields) return false;
      const nameStart = at;
      let hash = 0;
      for (let byte = 0; at < limit && (byte = NAME_BYTES[bytes[at]!]!) !== 0; at++) hash = Math.imul(hash ^ byte, FNV_PRIME);
      if (at >= limit || at === nameStart || bytes[at] !== COLON) return false;
      lines.nameStarts[field] = nameStart - start;
      const nameEnd = at++;
      lines.nameEnds[field] = nameEnd - start;
      while (at < limit && (bytes[at] === SP || bytes[at] === HTAB)) at++;
      const valueStart = at;
      while (at < limit && VALUE_BYTES[bytes[at]!] === 1) at++;
      if (at + 1 >= limit || bytes[at] !== CR || bytes[at + 1] !== LF) return false;
      let valueEnd = at;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
      lines.valueStarts[field] = valueStart - start;
      lines.valueEnds[field] = valueEnd - start;
      at += 2;
      const kind = this.#kinds.get(hash);
      if (kind === undefined) {
        if (this.#trustsProxies && FROM_PROXIES_PREFIXES.some((prefix) => this.#begins(nameStart, prefix))) return false;
        lines.hasCookie ||= isKnownCredential(this.#names.at(this.bytes, nameStart, nameEnd, hash));
      } else if (!this.#take(kind, field)) return false;
      if (kind === 'host') hosts++;
    }
    return false;
  }

  /** False: the general lane has to answer. */
  #take(kind: Kind, field: number): boolean {
    const lines = this.#lines;
    switch (kind) {
      case 'usual':
        return true;
      case 'decline':
        return false;
      case 'deciding':
        lines.deciding[lines.decidingCount++] = field;
        return true;
      case 'host':
        lines.host = field;
        return this.#isNamed(field, 'host');
      case 'cookie':
        lines.hasCookie = true;
        return this.#isNamed(field, 'cookie');
      case 'connection':
        return this.#isConnection(field);
    }
  }

  #addHost(field: number): void {
    this.hostStart = this.valueStart(field);
    this.hostEnd = this.valueEnd(field);
    let { hash } = this;
    for (let at = this.hostStart; at < this.hostEnd; at++) hash = Math.imul(hash ^ this.bytes[at]!, FNV_PRIME);
    // Without it GET /ab with Host c and GET /a with Host bc would meet.
    this.hash = Math.imul(hash ^ (this.targetEnd - this.targetStart), FNV_PRIME);
  }

  /** Keep-alive, as often as it likes; or close, once. */
  #isConnection(field: number): boolean {
    const lines = this.#lines;
    if (lines.closes) return false;
    lines.closes = !lines.hasConnection && this.#hasValue(field, 'close');
    lines.hasConnection = true;
    return lines.closes || this.#hasValue(field, 'keep-alive');
  }

  /** @param text in lower case */
  #hasValue(field: number, text: string): boolean {
    const start = this.valueStart(field);
    return this.valueEnd(field) - start === text.length && this.#is(start, text);
  }

  /** Without regard to case, and to what CGI programs do not tell apart. */
  #begins(at: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) if (NAME_BYTES[this.bytes[at + i]!] !== text.charCodeAt(i)) return false;
    return true;
  }

  /** In lower case. */
  #isNamed(field: number, name: string): boolean {
    const start = this.#nameStart(field);
    return this.#nameEnd(field) - start === name.length && this.#is(start, name);
  }

  /** @param text in lower case */
  #is(start: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) {
      const byte = this.bytes[start + i]!;
      if ((byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte) !== text.charCodeAt(i)) return false;
    }
    return true;
  }
}
