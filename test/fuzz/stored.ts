/**
 * @module test/fuzz/stored
 * Bytes as a store, another machine or another program may give them back: whoever reads them takes them
 * for what they are, or for nothing, and never throws anything but that.
 */
import assert from 'node:assert/strict';
import { type Entry, decodeEntry, encodeEntry } from '../../src/cache/entry.ts';
import { MillraceError } from '../../src/errors.ts';
import { Fields } from '../../src/http/fields.ts';
import { decodeKey } from '../../src/stores/disk-key.ts';
import { decodeExtents } from '../../src/stores/disk-layout.ts';
import { decodeChunk, decodeEnvelope, encodeEnvelope, newName, readHeader, redescribe } from '../../src/stores/envelope.ts';
import { readState, toldOf } from '../../src/stores/memcached-journal.ts';
import type { OpenTarget, Target } from './target.ts';

const entry: Entry = {
  status: 206,
  fields: Fields.of({ 'Content-Type': 'text/html', ETag: '"a"', 'Cache-Control': 'max-age=60', Vary: 'Accept', Date: 'Tue, 01 Dec 2026 00:00:00 GMT' }),
  method: 'GET',
  requestTime: 1_000_000,
  responseTime: 1_000_002,
  privateInPlay: true,
  invalidated: false,
  range: { first: 0, last: 3, length: 9 },
  selection: { names: ['accept'], values: ['text/html'], language: null, forwardedAs: '' },
  stamp: 7,
  tags: ['group'],
  parts: [{ first: 4, last: 5 }],
  others: [{ key: 'other', selection: { names: [], values: [], language: null, forwardedAs: '' }, at: 1_000_000 }],
};
const meta = Buffer.from(encodeEntry(entry));

/** An envelope with a right checksum gets further than a damaged one. */
const envelope = encodeEnvelope({ version: newName(), generation: newName(), number: 7, length: 4, meta, inline: Buffer.from('body') });

const READERS: Readonly<Record<string, (bytes: Buffer) => unknown>> = {
  entry: (bytes) => {
    const decoded = decodeEntry(bytes);
    assert.deepEqual(decodeEntry(Buffer.from(encodeEntry(decoded))), decoded, 'what was read is read again as it is');
    return decoded;
  },
  envelope: decodeEnvelope,
  header: readHeader,
  description: (bytes) => redescribe(bytes, newName(), 1, meta),
  chunk: (bytes) => decodeChunk(bytes, Math.max(0, bytes.length - 4)),
  extents: decodeExtents,
  key: decodeKey,
  journal: (bytes) => {
    const state = readState(bytes.toString());
    return state && toldOf(state, { since: 0, position: undefined, atLeast: 0, notices: [], changed: Buffer.alloc(0) }, 'me');
  },
};

export const stored: Target = {
  name: 'stored',
  seeds: [meta, envelope, Buffer.from('{"id":"a","number":3,"notices":[["b",2]],"batches":1,"changes":[["c","d"]]}'), Buffer.alloc(8), Buffer.from('\0key')],
  words: ['\0', '\xff\xff\xff\xff', '\x7f', '\x80', '{', '}', '[]', '"', '1e999', '-1', 'null', '__proto__', 'm\x01'],
  async open(): Promise<OpenTarget> {
    return {
      async run(input) {
        const words: string[] = [];
        for (const [name, read] of Object.entries(READERS)) {
          try {
            if (read(input) !== undefined) words.push(name);
          } catch (error) {
            if (!(error instanceof MillraceError)) throw new Error(`${name} threw`, { cause: error });
          }
        }
        return words.join(' ');
      },
      [Symbol.asyncDispose]: async () => {},
    };
  },
};
