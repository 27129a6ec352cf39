/**
 * @module stores/disk-checksum
 * Checksums of what lies in segments, made in 32 lanes side by side by WebAssembly's instructions for
 * vectors. Of 2 KB each lane has 32 numbers of 16 bits; it multiplies each by a key of its own and adds
 * the products up, which is one instruction for eight numbers. The sum then goes through a round of XXH32
 * (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), rotated by 16 bits and not by 13, which
 * is one instruction, too. 128 KB take 5 µs; zlib's CRC-32 takes 21, a MAC of OpenSSL's 6, but with an object
 * of which the garbage collector gets rid only when it marks the whole heap.
 */

/** Bytes of a checksum. */
export const SUM = 16;
/** Bytes of the longest part that has one. */
export const MOST_SUMMED = 128 * 1024;

const STREAMS = 8;
const LANE = 16;
const STRIPE = STREAMS * LANE;
/** Stripes that are added up. */
const STRIPES = 16;
/** Those that are taken in one turn of the loop. */
const UNROLLED = 4;
const ROUND = STRIPES * STRIPE;
const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const SEED = 0xc2b2ae3d;
/** Of each lane's bytes: its halves change places. */
const ROTATED = [2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13];
// In the module's memory.
const STATES = SUM;
const KEYS = STATES + STRIPE;
const TAIL = KEYS + STRIPES * LANE;
const INPUT = 65_536;
const PAGES = 1 + MOST_SUMMED / 65_536;

/**
 * The two of each stripe, with no pattern in them. As they are odd and no two are the same, one or two bits
 * that change in what is added up always change its sum.
 */
export const SUM_KEYS: readonly number[] = Array.from({ length: 2 * STRIPES }, (_, i) => {
  const once = Math.imul(i + 1, PRIME_1);
  const twice = Math.imul(once ^ (once >>> 15), PRIME_2);
  return ((twice ^ (twice >>> 13)) & 0x7fff) | 1;
});

// TypeScript has it among what is of browsers.
declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
const input = new Uint8Array(memory.buffer, INPUT);
const tail = new Uint8Array(memory.buffer, TAIL, ROUND);
const states = new Uint32Array(memory.buffer, STATES, STRIPE / 4);
const first = Uint32Array.from(states, (_, lane) => Math.imul(lane + 1, SEED));
const result = Buffer.from(memory.buffer, 0, SUM);
new Int16Array(memory.buffer, KEYS, STRIPES * LANE / 2).set(Array.from({ length: STRIPES * LANE / 2 }, (_, i) => SUM_KEYS[2 * Math.floor(i / 8) + (i % 2)]!));
const { take, finish } = new WebAssembly.Instance(new WebAssembly.Module(assemble()), { env: { memory } }).exports as {
  /** Takes the bytes of one round or more. */
  readonly take: (start: number, end: number) => void;
  readonly finish: () => void;
};

/** Of at most MOST_SUMMED bytes; what it returns is overwritten by the next one. */
export function checksumOf(bytes: Uint8Array): Buffer {
  const whole = bytes.length - (bytes.length % ROUND);
  states.set(first);
  if (whole > 0) {
    input.set(whole === bytes.length ? bytes : bytes.subarray(0, whole));
    take(INPUT, INPUT + whole);
  }
  if (whole < bytes.length) {
    tail.set(bytes.subarray(whole));
    // The length is known from elsewhere.
    tail.fill(0, bytes.length - whole);
    take(TAIL, TAIL + ROUND);
  }
  finish();
  return result;
}

