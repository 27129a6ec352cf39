/**
 * @module cache/ports
 * What the engine asks of the world around it: a Store that moves bytes by key, and an Origin
 * that answers requests. Contracts only; the implementations live in stores/ and origin/.
 */
import type { Readable } from 'node:stream';
import type { Fields } from '../http/fields.ts';
import type { PackedReader, PackedWriter } from './packed.ts';
import type { StoreStats } from './store-stats.ts';

/** Bytes that can be read in part. */
export interface Body {
  readonly length: number;
  /** The chunks of bytes [start, end), none empty. A failing read throws while iterating. */
  read(start: number, end: number): AsyncIterable<Buffer> | Iterable<Buffer>;
  /** Where the chunks are lent: each is its reader's alone, who may give it back here. */
  readonly lender?: Lender | undefined;
  /**
   * Keeps the bytes readable, and charged to the store's budget, until the same reader calls
   * `unpin()`. False when the object is no longer stored. Only a body that has a budget has this.
   */
  pin?(reader: BodyReader): boolean;
  unpin?(reader: BodyReader): void;
}

/** One that sends a body at the pace of a client. */
export interface BodyReader {
  /** The store needs the memory for others: a response whose client is stuck is to be cut, and the body unpinned. */
  cutIfStuck(): void;
}

/** What a store holds under a key: the engine's encoded description, and the body. */
export interface StoredObject {
  readonly meta: Buffer;
  readonly body: Body;
}

/** What a store that many machines share needs to know of an object. */
export interface CommitTerms {
  /** Seconds it can be of use, from now: the store may drop it then. */
  readonly keepFor: () => number;
  /** It has not been purged meanwhile: to be asked right before it becomes visible to others. */
  readonly stands: () => boolean;
}

/** One object being written. It becomes visible under its key at commit, whole, or never. */
export interface StoreWriter {
  /** It copies what it keeps of the chunk. False once the object was given up (over the limits, or the store failed): stop writing. */
  write(chunk: Buffer): boolean;
  /** The bytes written so far can be read until it is aborted, also when it takes no more. Undefined past the end of them. */
  chunkAt(position: number): Buffer | undefined;
  readonly written: number;
  /** Bytes it took that wait to be stored: with many, let it catch up. Undefined: none ever wait. */
  readonly backlog?: number | undefined;
  /** Calls the listener whenever the backlog has become less; there is one listener. */
  onDrain?(listener: () => void): void;
  /** Calls the listener where the memory of what is only read here is needed for others: readers that are stuck are to be cut. There is one listener. */
  onReclaim?(listener: () => void): void;
  /** Makes it visible, replacing what was there. False when it could not be kept; it is still to be aborted then. */
  commit(meta: Buffer, terms?: CommitTerms): Promise<boolean>;
  /** Drops it; what was stored under the key before stays. After commit: nobody reads it here any more. To be called in the end in either case. */
  abort(): void;
}

/**
 * A handle of one stored object with its very description; it keeps nothing of the object alive. Only
 * the store that issued it can read it. A store in front of another wraps the ticket of that store.
 */
export interface StoreTicket {
  /** Appends what `readTicket` of the store reads. */
  write(writer: PackedWriter): void;
}

/** How many numbers a note has. */
export const NOTE_LENGTH = 7;

/** Where a store in memory has an object, to be read before anything else is asked of it: key (a byte a character), description and body, one after the other. */
export interface Lying {
  slot: number;
  bytes: Buffer;
  /** Where each of them begins. */
  key: number;
  meta: number;
  body: number;
  end: number;
}

