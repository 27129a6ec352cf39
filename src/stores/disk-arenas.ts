/**
 * @module stores/disk-arenas
 * Room that a thread has reserved to write bodies into. It is reserved some megabytes at a time, so that
 * a body on its way needs no transaction before the one that makes it an object, and bodies that come
 * together lie together.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Extent, UNIT, addExtent, unitsIn } from './disk-layout.ts';

/** Bytes that a thread reserves ahead of need, and the share of the quota that may be. */
const AHEAD = 4 * 1024 * 1024;
const AHEAD_SHARE = 1 / 128;
/** Milliseconds without a body until it gives up what it has reserved. */
const IDLE = 5000;
/** Milliseconds for who got no room to give back what it had. */
const GRACE = 5;
/** Milliseconds that a body waits for room at most, once there was none for another one. */
const PATIENCE = 250;

interface Arena {
  readonly number: number;
  /** Units nobody writes into yet. */
  free: Extent[];
  /** How many, with those that are being written. */
  left: number;
}

/** What one body has of an arena. */
export interface Claim {
  readonly arena: Arena;
  readonly extents: readonly Extent[];
}

export interface ArenaHost {
  /** Reserves units, `fewest` or more where there are; undefined where there is no room for those. */
  reserve(number: number, fewest: number, most: number): Promise<Extent[] | undefined>;
  /** Gives up what was reserved and nobody has written into; false where that could not be written down. */
  release(unused: readonly Extent[]): Promise<boolean>;
  /** Ends a reservation of which nothing is left. */
  end(number: number): void;
  nextNumber(): number;
}

interface Waiting {
  readonly units: number;
  /** ms, of the monotonic clock. */
  readonly since: number;
  readonly resolve: (claims: Claim[] | undefined) => void;
}

export class DiskArenas {
  readonly #host: ArenaHost;
  readonly #ahead: number;
  #arenas: Arena[] = [];
  /** Units. */
  #free = 0;
  #waiting: Waiting[] = [];
  #isReserving = false;
  /** Bodies came since it last looked. */
  #isBusy = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param maxBytes the quota */
  constructor(host: ArenaHost, maxBytes: number) {
    this.#host = host;
    this.#ahead = Math.floor(Math.min(AHEAD, maxBytes * AHEAD_SHARE) / UNIT);
  }

  /** Room for so many units; undefined where there is none. At once where it was reserved ahead. */
  take(units: number): Claim[] | Promise<Claim[] | undefined> {
    this.#isBusy = true;
    this.#timer ??= setInterval(() => this.#look(), IDLE).unref();
    if (this.#waiting.length > 0 || this.#free < units) {
      const { promise, resolve } = Promise.withResolvers<Claim[] | undefined>();
      this.#waiting.push({ units, since: performance.now(), resolve });
      void this.#reserve();
      return promise;
    }
    const claims = this.#claim(units);
    if (this.#free < this.#ahead / 2) void this.#reserve();
    return claims;
  }

  /** They are not written into any more, and nothing in them counts. */
  giveBack(claims: readonly Claim[]): void {
    for (const { arena, extents } of claims) {
      for (const extent of extents) {
        arena.free.push(extent);
        this.#free += extent.count;
      }
    }
    this.#serve();
    if (this.#waiting.length === 0 && this.#free > 2 * this.#ahead) void this.release();
  }

  /** An object has them from now on. */
  settle(claims: readonly Claim[]): void {
    for (const { arena, extents } of claims) for (const { count } of extents) arena.left -= count;
    this.#end();
  }

  /** Gives up what nobody writes into. */
  async release(): Promise<void> {
    await Promise.all(this.#arenas.map(async (arena) => {
      if (arena.free.length === 0) return;
      const unused = arena.free;
      const units = unitsIn(unused);
      arena.free = [];
      this.#free -= units;
      if (await this.#host.release(unused)) {
        arena.left -= units;
      } else {
        arena.free.push(...unused);
        this.#free += units;
        this.#serve();
      }
    }));
    this.#end();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.release();
  }

  #look(): void {
    if (this.#isBusy) {
      this.#isBusy = false;
      return;
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
    void this.release();
  }

  /** Forgets arenas of which all is settled. */
  #end(): void {
    if (this.#arenas.every(({ left }) => left > 0)) return;
    for (const { number, left } of this.#arenas) if (left === 0) this.#host.end(number);
    this.#arenas = this.#arenas.filter(({ left }) => left > 0);
  }

  async #reserve(): Promise<void> {
    if (this.#isReserving) return;
    this.#isReserving = true;
    do {
      const fewest = Math.max(1, (this.#waiting[0]?.units ?? 0) - this.#free);
      const number = this.#host.nextNumber();
      const extents = await this.#host.reserve(number, fewest, Math.max(fewest, this.#ahead));
      if (extents !== undefined) {
        const arena = { number, free: extents, left: unitsIn(extents) };
        this.#arenas.push(arena);
        this.#free += arena.left;
      }
      this.#serve();
      // Whoever is first now has perhaps asked for less than what was refused.
      const [first] = this.#waiting;
      if (extents === undefined && first !== undefined && first.units - this.#free >= fewest) {
        this.#refuse();
        // It will give back what it has: perhaps that is enough for the others.
        await pause(GRACE);
        this.#serve();
      }
    } while (this.#waiting.length > 0);
    this.#isReserving = false;
  }

  /** Refuses the first that waits, and all that have waited long: they would wait for the same room, one after the other. */
  #refuse(): void {
    const before = performance.now() - PATIENCE;
    this.#waiting.shift()!.resolve(undefined);
    while (this.#waiting.length > 0 && this.#waiting[0]!.since < before) this.#waiting.shift()!.resolve(undefined);
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.#waiting[0]!.units <= this.#free) {
      const { units, resolve } = this.#waiting.shift()!;
      resolve(this.#claim(units));
    }
  }

  #claim(units: number): Claim[] {
    const claims: Claim[] = [];
    let missing = units;
    for (const arena of this.#arenas) {
      const extents = takeExtents(arena.free, missing);
      if (extents.length > 0) claims.push({ arena, extents });
      missing -= unitsIn(extents);
      if (missing === 0) break;
    }
    this.#free -= units;
    return claims;
  }
}

/** Takes the first units out of claims, so many or as many as there are. */
export function takeClaims(claims: Claim[], units: number): Claim[] {
  const taken: Claim[] = [];
  for (let missing = units; missing > 0 && claims.length > 0; ) {
    const { arena, extents: all } = claims.shift()!;
    const left = [...all];
    const extents = takeExtents(left, missing);
    taken.push({ arena, extents });
    missing -= unitsIn(extents);
    if (left.length > 0) claims.unshift({ arena, extents: left });
  }
  return taken;
}

/** Takes the first units out of extents, so many or as many as there are. */
function takeExtents(extents: Extent[], units: number): Extent[] {
  const taken: Extent[] = [];
  for (let missing = units; missing > 0 && extents.length > 0; ) {
    const [first] = extents as [Extent];
    const count = Math.min(missing, first.count);
    addExtent(taken, { unit: first.unit, count });
    missing -= count;
    if (count === first.count) extents.shift();
    else extents[0] = { unit: first.unit + count, count: first.count - count };
  }
  return taken;
}
