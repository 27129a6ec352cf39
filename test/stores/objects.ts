/**
 * @module test/stores/objects
 * Objects to store, and how tests store and read them.
 */
import assert from 'node:assert/strict';
import type { Body, BodyReader, Store, StoredObject } from '../../src/cache/ports.ts';

const PATTERN_BYTES = 65_536;
/** Twice, so that it can be read from any place. */
const PATTERN = Buffer.from(Uint8Array.from({ length: 2 * PATTERN_BYTES }, (_, i) => i * 31 + (i >>> 8) * 7));

/** Bytes that differ from place to place, so that a chunk in the wrong place shows. */
export function bytesOf(length: number, seed = 1): Buffer {
  const start = (seed & 0xff) << 8;
  return Buffer.alloc(length, PATTERN.subarray(start, start + PATTERN_BYTES));
}

export async function readBody(body: Body, start = 0, end: number = body.length): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body.read(start, end)) {
    assert.ok(chunk.length > 0, 'no chunk is empty');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A reader that is in no hurry. */
export const READER: BodyReader = { cutIfStuck: () => {} };

export async function putWhole(store: Store, key: string, meta: Buffer, chunks: readonly Buffer[]): Promise<boolean> {
  const writer = store.put(key, undefined);
  if (writer === undefined) return false;
  const isTaken = chunks.every((chunk) => writer.write(chunk));
  const kept = isTaken && (await writer.commit(meta));
  writer.abort();
  return kept;
}

export async function assertStored(store: Store, key: string, meta: Buffer, body: Buffer): Promise<StoredObject> {
  const stored = await store.get(key);
  assert.ok(stored !== undefined, `something is stored under ${JSON.stringify(key)}`);
  assert.deepEqual(stored.meta, meta);
  assert.equal(stored.body.length, body.length);
  assert.ok(body.equals(await readBody(stored.body)), 'the body is the one that was written');
  return stored;
}
