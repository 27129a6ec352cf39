/**
 * @module stores/memcached
 * The store in Memcached: envelopes and chunks as in Redis (envelope.ts), under hashes of their keys,
 * as those may be longer than Memcached takes. It cannot list what it has: so it has no keys to name,
 * and clears nothing; what is purged is dead by its stamp, and goes when its time is over.
 */
import { hash } from 'node:crypto';
import type { StoredObject } from '../cache/ports.ts';
import type { StoreStats } from '../cache/store-stats.ts';
import { AWAY } from './breaker.ts';
import { Chunks } from './chunks.ts';
import { type Envelope, HEADER, chunkCount, chunkLength, decodeChunk, decodeEnvelope, encodeEnvelope, newName, readHeader, redescribe } from './envelope.ts';
import type { MemcachedClient } from './memcached-client.ts';
import type { MemcachedReply } from './memcached-connection.ts';
import { EnvelopeWriter } from './remote-writer.ts';
import { Budget, LONGEST_SHARED, RemoteObject, type RemoteStore, type RemoteTerms, type RemoteWriter, UNLIMITED, encodeKey } from './remote.ts';

/** Milliseconds for all chunks that are asked for at a time. */
const CHUNKS_LIMIT = 300;
/** Chunks asked for at a time. */
const WINDOW = 8;
/** Seconds that chunks live whose envelope is not there yet. */
const UNNAMED = 600;
/** Bytes of bodies being written, and being read, at a time. */
const MOST_WRITING = 32 * 1024 * 1024;
const MOST_READING = 64 * 1024 * 1024;
/** Milliseconds between two looks at what the servers say of themselves, while somebody asks. */
const SERVER_INTERVAL = 1000;
/** A longer time, in seconds, would be read as a date. */
const LONGEST = 30 * 86_400;

export interface MemcachedStoreOptions {
  readonly client: MemcachedClient;
  /** Bytes of the longest body that is kept; 8 MB at most. */
  readonly maxObject: number;
}

export class MemcachedStore implements RemoteStore {
  readonly name = 'memcached';
  readonly #client: MemcachedClient;
  readonly #maxObject: number;
  readonly #writing = new Budget(MOST_WRITING);
  readonly #reading = new Budget(MOST_READING);
  #hits = 0;
  #damaged = 0;
  #figures = { objects: 0, bytes: 0, maxBytes: 0, evictions: 0 };
  #lookedAt = -SERVER_INTERVAL;

  constructor({ client, maxObject }: MemcachedStoreOptions) {
    this.#client = client;
    this.#maxObject = Math.min(maxObject, LONGEST_SHARED);
  }

  async get(key: string): Promise<RemoteObject | undefined> {
    const place = placeOf(key);
    const reply = await this.#client.run(place, `mg ${place} v`);
    if (reply === AWAY || reply.value === undefined) return undefined;
    const envelope = decodeEnvelope(reply.value);
    if (envelope === undefined) this.#damaged++;
    const body = envelope === undefined ? undefined : envelope.inline !== undefined ? new Chunks(envelope.inline.length > 0 ? [envelope.inline] : []) : await this.#readChunks(place, envelope);
    if (envelope === undefined || body === undefined) return undefined;
    this.#hits++;
    return new RemoteObject(envelope.meta, body, envelope.version, envelope.number);
  }

