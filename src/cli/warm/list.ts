/**
 * @module cli/warm/list
 * What to warm: URLs as they were given, those of sitemaps, which are fetched through the proxy as
 * well, and those of access logs, the most frequent first. Each once, and only what the proxy serves.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import { MillraceError } from '../../errors.ts';
import { parseLogLine } from './log-lines.ts';
import type { Place, Places } from './places.ts';
import type { Client } from './requests.ts';
import { MAX_LOCATION, MAX_LOCATIONS, type Sitemap, parseSitemap } from './sitemap.ts';
import type { HeaderLine } from './variants.ts';

/** Bytes of a sitemap, unpacked: https://www.sitemaps.org/protocol.html#index */
const MAX_SITEMAP = 52_428_800;
/** Sitemaps below indexes, in all. */
const MAX_SITEMAPS = 10_000;
/** Bytes of sitemaps, unpacked, in all. */
const MAX_SITEMAP_BYTES = 10 * MAX_SITEMAP;
/** URLs in all; they are kept in memory. */
const MAX_URLS = 1_000_000;
/** Characters of them, in all. */
const MAX_CHARACTERS = 100_000_000;
/** Reasons of one kind that are told apart. */
const MAX_REASONS = 10;
const MAX_REDIRECTS = 5;
/** Characters of a line of log that is looked at. */
const MAX_LINE = 1_000_000;

export interface Sources {
  readonly urls: readonly string[];
  readonly sitemaps: readonly string[];
  /** Names of files. */
  readonly logs: readonly string[];
}

export class WarmList {
  readonly #places: Places;
  readonly #client: Client;
  /** For the requests that fetch sitemaps. */
  readonly #variant: readonly HeaderLine[];
  readonly #found = new Map<string, Place>();
  readonly #leftOut = new Map<string, number>();
  /** Reasons told apart, by what is said of the rest. */
  readonly #reasons = new Map<string, number>();
  readonly #seen = new Set<string>();
  #characters = 0;
  #sitemapBytes = 0;

  constructor(places: Places, client: Client, variant: readonly HeaderLine[]) {
    this.#places = places;
    this.#client = client;
    this.#variant = variant;
  }

  get found(): readonly Place[] {
    return [...this.#found.values()];
  }

  /** How many were left out, by why. */
  get leftOut(): ReadonlyMap<string, number> {
    return this.#leftOut;
  }

  /** @throws {MillraceError} ERR_WARM for a sitemap or a log that cannot be read */
  async read({ urls, sitemaps, logs }: Sources): Promise<void> {
    for (const url of urls) this.#add(url);
    for (const url of sitemaps) await this.#readSitemap(url);
    for (const file of logs) await this.#readLog(file);
  }

  /** @param sitemap that names it */
  #add(text: string, sitemap?: Place): void {
    const place = sitemap === undefined ? this.#places.find(text) : this.#places.findBeside(text, sitemap);
    if ('why' in place) return this.#leaveOut(place.why, 1, place.rest);
    const key = `${place.host} ${place.requestTarget}`;
    if (this.#found.has(key)) return;
    if (this.#isFull) return this.#leaveOut(`over ${MAX_URLS} URLs, or ${MAX_CHARACTERS} characters of them`);
    this.#found.set(key, place);
    this.#characters += key.length;
  }

  get #isFull(): boolean {
    return this.#found.size >= MAX_URLS || this.#characters >= MAX_CHARACTERS;
  }

  /** @param rest what is said of those whose reasons are many: a stranger can make up as many as there are URLs */
  #leaveOut(why: string, count = 1, rest?: string): void {
    if (count === 0) return;
    let told = why;
    if (rest !== undefined && !this.#leftOut.has(why)) {
      const reasons = this.#reasons.get(rest) ?? 0;
      if (reasons === MAX_REASONS) told = rest;
      else this.#reasons.set(rest, reasons + 1);
    }
    this.#leftOut.set(told, (this.#leftOut.get(told) ?? 0) + count);
  }

