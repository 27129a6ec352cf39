/**
 * @module stores/redis-client
 * Commands to Redis or Valkey: one server, a Cluster, or the server that Sentinels name. It connects
 * in the background for as long as it takes. A command takes no longer than its limit, and none
 * waits for a connection: what cannot be answered now is AWAY.
 */
import { Absence } from './absence.ts';
import { type Away, Breaker, type BreakerStats } from './breaker.ts';
import { CONNECT_LIMIT, type Command, type Connection, FIRST_DELAY, LONGEST_DELAY, type Reply, open } from './redis-connection.ts';
import type { RedisAddress } from './redis-url.ts';
import { SLOTS, slotOf } from './redis-slot.ts';

/** A script, and its name with a server that has seen it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

export interface RedisClientOptions {
  readonly address: RedisAddress;
  /** Milliseconds a command may take; default: 100. */
  readonly limit?: number;
  /** Told, in words, that it is away, or back. */
  readonly onNotice: (text: string) => void;
  /** After it connected, again or for the first time. */
  readonly onConnect?: () => void;
}

/** Milliseconds a command may take. */
const LIMIT = 100;
/** Milliseconds without any answer after which a connection is given up for a new one. */
const DEAD = 3000;
/** Of a Cluster, each so many slots have a breaker: one server that is away is no reason to leave out the others. */
const CLUSTER_BREAKERS = 16;
/** What a server says that is there, but cannot serve now. */
const NOT_NOW = /^(?:LOADING|MASTERDOWN|CLUSTERDOWN|READONLY|BUSY|TRYAGAIN|NOREPLICAS|UNKILLABLE)\b/u;

export class RedisClient {
  readonly address: RedisAddress;
  readonly #options: RedisClientOptions;
  readonly #absence: Absence;
  readonly #breakers: readonly Breaker[];
  #connection: Connection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempts = 0;
  #isConnecting = false;
  #answeredAt = 0;
  #isClosed = false;

  constructor(options: RedisClientOptions) {
    this.#options = options;
    this.address = options.address;
    this.#absence = new Absence(options.address.shown, options.onNotice);
    const count = options.address.kind === 'cluster' ? CLUSTER_BREAKERS : 1;
    this.#breakers = probeKeys(options.address.prefix, count).map(
      (key) =>
        new Breaker({
          limit: options.limit ?? LIMIT,
          probe: () => this.#probe(key),
          isRefusal: (error) => error instanceof Error && isReply(error) && !NOT_NOW.test(error.message),
          onChange: (isThere, cause) => this.#changed(isThere, cause),
          onRefusal: (error) => this.#absence.refused(error),
        }),
    );
    void this.#connect();
    setTimeout(() => this.#tellIfAway('it does not answer'), CONNECT_LIMIT).unref();
  }

  /** Of a Cluster: all parts of it. */
  get isThere(): boolean {
    return this.#breakers.every(({ isThere }) => isThere);
  }

  /** The answer, or AWAY. Never rejects. @param key the one it is about, in a Cluster */
  run(key: string | Buffer, command: Command, limit?: number): Promise<Reply | Away> {
    return this.#breakerOf(key).run(() => this.#send(key, command), limit);
  }

  /** Runs a script; its keys stand before its other arguments. */
  script(script: Script, keys: readonly (string | Buffer)[], parameters: Command, limit?: number): Promise<Reply | Away> {
    const [key] = keys;
    const rest = [String(keys.length), ...keys, ...parameters];
    return this.#breakerOf(key!).run(async () => {
      try {
        return await this.#send(key!, ['EVALSHA', script.sha, ...rest]);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return this.#send(key!, ['EVAL', script.text, ...rest]);
      }
    }, limit);
  }

  /** One for each server that has a part of the keys; empty while there is none. */
  async servers(): Promise<((command: Command) => Promise<Reply>)[]> {
    try {
      return (await this.#connection?.servers()) ?? [];
    } catch {
      return [];
    }
  }

  stats(): BreakerStats {
    const all = this.#breakers.map((breaker) => breaker.stats());
    // Of a Cluster, the latency is that of the part that is asked most.
    const [most] = all.toSorted((a, b) => b.latency.count - a.latency.count);
    return { isThere: this.isThere, errors: sum(all, 'errors'), skipped: sum(all, 'skipped'), latency: most!.latency };
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const breaker of this.#breakers) breaker.close();
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  #breakerOf(key: string | Buffer): Breaker {
    return this.#breakers.length === 1 ? this.#breakers[0]! : this.#breakers[slotOf(key) / (SLOTS / CLUSTER_BREAKERS) | 0]!;
  }

  async #send(key: string | Buffer, command: Command): Promise<Reply> {
    if (this.#connection === undefined) throw new Error('not connected');
    const reply = await this.#connection.send(key, command);
    this.#answeredAt = performance.now();
    return reply;
  }

  async #probe(key: string): Promise<Reply> {
    // A peer that vanished without a word, or stands still: another connection may find it again, or another one.
    if (this.#connection !== undefined && performance.now() - this.#answeredAt > DEAD) this.#disconnect('no answer');
    return this.#send(key, ['GET', key]);
  }

  async #connect(): Promise<void> {
    if (this.#isClosed || this.#isConnecting) return;
    this.#isConnecting = true;
    let cause = 'it does not answer';
    try {
      const connection = await open(this.address, await import('@redis/client'), (error) => this.#disconnect(error.message));
      if (this.#isClosed) return connection.destroy();
      this.#connection = connection;
      this.#attempts = 0;
      this.#answeredAt = performance.now();
      this.#isConnecting = false;
      await Promise.all(this.#breakers.map((breaker) => breaker.probe()));
      this.#options.onConnect?.();
      return;
    } catch (error) {
      cause = error instanceof Error ? error.message : String(error);
    }
    this.#isConnecting = false;
    if (isFinal(cause)) this.#tellIfAway(cause, true);
    this.#retry();
  }

  #disconnect(cause: string): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    connection.destroy();
    for (const breaker of this.#breakers) breaker.lost(cause);
    this.#retry();
  }

  #retry(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#connect(), Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts++)).unref();
  }

  #changed(isThere: boolean, cause: string): void {
    if (this.#isClosed) return;
    if (!isThere) this.#absence.away(cause);
    else if (this.isThere) this.#absence.back();
  }

  #tellIfAway(cause: string, isLasting = false): void {
    if (!this.#isClosed && !this.isThere) this.#absence.away(cause, isLasting);
  }
}

/** What waiting does not mend. */
function isFinal(cause: string): boolean {
  return /WRONGPASS|NOAUTH|NOPERM|certificate|ERR /iu.test(cause);
}

/** An answer that is an error, and not that there was no answer. */
function isReply(error: Error): boolean {
  return /^(?:SimpleError|BlobError|ErrorReply)$/u.test(error.constructor.name);
}

/** A key for each breaker whose slot is the breaker's. */
function probeKeys(prefix: string, count: number): string[] {
  const keys = new Array<string>(count);
  for (let i = 0, found = 0; found < count; i++) {
    const key = `${prefix}p{${i}}`;
    const breaker = count === 1 ? 0 : Math.floor(slotOf(key) / (SLOTS / count));
    if (keys[breaker] === undefined) found++;
    keys[breaker] ??= key;
  }
  return keys;
}

function sum(all: readonly BreakerStats[], name: 'errors' | 'skipped'): number {
  return all.reduce((total, each) => total + each[name], 0);
}
