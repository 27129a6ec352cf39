/**
 * @module cache/packed-cursor
 * Goes through what PackedWriter wrote where it lies, and copies texts as bytes, a byte a character:
 * to make strings of them, and bytes of those again, takes ten times as long.
 */
import { formatHttpDate } from '../http/date.ts';
import { DATE, KINDS, LATIN1, MORE, PACKED_HEAD, WORD } from './packed.ts';
import { WORDS } from './packed-words.ts';

/** All words one after the other; the first word begins at the first of the places, and each ends where the next begins. */
const WORD_BYTES: Buffer = Buffer.from(WORDS.join(''), 'latin1');
const WORD_PLACES: Int32Array = new Int32Array(WORDS.length + 1);
for (const [at, word] of WORDS.entries()) WORD_PLACES[at + 1] = WORD_PLACES[at]! + word.length;

const DATE_LENGTH = 29;
/** Dates that were written lately, by their last bits: to write one takes as long as to copy five. */
const KNOWN_DATES = 256;
const knownSeconds: Float64Array = new Float64Array(KNOWN_DATES).fill(Number.NaN);
const knownDates: Buffer = Buffer.alloc(KNOWN_DATES * DATE_LENGTH);

export class PackedCursor {
  #bytes: Uint8Array = WORD_BYTES;
  #at = 0;

  /** Goes to the first number or text of bytes [start, end), where they are all that was written with that version. */
  begin(bytes: Buffer, start: number, end: number, version: number): boolean {
    this.#bytes = bytes;
    this.#at = start + PACKED_HEAD;
    return end - start >= PACKED_HEAD && bytes[start] === version && bytes.readUInt32LE(start + 1) === end - start;
  }

  number(): number {
    const whole = this.count();
    if (whole !== 1) return whole / 2;
    this.#at += 8;
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + this.#at - 8, 8).readDoubleLE();
  }

  /** How many texts follow. */
  count(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#at++]!;
    if (byte < MORE) return byte;
    let value = byte - MORE;
    for (let factor = MORE; ; factor *= MORE) {
      byte = bytes[this.#at++]!;
      // So it ends where there are no more bytes.
      if (!(byte >= MORE)) return value + byte * factor;
      value += (byte - MORE) * factor;
    }
  }

  /** The number in WORDS of the text that follows, and past it; -1, and not past it, where it is no word. */
  word(): number {
    const before = this.#at;
    const tag = this.count();
    if ((tag & (KINDS - 1)) === WORD && tag >= KINDS) return (tag >>> 2) - 1;
    this.#at = before;
    return -1;
  }

  copyWord(word: number, target: Uint8Array, at: number): number {
    return copy(WORD_BYTES, WORD_PLACES[word]!, WORD_PLACES[word + 1]!, target, at);
  }

  skipText(): void {
    const tag = this.count();
    const kind = tag & (KINDS - 1);
    if (kind !== WORD && kind !== DATE) this.#at += (kind === LATIN1 ? 1 : 2) * (tag >>> 2);
  }

  /** Copies the text that follows to the target; returns where it ends there, -1 where it does not fit, or is none of a byte a character. */
  copyText(target: Uint8Array, at: number): number {
    const tag = this.count();
    const kind = tag & (KINDS - 1);
    const value = tag >>> 2;
    switch (kind) {
      case LATIN1:
        this.#at += value;
        return copy(this.#bytes, this.#at - value, this.#at, target, at);
      case WORD:
        return value === 0 ? -1 : this.copyWord(value - 1, target, at);
      case DATE:
        return copyDate(Math.floor(tag / KINDS), target, at);
      default:
        return -1;
    }
  }
}

/** A loop: for some ten bytes, to leave JavaScript takes longer. */
function copy(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  if (at + end - start > target.length) return -1;
  let to = at;
  for (let from = start; from < end; from++) target[to++] = bytes[from]!;
  return to;
}

function copyDate(second: number, target: Uint8Array, at: number): number {
  const place = second % KNOWN_DATES;
  const start = place * DATE_LENGTH;
  if (knownSeconds[place] !== second) {
    const text = formatHttpDate(second * 1000);
    if (text.length !== DATE_LENGTH) return -1;
    knownDates.write(text, start, 'latin1');
    knownSeconds[place] = second;
  }
  return copy(knownDates, start, start + DATE_LENGTH, target, at);
}
