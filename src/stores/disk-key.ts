/**
 * @module stores/disk-key
 * Keys as bytes: one that says how, then a byte or two for each UTF-16 unit. And as numbers, by which
 * they are found in the table.
 */
import { hash } from 'node:crypto';
import { bufferOf } from './blob.ts';

const NARROW = 0;
const WIDE = 1;

export function encodeKey(key: string): Buffer {
  const isWide = /[^\0-\xff]/.test(key);
  const bytes = Buffer.allocUnsafe(1 + (isWide ? 2 : 1) * key.length);
  bytes[0] = isWide ? WIDE : NARROW;
  bytes.write(key, 1, isWide ? 'utf16le' : 'latin1');
  return bytes;
}

export function decodeKey(bytes: Uint8Array): string {
  return bufferOf(bytes).toString(bytes[0] === WIDE ? 'utf16le' : 'latin1', 1);
}

/** Hashes that are remembered. */
const MOST = 256;

export class KeyHashes {
  readonly #salt: string;
  /** Requests ask for those of their keys several times, by turns. */
  readonly #known = new Map<string, number>();

  /** @param salt nobody outside can make many keys fall into one then */
  constructor(salt: Buffer) {
    this.#salt = salt.toString('base64');
  }

  /** Of 48 bits; others may have the same. */
  of(key: string): number {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const keyHash = hash('sha256', this.#salt + key, 'buffer').readUIntBE(0, 6);
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(key, keyHash);
    return keyHash;
  }
}
