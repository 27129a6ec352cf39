/**
 * @module stores/remote
 * A store on other machines, which many proxies share: Redis or Memcached. It never rejects, and no
 * call takes longer than a short limit: what does not come in time counts as not there, what cannot
 * be written stays local.
 */
import type { CommitTerms, Store, StoredObject, StoreWriter } from '../cache/ports.ts';
import type { Chunks } from './chunks.ts';

/** An object as it was read, whole: nothing that happens to the store afterwards can break it off. */
export class RemoteObject implements StoredObject {
  readonly meta: Buffer;
  readonly body: Chunks;
  /** 8 bytes that name this object with this description, and no other. */
  readonly version: Buffer;
  /** The purge number its writer had reached. */
  readonly number: number;

  constructor(meta: Buffer, body: Chunks, version: Buffer, number: number) {
    this.meta = meta;
    this.body = body;
    this.version = version;
    this.number = number;
  }
}

export interface RemoteTerms extends CommitTerms {
  /** The purge number that has been reached here. */
  readonly number: number;
}

export interface RemoteWriter extends StoreWriter {
  /** What it will be called once it is committed. */
  readonly version: Buffer;
  commit(meta: Buffer, terms?: RemoteTerms): Promise<boolean>;
}

export interface RemoteStore extends Store {
  get(key: string): Promise<RemoteObject | undefined>;
  put(key: string, expectedLength: number | undefined): RemoteWriter | undefined;
  /** update(), by the version, which becomes `next`. False where that one is not there any more, or it could not be done. */
  describe(key: string, version: Buffer, next: Buffer, meta: Buffer, terms: RemoteTerms): Promise<boolean>;
}

/** Bytes of the longest body that is shared: it is read whole before the first byte of it is sent. */
export const LONGEST_SHARED = 8 * 1024 * 1024;

/** For what is stored without terms. */
export const UNLIMITED: RemoteTerms = { keepFor: () => 86_400, stands: () => true, number: 0 };

/** Bytes of bodies on their way to or from a store on another machine; more are not begun. */
export class Budget {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  take(bytes: number): boolean {
    if (this.#taken + bytes > this.#most) return false;
    this.#taken += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}

const NARROW = 0x6e;
const WIDE = 0x77;

/** Any string as bytes, and back: two bytes to a UTF-16 unit where one is not enough. */
export function encodeKey(key: string): Buffer {
  const isWide = /[^\0-\xff]/u.test(key) || /[\ud800-\udfff]/u.test(key);
  const bytes = Buffer.allocUnsafe(1 + (isWide ? 2 : 1) * key.length);
  bytes[0] = isWide ? WIDE : NARROW;
  bytes.write(key, 1, isWide ? 'utf16le' : 'latin1');
  return bytes;
}

export function decodeKey(bytes: Buffer): string {
  return bytes.toString(bytes[0] === WIDE ? 'utf16le' : 'latin1', 1);
}
