/**
 * @module cache/entry
 * A stored response as the engine knows it, and as the versioned bytes that stores keep. A store of
 * small objects is to a good part descriptions, so these are short: what most responses say has a
 * number (packed-words.ts), dates are counts of seconds, and all else is there as it came.
 */
import { MillraceError } from '../errors.ts';
import type { ByteRange } from '../http/byte-range.ts';
import { Fields } from '../http/fields.ts';
import type { StoredRange, StoredResponse } from '../policy/message.ts';
import type { Selection } from '../policy/vary.ts';
import { PackedReader, PackedWriter } from './packed.ts';

export interface Entry extends StoredResponse {
  readonly selection: Selection;
  /** The purge stamp in force when the response was asked for; see purge.ts. */
  readonly stamp: number;
  /** The groups it belongs to; see policy/groups. */
  readonly tags: readonly string[];
  /** Further parts of the representation, the oldest first, which are stored under keys of their own (parts.ts). Only where `range` says that this is a part. */
  readonly parts: readonly ByteRange[];
  /** Further variants of the same URL; only the entry under the URL's own key has any. */
  readonly others: readonly Variant[];
}

/** Where another variant of a URL is stored, and for which requests. */
export interface Variant {
  readonly key: string;
  readonly selection: Selection;
  /** When it was stored; ms since the epoch. */
  readonly at: number;
}

export const ENTRY_VERSION = 2;

const PRIVATE_IN_PLAY = 1;
const INVALIDATED = 2;
const PARTIAL = 4;
const IN_PARTS = 8;

const writer = new PackedWriter();

/** The version, and then the fields as PackedWriter writes them. */
export function encodeEntry(entry: Entry): Buffer {
  const { range, parts, fields, tags, others } = entry;
  const flags = (entry.privateInPlay ? PRIVATE_IN_PLAY : 0) | (entry.invalidated ? INVALIDATED : 0) | (range === undefined ? 0 : PARTIAL) | (parts.length === 0 ? 0 : IN_PARTS);
  writer.begin(ENTRY_VERSION);
  writer.number(flags);
  writer.number(entry.status);
  writer.text(entry.method);
  writer.number(entry.requestTime);
  writer.number(entry.responseTime);
  writer.number(entry.stamp);
  if (range !== undefined) {
    writer.number(range.first);
    writer.number(range.last);
    // Unknown: before the first byte there is.
    writer.number(range.length ?? -1);
  }
  if (parts.length > 0) writer.numbers(parts.flatMap(({ first, last }) => [first, last]));
  writer.texts(fields.lines);
  writeSelection(entry.selection);
  writer.texts(tags);
  writer.number(others.length);
  for (const { key, selection, at } of others) {
    writer.text(key);
    writeSelection(selection);
    writer.number(at);
  }
  return writer.end();
}

function writeSelection({ names, values, language, forwardedAs }: Selection): void {
  writer.texts(names);
  writer.texts(values);
  writer.text(language);
  writer.text(forwardedAs);
}

/** @throws MillraceError ERR_STORED_FORMAT for bytes of another version or program */
export function decodeEntry(bytes: Buffer): Entry {
  if (bytes[0] !== ENTRY_VERSION) {
    throw new MillraceError('ERR_STORED_FORMAT', `A stored response has format version ${bytes[0]}, this program reads ${ENTRY_VERSION}. Clear the cache to go on.`);
  }
  try {
    return readEntry(new PackedReader(bytes));
  } catch (cause) {
    throw new MillraceError('ERR_STORED_FORMAT', 'A stored response is damaged. It counts as not stored.', { cause });
  }
}

/** The description of what is stored; undefined for bytes that cannot be read: they count as not stored. */
export function entryOf({ meta }: { readonly meta: Buffer }): Entry | undefined {
  try {
    return decodeEntry(meta);
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'ERR_STORED_FORMAT') return undefined;
    throw error;
  }
}

function readEntry(reader: PackedReader): Entry {
  const flags = reader.number();
  const status = reader.number();
  const method = reader.string();
  const requestTime = reader.number();
  const responseTime = reader.number();
  const stamp = reader.number();
  const range = (flags & PARTIAL) === 0 ? undefined : readRange(reader);
  const parts = (flags & IN_PARTS) === 0 ? [] : readParts(reader);
  const lines = reader.strings();
  if (lines.length % 2 !== 0) throw new Error('a field has no value');
  const fields = new Fields(lines);
  const selection = readSelection(reader);
  const tags = reader.strings();
  const others: Variant[] = [];
  for (let left = reader.number(); left > 0; left--) others.push({ key: reader.string(), selection: readSelection(reader), at: reader.number() });
  reader.end();
  return { status, fields, method, requestTime, responseTime, privateInPlay: (flags & PRIVATE_IN_PLAY) !== 0, invalidated: (flags & INVALIDATED) !== 0, range, parts, selection, stamp, tags, others };
}

function readParts(reader: PackedReader): ByteRange[] {
  const bounds = reader.numbers();
  return Array.from({ length: bounds.length / 2 }, (_, i) => ({ first: bounds[2 * i]!, last: bounds[2 * i + 1]! }));
}

function readRange(reader: PackedReader): StoredRange {
  const first = reader.number();
  const last = reader.number();
  const length = reader.number();
  return { first, last, length: length === -1 ? undefined : length };
}

function readSelection(reader: PackedReader): Selection {
  return { names: reader.strings(), values: reader.texts(), language: reader.text(), forwardedAs: reader.string() };
}
