/**
 * @module demo/jpeg
 * A small baseline JPEG encoder (no subsampling, the standard's own Huffman tables), so that the
 * demo's photographs are made on the spot and no binary file is shipped.
 * Source: https://www.w3.org/Graphics/JPEG/itu-t81.pdf
 */

/** A colour picture: `pixels` holds red, green, blue for each pixel, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** The order in which the coefficients of a block are written (figure A.6): place → row × 8 + column. */
const ZIGZAG: Uint8Array = zigzag();

/** Quantisation of luminance and chrominance at quality 50, row by row (tables K.1, K.2). */
const LUMINANCE = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
  18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMINANCE = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/** A Huffman table as it stands in the file: how many codes of each length from 1 to 16, then what they mean. */
interface HuffmanTable {
  readonly counts: readonly number[];
  readonly values: readonly number[];
}

const DC_VALUES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
/** Table K.3 */
const LUMINANCE_DC: HuffmanTable = { counts: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], values: DC_VALUES };
/** Table K.4 */
const CHROMINANCE_DC: HuffmanTable = { counts: [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], values: DC_VALUES };
/** Table K.5 */
const LUMINANCE_AC: HuffmanTable = {
  counts: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d],
  values: bytes(
    '01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a' +
      '434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aa' +
      'b2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa',
  ),
};
/** Table K.6 */
const CHROMINANCE_AC: HuffmanTable = {
  counts: [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
  values: bytes(
    '000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a' +
      '434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aa' +
      'b2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa',
  ),
};

/** value → [code, length in bits] */
type Codes = ReadonlyMap<number, readonly [code: number, length: number]>;

const LUMINANCE_CODES: readonly [dc: Codes, ac: Codes] = [codesOf(LUMINANCE_DC), codesOf(LUMINANCE_AC)];
const CHROMINANCE_CODES: readonly [dc: Codes, ac: Codes] = [codesOf(CHROMINANCE_DC), codesOf(CHROMINANCE_AC)];

/** COSINES[u × 8 + x]: the weight of sample x in coefficient u of the one-dimensional DCT (A.3.3). */
const COSINES: Float32Array = Float32Array.from({ length: 64 }, (_, i) => {
  const u = i >> 3;
  return (u === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * (i & 7) + 1) * u * Math.PI) / 16);
});

/**
 * The picture as a JFIF file. `quality` runs from 1 (small) to 100 (near to lossless).
 * Throws RangeError where the sides are not within 1 … 65535 or do not match the pixels.
 */
export function encodeJpeg(picture: Picture, quality: number): Buffer {
  const { width, height, pixels } = picture;
  if (!isSide(width) || !isSide(height)) throw new RangeError(`A JPEG cannot have ${width} × ${height} pixels.`);
  if (pixels.length !== width * height * 3) throw new RangeError('The pixels do not fill the picture.');
  const luminance = scaled(LUMINANCE, quality);
  const chrominance = scaled(CHROMINANCE, quality);
  const out = new BitWriter(1024 + width * height);
  writeHead(out, width, height, luminance, chrominance);

  const planes = [new Float32Array(64), new Float32Array(64), new Float32Array(64)] as const;
  const previousDc = [0, 0, 0];
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      cutBlock(picture, left, top, planes);
      previousDc[0] = writeBlock(out, planes[0], luminance, LUMINANCE_CODES, previousDc[0]!);
      previousDc[1] = writeBlock(out, planes[1], chrominance, CHROMINANCE_CODES, previousDc[1]!);
      previousDc[2] = writeBlock(out, planes[2], chrominance, CHROMINANCE_CODES, previousDc[2]!);
    }
  }
  out.flush();
  out.bytes(0xff, 0xd9);
  return out.result();
}

/** Everything before the scan's data: the markers of B.2, in the order every decoder expects. */
function writeHead(out: BitWriter, width: number, height: number, luminance: Uint8Array, chrominance: Uint8Array): void {
  out.bytes(0xff, 0xd8);
  segment(out, 0xe0, [0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]);
  segment(out, 0xdb, [0, ...inZigzag(luminance), 1, ...inZigzag(chrominance)]);
  segment(out, 0xc0, [8, height >> 8, height & 255, width >> 8, width & 255, 3, 1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1]);
  const tables: [number, HuffmanTable][] = [[0x00, LUMINANCE_DC], [0x10, LUMINANCE_AC], [0x01, CHROMINANCE_DC], [0x11, CHROMINANCE_AC]];
  segment(out, 0xc4, tables.flatMap(([id, table]) => [id, ...table.counts, ...table.values]));
  segment(out, 0xda, [3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]);
}

function segment(out: BitWriter, marker: number, content: readonly number[]): void {
  const length = content.length + 2;
  out.bytes(0xff, marker, length >> 8, length & 255, ...content);
}

/** The 8 × 8 pixels at (left, top) as Y, Cb, Cr around zero (JFIF §"Conversion to and from RGB"); edges are repeated outwards. */
function cutBlock(picture: Picture, left: number, top: number, [luma, blue, red]: readonly [Float32Array, Float32Array, Float32Array]): void {
  const { width, height, pixels } = picture;
  for (let i = 0; i < 64; i++) {
    const x = Math.min(left + (i & 7), width - 1);
    const y = Math.min(top + (i >> 3), height - 1);
    const at = (y * width + x) * 3;
    const r = pixels[at]!;
    const g = pixels[at + 1]!;
    const b = pixels[at + 2]!;
    luma[i] = 0.299 * r + 0.587 * g + 0.114 * b - 128;
    blue[i] = -0.168736 * r - 0.331264 * g + 0.5 * b;
    red[i] = 0.5 * r - 0.418688 * g - 0.081312 * b;
  }
}

