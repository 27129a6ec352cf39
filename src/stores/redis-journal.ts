/**
 * @module stores/redis-journal
 * The journal in Redis: a hash with the line's name and highest number, a sorted set of notices by
 * number (of each only the latest), and a stream of changes. One script does an exchange.
 */
import { randomBytes } from 'node:crypto';
import { Stamps } from '../cache/stamps.ts';
import { AWAY } from './breaker.ts';
import { type Ask, type Journal, MOST_MISSED, type Told } from './journal.ts';
import type { RedisClient, Script } from './redis-client.ts';
import { script } from './redis-scripts.ts';

/** Notices that are kept; who has older objects than the oldest of them cannot be told whether those were purged. */
const MOST_NOTICES = 250_000;
/** The oldest go in so many at a time. */
const TRIMMED = 10_000;
/** Batches of changes that are kept, and given at a time. */
const MOST_BATCHES = 5000;
const BATCHES_AT_ONCE = 500;
/** Milliseconds: it is worth more patience than an object. */
const LIMIT = 300;

// ARGV: a name for a new line, since, at least, position, who, changes, notices …
const EXCHANGE: Script = script(`
for _, reply in ipairs({redis.pcall('HGET', KEYS[1], 'id'), redis.pcall('ZCARD', KEYS[2]), redis.pcall('XLEN', KEYS[3])}) do
  if type(reply) == 'table' then return string.find(reply.err, 'WRONGTYPE', 1, true) and 'malformed' or reply end
end
local id = redis.call('HGET', KEYS[1], 'id')
local known = redis.call('HGET', KEYS[1], 'number')
if known and not (string.match(known, '^%d+$') and #known < 16) then return 'malformed' end
if not id then
  id = ARGV[1]
  redis.call('HSET', KEYS[1], 'id', id)
end
local before = tonumber(known or '0')
local missed = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ${MOST_MISSED})
local number = math.max(before, tonumber(ARGV[3]))
for i = 7, #ARGV do
  number = number + 1
  redis.call('ZADD', KEYS[2], number, ARGV[i])
end
if number ~= before then redis.call('HSET', KEYS[1], 'number', string.format('%d', number)) end
if redis.call('ZCARD', KEYS[2]) > ${MOST_NOTICES} then
  local floor = redis.call('ZRANGE', KEYS[2], ${TRIMMED}, ${TRIMMED}, 'WITHSCORES')[2]
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, ${TRIMMED})
  local all = redis.call('ZSCORE', KEYS[2], 'c${Stamps.EVERYTHING}')
  if not all or tonumber(all) < tonumber(floor) then redis.call('ZADD', KEYS[2], floor, 'c${Stamps.EVERYTHING}') end
end
local batches = {}
local gap = 0
local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
local position = newest[1] and newest[1][1] or '0-0'
if ARGV[4] ~= '' then
  local oldest = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)
  if redis.call('XLEN', KEYS[3]) >= ${MOST_BATCHES} and #redis.call('XRANGE', KEYS[3], oldest[1][1], ARGV[4], 'COUNT', 1) == 0 then
    gap = 1
  else
    batches = redis.call('XRANGE', KEYS[3], '(' .. ARGV[4], '+', 'COUNT', ${BATCHES_AT_ONCE})
    position = #batches > 0 and batches[#batches][1] or ARGV[4]
  end
end
if ARGV[6] ~= '' then redis.call('XADD', KEYS[3], 'MAXLEN', '~', ${MOST_BATCHES}, '*', ARGV[5], ARGV[6]) end
return {id, before, number, missed, position, gap, batches}`);

export class RedisJournal implements Journal {
  readonly #client: RedisClient;
  readonly #onNotice: (text: string) => void;
  readonly #keys: readonly string[];
  /** Tells its own changes from others'. */
  readonly #who = randomBytes(6).toString('base64url');

  /** @param onNotice told where it had to be begun anew */
  constructor(client: RedisClient, onNotice: (text: string) => void) {
    this.#client = client;
    this.#onNotice = onNotice;
    const base = `${client.address.prefix}j{${Stamps.LAYOUT}}`;
    this.#keys = [`${base}line`, `${base}notices`, `${base}changes`];
  }

  async exchange({ since, atLeast, notices, position, changed }: Ask): Promise<Told | undefined> {
    const name = randomBytes(9).toString('base64url');
    const reply = await this.#client.script(EXCHANGE, this.#keys, [name, String(since), String(atLeast), position ?? '', this.#who, changed, ...notices], LIMIT);
    if (reply === AWAY) return undefined;
    if (!isSound(reply)) return this.#beginAnew();
    const [id, before, number, missed, reached, gap, batches] = reply;
    const pairs = Array.from({ length: missed.length / 2 }, (_, i) => ({ notice: missed[2 * i]!.toString(), number: Number(missed[2 * i + 1]) }));
    return {
      id: id.toString(),
      before,
      number,
      missed: pairs,
      isMore: pairs.length === MOST_MISSED,
      position: reached.toString(),
      changed: batches.filter(([, [who]]) => who.toString() !== this.#who).map(([, [, hashes]]) => hashes),
      hasGap: gap === 1,
    };
  }

  /** What lies there is no journal: the next exchange finds none. */
  async #beginAnew(): Promise<undefined> {
    const removed = await this.#client.run(this.#keys[0]!, ['UNLINK', ...this.#keys], LIMIT);
    if (removed !== AWAY) this.#onNotice(`what lies in ${this.#client.address.shown} under ${this.#keys.join(', ')} was no journal of purges. It begins anew, and every machine tells it again what it knows.`);
  }
}

type Answer = [id: Buffer, before: number, number: number, missed: Buffer[], reached: Buffer, gap: number, batches: [Buffer, [who: Buffer, hashes: Buffer]][]];

function isSound(reply: unknown): reply is Answer {
  if (!Array.isArray(reply)) return false;
  const [id, before, number, missed, reached, gap, batches] = reply as unknown[];
  return Buffer.isBuffer(id) && Number.isSafeInteger(before) && Number.isSafeInteger(number) && Buffer.isBuffer(reached) && typeof gap === 'number'
    && areBuffers(missed) && missed.length % 2 === 0 && missed.every((each, i) => i % 2 === 0 || isNumberUpTo(number as number, each))
    && Array.isArray(batches) && batches.every((batch) => Array.isArray(batch) && areBuffers(batch[1]) && batch[1].length === 2);
}

function areBuffers(value: unknown): value is Buffer[] {
  return Array.isArray(value) && value.every((each) => Buffer.isBuffer(each));
}

function isNumberUpTo(most: number, text: Buffer): boolean {
  const number = Number(text.toString());
  return Number.isSafeInteger(number) && number > 0 && number <= most;
}

