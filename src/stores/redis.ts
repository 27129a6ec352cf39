/**
 * @module stores/redis
 * The store in Redis or Valkey. Under the key of an object lies its envelope (envelope.ts), with a
 * small body in it; a longer one lies in chunks with the same hash tag, so in the same part of a
 * Cluster. Chunks are written before the envelope that names them is put in place, and are named
 * anew each time: what is there is never half of something. All of it has a lifetime.
 */
import { hash } from 'node:crypto';
import type { StoredObject } from '../cache/ports.ts';
import type { StoreStats } from '../cache/store-stats.ts';
import { AWAY } from './breaker.ts';
import { Chunks } from './chunks.ts';
import { type Envelope, HEADER, NAME, chunkCount, chunkLength, decodeChunk, decodeEnvelope, encodeEnvelope, newName, readHeader, redescribe } from './envelope.ts';
import type { RedisClient } from './redis-client.ts';
import type { Reply } from './redis-connection.ts';
import { DESCRIBE, REMOVE, REPLACE } from './redis-scripts.ts';
import { EnvelopeWriter } from './remote-writer.ts';
import { Budget, LONGEST_SHARED, RemoteObject, type RemoteStore, type RemoteTerms, type RemoteWriter, UNLIMITED, decodeKey, encodeKey } from './remote.ts';

/** Milliseconds for all chunks that are asked for at a time. */
const CHUNKS_LIMIT = 300;
/** Chunks asked for at a time. */
const WINDOW = 8;
/** Milliseconds that chunks live whose envelope is not there yet. */
const UNNAMED = 10 * 60_000;
/** Milliseconds that chunks live on whose envelope was replaced: somebody may be reading them. */
const REPLACED = 5000;
/** Bytes of bodies being written, and being read, at a time. */
const MOST_WRITING = 32 * 1024 * 1024;
const MOST_READING = 64 * 1024 * 1024;
/** Keys that one step of listing asks for. */
const SCAN_COUNT = '1000';
/** Milliseconds between two looks at what the server says of itself, while somebody asks. */
const SERVER_INTERVAL = 1000;

export interface RedisStoreOptions {
  readonly client: RedisClient;
  /** Bytes of the longest body that is kept; 8 MB at most. */
  readonly maxObject: number;
}

/** What the server says of all that it has, which is not ours alone. */
interface ServerFigures {
  objects: number;
  bytes: number;
  maxBytes: number;
  evictions: number;
}

export class RedisStore implements RemoteStore {
  readonly name = 'redis';
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly #maxObject: number;
  readonly #writing = new Budget(MOST_WRITING);
  readonly #reading = new Budget(MOST_READING);
  /** What is being read, so that who asks for the same does not read it too. */
  readonly #reads = new Map<string, Promise<RemoteObject | undefined>>();
  #hits = 0;
  #damaged = 0;
  #figures: ServerFigures = { objects: 0, bytes: 0, maxBytes: 0, evictions: 0 };
  #lookedAt = -SERVER_INTERVAL;

  constructor({ client, maxObject }: RedisStoreOptions) {
    this.#client = client;
    this.#prefix = client.address.prefix;
    this.#maxObject = Math.min(maxObject, LONGEST_SHARED);
  }

