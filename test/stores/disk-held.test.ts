/**
 * @module test/stores/disk-held
 * What the disk store holds for bodies on their way: memory, pins, reserved room and garbage. Whatever
 * writers, readers and the disk do, each is bounded, every operation ends, and nothing is left.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { after, describe, test } from 'node:test';
import type { StoredObject, StoreWriter } from '../../src/cache/ports.ts';
import { Random } from '../kit/random.ts';
import { until } from '../kit/until.ts';
import { bytesOf } from './objects.ts';

const { writev, writevSync } = fs;

/** How the disk behaves; the thread pool is asked once a write in the thread itself was slow. */
type Disk = 'fast' | 'slow' | 'hanging' | 'full';
let disk: Disk = 'fast';
const hanging: (() => void)[] = [];
/** Writes that were slow, hung, or failed. */
let hindered = 0;

function stopHanging(): void {
  disk = 'fast';
  for (const goOn of hanging.splice(0)) goOn();
}

fs.writevSync = ((...args: Parameters<typeof writevSync>) => {
  if (disk !== 'fast') hindered++;
  if (disk === 'full') throw Object.assign(new Error('ENOSPC: no space left on the device'), { code: 'ENOSPC' });
  if (disk !== 'fast') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
  return writevSync(...args);
}) satisfies typeof writevSync;
fs.writev = ((...args: Parameters<typeof writev>) => {
  if (disk !== 'fast') hindered++;
  if (disk === 'full') args[3](Object.assign(new Error('ENOSPC: no space left on the device'), { code: 'ENOSPC' }), 0, []);
  else if (disk === 'hanging') hanging.push(() => writev(...args));
  else setTimeout(() => writev(...args), disk === 'slow' ? 20 : 0);
}) as typeof writev;
syncBuiltinESMExports();
after(() => {
  Object.assign(fs, { writev, writevSync });
  syncBuiltinESMExports();
});

// They take the functions of node:fs when they are loaded.
const { MB, newDirectory, open } = await import('./disk-fixture.ts');

const MAX_BYTES = 6 * MB;
/** Bytes of memory that writers may hold together; see disk-write-buffers.ts. */
const MAX_WRITE_BUFFER_BYTES = 32 * MB;

interface Writing {
  readonly writer: StoreWriter;
  left: number;
}

interface Reading {
  readonly object: StoredObject;
  readonly chunks: Iterator<Buffer>;
}

describe('what the disk store holds', () => {
  for (const kind of ['fast', 'slow', 'hanging', 'full'] as const) {
    test(`is bounded and comes back to nothing on a disk that is ${kind}`, async (t) => {
      const random = Random.of(t);
      const upTo = (end: number): number => random.below(end);
      const { store } = open(newDirectory(), MAX_BYTES);
      hindered = 0;
      const writing: Writing[] = [];
      const reading: Reading[] = [];
      const ending: Promise<unknown>[] = [];
      for (let step = 0; step < 600; step++) {
        if (step === 100) disk = kind;
        if (step === 500) {
          assert.equal(hindered > 0, kind !== 'fast');
          stopHanging();
        }
        const key = `k${upTo(30)}`;
        const some = writing[upTo(writing.length)];
        const [what, length] = [upTo(12), 1000 + upTo(upTo(2) === 0 ? 4000 : 900_000)];
        if (what < 3 && writing.length < 40) {
          const writer = store.put(key, upTo(2) === 0 ? undefined : length);
          if (writer !== undefined) writing.push({ writer, left: length });
        } else if (what < 7 && some !== undefined) {
          const chunk = Math.min(some.left, 65_536);
          if (chunk > 0 && some.writer.write(bytesOf(chunk))) some.left -= chunk;
          else {
            writing.splice(writing.indexOf(some), 1);
            // What is given up is aborted, in the middle of it too; what is complete is committed.
            ending.push((chunk === 0 ? some.writer.commit(bytesOf(20)) : Promise.resolve(false)).then(() => some.writer.abort()));
          }
        } else if (what === 7 && some !== undefined) {
          writing.splice(writing.indexOf(some), 1);
          some.writer.abort();
        } else if (what < 10) {
          const object = await store.get(key);
          if (object !== undefined) {
            const chunks = (object.body.read(0, object.body.length) as Iterable<Buffer>)[Symbol.iterator]();
            try {
              chunks.next();
              // A slow reader, which is in the middle of the body.
              reading.push({ object, chunks });
            } catch {
              // The object was removed between the look-up and the read.
            }
          }
        } else if (what === 10 && reading.length > 0) reading.splice(upTo(reading.length), 1)[0]!.chunks.return!();
        else if (what === 11) ending.push(store.delete(key));
        const { writeBufferBytes } = store.held;
        assert.ok(writeBufferBytes <= MAX_WRITE_BUFFER_BYTES, `${writeBufferBytes} bytes of memory`);
        assert.ok(store.stats().bytes <= MAX_BYTES);
        if (upTo(3) === 0) await new Promise(setImmediate);
      }
      stopHanging();
      for (const { chunks } of reading) chunks.return!();
      for (const { writer } of writing) writer.abort();
      await Promise.all(ending);
      await store.clear();
      await until('nothing is held', () => store.held, (held) => held.writeBufferBytes === 0 && held.pins === 0 && held.garbageBytes === 0);
      await store.close();
    });
  }
});
