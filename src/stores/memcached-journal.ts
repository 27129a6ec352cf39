/**
 * @module stores/memcached-journal
 * The journal in Memcached: one value that whoever has something to tell replaces, where nobody else
 * was faster. It is small, as all read it whole: it has the latest notices and changes. Where it is
 * lost, or forgets what somebody has not seen yet, more is dropped than needed, and nothing less.
 */
import { hash, randomBytes } from 'node:crypto';
import { Stamps } from '../cache/stamps.ts';
import { AWAY } from './breaker.ts';
import type { Ask, Journal, Notice, Told } from './journal.ts';
import type { MemcachedClient } from './memcached-client.ts';
import type { MemcachedReply } from './memcached-connection.ts';

export interface State {
  readonly id: string;
  number: number;
  /** By notice the latest number, the lowest first. */
  notices: [notice: Notice, number: number][];
  /** Batches so far. */
  batches: number;
  /** The last ones: who, and what was changed. */
  changes: [who: string, changes: string][];
}

/** Notices that are kept; with more, all that is older than the oldest is dead. */
const MOST_NOTICES = 2000;
/** Batches of changes, and characters of all of them. */
const MOST_BATCHES = 64;
const MOST_CHARACTERS = 128 * 1024;
/** Times that others may be faster. */
const TRIES = 10;
/** Milliseconds: it is worth more patience than an object. */
const LIMIT = 300;
const EVERYTHING: Notice = `c${Stamps.EVERYTHING}`;

export class MemcachedJournal implements Journal {
  readonly #client: MemcachedClient;
  readonly #onNotice: (text: string) => void;
  readonly #key = `millrace:journal:${hash('sha1', Stamps.LAYOUT).slice(0, 8)}`;
  /** Tells its own changes from others'. */
  readonly #who = randomBytes(6).toString('base64url');
  /** As it was read last, and its unique number then. */
  #cas = '';
  #text = '';

  /** @param onNotice told where it had to be begun anew */
  constructor(client: MemcachedClient, onNotice: (text: string) => void) {
    this.#client = client;
    this.#onNotice = onNotice;
  }

  async exchange(ask: Ask): Promise<Told | undefined> {
    for (let i = 0; i < TRIES; i++) {
      const read = await this.#read();
      if (read === undefined) return undefined;
      const state = read.state ?? { id: randomBytes(9).toString('base64url'), number: 0, notices: [], batches: 0, changes: [] };
      const told = toldOf(state, ask, this.#who);
      if (read.state !== undefined && ask.notices.length === 0 && ask.changed.length === 0 && ask.atLeast <= state.number) return told;
      append(state, ask, this.#who);
      const value = Buffer.from(JSON.stringify(state));
      const reply = await this.#run(`ms ${this.#key} ${value.length} ${read.cas === undefined ? 'ME' : `C${read.cas}`}`, value);
      if (reply === undefined) return undefined;
      if (reply.code !== 'HD') continue;
      if (read.cas !== undefined && read.state === undefined) this.#onNotice(`what lies in ${this.#client.shown} under ${this.#key} was no journal of purges. It begins anew, and every machine tells it again what it knows.`);
      return { ...told, number: state.number, position: told.hasGap ? String(state.batches) : told.position };
    }
    return undefined;
  }

  /** Undefined where it cannot be read now. Without a state there is none, or, with a unique number, what is there is no journal. */
  async #read(): Promise<{ state: State | undefined; cas: string | undefined } | undefined> {
    let reply = await this.#run(`mg ${this.#key} c`);
    if (reply?.code === 'HD' && reply.flags[0] !== `c${this.#cas}`) {
      reply = await this.#run(`mg ${this.#key} v c`);
      const cas = /^c(\d+)$/u.exec(reply?.flags[0] ?? '')?.[1];
      // An answer to something else.
      if (reply?.code === 'HD' || (reply?.code === 'VA' && cas === undefined)) return undefined;
      if (reply?.code === 'VA') {
        this.#text = reply.value!.toString();
        this.#cas = cas!;
      }
    }
    if (reply?.code === 'EN') return { state: undefined, cas: undefined };
    return reply?.code === 'HD' || reply?.code === 'VA' ? { state: readState(this.#text), cas: this.#cas } : undefined;
  }

  async #run(line: string, value?: Buffer): Promise<MemcachedReply | undefined> {
    const reply = await this.#client.run(this.#key, line, value, LIMIT);
    return reply === AWAY ? undefined : reply;
  }
}

/** Undefined where it is anything else than what `append` leaves. */
export function readState(text: string): State | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, number, notices, batches, changes } = value as Record<string, unknown>;
  const isSound = typeof id === 'string' && isCount(number) && isCount(batches)
    && Array.isArray(notices) && notices.every((pair) => isPair(pair) && isCount(pair[1]) && pair[1] <= number)
    && Array.isArray(changes) && changes.length <= batches && changes.every((pair) => isPair(pair) && typeof pair[1] === 'string');
  return isSound ? (value as State) : undefined;
}

function isPair(value: unknown): value is [string, unknown] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** What the asker has not seen. */
export function toldOf({ id, number, notices, batches, changes }: State, { since, position }: Ask, who: string): Told {
  const missed = notices.filter(([, at]) => at > since).map(([notice, at]) => ({ notice, number: at }));
  const seen = position === undefined ? batches : Number.parseInt(position, 10);
  const first = batches - changes.length;
  const news = changes.slice(Math.max(0, seen - first));
  return {
    id,
    before: number,
    number,
    missed,
    isMore: false,
    position: String(batches),
    changed: news.filter(([by]) => by !== who).map(([, text]) => Buffer.from(text, 'base64')),
    hasGap: seen < first,
  };
}

/** What the asker has to tell. */
export function append(state: State, { atLeast, notices, changed }: Ask, who: string): void {
  state.number = Math.max(state.number, atLeast);
  const latest = new Map(state.notices);
  for (const notice of notices) {
    latest.delete(notice);
    latest.set(notice, ++state.number);
  }
  state.notices = [...latest];
  const length = state.notices.reduce((sum, [notice]) => sum + notice.length, 0);
  if (state.notices.length > MOST_NOTICES || length > MOST_CHARACTERS) {
    const dropped = state.notices.splice(0, Math.ceil(state.notices.length / 2));
    // Stands for all of them, unless everything was purged later than that.
    if (!state.notices.some(([notice]) => notice === EVERYTHING)) state.notices.unshift([EVERYTHING, dropped.at(-1)![1]]);
  }
  if (changed.length === 0) return;
  // More than fits counts as everything.
  const text = changed.toString('base64');
  state.changes.push([who, text.length > MOST_CHARACTERS / 4 ? 'AA==' : text]);
  state.batches++;
  let characters = state.changes.reduce((sum, [, each]) => sum + each.length, 0);
  while (state.changes.length > MOST_BATCHES || characters > MOST_CHARACTERS) characters -= state.changes.shift()![1].length;
}
