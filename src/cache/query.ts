/**
 * @module cache/query
 * The content of a QUERY, read whole, because it is part of the cache key.
 * Source: https://www.rfc-editor.org/rfc/rfc10008.html#section-2.7
 */
import { Readable } from 'node:stream';

/** Bytes; a QUERY with more passes by the cache. */
const MAX_CONTENT = 64 * 1024;

/** The content, or where it is too long a stream that has all of it. Rejects where the client breaks off. */
export async function readContent(body: Readable): Promise<Buffer | Readable> {
  const chunks: Buffer[] = [];
  let length = 0;
  const iterator = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (;;) {
    const { done, value } = await iterator.next();
    if (done === true) return Buffer.concat(chunks);
    chunks.push(value);
    length += value.length;
    if (length > MAX_CONTENT) return Readable.from(rejoined(chunks, iterator), { objectMode: false });
  }
}

async function* rejoined(chunks: readonly Buffer[], rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
  for (;;) {
    const { done, value } = await rest.next();
    if (done === true) return;
    yield value;
  }
}