  put(key: string, expectedLength: number | undefined): RemoteWriter | undefined {
    if (expectedLength !== undefined && expectedLength > this.#maxObject) return undefined;
    const place = placeOf(key);
    return new EnvelopeWriter(
      {
        budget: this.#writing,
        writeChunk: (generation, index, chunk) => this.#set(chunkKey(place, generation, index), chunk, UNNAMED),
        keepChunks: async (generation, count, keepFor) => {
          const kept = await Promise.all(Array.from({ length: count }, (_, index) => this.#run(chunkKey(place, generation, index), 'mg', `T${seconds(keepFor)}`)));
          return kept.every((reply) => reply !== AWAY && reply.code === 'HD');
        },
        writeEnvelope: (envelope, keepFor) => this.#set(place, encodeEnvelope(envelope), keepFor),
        dropChunks: (generation, count) => {
          for (let index = 0; index < count; index++) void this.#run(chunkKey(place, generation, index), 'md');
        },
      },
      this.#maxObject,
    );
  }

  async update(key: string, previous: StoredObject, meta: Buffer): Promise<boolean> {
    return previous instanceof RemoteObject && this.describe(key, previous.version, newName(), meta, UNLIMITED);
  }

  async describe(key: string, version: Buffer, next: Buffer, meta: Buffer, terms: RemoteTerms): Promise<boolean> {
    const place = placeOf(key);
    const reply = await this.#run(place, 'mg', 'v', 'c', 't');
    const value = reply === AWAY ? undefined : reply.value;
    const header = value && readHeader(value);
    if (reply === AWAY || header === undefined || !header.version.equals(version) || !terms.stands()) return false;
    const [cas, time] = [flagOf(reply, 'c'), flagOf(reply, 't')];
    // An answer to something else.
    if (cas === undefined || time === undefined) return false;
    const behind = value!.subarray(HEADER + header.metaLength);
    const left = Number(time);
    const keepFor = Math.max(terms.keepFor(), left === -1 ? LONGEST : left);
    const described = await this.#set(place, Buffer.concat([redescribe(value!, next, terms.number, meta)!, behind]), keepFor, `C${cas}`);
    if (described && header.isChunked) for (let index = 0; index < chunkCount(header.length); index++) void this.#run(chunkKey(place, header.generation, index), 'mg', `T${seconds(keepFor)}`);
    return described;
  }

  async delete(key: string): Promise<boolean> {
    const reply = await this.#run(placeOf(key), 'md');
    return reply !== AWAY && reply.code === 'HD';
  }

  async clear(): Promise<number> {
    return 0;
  }

  keys(): Iterable<string> {
    return [];
  }

  /** Objects (keys), bytes and evictions are the servers' own figures, of all that they have. */
  stats(): StoreStats {
    void this.#lookAtServers();
    const { isThere, errors, skipped, latency } = this.#client.stats();
    return { name: this.name, ...this.#figures, errors: errors + this.#damaged, hits: this.#hits, latency, peer: { address: this.#client.shown, isThere, skipped } };
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  async #lookAtServers(): Promise<void> {
    if (performance.now() - this.#lookedAt < SERVER_INTERVAL) return;
    this.#lookedAt = performance.now();
    const figure = await this.#client.figures();
    this.#figures = { objects: figure('curr_items'), bytes: figure('bytes'), maxBytes: figure('limit_maxbytes'), evictions: figure('evictions') };
  }

  /** Undefined where one of them is missing, or damaged, or late. */
  async #readChunks(place: string, { generation, length }: Envelope): Promise<Chunks | undefined> {
    if (!this.#reading.take(length)) return undefined;
    try {
      const body = new Chunks();
      const count = chunkCount(length);
      for (let first = 0; first < count; first += WINDOW) {
        const keys = Array.from({ length: Math.min(WINDOW, count - first) }, (_, i) => chunkKey(place, generation, first + i));
        const replies = await Promise.all(keys.map((key) => this.#client.run(key, `mg ${key} v`, undefined, CHUNKS_LIMIT)));
        for (const [i, reply] of replies.entries()) {
          const value = reply === AWAY ? undefined : reply.value;
          const bytes = value && decodeChunk(value, chunkLength(length, first + i));
          if (bytes === undefined) {
            if (value !== undefined) this.#damaged++;
            return undefined;
          }
          body.push(bytes);
        }
      }
      return body;
    } finally {
      this.#reading.giveBack(length);
    }
  }

  async #set(key: string, value: Buffer, keepFor: number, ...flags: string[]): Promise<boolean> {
    const reply = await this.#client.run(key, ['ms', key, value.length, `T${seconds(keepFor)}`, ...flags].join(' '), value);
    return reply !== AWAY && reply.code === 'HD';
  }

  #run(key: string, command: 'mg' | 'md', ...flags: string[]): Promise<MemcachedReply | typeof AWAY> {
    return this.#client.run(key, [command, key, ...flags].join(' '));
  }
}

/** The key that an object's envelope has there. */
function placeOf(key: string): string {
  return `millrace:${hash('sha256', encodeKey(key), 'base64url')}`;
}

function chunkKey(place: string, generation: Buffer, index: number): string {
  return `${place}:${generation.toString('hex')}:${index}`;
}

function seconds(time: number): number {
  return Math.min(LONGEST, Math.max(1, Math.ceil(time)));
}

/** The figure of that flag. */
function flagOf({ flags }: MemcachedReply, name: string): string | undefined {
  return flags.find((flag) => flag.startsWith(name) && /^-?\d+$/.test(flag.slice(1)))?.slice(1);
}
