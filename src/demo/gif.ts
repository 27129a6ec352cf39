/**
 * @module demo/gif
 * A small GIF encoder, for still pictures and for animations that repeat for ever.
 * Source: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
 */

/** A picture of up to 256 colours, with one frame or several. */
export interface IndexedPicture {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue for each colour; 2 to 256 colours. */
  readonly palette: Uint8Array;
  /** For each frame the number of a colour per pixel, row by row. */
  readonly frames: readonly Uint8Array[];
  /** Hundredths of a second that a frame stays; without meaning where there is one frame. */
  readonly delay?: number;
}

/** LZW codes have at most twelve bits (appendix F). */
const MAX_CODES = 4096;

/**
 * The picture as a GIF file: GIF87a with one frame, GIF89a where it moves.
 * Throws RangeError where the sides, the palette or a frame cannot stand in a GIF.
 */
export function encodeGif(picture: IndexedPicture): Buffer {
  const { width, height, palette, frames } = picture;
  const colours = palette.length / 3;
  if (!isSide(width) || !isSide(height)) throw new RangeError(`A GIF cannot have ${width} × ${height} pixels.`);
  if (!Number.isInteger(colours) || colours < 2 || colours > 256) throw new RangeError(`A GIF has 2 to 256 colours, not ${colours}.`);
  for (const frame of frames) {
    if (frame.length !== width * height) throw new RangeError('A frame does not fill the picture.');
    if (frame.some((colour) => colour >= colours)) throw new RangeError('A pixel has a colour that the palette lacks.');
  }

  // The colour table has a power of two of entries; the unused ones stay black.
  const bitsPerPixel = Math.max(1, Math.ceil(Math.log2(colours)));
  const colourTable = Buffer.alloc(3 << bitsPerPixel);
  colourTable.set(palette);
  const moves = frames.length > 1;
  const parts: Buffer[] = [
    Buffer.from(moves ? 'GIF89a' : 'GIF87a', 'latin1'),
    Buffer.from([...little(width), ...little(height), 0x80 | ((bitsPerPixel - 1) << 4) | (bitsPerPixel - 1), 0, 0]),
    colourTable,
  ];
  if (moves) parts.push(Buffer.from([0x21, 0xff, 11, ...Buffer.from('NETSCAPE2.0', 'latin1'), 3, 1, 0, 0, 0]));
  for (const frame of frames) {
    if (moves) parts.push(Buffer.from([0x21, 0xf9, 4, 0, ...little(picture.delay ?? 10), 0, 0]));
    parts.push(Buffer.from([0x2c, 0, 0, 0, 0, ...little(width), ...little(height), 0]));
    parts.push(compress(frame, Math.max(2, bitsPerPixel)));
  }
  parts.push(Buffer.from([0x3b]));
  return Buffer.concat(parts);
}

/** LZW with codes that grow (appendix F), cut into sub-blocks of up to 255 bytes. */
function compress(pixels: Uint8Array, bits: number): Buffer {
  const clear = 1 << bits;
  const end = clear + 1;
  // children[prefix << bits | pixel]: the code of that prefix with that pixel after it; 0 is none.
  const children = new Uint16Array(MAX_CODES << bits);
  const out = new SubBlocks(bits);

  let next = end + 1;
  let length = bits + 1;
  out.write(clear, length);
  let prefix = pixels[0]!;
  for (let i = 1; i < pixels.length; i++) {
    const pixel = pixels[i]!;
    const slot = (prefix << bits) | pixel;
    const known = children[slot]!;
    if (known !== 0) {
      prefix = known;
      continue;
    }
    out.write(prefix, length);
    prefix = pixel;
    if (next < MAX_CODES) {
      // The decoder is one entry behind, so the length grows only once the code just made needs it.
      if (next === 1 << length) length++;
      children[slot] = next++;
    } else {
      out.write(clear, length);
      children.fill(0);
      next = end + 1;
      length = bits + 1;
    }
  }
  out.write(prefix, length);
  if (next === 1 << length && length < 12) length++;
  out.write(end, length);
  return out.result();
}

/** Codes packed from the lowest bit on, in blocks that begin with their length. */
class SubBlocks {
  readonly #bytes: number[];
  #blockStart = 1;
  #bits = 0;
  #bitCount = 0;

  constructor(codeSize: number) {
    this.#bytes = [codeSize, 0];
  }

  write(code: number, length: number): void {
    this.#bits |= code << this.#bitCount;
    this.#bitCount += length;
    for (; this.#bitCount >= 8; this.#bitCount -= 8, this.#bits >>>= 8) this.#push(this.#bits & 0xff);
  }

  result(): Buffer {
    if (this.#bitCount > 0) this.#push(this.#bits & 0xff);
    if (this.#bytes[this.#blockStart] !== 0) this.#bytes.push(0);
    return Buffer.from(this.#bytes);
  }

  #push(byte: number): void {
    this.#bytes.push(byte);
    if (++this.#bytes[this.#blockStart]! < 255) return;
    this.#blockStart = this.#bytes.length;
    this.#bytes.push(0);
  }
}

function little(value: number): [number, number] {
  return [value & 255, value >> 8];
}

function isSide(length: number): boolean {
  return Number.isInteger(length) && length >= 1 && length <= 65535;
}
