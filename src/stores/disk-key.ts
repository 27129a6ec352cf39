/**
 * @module stores/disk-key
 * Keys as bytes: one that says how, then a byte or two for each UTF-16 unit.
 */
const NARROW = 0;
const WIDE = 1;

export function encodeKey(key: string): Buffer {
  const isWide = /[^\0-\xff]/.test(key);
  const bytes = Buffer.allocUnsafe(1 + (isWide ? 2 : 1) * key.length);
  bytes[0] = isWide ? WIDE : NARROW;
  bytes.write(key, 1, isWide ? 'utf16le' : 'latin1');
  return bytes;
}

export function decodeKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(bytes[0] === WIDE ? 'utf16le' : 'latin1', 1);
}
