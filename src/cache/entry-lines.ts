/**
 * @module cache/entry-lines
 * The field lines of a stored response as bytes, straight from its encoded description.
 */
import { ENTRY_VERSION } from './entry.ts';
import { PackedCursor, numberOfWord } from './packed-cursor.ts';

const COLON = 0x3a;
const SP = 0x20;
const CR = 0x0d;
const LF = 0x0a;

/** Left out: the lanes write their own behind all others. */
const LENGTHS: readonly [number, number] = [numberOfWord('Content-Length'), numberOfWord('content-length')];

export class EntryLines {
  readonly #cursor = new PackedCursor();
  #responseTime = 0;

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
      if (word !== -1 && (word === LENGTHS[0] || word === LENGTHS[1])) {
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
