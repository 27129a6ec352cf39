/**
 * @module stores/disk-checksum
 * Checksums of what lies in segments: the rounds of XXH32 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md)
 * in 32 lanes side by side, by WebAssembly's instructions for vectors; rotated by 16 bits and not by 13,
 * which is one instruction. 128 KB take 8 µs; zlib's CRC-32 takes 21, a MAC of OpenSSL's 6, but with an
 * object of which the garbage collector gets rid only when it marks the whole heap.
 */

/** Bytes of a checksum. */
export const SUM = 16;
/** Bytes of the longest part that has one. */
export const MOST_SUMMED = 128 * 1024;

const STREAMS = 8;
const LANE = 16;
const STRIPE = STREAMS * LANE;
const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const SEED = 0xc2b2ae3d;
/** Of each lane's bytes: its halves change places. */
const ROTATED = [2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13];
/** In the module's memory: the checksum, and behind it the bytes. */
const INPUT = 65_536;
const PAGES = 1 + MOST_SUMMED / 65_536;

// TypeScript has it among what is of browsers.
declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
const input = new Uint8Array(memory.buffer, INPUT);
const result = Buffer.from(memory.buffer, 0, SUM);
const { run } = new WebAssembly.Instance(new WebAssembly.Module(assemble()), { env: { memory } }).exports as { run: (end: number) => void };

/** Of at most MOST_SUMMED bytes; what it returns is overwritten by the next one. */
export function checksumOf(bytes: Uint8Array): Buffer {
  const end = Math.ceil(bytes.length / STRIPE) * STRIPE;
  input.set(bytes);
  // The length is known from elsewhere.
  input.fill(0, bytes.length, end);
  run(INPUT + end);
  return result;
}

/** A module with one function, which takes the end of the bytes. Its encoding: https://webassembly.github.io/spec/core/binary/ */
function assemble(): Uint8Array<ArrayBuffer> {
  const [END, AT, FIRST_STREAM] = [0, 1, 2];
  const [ONE, TWO] = [FIRST_STREAM + STREAMS, FIRST_STREAM + STREAMS + 1];
  const get = (local: number): number[] => [0x20, local];
  const set = (local: number): number[] => [0x21, local];
  const vector = (operation: number, ...immediates: number[]): number[] => [0xfd, ...unsigned(operation), ...immediates];
  const splat = (lanes: readonly number[]): number[] => vector(12, ...new Uint8Array(Uint32Array.from(lanes).buffer));
  const constant = (value: number): number[] => [0x41, ...signed(value)];
  const [MULTIPLY, ADD, SHUFFLE] = [vector(0xb5), vector(0xae), vector(13, ...ROTATED)];
  /** stream = rotate(stream + value * PRIME_2) * PRIME_1 */
  const round = (stream: number, value: readonly number[]): number[] => [
    ...get(stream), ...value, ...get(TWO), ...MULTIPLY, ...ADD, ...set(stream),
    ...get(stream), ...get(stream), ...SHUFFLE, ...get(ONE), ...MULTIPLY, ...set(stream),
  ];
  const streams = Array.from({ length: STREAMS }, (_, i) => FIRST_STREAM + i);
  const code = [
    ...splat(Array.from({ length: 4 }, () => PRIME_1)), ...set(ONE),
    ...splat(Array.from({ length: 4 }, () => PRIME_2)), ...set(TWO),
    ...streams.flatMap((stream, i) => [...splat([0, 1, 2, 3].map((lane) => Math.imul(4 * i + lane + 1, SEED) >>> 0)), ...set(stream)]),
    ...constant(INPUT), ...set(AT),
    0x02, 0x40, // block: nothing where there are no bytes
    ...get(AT), ...get(END), 0x4f, 0x0d, 0,
    0x03, 0x40, // loop
    ...streams.flatMap((stream, i) => round(stream, [...get(AT), ...vector(0, 4, ...unsigned(i * LANE))])),
    ...get(AT), ...constant(STRIPE), 0x6a, 0x22, AT, ...get(END), 0x49, 0x0d, 0,
    0x0b, 0x0b,
    ...streams.slice(1).flatMap((stream) => round(FIRST_STREAM, get(stream))),
    ...constant(0), ...get(FIRST_STREAM), ...vector(11, 4, 0),
    0x0b,
  ];
  const body = [2, 1, 0x7f, STREAMS + 2, 0x7b, ...code];
  const text = (word: string): number[] => [word.length, ...Buffer.from(word)];
  const section = (id: number, bytes: readonly number[]): number[] => [id, ...unsigned(bytes.length), ...bytes];
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, [1, 0x60, 1, 0x7f, 0]),
    ...section(2, [1, ...text('env'), ...text('memory'), 2, 1, PAGES, PAGES]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text('run'), 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

/** https://webassembly.github.io/spec/core/binary/values.html#integers */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}
