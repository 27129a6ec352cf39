/**
 * @module cache/packed
 * Numbers and texts one after the other, in few bytes, with their length at the front so that a
 * cut one is known. Small figures take a byte; a text is the number of a word that most responses
 * use, the seconds of an HTTP-date, or its characters, a byte each where they fit.
 */
import { formatHttpDate, parseFormatted } from '../http/date.ts';
import { WORDS } from './packed-words.ts';

/** How a text is written: the two lowest bits of the number in front of it. The rest of that number … */
export const LATIN1 = 0; // … is how many characters follow
const UTF16 = 1; // … is how many units follow, two bytes each
export const WORD = 2; // … is the place in WORDS + 1; 0 stands for null
export const DATE = 3; // … is the seconds since the epoch
export const KINDS = 4;

/** Bytes of a number are 7 bits each, the lowest first, and all but the last have the highest bit set. */
export const MORE = 0x80;

const NUMBER_OF_WORD: ReadonlyMap<string, number> = new Map(WORDS.map((word, at) => [word, at + 1]));
/** Of an IMF-fixdate: `Thu, 01 Jan 1970 00:00:00 GMT`. */
const DATE_LENGTH = 29;
/** Before the content: the version, and the length of it all. */
export const PACKED_HEAD: number = 1 + 4;

export class PackedWriter {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #at = 0;

  begin(version: number): void {
    this.#bytes[0] = version;
    this.#at = PACKED_HEAD;
  }

  /** What was written since begin(). */
  end(): Buffer {
    return Buffer.from(this.view());
  }

  /** The same, until the next begin(). */
  view(): Buffer {
    this.#bytes.writeUInt32LE(this.#at, 1);
    return this.#bytes.subarray(0, this.#at);
  }

  number(value: number): void {
    if (Number.isSafeInteger(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER / 2) return this.#whole(value * 2);
    this.#whole(1);
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  numbers(values: readonly number[]): void {
    this.#whole(values.length);
    for (const value of values) this.number(value);
  }

  text(text: string | null): void {
    const word = text === null ? 0 : NUMBER_OF_WORD.get(text);
    if (word !== undefined) return this.#whole(word * KINDS + WORD);
    this.#characters(text!);
  }

  texts(texts: readonly (string | null)[]): void {
    this.#whole(texts.length);
    for (const text of texts) this.text(text);
  }

  #characters(text: string): void {
    const date = text.length === DATE_LENGTH && text.endsWith(' GMT') ? parseFormatted(text) : undefined;
    if (date !== undefined && date >= 0) return this.#whole((date / 1000) * KINDS + DATE);
    const { length } = text;
    const start = this.#at;
    this.#whole(length * KINDS + LATIN1);
    this.#reserve(2 * length);
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0xff) return this.#wide(text, start);
      this.#bytes[this.#at++] = unit;
    }
  }

  #wide(text: string, start: number): void {
    this.#at = start;
    this.#whole(text.length * KINDS + UTF16);
    this.#at += this.#bytes.write(text, this.#at, 'utf16le');
  }

  #whole(value: number): void {
    this.#reserve(8);
    let rest = value;
    for (; rest >= MORE; rest = Math.floor(rest / MORE)) this.#bytes[this.#at++] = (rest % MORE) | MORE;
    this.#bytes[this.#at++] = rest;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * (this.#at + bytes));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}

/** Reads what PackedWriter wrote, in the same order. Throws where the bytes end early, or are others. */
export class PackedReader {
  readonly #bytes: Buffer;
  /** A character a byte: cutting pieces out of one string costs less than many conversions. */
  readonly #characters: string;
  #at = PACKED_HEAD;

  constructor(bytes: Buffer) {
    if (bytes.length < PACKED_HEAD || bytes.readUInt32LE(1) !== bytes.length) throw new RangeError('It is cut.');
    this.#bytes = bytes;
    this.#characters = bytes.toString('latin1');
  }

  number(): number {
    const whole = this.#whole();
    if (whole !== 1) return whole / 2;
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  numbers(): number[] {
    const values: number[] = [];
    for (let left = this.#whole(); left > 0; left--) values.push(this.number());
    return values;
  }

  text(): string | null {
    const tag = this.#whole();
    // Shifting is faster, and right for all but dates.
    const kind = tag & (KINDS - 1);
    const value = kind === DATE ? Math.floor(tag / KINDS) : tag >>> 2;
    switch (kind) {
      case LATIN1:
        return this.#characters.slice(this.#at, this.#pass(value));
      case UTF16:
        return this.#bytes.toString('utf16le', this.#at, this.#pass(2 * value));
      case WORD:
        if (value > WORDS.length) throw new RangeError('It has a word that is not known.');
        return value === 0 ? null : WORDS[value - 1]!;
      default:
        return formatHttpDate(value * 1000);
    }
  }

  string(): string {
    const text = this.text();
    if (text === null) throw new RangeError('It lacks a text.');
    return text;
  }

  texts(): (string | null)[] {
    const texts: (string | null)[] = [];
    for (let left = this.#whole(); left > 0; left--) texts.push(this.text());
    return texts;
  }

  strings(): string[] {
    const strings: string[] = [];
    for (let left = this.#whole(); left > 0; left--) strings.push(this.string());
    return strings;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new RangeError('It goes on.');
  }

  #pass(bytes: number): number {
    this.#at += bytes;
    if (this.#at > this.#bytes.length) throw new RangeError('It is cut.');
    return this.#at;
  }

  #whole(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new RangeError('It is cut.');
    return byte < MORE ? byte : this.#further(byte - MORE);
  }

  #further(low: number): number {
    const bytes = this.#bytes;
    let value = low;
    for (let factor = MORE; ; factor *= MORE) {
      const byte = bytes[this.#at++];
      if (byte === undefined) throw new RangeError('It is cut.');
      if (byte < MORE) return value + byte * factor;
      value += (byte - MORE) * factor;
    }
  }
}