/** Moves bytes by key. Freshness, Vary and tags are the engine's. Every store passes test/stores/contract.ts. */
export interface Store {
  readonly name: string;
  get(key: string): Promise<StoredObject | undefined>;
  /** As get(), at once; only a store that has everything in memory has it. */
  peek?(key: string): StoredObject | undefined;
  /** Undefined when an object of that length can never be kept (see max-object). */
  put(key: string, expectedLength: number | undefined): StoreWriter | undefined;
  /** Replaces the description and keeps the body, only where `previous` is still what is stored. It lives no shorter than before. */
  update(key: string, previous: StoredObject, meta: Buffer, terms?: CommitTerms): Promise<boolean>;
  /** True when something was there. */
  delete(key: string): Promise<boolean>;
  /** Removes everything; how many objects there were. */
  clear(): Promise<number>;
  /** The keys at about this moment, for listing and sweeping; it may run while others write. */
  keys(): AsyncIterable<string> | Iterable<string>;
  stats(): StoreStats;
  close(): Promise<void>;
  // For prepared answers: ticket, readTicket, touch, bodyOf, lend and giveBack come together.
  /** Undefined for an object of another store. */
  ticket?(object: StoredObject): StoreTicket | undefined;
  /** A ticket that was written in this process. */
  readTicket?(reader: PackedReader): StoreTicket;
  /** At once, and without reading it: the very object, with its very description, is still stored. Counts as an access. */
  touch?(ticket: StoreTicket): boolean;
  /** At once, the body of the very object; no access. Undefined where `touch` would be false, or where the store wants to be asked by get(). */
  bodyOf?(ticket: StoreTicket): Body | undefined;
  /** Bytes it can lend besides its budget; default 0. */
  readonly lendable?: number;
  /** Takes bytes of the budget for others, dropping objects where need be. False when there is no room. */
  lend?(bytes: number): boolean;
  giveBack?(bytes: number): void;
  // For notes, which only a store in memory keeps.
  /** The slot of the very object, for the members below; undefined where it is not stored, or cannot have a note. */
  slotOf?(ticket: StoreTicket): number | undefined;
  /** The ticket of the object that has this slot. */
  ticketAt?(slot: number): StoreTicket;
  /** Keeps numbers beside the object that has this slot, until it is replaced, described anew or gone. Where the first of them is 0, there is no note any more. */
  annotate?(slot: number, note: Int32Array): void;
  /** The note beside the object that has this slot; false where there is none. */
  annotation?(slot: number, note: Int32Array): boolean;
  /** Finds the object that has this slot, and a note; `lying` says where. */
  look?(slot: number): void;
  readonly lying?: Lying;
  /** As `touch`, for the object that has this slot, and a note. */
  access?(slot: number): void;
}

/** Where a request goes. */
export interface Target {
  readonly scheme: 'http' | 'https';
  /** Lower case; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** host[:port] as it stands in Host and in URLs: the default port left out, IPv6 in brackets. */
  readonly authority: string;
  /** Path and query, as the origin gets it; begins with "/" (or is "*" for OPTIONS). */
  readonly path: string;
}

/** What an exchange needs of an AbortSignal: one listener at a time. See cancel.ts. */
export interface Cancellation {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface OriginRequest {
  readonly method: string;
  readonly target: Target;
  /** Complete and end-to-end: the origin adds only framing (Content-Length, Transfer-Encoding, Connection). */
  readonly fields: Fields;
  /** Undefined: no body. Its length stands in Content-Length where known; else it is sent chunked. */
  readonly body: Readable | undefined;
  /** The trailers of the request, asked for once the body has ended. */
  readonly trailers?: () => Fields | undefined;
  /** Aborting it ends the exchange at once. */
  readonly signal: Cancellation;
  /** Called for each 1xx response but 101, before the promise of the final one settles. */
  readonly onInformational?: (status: number, fields: Fields) => void;
}

/** Takes the body of a response as it comes. */
export interface BodySink {
  /** False asks for a pause; `OriginBody.resume()` ends it. */
  data(chunk: Buffer): boolean;
  /** The body was complete. */
  end(trailers: Fields | undefined): void;
  /** The body broke off; a MillraceError whose source is the origin, or the abort's reason. */
  error(error: Error): void;
}

/** Whose memory chunks may lie in. */
export interface Lender {
  /**
   * Nobody reads that very chunk any more, and nobody will: its memory may be used again. To be said
   * by whoever alone was given it. Need not be said: what is not given back is garbage some day.
   */
  giveBack(chunk: Buffer): void;
}

/** The body of an origin's response: held back until piped, then pushed into the sink. Its chunks are lent. */
export interface OriginBody extends Lender {
  /** Once only. */
  pipe(sink: BodySink): void;
  resume(): void;
  /** Ends the exchange; the sink's error() is called where the body was not at its end. */
  abort(reason: Error): void;
}

export interface OriginResponse {
  readonly status: number;
  /** End-to-end fields: hop-by-hop ones and those named in Connection are gone. */
  readonly fields: Fields;
  /** "1.1", "1.0", "2": for Via. */
  readonly httpVersion: string;
  readonly body: OriginBody;
}

export interface Origin {
  /** Rejects with a MillraceError whose source is the origin when no final response came. */
  fetch(request: OriginRequest): Promise<OriginResponse>;
  close(): Promise<void>;
}
