/**
 * @module origin/plain-chunks
 * Reads a body in chunks, as long as they are plain: sizes of hexadecimal digits, no extensions, no
 * trailers. At anything else it stops, and tells what it has read since the last chunk, so that
 * llhttp can go on from there (see plain-remainder).
 * Source: https://www.rfc-editor.org/rfc/rfc9112.html#section-7.1
 */

export type Step =
  /** Bytes [from, at) are content. */
  | 'content'
  /** The bytes given are used up. */
  | 'more'
  /** The body is complete. */
  | 'end'
  /** What begins with `line` and goes on at `at` is no plain chunk. */
  | 'other'
  /** A chunk is not as long as it said. */
  | 'broken';

const CR = 0x0d;
const LF = 0x0a;
/** A chunk of 256 MB and more is left to llhttp. */
const MAX_DIGITS = 7;

export class PlainChunks {
  /** Where the content of this step begins. */
  from = 0;
  /** Where the next step begins. */
  at = 0;
  /** Bytes that were read since the last chunk. */
  line = '';
  #expecting: 'size' | 'size LF' | 'content' | 'CR' | 'LF' | 'last CR' | 'last LF' = 'size';
  #left = 0;

  /** The next step in bytes [at, end). */
  next(bytes: Uint8Array, end: number): Step {
    while (this.at < end) {
      if (this.#expecting === 'content') {
        this.from = this.at;
        const taken = Math.min(this.#left, end - this.at);
        this.at += taken;
        this.#left -= taken;
        if (this.#left === 0) this.#expecting = 'CR';
        return 'content';
      }
      const step = this.#take(bytes[this.at]!);
      if (step === 'other' || step === 'broken') return step;
      this.at++;
      if (step === 'end') return step;
    }
    return 'more';
  }

  #take(byte: number): Step {
    switch (this.#expecting) {
      case 'size':
        if (byte === CR && this.line !== '') return this.#expect('size LF', byte);
        if (!isHexadecimal(byte) || this.line.length === MAX_DIGITS) return 'other';
        return this.#expect('size', byte);
      case 'size LF':
        if (byte !== LF) return 'other';
        this.#left = Number.parseInt(this.line, 16);
        if (this.#left === 0) return this.#expect('last CR', byte);
        this.line = '';
        this.#expecting = 'content';
        return 'more';
      case 'CR':
        if (byte !== CR) return 'broken';
        this.#expecting = 'LF';
        return 'more';
      case 'LF':
        if (byte !== LF) return 'broken';
        this.#expecting = 'size';
        return 'more';
      case 'last CR':
        return byte === CR ? this.#expect('last LF', byte) : 'other';
      default:
        return byte === LF ? 'end' : 'other';
    }
  }

  #expect(what: 'size' | 'size LF' | 'last CR' | 'last LF', read: number): Step {
    this.line += String.fromCharCode(read);
    this.#expecting = what;
    return 'more';
  }
}

function isHexadecimal(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}
