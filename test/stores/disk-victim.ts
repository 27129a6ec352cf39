/**
 * @module test/stores/disk-victim
 * A process that stores, changes, removes and purges at full speed until it is killed. It says on
 * standard output what was done for good: whoever opens the directory next must find it so. Each
 * description holds what the object must be.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { Stamps } from '../../src/cache/stamps.ts';
import { DiskStore } from '../../src/stores/disk.ts';
import { Random } from '../kit/random.ts';

const KEYS = 60;
const MAX_BYTES = 6_000_000;

/** What a description says of its object. */
export interface Described {
  readonly key: string;
  /** Rises from one version of the key to the next. */
  readonly generation: number;
  readonly stamp: number;
  readonly digest: string;
}

/** One of them on standard output, as a line of JSON: everything of the key up to that generation is gone. */
export interface Gone {
  readonly key: string;
  readonly generation: number;
  readonly how: 'deleted' | 'purged';
}

export function digestOf(chunks: Iterable<Uint8Array>): string {
  const digest = createHash('sha256');
  for (const chunk of chunks) digest.update(chunk);
  return digest.digest('base64url');
}

export function open(directory: string): DiskStore {
  return new DiskStore({ directory, maxBytes: MAX_BYTES, maxObject: 1_500_000 });
}

/** @param first the first generation */
async function run(directory: string, first: number, random: Random): Promise<never> {
  const store = open(directory);
  const stamps = new Stamps(store.stamps.memory, store.stamps);
  let generation = first;
  const material = random.bytes(1_200_000);
  const tell = (gone: Gone): void => void writeSync(1, `${JSON.stringify(gone)}\n`);
  writeSync(1, 'ready\n');
  const work = async (lane: number): Promise<never> => {
    const own = random.fork();
    for (;;) {
      // Each key belongs to one lane, so that its generations come in order.
      const key = `key ${lane + 6 * Math.floor((own.next() * KEYS) / 6)}`;
      const mine = ++generation;
      const choice = own.next();
      if (choice < 0.12) {
        await store.delete(key);
        tell({ key, generation: mine, how: 'deleted' });
      } else if (choice < 0.24) {
        stamps.purge(key);
        tell({ key, generation: mine, how: 'purged' });
      } else if (choice < 0.36) {
        const stored = await store.get(key);
        if (stored === undefined) continue;
        const described = JSON.parse(stored.meta.toString()) as Described;
        await store.update(key, stored, Buffer.from(JSON.stringify({ ...described, generation: mine })));
      } else {
        const stamp = stamps.now();
        const length = Math.floor(own.next() ** 4 * 1_000_000);
        const start = own.below(200_000);
        const body = material.subarray(start, start + length);
        const writer = store.put(key, own.next() < 0.5 ? undefined : length);
        if (writer === undefined) continue;
        for (let at = 0; at < length; at += 50_000) {
          writer.write(body.subarray(at, Math.min(length, at + 50_000)));
          if (own.next() < 0.3) await new Promise(setImmediate);
        }
        const described: Described = { key, generation: mine, stamp, digest: digestOf([body]) };
        if (own.next() < 0.1) writer.abort();
        else await writer.commit(Buffer.from(JSON.stringify(described)));
        writer.abort();
      }
    }
  };
  return Promise.race([0, 1, 2, 3, 4, 5].map(work));
}

if (import.meta.main) await run(process.argv[2]!, Number(process.argv[3]), new Random(Number(process.argv[4])));
