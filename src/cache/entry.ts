/**
 * @module cache/entry
 * A stored response as the engine knows it, and as the versioned bytes that stores keep.
 */
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import type { StoredRange, StoredResponse } from '../policy/message.ts';
import type { Selection } from '../policy/vary.ts';

export interface Entry extends StoredResponse {
  readonly selection: Selection;
  /** The purge stamp in force when the response was asked for; see purge.ts. */
  readonly stamp: number;
  /** The groups it belongs to; see policy/groups. */
  readonly tags: readonly string[];
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

const VERSION = 1;

/** The fields of an entry in the order they are written. */
type Row = [
  status: number,
  lines: string[],
  method: string,
  requestTime: number,
  responseTime: number,
  flags: number,
  range: StoredRange | null,
  selection: Selection,
  stamp: number,
  tags: readonly string[],
  others: readonly Variant[],
];

const PRIVATE_IN_PLAY = 1;
const INVALIDATED = 2;

/** One byte of version, then JSON: readable by later versions, and by people. */
export function encodeEntry(entry: Entry): Buffer {
  const flags = (entry.privateInPlay ? PRIVATE_IN_PLAY : 0) | (entry.invalidated ? INVALIDATED : 0);
  const row: Row = [
    entry.status,
    entry.fields.lines,
    entry.method,
    entry.requestTime,
    entry.responseTime,
    flags,
    entry.range ?? null,
    entry.selection,
    entry.stamp,
    entry.tags,
    entry.others,
  ];
  const text = JSON.stringify(row);
  const bytes = Buffer.allocUnsafeSlow(1 + Buffer.byteLength(text));
  bytes[0] = VERSION;
  bytes.write(text, 1);
  return bytes;
}

/** @throws MillraceError ERR_STORED_FORMAT for bytes of another version or program */
export function decodeEntry(bytes: Buffer): Entry {
  if (bytes[0] !== VERSION) {
    throw new MillraceError('ERR_STORED_FORMAT', `A stored response has format version ${bytes[0]}, this program reads ${VERSION}. Clear the cache to go on.`);
  }
  let row: Row;
  try {
    row = JSON.parse(bytes.toString('utf8', 1)) as Row;
  } catch (cause) {
    throw new MillraceError('ERR_STORED_FORMAT', 'A stored response is damaged. It counts as not stored.', { cause });
  }
  const [status, lines, method, requestTime, responseTime, flags, range, selection, stamp, tags, others] = row;
  return {
    status,
    fields: new Fields(lines),
    method,
    requestTime,
    responseTime,
    privateInPlay: (flags & PRIVATE_IN_PLAY) !== 0,
    invalidated: (flags & INVALIDATED) !== 0,
    range: range ?? undefined,
    selection,
    stamp,
    tags,
    others,
  };
}
