import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SUM, checksumOf } from './disk-checksum.ts';
import { BLOCK, type Extent, Layout, type Place, SEGMENT_UNITS, UNIT, addExtent, decodeExtents, encodeExtents, fileBytes, placesOf, unitsFor } from './disk-layout.ts';

const unsigned = fc.nat(2 ** 32 - 1);
const anyExtents: fc.Arbitrary<Extent[]> = fc.array(fc.record({ unit: unsigned, count: unsigned }, { noNullPrototype: true }), { maxLength: 20 });

/** Extents on both sides of where a segment ends, most of them where the one before ended. */
const nearBoundary: fc.Arbitrary<Extent[]> = fc
  .array(fc.record({ gap: fc.oneof({ arbitrary: fc.constant(0), weight: 3 }, fc.integer({ min: -12, max: 4 })), count: fc.integer({ min: 1, max: 4 }) }), { maxLength: 20 })
  .map((steps) => {
    const extents: Extent[] = [];
    let end = 2 * SEGMENT_UNITS - 10;
    for (const { gap, count } of steps) {
      const unit = end + gap;
      const inSegment = Math.min(count, SEGMENT_UNITS - (unit % SEGMENT_UNITS));
      extents.push({ unit, count: inSegment });
      end = unit + inSegment;
    }
    return extents;
  });

function unitsOf(extents: readonly Extent[]): number[] {
  return extents.flatMap(({ unit, count }) => Array.from({ length: count }, (_, i) => unit + i));
}

function gathered(extents: readonly Extent[]): Extent[] {
  const all: Extent[] = [];
  for (const extent of extents) addExtent(all, extent);
  return all;
}

/** Byte by byte; bytes of two extents are never in one place. */
function placesByBytes(extents: readonly Extent[], start: number, length: number): Place[] {
  const places: { position: number; length: number }[] = [];
  let index = 0;
  for (const { unit, count } of extents) {
    let place: { position: number; length: number } | undefined;
    for (let i = 0; i < count * UNIT; i++, index++) {
      if (index < start || index >= start + length) continue;
      if (place === undefined) places.push((place = { position: unit * UNIT + i, length: 0 }));
      place.length++;
    }
  }
  return places;
}

function blocksOf(body: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(body.length / BLOCK) }, (_, i) => body.subarray(i * BLOCK, (i + 1) * BLOCK));
}

function sumsOf(body: Buffer): Buffer {
  return Buffer.concat(blocksOf(body).map((block) => Buffer.from(checksumOf(block))));
}

describe('extents', () => {
  test('are decoded to what was encoded', () => {
    fc.assert(fc.property(anyExtents, (extents) => assert.deepEqual(decodeExtents(encodeExtents(extents)), extents)));
  });

  test('that follow one another become one, but not across the end of a segment', () => {
    const property = fc.property(nearBoundary, (extents) => {
      const before = structuredClone(extents);
      const all = gathered(extents);
      assert.deepEqual(unitsOf(all), unitsOf(extents), 'the same units in the same order');
      for (const [i, { unit, count }] of all.entries()) {
        assert.equal(Math.floor(unit / SEGMENT_UNITS), Math.floor((unit + count - 1) / SEGMENT_UNITS), 'all units are of one segment');
        const next = all[i + 1];
        if (next !== undefined && next.unit === unit + count) assert.equal(next.unit % SEGMENT_UNITS, 0, 'neighbours are two only where a segment begins');
      }
      assert.deepEqual(extents, before, 'what was added is not changed');
    });
    fc.assert(property, { numRuns: 300 });
  });

  test('are cut where a segment ends', () => {
    const last = 2 * SEGMENT_UNITS - 1;
    assert.deepEqual(gathered([{ unit: last - 1, count: 1 }, { unit: last, count: 1 }, { unit: last + 1, count: 1 }, { unit: last + 2, count: 3 }]), [
      { unit: last - 1, count: 2 },
      { unit: last + 1, count: 4 },
    ]);
  });
});