  #leaveOutOf({ tooLong, tooMany }: Sitemap): void {
    this.#leaveOut(`longer than the ${MAX_LOCATION} characters a location of a sitemap may have`, tooLong);
    this.#leaveOut(`over the ${MAX_LOCATIONS} locations one sitemap may have`, tooMany);
  }

  async #readSitemap(url: string): Promise<void> {
    const { place, sitemap } = await this.#fetchSitemap(url);
    this.#leaveOutOf(sitemap);
    const { kind, locations } = sitemap;
    if (kind === 'sitemap') for (const location of locations) this.#add(location, place);
    // An index names sitemaps, and no further index; that one of them fails is no reason to leave out the others.
    else for (const location of locations) {
      if (this.#seen.has(location)) continue;
      if (this.#seen.size === MAX_SITEMAPS || this.#sitemapBytes >= MAX_SITEMAP_BYTES || this.#isFull) {
        this.#leaveOut(`sitemaps behind ${MAX_SITEMAPS} others, ${MAX_SITEMAP_BYTES} bytes of them or ${MAX_URLS} URLs`);
        continue;
      }
      this.#seen.add(location);
      try {
        const below = await this.#fetchSitemap(location, place);
        if (below.sitemap.kind === 'index') this.#leaveOut('an index of sitemaps within another');
        else {
          this.#leaveOutOf(below.sitemap);
          for (const each of below.sitemap.locations) this.#add(each, below.place);
        }
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        this.#leaveOut(error.message.replace(/\.$/, ''), 1, 'more sitemaps that cannot be read');
      }
    }
  }

  /** @param index that names it */
  async #fetchSitemap(url: string, index?: Place): Promise<{ place: Place; sitemap: Sitemap }> {
    const failed = (why: string, cause?: unknown): MillraceError => new MillraceError('ERR_WARM', `The sitemap ${url} cannot be read: ${why}.`, { cause });
    let from = url;
    let first = index;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const place = first === undefined ? this.#places.find(from) : this.#places.findBeside(from, first);
      if ('why' in place) throw failed(redirects === 0 ? `it is ${place.why}` : `it leads to ${from}, which is ${place.why}`);
      first ??= place;
      let response: IncomingMessage;
      let bytes: Buffer;
      try {
        response = await this.#client.get(place, this.#variant);
        bytes = await readAll(response);
      } catch (cause) {
        throw failed((cause as Error).message, cause);
      }
      this.#sitemapBytes += bytes.length;
      const { statusCode = 0, headers: { location } } = response;
      if (statusCode >= 300 && statusCode < 400 && location !== undefined) {
        const next = URL.parse(location, URL.parse(place.requestTarget, `http://${place.host}`)?.href);
        if (next === null) throw failed(`it leads to ${location}, which is no URL`);
        // Below the host it was asked at it is a path of the proxy.
        from = next.host === place.host && place.requestTarget.startsWith('/') ? next.pathname + next.search : next.href;
        continue;
      }
      if (statusCode !== 200) throw failed(`the answer has status ${statusCode}`);
      const sitemap = parseSitemap(bytes.toString('utf8'));
      if (sitemap === undefined) throw failed('it is no sitemap, or not a whole one');
      return { place, sitemap };
    }
    throw failed('it leads from one place to the next');
  }

  async #readLog(file: string): Promise<void> {
    const counts = new Map<string, number>();
    const others = { read: 0, unread: 0, notGet: 0 };
    const count = (line: string): void => {
      const request = parseLogLine(line);
      if (request === undefined) {
        if (line !== '') others.unread++;
        return;
      }
      others.read++;
      if (request.method !== 'GET' || request.status >= 400) others.notGet++;
      else if (counts.size < MAX_URLS || counts.has(request.target)) counts.set(request.target, (counts.get(request.target) ?? 0) + 1);
    };
    try {
      const reader = async (source: AsyncIterable<Buffer>): Promise<void> => {
        for await (const line of linesOf(source)) count(line);
      };
      if (await isPacked(file)) await pipeline(createReadStream(file), createGunzip(), reader);
      else await pipeline(createReadStream(file), reader);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      throw new MillraceError('ERR_WARM', code === 'ENOENT' ? `There is no file ${file}.` : `${file} cannot be read: ${message}.`, { cause });
    }
    if (others.read === 0 && others.unread > 0) {
      throw new MillraceError('ERR_WARM', `${file} is no access log that can be read. Those of Millrace can (json and pretty), and the common and combined formats of other servers.`);
    }
    if (others.notGet > 0) this.#leaveOut('lines of log that are no GET, or failed', others.notGet);
    if (others.unread > 0) this.#leaveOut('lines of log that are no request', others.unread);
    for (const [target] of [...counts].toSorted(([, a], [, b]) => b - a)) this.#add(target);
  }
}

/** The content, unpacked where it is gzip: as a file of that kind, or because it came so. */
async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += (chunk as Buffer).length;
    if (length > MAX_SITEMAP) throw new Error(`it is larger than the ${MAX_SITEMAP} bytes a sitemap may have`);
    chunks.push(chunk as Buffer);
  }
  let bytes: Buffer = Buffer.concat(chunks);
  for (let times = 0; times < 2 && isGzip(bytes); times++) bytes = await unpack(bytes);
  return bytes;
}

async function unpack(bytes: Buffer): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: MAX_SITEMAP });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Error(code === 'ERR_BUFFER_TOO_LARGE' ? `unpacked it is larger than the ${MAX_SITEMAP} bytes a sitemap may have` : 'it is damaged', { cause });
  }
}

/** https://www.rfc-editor.org/rfc/rfc1952.html#page-6 */
function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function isPacked(file: string): Promise<boolean> {
  await using handle = await open(file);
  const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  return isGzip(buffer);
}

async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of source) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!.slice(0, MAX_LINE);
    for (const line of lines) yield line.trimEnd();
  }
  yield rest.trimEnd();
}
