import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodeJpeg } from './jpeg.ts';

describe('JPEG encoder', () => {
  test('the segments are those of a baseline file, in order, and their lengths fit', () => {
    const jpeg = encodeJpeg({ width: 300, height: 20, pixels: new Uint8Array(300 * 20 * 3) }, 80);
    const { segments } = walk(jpeg);
    assert.deepEqual(segments.map((segment) => segment.marker), [0xe0, 0xdb, 0xc0, 0xc4, 0xda]);
    assert.equal(segments[0]!.content.toString('latin1', 0, 5), 'JFIF\0');
    assert.equal(segments[1]!.content.length, 2 * 65);
    const frame = segments[2]!.content;
    assert.deepEqual([frame[0], frame.readUInt16BE(1), frame.readUInt16BE(3), frame[5]], [8, 20, 300, 3]);
  });

  test('the Huffman tables are complete: as many values as codes, none twice', () => {
    const { segments } = walk(encodeJpeg({ width: 1, height: 1, pixels: new Uint8Array(3) }, 50));
    const tables = segments[3]!.content;
    const seen: [number, number][] = [];
    for (let at = 0; at < tables.length; ) {
      const counts = tables.subarray(at + 1, at + 17);
      const size = counts.reduce((sum, count) => sum + count, 0);
      const values = tables.subarray(at + 17, at + 17 + size);
      assert.equal(new Set(values).size, size);
      seen.push([tables[at]!, size]);
      at += 17 + size;
    }
    assert.deepEqual(seen, [[0x00, 12], [0x10, 162], [0x01, 12], [0x11, 162]]);
  });

  test('whatever the pixels, the data hold no marker and the file ends with one', () => {
    fc.assert(
      fc.property(pictures(), fc.integer({ min: 1, max: 100 }), (picture, quality) => {
        const { data } = walk(encodeJpeg(picture, quality));
        for (let i = 0; i < data.length; i++) if (data[i] === 0xff) assert.equal(data[i + 1], 0);
      }),
      { numRuns: 200 },
    );
  });

  test('a lower quality makes a smaller file', () => {
    const pixels = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i) & 255);
    const size = (quality: number): number => encodeJpeg({ width: 64, height: 64, pixels }, quality).length;
    assert.ok(size(10) < size(50) && size(50) < size(95));
  });

  test('what cannot stand in a JPEG is refused', () => {
    assert.throws(() => encodeJpeg({ width: 0, height: 1, pixels: new Uint8Array(0) }, 80), RangeError);
    assert.throws(() => encodeJpeg({ width: 65536, height: 1, pixels: new Uint8Array(65536 * 3) }, 80), RangeError);
    assert.throws(() => encodeJpeg({ width: 2, height: 2, pixels: new Uint8Array(11) }, 80), RangeError);
  });
});

/** Extremes side by side too: they make the largest coefficients. */
function pictures(): fc.Arbitrary<{ width: number; height: number; pixels: Uint8Array }> {
  return fc.record({ width: fc.integer({ min: 1, max: 20 }), height: fc.integer({ min: 1, max: 20 }) }).chain(({ width, height }) => {
    const bytes = width * height * 3;
    return fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      pixels: fc.oneof(
        fc.uint8Array({ minLength: bytes, maxLength: bytes }),
        fc.array(fc.constantFrom(0, 255), { minLength: bytes, maxLength: bytes }).map((values) => Uint8Array.from(values)),
      ),
    });
  });
}

/** The segments up to the scan, and the scan's data; it fails where the file's frame is not whole. */
function walk(jpeg: Buffer): { segments: { marker: number; content: Buffer }[]; data: Buffer } {
  assert.equal(jpeg.readUInt16BE(0), 0xffd8);
  assert.equal(jpeg.readUInt16BE(jpeg.length - 2), 0xffd9);
  const segments: { marker: number; content: Buffer }[] = [];
  let at = 2;
  while (segments.at(-1)?.marker !== 0xda) {
    assert.equal(jpeg[at], 0xff);
    const length = jpeg.readUInt16BE(at + 2);
    segments.push({ marker: jpeg[at + 1]!, content: jpeg.subarray(at + 4, at + 2 + length) });
    at += 2 + length;
  }
  return { segments, data: jpeg.subarray(at, -2) };
}