describe('places', () => {
  test('are those of the bytes asked for', () => {
    const span = fc.oneof(fc.nat(12 * UNIT), fc.record({ units: fc.nat(12), rest: fc.integer({ min: -1, max: 1 }) }).map(({ units, rest }) => Math.max(0, units * UNIT + rest)));
    const few = fc.array(fc.record({ unit: fc.integer({ min: SEGMENT_UNITS, max: 4 * SEGMENT_UNITS }), count: fc.integer({ min: 1, max: 3 }) }), { maxLength: 5 });
    const property = fc.property(fc.oneof(few, nearBoundary.map((extents) => extents.slice(0, 6))), span, span, (extents, start, length) => {
      assert.deepEqual(placesOf(extents, start, length), placesByBytes(extents, start, length));
    });
    fc.assert(property, { numRuns: 300 });
  });

  test('lie in the extents of the body one after the other', () => {
    const extents = [{ unit: SEGMENT_UNITS + 7, count: 2 }, { unit: SEGMENT_UNITS, count: 1 }];
    assert.deepEqual(placesOf(extents, UNIT + 1, UNIT), [
      { position: (SEGMENT_UNITS + 8) * UNIT + 1, length: UNIT - 1 },
      { position: SEGMENT_UNITS * UNIT, length: 1 },
    ]);
    assert.deepEqual(placesOf(extents, 0, 0), []);
    assert.deepEqual(placesOf(extents, 3 * UNIT, 1), []);
  });
});

describe('a layout', () => {
  const bodies = fc
    .record({ pattern: fc.uint8Array({ minLength: 1, maxLength: 99 }), length: fc.oneof(fc.integer({ min: 1, max: 3 * BLOCK }), fc.constantFrom(1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK)) })
    .map(({ pattern, length }) => Buffer.alloc(length, pattern));

  test('fits the blocks that were written, and none that was changed', () => {
    const property = fc.property(bodies, fc.nat(), fc.nat(7), (body, at, bit) => {
      const layout = new Layout(sumsOf(body), []);
      for (const [i, block] of blocksOf(body).entries()) assert.ok(layout.fits(i, block));
      const position = at % body.length;
      body[position]! ^= 1 << bit;
      const changed = Math.floor(position / BLOCK);
      for (const [i, block] of blocksOf(body).entries()) assert.equal(layout.fits(i, block), i !== changed);
    });
    fc.assert(property, { numRuns: 60 });
  });

  test('does not fit a block in the place of another one', () => {
    const body = Buffer.concat([Buffer.alloc(BLOCK, 'a'), Buffer.alloc(BLOCK, 'b')]);
    const layout = new Layout(sumsOf(body), []);
    const [first, second] = blocksOf(body) as [Buffer, Buffer];
    assert.ok(!layout.fits(0, second));
    assert.ok(!layout.fits(1, first));
  });

  test('is decoded to what was encoded, wherever in memory its bytes are', () => {
    const sums = fc.integer({ min: 1, max: 5 }).chain((blocks) => fc.uint8Array({ minLength: blocks * SUM, maxLength: blocks * SUM }));
    const property = fc.property(sums, anyExtents, fc.integer({ min: 1, max: BLOCK }), fc.nat(9), (bytes, extents, last, offset) => {
      const blocks = bytes.length / SUM;
      const encoded = new Layout(Buffer.from(bytes), extents).encode();
      const row = new Uint8Array(offset + encoded.length + 3).fill(0xff);
      row.set(encoded, offset);
      const layout = Layout.decode(row.subarray(offset, offset + encoded.length), (blocks - 1) * BLOCK + last);
      assert.deepEqual(layout.extents, extents);
      assert.equal(layout.unit, extents[0]?.unit ?? 0);
      for (let i = 0; i < blocks; i++) assert.deepEqual(layout.sum(i), Buffer.from(bytes.subarray(i * SUM, (i + 1) * SUM)));
      assert.deepEqual(layout.encode(), encoded);
    });
    fc.assert(property);
  });

  test('counts in whole units', () => {
    assert.deepEqual([0, 1, UNIT - 1, UNIT, UNIT + 1].map(unitsFor), [0, 1, 1, 1, 2]);
    assert.deepEqual([0, 1, UNIT, UNIT + 1].map(fileBytes), [0, UNIT, UNIT, 2 * UNIT]);
  });
});