  get(key: string): Promise<RemoteObject | undefined> {
    const under = this.#reads.get(key);
    if (under !== undefined) return under;
    const reading = this.#read(key).finally(() => {
      if (this.#reads.get(key) === reading) this.#reads.delete(key);
    });
    this.#reads.set(key, reading);
    return reading;
  }

  put(key: string, expectedLength: number | undefined): RemoteWriter | undefined {
    if (expectedLength !== undefined && expectedLength > this.#maxObject) return undefined;
    const place = new Place(this.#prefix, key);
    return new EnvelopeWriter(
      {
        budget: this.#writing,
        writeChunk: async (generation, index, chunk) => (await this.#run(place.chunk(generation, index), 'SET', chunk, 'PX', String(UNNAMED))) !== AWAY,
        keepChunks: async (generation, count, keepFor) => {
          const kept = await Promise.all(place.chunks(generation, count).map((chunk) => this.#run(chunk, 'PEXPIRE', milliseconds(keepFor))));
          return kept.every((reply) => reply === 1);
        },
        writeEnvelope: async (envelope, keepFor) => {
          this.#reads.delete(key);
          const old = await this.#client.script(REPLACE, [place.head], [encodeEnvelope(envelope), milliseconds(keepFor)]);
          if (old === AWAY) return false;
          this.#retire(place, old);
          this.#reads.delete(key);
          return true;
        },
        dropChunks: (generation, count) => this.#drop(place.chunks(generation, count)),
      },
      this.#maxObject,
    );
  }

  async update(key: string, previous: StoredObject, meta: Buffer): Promise<boolean> {
    return previous instanceof RemoteObject && this.describe(key, previous.version, newName(), meta, UNLIMITED);
  }

  async describe(key: string, version: Buffer, next: Buffer, meta: Buffer, terms: RemoteTerms): Promise<boolean> {
    const place = new Place(this.#prefix, key);
    const old = await this.#run(place.head, 'GETRANGE', '0', String(HEADER - 1));
    const header = Buffer.isBuffer(old) ? readHeader(old) : undefined;
    if (header === undefined || !header.version.equals(version) || !terms.stands()) return false;
    const head = redescribe(old as Buffer, next, terms.number, meta)!;
    const chunks = header.isChunked ? place.chunks(header.generation, chunkCount(header.length)) : [];
    const done = await this.#client.script(DESCRIBE, [place.head, ...chunks], [version, head, String(HEADER + header.metaLength), milliseconds(terms.keepFor())]);
    this.#reads.delete(key);
    return done === 1;
  }

  async delete(key: string): Promise<boolean> {
    const place = new Place(this.#prefix, key);
    this.#reads.delete(key);
    const old = await this.#client.script(REMOVE, [place.head], []);
    this.#reads.delete(key);
    if (!Buffer.isBuffer(old) || old.length === 0) return false;
    const header = readHeader(old);
    if (header?.isChunked === true) this.#drop(place.chunks(header.generation, chunkCount(header.length)));
    return true;
  }

  /** Of everybody's. It takes time in proportion to all that the server has. */
  async clear(): Promise<number> {
    let count = 0;
    for (const server of await this.#client.servers()) {
      for await (const keys of this.#scan(server, `${this.#prefix}[hb]{*`)) {
        // One by one: of a Cluster, each may be in a slot of its own.
        const removed = await Promise.all(keys.map((key) => server(['UNLINK', key]).catch(() => 0)));
        count += keys.filter((key, i) => removed[i] === 1 && key[this.#prefix.length] === HEAD).length;
      }
    }
    this.#reads.clear();
    return count;
  }

  async *keys(): AsyncGenerator<string> {
    const seen = new Set<string>();
    for (const server of await this.#client.servers()) {
      for await (const keys of this.#scan(server, `${this.#prefix}h{*`)) {
        for (const bytes of keys) {
          const key = decodeKey(bytes.subarray(bytes.indexOf(0x7d) + 1));
          // A scan may give a key twice.
          if (!seen.has(key)) yield key;
          seen.add(key);
        }
      }
    }
  }

  /** Objects (keys), bytes and evictions are the server's own figures, of all that it has. */
  stats(): StoreStats {
    void this.#lookAtServer();
    const { isThere, errors, skipped, latency } = this.#client.stats();
    return { name: this.name, ...this.#figures, errors: errors + this.#damaged, hits: this.#hits, latency, peer: { address: this.#client.address.shown, isThere, skipped } };
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  async #read(key: string): Promise<RemoteObject | undefined> {
    const place = new Place(this.#prefix, key);
    const bytes = await this.#run(place.head, 'GET');
    if (!Buffer.isBuffer(bytes)) return undefined;
    const envelope = decodeEnvelope(bytes);
    if (envelope === undefined) this.#damaged++;
    const body = envelope === undefined ? undefined : envelope.inline !== undefined ? new Chunks(envelope.inline.length > 0 ? [envelope.inline] : []) : await this.#readChunks(place, envelope);
    if (envelope === undefined || body === undefined) return undefined;
    this.#hits++;
    return new RemoteObject(envelope.meta, body, envelope.version, envelope.number);
  }

  /** Undefined where one of them is missing, or damaged, or late. */
  async #readChunks(place: Place, { generation, length }: Envelope): Promise<Chunks | undefined> {
    if (!this.#reading.take(length)) return undefined;
    try {
      const keys = place.chunks(generation, chunkCount(length));
      const body = new Chunks();
      for (let first = 0; first < keys.length; first += WINDOW) {
        const replies = await Promise.all(keys.slice(first, first + WINDOW).map((key) => this.#client.run(key, ['GET', key], CHUNKS_LIMIT)));
        for (const [i, reply] of replies.entries()) {
          const bytes = Buffer.isBuffer(reply) ? decodeChunk(reply, chunkLength(length, first + i)) : undefined;
          if (bytes === undefined) {
            if (Buffer.isBuffer(reply)) this.#damaged++;
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

  /** What an envelope named that is not there any more. */
  #retire(place: Place, old: Reply): void {
    const header = Buffer.isBuffer(old) ? readHeader(old) : undefined;
    if (header?.isChunked !== true) return;
    for (const chunk of place.chunks(header.generation, chunkCount(header.length))) void this.#run(chunk, 'PEXPIRE', String(REPLACED));
  }

  #drop(keys: readonly Buffer[]): void {
    for (const key of keys) void this.#run(key, 'UNLINK');
  }

  #run(key: Buffer, name: string, ...parameters: (string | Buffer)[]): Promise<Reply | typeof AWAY> {
    return this.#client.run(key, [name, key, ...parameters]);
  }

  async *#scan(server: (command: readonly (string | Buffer)[]) => Promise<Reply>, pattern: string): AsyncGenerator<Buffer[]> {
    let cursor = '0';
    do {
      let reply: Reply;
      try {
        reply = await server(['SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT]);
      } catch {
        return;
      }
      const [next, keys] = reply as [Buffer, Buffer[]];
      cursor = next.toString();
      yield keys;
    } while (cursor !== '0');
  }

  async #lookAtServer(): Promise<void> {
    if (!this.#client.isThere || performance.now() - this.#lookedAt < SERVER_INTERVAL) return;
    this.#lookedAt = performance.now();
    const figures: ServerFigures = { objects: 0, bytes: 0, maxBytes: 0, evictions: 0 };
    try {
      for (const server of await this.#client.servers()) {
        const [size, memory, stats] = await Promise.all([server(['DBSIZE']), server(['INFO', 'memory']), server(['INFO', 'stats'])]);
        figures.objects += Number(size);
        figures.bytes += infoOf(memory, 'used_memory');
        figures.maxBytes += infoOf(memory, 'maxmemory');
        figures.evictions += infoOf(stats, 'evicted_keys');
      }
      this.#figures = figures;
    } catch {
      // It may not be allowed to ask: then they stay as they are.
    }
  }
}

/** The letter before the braces. */
const HEAD = 0x68;

/** The keys of one object. */
class Place {
  readonly head: Buffer;
  readonly #body: string;

  constructor(prefix: string, key: string) {
    const bytes = encodeKey(key);
    const tag = hash('sha1', bytes, 'base64url').slice(0, 12);
    this.head = Buffer.concat([Buffer.from(`${prefix}h{${tag}}`), bytes]);
    this.#body = `${prefix}b{${tag}}`;
  }

  chunk(generation: Buffer, index: number): Buffer {
    return Buffer.from(`${this.#body}${generation.toString('hex', 0, NAME)}:${index}`);
  }

  chunks(generation: Buffer, count: number): Buffer[] {
    return Array.from({ length: count }, (_, index) => this.chunk(generation, index));
  }
}

function milliseconds(seconds: number): string {
  return String(Math.max(1, Math.round(seconds * 1000)));
}

function infoOf(reply: Reply, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, 'mu').exec(String(reply))?.[1] ?? 0);
}