const rows = new Float32Array(64);

/** Transforms, quantises and writes one block (F.1.2); returns its DC coefficient, to which the next one is relative. */
function writeBlock(out: BitWriter, samples: Float32Array, steps: Uint8Array, [dcCodes, acCodes]: readonly [Codes, Codes], previousDc: number): number {
  transform(samples, rows);
  transform(rows, samples);

  const dc = Math.round(samples[0]! / steps[0]!);
  const difference = dc - previousDc;
  const category = bitLength(difference);
  out.code(dcCodes.get(category)!);
  out.amplitude(difference, category);

  let zeros = 0;
  for (let place = 1; place < 64; place++) {
    const at = ZIGZAG[place]!;
    const value = Math.round(samples[at]! / steps[at]!);
    if (value === 0) {
      zeros++;
      continue;
    }
    for (; zeros > 15; zeros -= 16) out.code(acCodes.get(0xf0)!);
    const size = bitLength(value);
    out.code(acCodes.get((zeros << 4) | size)!);
    out.amplitude(value, size);
    zeros = 0;
  }
  if (zeros > 0) out.code(acCodes.get(0x00)!);
  return dc;
}

/** The one-dimensional DCT of each row, written as columns: applied twice it is the two-dimensional one. */
function transform(from: Float32Array, to: Float32Array): void {
  for (let row = 0; row < 64; row += 8) {
    for (let u = 0; u < 8; u++) {
      let sum = 0;
      for (let x = 0; x < 8; x++) sum += from[row + x]! * COSINES[u * 8 + x]!;
      to[u * 8 + (row >> 3)] = sum;
    }
  }
}

/** Writes bits into growing bytes, with the zero after each 0xFF that tells data from markers (B.1.1.5). */
class BitWriter {
  #buffer: Buffer;
  #length = 0;
  #bits = 0;
  #bitCount = 0;

  constructor(sizeHint: number) {
    this.#buffer = Buffer.allocUnsafe(sizeHint);
  }

  bytes(...values: number[]): void {
    for (const value of values) this.#push(value);
  }

  code([code, length]: readonly [number, number]): void {
    this.#write(code, length);
  }

  /** The low bits of a value; negative ones are written as their ones' complement (F.1.2.1). */
  amplitude(value: number, size: number): void {
    if (size > 0) this.#write(value < 0 ? value + (1 << size) - 1 : value, size);
  }

  /** Fills the last byte with ones. */
  flush(): void {
    if (this.#bitCount > 0) this.#write((1 << (8 - this.#bitCount)) - 1, 8 - this.#bitCount);
  }

  result(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }

  #write(value: number, length: number): void {
    this.#bits = (this.#bits << length) | value;
    this.#bitCount += length;
    while (this.#bitCount >= 8) {
      this.#bitCount -= 8;
      const byte = (this.#bits >> this.#bitCount) & 0xff;
      this.#push(byte);
      if (byte === 0xff) this.#push(0);
    }
    this.#bits &= (1 << this.#bitCount) - 1;
  }

  #push(byte: number): void {
    if (this.#length === this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer, Buffer.allocUnsafe(this.#length)]);
    this.#buffer[this.#length++] = byte;
  }
}

/** The codes of a table: counted up within a length, doubled from one length to the next (C.2). */
function codesOf(table: HuffmanTable): Codes {
  const codes = new Map<number, readonly [number, number]>();
  let code = 0;
  let used = 0;
  for (let length = 1; length <= 16; length++, code <<= 1) {
    for (let n = 0; n < table.counts[length - 1]!; n++) codes.set(table.values[used++]!, [code++, length]);
  }
  return codes;
}

/** The quantisation table for a quality, by the rule of the Independent JPEG Group that all encoders follow. */
function scaled(table: readonly number[], quality: number): Uint8Array {
  const percent = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  return Uint8Array.from(table, (step) => Math.min(255, Math.max(1, Math.round((step * percent) / 100))));
}

function inZigzag(table: Uint8Array): number[] {
  return Array.from(ZIGZAG, (at) => table[at]!);
}

/** Walks the diagonals of a block from corner to corner, every other one upwards. */
function zigzag(): Uint8Array {
  const order: number[] = [];
  for (let sum = 0; sum < 15; sum++) {
    const diagonal: number[] = [];
    for (let row = Math.max(0, sum - 7); row <= Math.min(7, sum); row++) diagonal.push(row * 8 + (sum - row));
    order.push(...(sum % 2 === 0 ? diagonal.reverse() : diagonal));
  }
  return Uint8Array.from(order);
}

function bitLength(value: number): number {
  return 32 - Math.clz32(Math.abs(value));
}

function isSide(length: number): boolean {
  return Number.isInteger(length) && length >= 1 && length <= 65535;
}

function bytes(hex: string): number[] {
  return [...Buffer.from(hex, 'hex')];
}
