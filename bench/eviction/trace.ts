/**
 * @module bench/eviction/trace
 * A trace: which objects were asked for, in order. In a file it is one key a line, perhaps with the
 * object's size in bytes behind it, after blanks or a comma.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

export interface Trace {
  /** The number of the object of each request; objects are numbered from 0 in the order they come first. */
  readonly requests: Int32Array;
  /** By object, in bytes; the first one that is told. Undefined: the trace has none. */
  readonly sizes: Float64Array | undefined;
  readonly objects: number;
}

/** @throws {Error} where a line cannot be read; it names the line */
export async function readTrace(lines: AsyncIterable<string>): Promise<Trace> {
  const numbers = new Map<string, number>();
  const requests: number[] = [];
  const sizes: number[] = [];
  let line = 0;
  for await (const text of lines) {
    line++;
    const words = text.trim().split(/\s*,\s*|\s+/u);
    const [key = '', size] = words;
    if (key === '') continue;
    if (words.length > 2) throw new Error(`line ${line} has more than a key and a size: ${text.slice(0, 80)}`);
    if (size !== undefined && !/^\d+$/u.test(size)) throw new Error(`line ${line} has ${JSON.stringify(size.slice(0, 40))} where a size in bytes belongs`);
    let number = numbers.get(key);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(key, number);
      if (size !== undefined) sizes.push(Number(size));
    }
    requests.push(number);
    if (sizes.length !== 0 && sizes.length !== numbers.size) throw new Error(`line ${line} has no size, others have`);
  }
  return { requests: Int32Array.from(requests), sizes: sizes.length === 0 ? undefined : Float64Array.from(sizes), objects: numbers.size };
}

export function traceFile(path: string): Promise<Trace> {
  return readTrace(createInterface({ input: createReadStream(path), crlfDelay: Infinity }));
}

/** Zipf's popularity with exponent 1: the k-th of the objects comes 1/k as often as the first. The same on every run. */
export function zipfTrace(objects: number, length: number): Trace {
  const numbers = new Map<number, number>();
  let state = 42;
  const requests = Int32Array.from({ length }, () => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    const random = ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
    const rank = Math.floor((objects + 1) ** random);
    const number = numbers.get(rank) ?? numbers.size;
    numbers.set(rank, number);
    return number;
  });
  return { requests, sizes: undefined, objects: numbers.size };
}
