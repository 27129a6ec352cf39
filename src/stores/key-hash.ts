/**
 * @module stores/key-hash
 * 32-bit hashes of keys. Clients choose the URLs that become keys, so the hash is a keyed one with
 * a secret seed: nobody outside can make many keys fall into one bucket.
 * HalfSipHash-1-3 over the UTF-16 code units, two to a word.
 * Source: https://github.com/veorq/SipHash (halfsiphash.c)
 */
import { getRandomValues } from 'node:crypto';

export class KeyHash {
  readonly #seed0: number;
  readonly #seed1: number;

  constructor() {
    const seed = getRandomValues(new Int32Array(2));
    this.#seed0 = seed[0]!;
    this.#seed1 = seed[1]!;
  }

  /** The hash of the key, as a signed 32-bit integer. */
  of(key: string): number {
    let v0 = this.#seed0;
    let v1 = this.#seed1;
    let v2 = this.#seed0 ^ 0x6c796765;
    let v3 = this.#seed1 ^ 0x74656462;
    // All words of the key, then the closing word with the length, then three rounds that finish.
    const words = key.length >>> 1;
    for (let i = 0; i < words + 4; i++) {
      let word = 0;
      if (i < words) word = key.charCodeAt(2 * i) | (key.charCodeAt(2 * i + 1) << 16);
      else if (i === words) word = (key.length << 25) | (key.length & 1 ? key.charCodeAt(2 * i) : 0);
      else if (i === words + 1) v2 ^= 0xff;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    return v1 ^ v3;
  }
}
