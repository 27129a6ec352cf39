/**
 * @module test/stores/disk-worker
 * A thread that has its part in a store on disk: stores, reads and removes under keys that others use too.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Stamps } from '../../src/cache/stamps.ts';
import type { DiskShared } from '../../src/stores/disk-shared.ts';
import { DiskStore } from '../../src/stores/disk.ts';
import { bytesOf, putWhole, readBody } from './objects.ts';

const { directory, number, shared } = workerData as { directory: string; number: number; shared: DiskShared };
const store = new DiskStore({ directory, shared, maxBytes: 24 * 1024 * 1024, maxObject: 4 * 1024 * 1024 });
let stored = 0;
let wrong = 0;
for (let i = 0; i < 200; i++) {
  const length = [500, 20_000, 100_000, 400_000][i % 4]!;
  if (await putWhole(store, `k${i % 37}`, Buffer.from(JSON.stringify([length, i])), [bytesOf(length, i)])) stored++;
  const found = await store.get(`k${(i * 7) % 37}`);
  if (found !== undefined) {
    const [expected, seed] = JSON.parse(found.meta.toString()) as [number, number];
    const body = await readBody(found.body).catch(() => Buffer.alloc(0));
    if (!bytesOf(expected, seed).equals(body)) wrong++;
  }
  if (i % 10 === 9) await store.delete(`k${(i * 3) % 37}`);
}
new Stamps(shared.stamps, store.stamps).purge(`scope of ${number}`);
await store.close();
parentPort!.postMessage({ stored, wrong });
