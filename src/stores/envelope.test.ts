import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HEADER, decodeChunk, decodeEnvelope, encodeChunk, encodeEnvelope, newName, readHeader, redescribe } from './envelope.ts';

const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
const envelope = fc.record({ number: fc.nat(2 ** 31), meta: bytes, body: fc.oneof(bytes, fc.nat(8 * 1024 * 1024)) }).map(({ number, meta, body }) => ({
  version: newName(),
  generation: newName(),
  number,
  meta,
  length: typeof body === 'number' ? body : body.length,
  inline: typeof body === 'number' ? undefined : body,
}));

test('an envelope comes back as it was', () => {
  fc.assert(fc.property(envelope, (one) => assert.deepEqual(decodeEnvelope(encodeEnvelope(one)), one)));
});

test('with another description it keeps its body', () => {
  fc.assert(
    fc.property(envelope, bytes, fc.nat(2 ** 31), (one, meta, number) => {
      const encoded = encodeEnvelope(one);
      const version = newName();
      const behind = encoded.subarray(HEADER + one.meta.length);
      assert.deepEqual(decodeEnvelope(Buffer.concat([redescribe(encoded, version, number, meta)!, behind])), { ...one, version, number, meta });
    }),
  );
});

test('one that is not what was written is none', () => {
  fc.assert(
    fc.property(envelope, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, at, change) => {
      const encoded = encodeEnvelope(one);
      encoded[at % encoded.length]! ^= change;
      assert.equal(decodeEnvelope(encoded), undefined);
      assert.equal(decodeEnvelope(encodeEnvelope(one).subarray(0, at % encoded.length)), undefined);
    }),
  );
});

test('any bytes can be read, and are hardly ever an envelope', () => {
  fc.assert(
    fc.property(bytes, fc.nat(300), (some, length) => {
      assert.equal(decodeEnvelope(some), undefined);
      readHeader(some);
      decodeChunk(some, length);
    }),
  );
});

test('a chunk is what was written, or none', () => {
  const chunk = encodeChunk(Buffer.from('some bytes'));
  assert.deepEqual(decodeChunk(chunk, 10), Buffer.from('some bytes'));
  assert.equal(decodeChunk(chunk, 9), undefined);
  assert.equal(decodeChunk(encodeChunk(Buffer.from('same length')), 10), undefined);
  chunk[7]! ^= 1;
  assert.equal(decodeChunk(chunk, 10), undefined);
});
