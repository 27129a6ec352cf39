/**
 * @module bench/cases
 * What is measured: one entry, one table of the report.
 */
import { representation } from './site.ts';
import type { LogForm } from './peers/peer.ts';
import type { Representation } from './site.ts';

/** One request and the answer that is right. */
export interface Ask {
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly status: 200 | 206 | 304;
  readonly body: Buffer;
}

export interface Case {
  readonly name: string;
  readonly title: string;
  /** `speed`: requests a second; `rate`: latency at half of what it can; `start`: time until it listens; `fill`: objects a second, each asked for once by an empty cache. */
  readonly measures: 'speed' | 'rate' | 'start' | 'fill';
  /** What is asked; several by turns. */
  readonly asks: readonly Ask[];
  /** Whether the origin is to see none of the requests, or each one. */
  readonly expects: 'hits' | 'misses';
  readonly connections: number;
  /** It is asked over HTTP/2, for so many at once on each connection. */
  readonly streams?: number;
  readonly workers: number;
  /**
   * Every rival is run with so many workers, too, by turns with the others, to be compared with itself:
   * on the same cores, with as many connections for each worker, by the CPU time a request takes.
   */
  readonly besideWorkers?: number;
  /** Millrace alone, without an access log and with one of each of these forms, to be compared with itself by the CPU time a request takes. */
  readonly logs?: readonly LogForm[];
  readonly cacheMegabytes: number;
  /** Many objects: how many; the path of one is that of the ask, with its number in the place of 1. */
  readonly objects?: number;
  /** How often each of them is asked for; by default as Zipf has it. */
  readonly popularity?: 'zipf' | 'even';
  /** The cache is on disk, with cacheMegabytes of memory in front of it where a rival has such. */
  readonly diskMegabytes?: number;
  /** Where that disk is; by default see machine.ts. */
  readonly disk?: string;
  /** Whether the constant answer of the bare socket is an answer to it. */
  readonly limit: boolean;
  /** Runs in `--quick`. */
  readonly quick?: true;
  /** Runs only when it is named: it takes long or much memory. */
  readonly onlyNamed?: true;
}

/** What Chrome sends with an image. */
const BROWSER: Readonly<Record<string, string>> = {
  Accept: 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
  'Accept-Language': 'en-GB,en;q=0.9,de;q=0.8',
  Referer: 'http://127.0.0.1/',
  'Sec-CH-UA': '"Chromium";v="148", "Not/A)Brand";v="24"',
  'Sec-CH-UA-Mobile': '?0',
  'Sec-CH-UA-Platform': '"Linux"',
  'Sec-Fetch-Dest': 'image',
  'Sec-Fetch-Mode': 'no-cors',
  'Sec-Fetch-Site': 'same-origin',
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36',
};

const RANGE = { first: 500_000, last: 504_095 };

const PLAIN = { measures: 'speed', expects: 'hits', connections: 32, workers: 1, cacheMegabytes: 512, limit: false } as const;

