/**
 * @module cache/entry-lines
 * The field lines of a stored response as bytes, straight from its encoded description.
 */
import { ENTRY_VERSION } from './entry.ts';
import { PackedCursor } from './packed-cursor.ts';
import { WORDS } from './packed-words.ts';

const COLON = 0x3a;
const SP = 0x20;
const CR = 0x0d;
const LF = 0x0a;

export class EntryLines {
  readonly #cursor = new PackedCursor();
  /** By the number of the word that is its name: 1 where a line is left out. */
  readonly #leftOut: Uint8Array;
  #responseTime = 0;

  /** @param withheld names of fields, in lower case, that are not sent */
  constructor(withheld: readonly string[]) {
    // The lanes write their own behind all others.
    const names = new Set(['content-length', ...withheld]);
    this.#leftOut = Uint8Array.from(WORDS, (word) => (names.has(word.toLowerCase()) ? 1 : 0));
  }

  /** Of the last one; ms since the epoch. */
  get responseTime(): number {
    return this.#responseTime;
  }

  /**
   * Writes the lines of the description in bytes [start, end), as encodeEntry() has written it, into the
   * target. Returns where they end there; -1 where they do not fit, or are for others to write.
   */
  write(bytes: Buffer, start: number, end: number, target: Uint8Array, from: number): number {
    const cursor = this.#cursor;
    if (!cursor.begin(bytes, start, end, ENTRY_VERSION)) return -1;
    // Flags, status, method, request time.
    cursor.number();
    cursor.number();
    cursor.skipText();
    cursor.number();
    this.#responseTime = cursor.number();
    // The stamp. A part, which has its range here, cannot be told from what follows: whoever compares will see it.
    cursor.number();
    let at = from;
    for (let left = cursor.count(); left > 0; left -= 2) {
      const word = cursor.word();
      if (word !== -1 && this.#leftOut[word] === 1) {
        cursor.skipText();
        continue;
      }
      at = word === -1 ? cursor.copyText(target, at) : cursor.copyWord(word, target, at);
      if (at === -1 || at + 2 > target.length) return -1;
      target[at++] = COLON;
      target[at++] = SP;
      at = cursor.copyText(target, at);
      if (at === -1 || at + 2 > target.length) return -1;
      target[at++] = CR;
      target[at++] = LF;
    }
    return at;
  }
}
