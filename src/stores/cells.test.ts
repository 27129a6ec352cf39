import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Cells } from './cells.ts';

function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 13 + (i >>> 8) + seed * 101;
  return bytes;
}

function readAll(cells: Cells, owner: number, length: number, offset = 0): Buffer {
  const target = Buffer.alloc(length);
  cells.read(owner, offset, target);
  return target;
}

describe('cells', () => {
  test('any sequence of writes and frees leaves every owner its bytes', () => {
    const step = fc.record({ owner: fc.nat(12), length: fc.oneof(fc.constant(0), fc.nat(600), fc.nat(5000)), cut: fc.nat(5000) });
    const property = fc.property(fc.array(step, { size: 'large', maxLength: 100 }), (steps) => {
      const cells = new Cells();
      const model = new Map<number, Buffer>();
      for (const [seed, { owner, length, cut }] of steps.entries()) {
        if (length === 0) {
          cells.free(owner);
          model.delete(owner);
        } else {
          const bytes = pattern(length, seed);
          cells.write(owner, [bytes.subarray(0, cut), bytes.subarray(cut)]);
          model.set(owner, bytes);
        }
        for (const [other, bytes] of model) {
          const offset = Math.min(cut, bytes.length);
          assert.ok(bytes.equals(readAll(cells, other, bytes.length)));
          assert.ok(bytes.subarray(offset).equals(readAll(cells, other, bytes.length - offset, offset)));
        }
      }
    });
    fc.assert(property, { numRuns: 100 });
  });

  test('chains may cross slabs, and survive when most others go', () => {
    const cells = new Cells();
    const lengths = Array.from({ length: 900 }, (_, owner) => 1000 + ((owner * 977) % 9000));
    for (const [owner, length] of lengths.entries()) cells.write(owner, [pattern(length, owner)]);
    for (const [owner, length] of lengths.entries()) assert.ok(pattern(length, owner).equals(readAll(cells, owner, length)));
    for (const owner of lengths.keys()) if (owner % 10 !== 3) cells.free(owner);
    for (const [owner, length] of lengths.entries()) {
      if (owner % 10 === 3) assert.ok(pattern(length, owner).equals(readAll(cells, owner, length)));
    }
  });

  test('memory goes back when the bytes go', (context) => {
    const cells = new Cells();
    let allocated = 0;
    const allocate = Buffer.allocUnsafeSlow.bind(Buffer);
    context.mock.method(Buffer, 'allocUnsafeSlow', (size: number) => {
      allocated++;
      return allocate(size);
    });
    const fill = (): void => {
      for (let owner = 0; owner < 500; owner++) cells.write(owner, [pattern(9000, owner)]);
    };
    fill();
    const slabs = allocated;
    assert.ok(slabs >= 4 && slabs <= 6);
    fill();
    assert.equal(allocated, slabs, 'replacing takes no more');
    for (let owner = 0; owner < 500; owner++) cells.free(owner);
    fill();
    assert.ok(allocated > slabs, 'the slabs had been given up');
  });

  test('an owner is recognised by how its bytes begin', () => {
    const cells = new Cells();
    for (const text of ['', 'a', 'GET /path', 'x'.repeat(255), 'x'.repeat(256), 'x'.repeat(257), 'é'.repeat(700)]) {
      cells.write(1, [Buffer.from(text, 'latin1'), pattern(300, 1)]);
      assert.equal(cells.startsWith(1, text, false), true);
      if (text === '') continue;
      assert.equal(cells.startsWith(1, `${text.slice(0, -1)}\u0178`, false), false);
      assert.equal(cells.startsWith(1, `y${text.slice(1)}`, false), false);
    }
    for (const text of ['Ā', '日本', '\ud83d', '長'.repeat(127), '長'.repeat(128), '長'.repeat(129), '長'.repeat(700)]) {
      cells.write(1, [Buffer.from(text, 'utf16le'), pattern(300, 1)]);
      assert.equal(cells.startsWith(1, text, true), true);
      assert.equal(cells.startsWith(1, `${text.slice(0, -1)}\0`, true), false);
    }
  });
});
