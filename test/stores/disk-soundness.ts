/**
 * @module test/stores/disk-soundness
 * Whether the tables of a cache directory, which nobody changes meanwhile, agree with each other.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Totals } from '../../src/stores/disk-tables.ts';
import { type Extent, Layout, SEGMENT_UNITS, UNIT, decodeExtents } from '../../src/stores/disk-layout.ts';

/** What a remembered hash counts for. */
const GHOST_BYTES = 64;

export function assertSound(directory: string): void {
  const database = new DatabaseSync(join(directory, 'index.db'));
  const all = <Row>(text: string): Row[] => database.prepare(text).all() as Row[];
  const [totals] = all<Totals>('SELECT * FROM totals') as [Totals];
  const objects = all<{ size: number; length: number; file: number; layout: Uint8Array }>('SELECT size, length, file, layout FROM objects');
  const garbage = all<{ size: number; extents: Uint8Array }>('SELECT size, extents FROM garbage');
  const ghosts = all('SELECT place FROM ghosts').length;
  const segments = all<{ number: number; used: number; high: number; bits: Uint8Array }>('SELECT number, used, high, bits FROM segments');
  database.close();

  const taken = new Set<number>();
  const take = (extents: readonly Extent[], bytes: number): void => {
    for (const { unit, count } of extents) {
      for (let each = unit; each < unit + count; each++) {
        assert.ok(!taken.has(each), `unit ${each} has one owner`);
        taken.add(each);
      }
    }
    assert.equal(extents.reduce((sum, { count }) => sum + count, 0) * UNIT, bytes);
  };
  for (const { length, file, layout } of objects) if (file > 0) take(Layout.decode(layout, length).extents, file);
  for (const { size, extents } of garbage) take(decodeExtents(Buffer.from(extents)), size);

  const marked = new Set<number>();
  for (const { number, used, high, bits } of segments) {
    let count = 0;
    for (let i = 0; i < SEGMENT_UNITS; i++) {
      if ((bits[i >> 3]! & (1 << (i & 7))) === 0) continue;
      marked.add(number * SEGMENT_UNITS + i);
      count++;
      assert.ok(i < high);
    }
    assert.equal(used, count);
  }
  assert.deepEqual(marked, taken);

  const counted = objects.reduce((sum, { size, file }) => sum + size + file, 0) + garbage.reduce((sum, { size }) => sum + size, 0);
  assert.equal(totals.bytes, counted + ghosts * GHOST_BYTES + totals.writing);
  const inSegments = segments.reduce((sum, { high }) => sum + high, 0) * UNIT;
  assert.equal(totals.free, inSegments - taken.size * UNIT - totals.writing);
  assert.equal(totals.segments, inSegments);
  assert.ok(totals.writing >= 0 && totals.free >= 0);
}