/** A module with two functions. Its encoding: https://webassembly.github.io/spec/core/binary/ */
function assemble(): Uint8Array<ArrayBuffer> {
  const [AT, END, KEY, FIRST_STREAM] = [0, 1, 2, 3];
  const WEIGHTS = FIRST_STREAM + STREAMS;
  const get = (local: number): number[] => [0x20, local];
  const set = (local: number): number[] => [0x21, local];
  const tee = (local: number): number[] => [0x22, local];
  const vector = (operation: number, ...immediates: number[]): number[] => [0xfd, ...unsigned(operation), ...immediates];
  const splat = (number: number): number[] => vector(12, ...new Uint8Array(Uint32Array.from([number, number, number, number]).buffer));
  const constant = (value: number): number[] => [0x41, ...signed(value)];
  const load = (offset: number): number[] => vector(0, 4, ...unsigned(offset));
  const store = (offset: number): number[] => vector(11, 4, ...unsigned(offset));
  const [MULTIPLY, ADD, ADD_PRODUCTS, SHUFFLE] = [vector(0xb5), vector(0xae), vector(0xba), vector(13, ...ROTATED)];
  const [ADD_TO_ADDRESS, IS_BELOW, LOOP, REPEAT_IF, END_OF_BLOCK] = [[0x6a], [0x49], [0x03, 0x40], [0x0d, 0], [0x0b]];
  const streams = Array.from({ length: STREAMS }, (_, i) => i);
  const addresses = streams.map((i) => STATES + i * LANE);
  /** rotate(state + value * PRIME_2) * PRIME_1; `scratch` is a local */
  const round = (state: readonly number[], value: readonly number[], scratch: number): number[] => [
    ...state, ...value, ...splat(PRIME_2), ...MULTIPLY, ...ADD, ...tee(scratch), ...get(scratch), ...SHUFFLE, ...splat(PRIME_1), ...MULTIPLY,
  ];
  const taking = [
    3, 1, 0x7f, STREAMS, 0x7b, 1, 0x7b, // locals: an address, and vectors
    ...LOOP,
    ...streams.flatMap((i) => [...splat(0), ...set(FIRST_STREAM + i)]),
    ...constant(KEYS), ...set(KEY),
    ...LOOP,
    ...streams.slice(0, UNROLLED).flatMap((stripe) => [
      ...get(KEY), ...load(stripe * LANE), ...set(WEIGHTS),
      ...streams.flatMap((i) => [...get(FIRST_STREAM + i), ...get(AT), ...load(stripe * STRIPE + i * LANE), ...get(WEIGHTS), ...ADD_PRODUCTS, ...ADD, ...set(FIRST_STREAM + i)]),
    ]),
    ...get(AT), ...constant(UNROLLED * STRIPE), ...ADD_TO_ADDRESS, ...set(AT),
    ...get(KEY), ...constant(UNROLLED * LANE), ...ADD_TO_ADDRESS, ...tee(KEY), ...constant(TAIL), ...IS_BELOW, ...REPEAT_IF,
    ...END_OF_BLOCK,
    ...addresses.flatMap((state, i) => [...constant(state), ...round([...constant(state), ...load(0)], get(FIRST_STREAM + i), WEIGHTS), ...store(0)]),
    ...get(AT), ...get(END), ...IS_BELOW, ...REPEAT_IF,
    ...END_OF_BLOCK,
    ...END_OF_BLOCK,
  ];
  const [STATE, SCRATCH] = [0, 1];
  const finishing = [
    1, 2, 0x7b,
    ...constant(STATES), ...load(0), ...set(STATE),
    ...addresses.slice(1).flatMap((state) => [...round(get(STATE), [...constant(state), ...load(0)], SCRATCH), ...set(STATE)]),
    ...constant(0), ...get(STATE), ...store(0),
    ...END_OF_BLOCK,
  ];
  const text = (word: string): number[] => [word.length, ...Buffer.from(word)];
  const sized = (bytes: readonly number[]): number[] => [...unsigned(bytes.length), ...bytes];
  const section = (id: number, bytes: readonly number[]): number[] => [id, ...sized(bytes)];
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, [2, 0x60, 2, 0x7f, 0x7f, 0, 0x60, 0, 0]),
    ...section(2, [1, ...text('env'), ...text('memory'), 2, 1, PAGES, PAGES]),
    ...section(3, [2, 0, 1]),
    ...section(7, [2, ...text('take'), 0, 0, ...text('finish'), 0, 1]),
    ...section(10, [2, ...sized(taking), ...sized(finishing)]),
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
