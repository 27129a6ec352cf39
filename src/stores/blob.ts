/**
 * @module stores/blob
 * Bytes as SQLite gives them, to be read as a Buffer.
 */
export function bufferOf(blob: Uint8Array): Buffer {
  return Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
}
