import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodeGif } from './gif.ts';

describe('GIF encoder', () => {
  test('what a decoder reads is what was drawn', () => {
    fc.assert(
      fc.property(drawings(), (drawing) => {
        const read = decode(encodeGif(drawing));
        assert.equal(read.width, drawing.width);
        assert.equal(read.height, drawing.height);
        assert.deepEqual(read.palette.subarray(0, drawing.palette.length), Buffer.from(drawing.palette));
        assert.deepEqual(read.frames, drawing.frames);
      }),
      { numRuns: 200 },
    );
  });

  test('a picture that fills the code table more than once survives', () => {
    let state = 1;
    const pixels = Uint8Array.from({ length: 200 * 150 }, () => (state = (state * 48271) % 2147483647) & 255);
    const palette = Uint8Array.from({ length: 768 }, (_, i) => i & 255);
    assert.deepEqual(decode(encodeGif({ width: 200, height: 150, palette, frames: [pixels] })).frames, [pixels]);
  });

  test('a picture of one colour survives', () => {
    const pixels = new Uint8Array(300 * 300);
    const gif = encodeGif({ width: 300, height: 300, palette: new Uint8Array(6), frames: [pixels] });
    assert.deepEqual(decode(gif).frames, [pixels]);
  });

  test('one frame is GIF87a, several are a GIF89a that repeats', () => {
    const frame = new Uint8Array(4);
    const still = { width: 2, height: 2, palette: new Uint8Array(6), frames: [frame] };
    assert.equal(encodeGif(still).toString('latin1', 0, 6), 'GIF87a');
    const moving = encodeGif({ ...still, frames: [frame, frame], delay: 25 });
    assert.equal(moving.toString('latin1', 0, 6), 'GIF89a');
    assert.ok(moving.includes('NETSCAPE2.0'));
    assert.deepEqual(decode(moving).delays, [25, 25]);
  });

  test('what cannot stand in a GIF is refused', () => {
    const good = { width: 2, height: 2, palette: new Uint8Array(6), frames: [new Uint8Array(4)] };
    assert.throws(() => encodeGif({ ...good, width: 0 }), RangeError);
    assert.throws(() => encodeGif({ ...good, height: 65536 }), RangeError);
    assert.throws(() => encodeGif({ ...good, palette: new Uint8Array(3) }), RangeError);
    assert.throws(() => encodeGif({ ...good, palette: new Uint8Array(257 * 3) }), RangeError);
    assert.throws(() => encodeGif({ ...good, frames: [new Uint8Array(5)] }), RangeError);
    assert.throws(() => encodeGif({ ...good, frames: [Uint8Array.of(0, 1, 2, 0)] }), RangeError);
  });
});

function drawings(): fc.Arbitrary<{ width: number; height: number; palette: Uint8Array; frames: Uint8Array[] }> {
  return fc.record({ width: fc.integer({ min: 1, max: 60 }), height: fc.integer({ min: 1, max: 60 }), colours: fc.integer({ min: 2, max: 256 }) }).chain(({ width, height, colours }) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      palette: fc.uint8Array({ minLength: colours * 3, maxLength: colours * 3 }),
      frames: fc.array(fc.uint8Array({ minLength: width * height, maxLength: width * height, max: colours - 1 }), { minLength: 1, maxLength: 3 }),
    }),
  );
}

interface Decoded {
  width: number;
  height: number;
  palette: Buffer;
  frames: Uint8Array[];
  delays: number[];
}

/** Reads a GIF as the specification tells a decoder to; it fails on whatever is not as it should be. */
function decode(gif: Buffer): Decoded {
  assert.match(gif.toString('latin1', 0, 6), /^GIF8[79]a$/);
  const width = gif.readUInt16LE(6);
  const height = gif.readUInt16LE(8);
  const flags = gif[10]!;
  assert.ok(flags & 0x80, 'a global colour table');
  let at = 13 + (6 << (flags & 7));
  const decoded: Decoded = { width, height, palette: gif.subarray(13, at), frames: [], delays: [] };
  for (;;) {
    const kind = gif[at++];
    if (kind === 0x3b) break;
    if (kind === 0x21) {
      const label = gif[at++];
      const block = subBlocks(gif, at);
      if (label === 0xf9) decoded.delays.push(block.content.readUInt16LE(1));
      at = block.next;
      continue;
    }
    assert.equal(kind, 0x2c, 'an image');
    assert.deepEqual([gif.readUInt16LE(at), gif.readUInt16LE(at + 2)], [0, 0]);
    assert.deepEqual([gif.readUInt16LE(at + 4), gif.readUInt16LE(at + 6)], [width, height]);
    assert.equal(gif[at + 8], 0, 'neither interlaced nor with a table of its own');
    const codeSize = gif[at + 9]!;
    const block = subBlocks(gif, at + 10);
    decoded.frames.push(unpack(block.content, codeSize));
    at = block.next;
  }
  assert.equal(at, gif.length, 'nothing after the trailer');
  return decoded;
}

function subBlocks(gif: Buffer, start: number): { content: Buffer; next: number } {
  const parts: Buffer[] = [];
  let at = start;
  for (let length = gif[at++]!; length > 0; length = gif[at++]!) {
    parts.push(gif.subarray(at, at + length));
    at += length;
  }
  return { content: Buffer.concat(parts), next: at };
}

function unpack(data: Buffer, codeSize: number): Uint8Array {
  const clear = 1 << codeSize;
  const out: number[] = [];
  let table: number[][] = [];
  let previous: number[] | undefined;
  let length = codeSize + 1;
  let bit = 0;
  for (;;) {
    let code = 0;
    for (let i = 0; i < length; i++, bit++) code |= ((data[bit >> 3]! >> (bit & 7)) & 1) << i;
    assert.ok(bit <= data.length * 8, 'the data end with the end code');
    if (code === clear) {
      table = Array.from({ length: clear + 2 }, (_, i) => [i]);
      previous = undefined;
      length = codeSize + 1;
      continue;
    }
    if (code === clear + 1) break;
    const entry: number[] | undefined = table[code] ?? (previous && code === table.length ? [...previous, previous[0]!] : undefined);
    assert.ok(entry, `code ${code} is known`);
    out.push(...entry);
    if (previous && table.length < 4096) table.push([...previous, entry[0]!]);
    if (table.length === 1 << length && length < 12) length++;
    previous = entry;
  }
  assert.equal(Math.ceil(bit / 8), data.length, 'nothing after the end code');
  return Uint8Array.from(out);
}