export const CASES: readonly Case[] = [
  { ...PLAIN, name: 'hit-1k', title: '1 KB hits', asks: [whole('/hit/1k')], limit: true, quick: true },
  { ...PLAIN, name: 'hit-16k', title: '16 KB hits', asks: [whole('/hit/16k')] },
  { ...PLAIN, name: 'hit-64k', title: '64 KB hits', asks: [whole('/hit/64k')], quick: true },
  { ...PLAIN, name: 'hit-1m', title: '1 MB hits', asks: [whole('/hit/1m')], connections: 16 },
  { ...PLAIN, name: 'hit-100m', title: '100 MB hits', asks: [whole('/hit/100m')], connections: 4 },
  { ...PLAIN, name: 'conditional', title: 'Conditional hits, answered with 304', asks: [{ ...whole('/hit/1k', { 'If-None-Match': served('/hit/1k').etag }), status: 304, body: Buffer.alloc(0) }] },
  { ...PLAIN, name: 'browser-vary', title: "1 KB hits, a browser's header fields, two variants", asks: ['gzip, deflate, br, zstd', 'identity'].map((coding) => whole('/vary/1k', { ...BROWSER, 'Accept-Encoding': coding })) },
  { ...PLAIN, name: 'range', title: '4 KB ranges of a 1 MB hit', asks: [{ path: '/hit/1m', fields: { Range: `bytes=${RANGE.first}-${RANGE.last}` }, status: 206, body: served('/hit/1m').body.subarray(RANGE.first, RANGE.last + 1) }] },
  { ...PLAIN, name: 'miss-1k', title: '1 KB misses, not cacheable', asks: [whole('/pass/1k')], expects: 'misses', quick: true },
  { ...PLAIN, name: 'miss-1m', title: '1 MB misses, not cacheable', asks: [whole('/pass/1m')], expects: 'misses', connections: 16 },
  { ...PLAIN, name: 'connections-1', title: '1 KB hits', asks: [whole('/hit/1k')], connections: 1, limit: true },
  { ...PLAIN, name: 'connections-256', title: '1 KB hits', asks: [whole('/hit/1k')], connections: 256, limit: true },
  { ...PLAIN, name: 'connections-2000', title: '1 KB hits', asks: [whole('/hit/1k')], connections: 2000, limit: true },
  { ...PLAIN, name: 'new-connections', title: '1 KB hits, each on a new connection', asks: [whole('/hit/1k', { Connection: 'close' })] },
  { ...PLAIN, name: 'h2-1k', title: '1 KB hits over HTTP/2, 32 streams on each', asks: [whole('/hit/1k')], connections: 8, streams: 32 },
  { ...PLAIN, name: 'h2-64k', title: '64 KB hits over HTTP/2, 4 streams on each', asks: [whole('/hit/64k')], connections: 8, streams: 4 },
  { ...PLAIN, name: 'half-rate', title: '1 KB hits at half of what each can', measures: 'rate', asks: [whole('/hit/1k')], limit: true },
  { ...PLAIN, name: 'objects-1k', title: '1 KB hits over 1,000 objects, Zipf', asks: [whole('/object/1')], objects: 1000 },
  { ...PLAIN, name: 'objects-1m', title: '1 KB hits over 1,000,000 objects, Zipf', asks: [whole('/object/1')], objects: 1_000_000, cacheMegabytes: 4000, onlyNamed: true },
  { ...PLAIN, name: 'objects-1m-rate', title: '1 KB hits over 1,000,000 objects, Zipf, at half of what each can', measures: 'rate', asks: [whole('/object/1')], objects: 1_000_000, cacheMegabytes: 4000, onlyNamed: true },
  { ...PLAIN, name: 'log-1k', title: '1 KB hits, access log to /dev/null', asks: [whole('/hit/1k')], logs: ['json', 'pretty'] },
  { ...PLAIN, name: 'log-objects-1k', title: '1 KB hits over 1,000 objects, Zipf, access log to /dev/null', asks: [whole('/object/1')], objects: 1000, logs: ['json', 'pretty'] },
  { ...PLAIN, name: 'workers-2', title: '1 KB hits', asks: [whole('/hit/1k')], workers: 2, besideWorkers: 1 },
  // The memory in front has room for a small part: most hits are the disk's.
  { ...PLAIN, name: 'disk-1k', title: '1 KB hits on disk, of 50,000 objects', asks: [whole('/object/1')], objects: 50_000, popularity: 'even', cacheMegabytes: 4, diskMegabytes: 1000 },
  { ...PLAIN, name: 'disk-64k', title: '64 KB hits on disk, of 2,000 objects', asks: [whole('/object-64k/1')], objects: 2000, popularity: 'even', cacheMegabytes: 4, diskMegabytes: 1000 },
  { ...PLAIN, name: 'disk-1m', title: '1 MB hits on disk, of 300 objects', asks: [whole('/object-1m/1')], objects: 300, popularity: 'even', connections: 16, cacheMegabytes: 16, diskMegabytes: 1000 },
  { ...PLAIN, name: 'disk-fill', title: 'Filling a disk with 10,000 objects of 64 KB, after as many others', measures: 'fill', asks: [whole('/object-64k/1')], objects: 10_000, expects: 'misses', cacheMegabytes: 4, diskMegabytes: 2000 },
  { ...PLAIN, name: 'start', title: 'Start to listening', measures: 'start', asks: [whole('/hit/1k')], cacheMegabytes: 256 },
];

function served(path: string, coding?: string): Representation {
  const found = representation(path, coding);
  if (found === undefined) throw new Error(`The origin has no ${path}.`);
  return found;
}

function whole(path: string, fields: Readonly<Record<string, string>> = {}): Ask {
  return { path, fields, status: 200, get body() { return served(path, fields['Accept-Encoding']).body; } };
}
