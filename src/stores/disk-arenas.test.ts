import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import { type TestContext, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { type ArenaHost, type Claim, DiskArenas } from './disk-arenas.ts';
import { type Extent, SEGMENT_UNITS, UNIT, addExtent } from './disk-layout.ts';

/** Units reserved ahead, with that quota. */
const AHEAD = 8;
const MAX_BYTES = AHEAD * 128 * UNIT;
/** Milliseconds: more than it waits after a refusal, and more than it waits for bodies. */
const PAUSE = 10;
const IDLE = 5001;

const which = fc.nat(999);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('take' as const), units: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 12 }) }, fc.integer({ min: 13, max: 40 })) }) },
  // Rarely all that was asked for.
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('grant' as const), counts: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4 }), gap: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refuse' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('giveBack' as const), which, together: fc.integer({ min: 1, max: 3 }), isBroken: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle' as const), which, together: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), isBroken: fc.boolean() }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Asked {
  readonly number: number;
  readonly fewest: number;
  readonly most: number;
  readonly resolve: (extents: Extent[] | undefined) => void;
}

interface Waiting {
  readonly units: number;
}

interface Granted {
  /** Units that are neither settled nor released. */
  readonly left: Set<number>;
  isEnded: boolean;
}

function unitsOf(extents: readonly Extent[]): number[] {
  return extents.flatMap(({ unit, count }) => Array.from({ length: count }, (_, i) => unit + i));
}

function countOf(claims: readonly Claim[] | undefined): number | undefined {
  return claims?.flatMap(({ extents }) => unitsOf(extents)).length;
}

/** Time passes only by what it returns. */
function stopTime(t: TestContext): (milliseconds: number) => void {
  const { timers } = t.mock;
  timers.enable({ apis: ['setTimeout', 'setInterval'] });
  // For who has imported it by its name.
  syncBuiltinESMExports();
  t.after(() => {
    timers.reset();
    syncBuiltinESMExports();
  });
  return (milliseconds) => timers.tick(milliseconds);
}

/** Answers when the test says so. */
class Host implements ArenaHost {
  asked: Asked | undefined;
  requests = 0;
  /** Units that it was told to release. */
  released = 0;
  /** It cannot write that down. */
  isBroken = false;
  readonly granted = new Map<number, Granted>();
  /** Told what is given up, before anything else is. */
  onRelease: (unit: number) => void = () => {};
  #number = 0;
  /** In the end of a segment, so that what is granted goes on in the next one. */
  #next = 2 * SEGMENT_UNITS - 20;

  async reserve(number: number, fewest: number, most: number): Promise<Extent[] | undefined> {
    assert.equal(this.asked, undefined, 'one at a time');
    assert.ok(fewest >= 1 && most >= fewest);
    this.requests++;
    const { promise, resolve } = Promise.withResolvers<Extent[] | undefined>();
    this.asked = { number, fewest, most, resolve };
    return promise;
  }

  async release(unused: readonly Extent[]): Promise<boolean> {
    const units = unitsOf(unused);
    const granted = [...this.granted.values()].find(({ left }) => left.has(units[0]!));
    assert.ok(granted !== undefined && !granted.isEnded, 'nothing is released of what has ended');
    this.released += units.length;
    for (const unit of units) assert.ok(granted.left.has(unit), 'released once');
    if (this.isBroken) return false;
    for (const unit of units) {
      granted.left.delete(unit);
      this.onRelease(unit);
    }
    return true;
  }

  end(number: number): void {
    const granted = this.granted.get(number)!;
    assert.ok(!granted.isEnded, 'it ends once');
    assert.equal(granted.left.size, 0, 'it ends when all is settled');
    granted.isEnded = true;
  }

  nextNumber(): number {
    return ++this.#number;
  }

  /** @returns the units that it gave */
  grant(counts: readonly number[], gap = 0): number[] {
    const { number, most, resolve } = this.#answer();
    const extents: Extent[] = [];
    let left = most;
    for (const count of counts) {
      for (let i = 0; i < count && left > 0; i++, left--) addExtent(extents, { unit: this.#next++, count: 1 });
      this.#next += gap;
    }
    const units = unitsOf(extents);
    this.granted.set(number, { left: new Set(units), isEnded: false });
    resolve(extents);
    return units;
  }

  refuse(): void {
    this.#answer().resolve(undefined);
  }

  /** An object has them. */
  settled(claims: readonly Claim[]): void {
    for (const { arena, extents } of claims) {
      for (const unit of unitsOf(extents)) assert.ok(this.granted.get(arena.number)!.left.delete(unit));
    }
  }

  /** Between which it is asked for. */
  get limits(): [fewest: number, most: number] | undefined {
    return this.asked && [this.asked.fewest, this.asked.most];
  }

  get ended(): number[] {
    return [...this.granted].filter(([, { isEnded }]) => isEnded).map(([number]) => number);
  }

  #answer(): Asked {
    const asked = this.asked!;
    this.asked = undefined;
    return asked;
  }
}

/** Arenas, and beside them which unit is whose. */
class Checked {
  readonly #host = new Host();
  readonly #arenas = new DiskArenas(this.#host, MAX_BYTES);
  /** Ends what is waited for by the clock. */
  readonly #passTime: () => void;
  readonly #free = new Set<number>();
  #out: (readonly Claim[])[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #answers: { readonly waiting: Waiting; readonly claims: Claim[] | undefined }[] = [];
  /** The first that waits is to be refused. */
  #isRefusing = false;
  #isPausing = false;

  constructor(passTime: () => void) {
    this.#passTime = passTime;
    this.#host.onRelease = (unit) => assert.ok(this.#free.delete(unit), 'what somebody has is not released');
  }

  async run(each: Step): Promise<void> {
    const { requests } = this.#host;
    this.#do(each);
    await nextTurn();
    this.#host.isBroken = false;
    this.#check(requests);
  }

  async finish(): Promise<void> {
    for (let i = 0; this.#waiting.length > 0 || this.#isPausing; i++) {
      assert.ok(i < 200, 'who waits is served');
      await this.run(this.#isPausing ? { kind: 'wait' } : { kind: 'grant', counts: [30, 10], gap: 1 });
    }
    if (this.#host.asked !== undefined) await this.run({ kind: 'grant', counts: [3], gap: 0 });
    while (this.#out.length > 0) await this.run({ kind: this.#out.length % 2 === 0 ? 'settle' : 'giveBack', which: 0, together: 1, isBroken: false });
    await this.#arenas.close();
    assert.equal(this.#free.size, 0);
    assert.equal(this.#host.ended.length, this.#host.granted.size, 'nothing stays reserved');
  }

  #do(each: Step): void {
    const host = this.#host;
    switch (each.kind) {
      case 'take': {
        this.#take(each.units);
        break;
      }
      case 'refuse':
      case 'grant': {
        if (host.asked === undefined) break;
        const needed = Math.max(1, (this.#waiting[0]?.units ?? 0) - this.#free.size);
        // What was asked for one that has been served since says little about the others.
        if (each.kind === 'grant' || host.asked.fewest > needed) {
          const counts = each.kind === 'grant' ? each.counts : [1];
          for (const unit of host.grant(counts, each.kind === 'grant' ? each.gap : 0)) this.#free.add(unit);
        } else {
          this.#isRefusing = this.#isPausing = this.#waiting.length > 0;
          host.refuse();
        }
        break;
      }
      case 'wait': {
        this.#isPausing = false;
        this.#passTime();
        break;
      }
      case 'giveBack': {
        const claims = this.#choose(each);
        for (const unit of claims.flatMap(({ extents }) => unitsOf(extents))) this.#free.add(unit);
        const unused = this.#unusedAfterServing();
        const { released } = host;
        host.isBroken = each.isBroken;
        this.#arenas.giveBack(claims);
        assert.equal(host.released - released, unused > 2 * AHEAD ? unused : 0, 'what is far too much is not kept');
        break;
      }
      case 'settle': {
        const claims = this.#choose(each);
        host.settled(claims);
        this.#arenas.settle(claims);
        break;
      }
      case 'release': {
        const { released } = host;
        const unused = this.#free.size;
        host.isBroken = each.isBroken;
        void this.#arenas.release();
        assert.equal(host.released - released, unused, 'all that nobody has is given up');
        break;
      }
    }
  }

  #take(units: number): void {
    const isServed = this.#waiting.length === 0 && this.#free.size >= units;
    const taken = this.#arenas.take(units);
    if (!(taken instanceof Promise)) {
      assert.ok(isServed, 'nobody overtakes who waits');
      this.#took(units, taken);
      if (this.#free.size < AHEAD / 2) assert.ok(this.#host.asked !== undefined || this.#isPausing, 'more is reserved ahead');
      return;
    }
    assert.ok(!isServed, 'at once where it was reserved ahead');
    const waiting = { units };
    this.#waiting.push(waiting);
    void taken.then((claims) => this.#answers.push({ waiting, claims }));
  }

  #took(units: number, claims: readonly Claim[]): void {
    assert.equal(countOf(claims), units);
    for (const { arena, extents } of claims) {
      assert.ok(extents.length > 0);
      for (const unit of unitsOf(extents)) {
        assert.ok(this.#free.delete(unit), 'nobody else has it');
        assert.ok(this.#host.granted.get(arena.number)!.left.has(unit), 'it is of that arena');
      }
      for (const { unit, count } of extents) assert.ok((unit % SEGMENT_UNITS) + count <= SEGMENT_UNITS, 'an extent is of one segment');
    }
    this.#out.push(claims);
  }

  /** Some of what was taken, of which one may be more bodies' than one. */
  #choose({ which: index, together }: { which: number; together: number }): readonly Claim[] {
    return this.#out.splice(index % Math.max(1, this.#out.length), together).flat();
  }

  /** Units that nobody has or waits for once those who wait have got theirs; 0 where there is too little for them. */
  #unusedAfterServing(): number {
    const wanted = this.#waiting.reduce((sum, { units }) => sum + units, 0);
    return Math.max(0, this.#free.size - wanted);
  }

  #check(requests: number): void {
    const host = this.#host;
    for (const { waiting, claims } of this.#answers.splice(0)) {
      assert.equal(waiting, this.#waiting.shift(), 'in the order in which they came');
      if (claims === undefined) {
        assert.ok(this.#isRefusing, 'refused only where the host refuses');
        this.#isRefusing = false;
      } else this.#took(waiting.units, claims);
    }
    assert.ok(!this.#isRefusing, 'the first is refused');
    const [first] = this.#waiting;
    if (first !== undefined) {
      assert.ok(first.units > this.#free.size || this.#isPausing, 'nobody waits where there is enough');
      assert.ok(host.asked !== undefined || this.#isPausing, 'who waits is cared for');
    }
    if (host.requests > requests && host.asked !== undefined) {
      const fewest = Math.max(1, (first?.units ?? 0) - this.#free.size);
      assert.deepEqual(host.limits, [fewest, Math.max(fewest, AHEAD)]);
    }
    for (const { left, isEnded } of host.granted.values()) assert.equal(isEnded, left.size === 0, 'an arena ends exactly when all of it is settled');
  }
}

/** With so many units reserved that nobody has. */
async function withFree(units: number): Promise<{ host: Host; arenas: DiskArenas }> {
  const host = new Host();
  const arenas = new DiskArenas(host, MAX_BYTES);
  const first = arenas.take(units);
  host.grant([units]);
  arenas.giveBack((await first)!);
  return { host, arenas };
}

describe('arenas', () => {
  test('give every unit to one at a time, in the order in which they were asked, whatever the host answers', async (t) => {
    const passTime = stopTime(t);
    const property = fc.asyncProperty(fc.array(step, { size: 'max', maxLength: 80 }), async (steps) => {
      const checked = new Checked(() => passTime(PAUSE));
      for (const each of steps) await checked.run(each);
      await checked.finish();
    });
    await fc.assert(property, { numRuns: 150 });
  });

  test('have room at once of what was reserved ahead, and reserve more when half of it is left', async () => {
    const { host, arenas } = await withFree(AHEAD);
    assert.equal(countOf(arenas.take(AHEAD / 2) as Claim[]), AHEAD / 2);
    assert.equal(host.asked, undefined);
    assert.equal(countOf(arenas.take(1) as Claim[]), 1);
    assert.deepEqual(host.limits, [1, AHEAD]);
  });

  test('ask again for what is missing where they got fewer units', async () => {
    const host = new Host();
    const arenas = new DiskArenas(host, MAX_BYTES);
    const taken = arenas.take(20);
    assert.deepEqual(host.limits, [20, 20]);
    host.grant([15]);
    await nextTurn();
    assert.deepEqual(host.limits, [5, AHEAD]);
    host.grant([AHEAD]);
    const claims = (await taken)!;
    assert.equal(countOf(claims), 20);
    assert.deepEqual(claims.map(({ arena }) => arena.number), [1, 2]);
    assert.equal(countOf(arenas.take(3) as Claim[]), 3, 'the rest is there for others');
  });

  test('have what was given back for the next one, in a reservation that lasts until all of it is settled', async () => {
    const { host, arenas } = await withFree(4);
    const first = arenas.take(1) as Claim[];
    const rest = arenas.take(3) as Claim[];
    host.settled(first);
    arenas.settle(first);
    arenas.giveBack(rest);
    assert.deepEqual(host.ended, []);
    const again = arenas.take(3) as Claim[];
    assert.deepEqual(again, rest);
    host.settled(again);
    arenas.settle(again);
    assert.deepEqual(host.ended, [1]);
  });

  test('let nobody overtake who waits', async () => {
    const { host, arenas } = await withFree(6);
    const order: string[] = [];
    const large = Promise.resolve(arenas.take(10)).then((claims) => order.push(`large ${countOf(claims)}`));
    const small = Promise.resolve(arenas.take(2)).then((claims) => order.push(`small ${countOf(claims)}`));
    await nextTurn();
    assert.deepEqual(order, []);
    host.grant([6]);
    await Promise.all([large, small]);
    assert.deepEqual(order, ['large 10', 'small 2']);
  });

  test('refuse the first that waits where the host does, and then ask for the others', async (t) => {
    const passTime = stopTime(t);
    const host = new Host();
    const arenas = new DiskArenas(host, MAX_BYTES);
    const first = arenas.take(9);
    const second = arenas.take(2);
    host.refuse();
    assert.equal(await first, undefined);
    assert.equal(host.asked, undefined, 'who was refused may give back what it has');
    passTime(PAUSE);
    await nextTurn();
    assert.deepEqual(host.limits, [2, AHEAD]);
    host.grant([2]);
    assert.equal(countOf(await second), 2);
  });

  test('serve the others from what is given back after a refusal', async (t) => {
    const passTime = stopTime(t);
    const { host, arenas } = await withFree(4);
    const had = arenas.take(4) as Claim[];
    host.refuse();
    await nextTurn();
    const first = arenas.take(9);
    const second = arenas.take(2);
    host.refuse();
    assert.equal(await first, undefined);
    const { requests } = host;
    arenas.giveBack(had);
    assert.equal(countOf(await second), 2);
    passTime(PAUSE);
    await nextTurn();
    assert.equal(host.requests, requests, 'nothing more is asked for');
  });

  test('keep no more than twice what is reserved ahead', async () => {
    const host = new Host();
    const arenas = new DiskArenas(host, MAX_BYTES);
    const first = arenas.take(2 * AHEAD);
    const second = arenas.take(1);
    host.grant([2 * AHEAD]);
    await nextTurn();
    host.grant([1]);
    arenas.giveBack((await first)!);
    assert.equal(host.released, 0);
    arenas.giveBack((await second)!);
    assert.equal(host.released, 2 * AHEAD + 1);
    await nextTurn();
    assert.deepEqual(host.ended, [1, 2]);
  });

  test('give up all that nobody writes into, and nothing else', async () => {
    const { host, arenas } = await withFree(8);
    const claims = arenas.take(4) as Claim[];
    await arenas.release();
    assert.equal(host.released, 4);
    assert.equal(host.granted.get(1)!.left.size, 4);
    assert.deepEqual(host.ended, []);
    host.settled(claims);
    arenas.settle(claims);
    assert.deepEqual(host.ended, [1]);
  });

  test('keep what could not be released, and give nobody what is being released', async () => {
    const { host, arenas } = await withFree(8);
    host.isBroken = true;
    const released = arenas.release();
    const taken = arenas.take(2);
    assert.ok(taken instanceof Promise);
    await released;
    assert.deepEqual(host.ended, []);
    assert.equal(countOf(await taken), 2, 'of what came back');
    host.grant([2]);
    await nextTurn();
    assert.equal(countOf(arenas.take(8) as Claim[]), 8);
  });

  test('give up what is reserved when no bodies come any more', async (t) => {
    const passTime = stopTime(t);
    const { host, arenas } = await withFree(8);
    passTime(IDLE);
    arenas.giveBack(arenas.take(2) as Claim[]);
    passTime(IDLE);
    assert.equal(host.released, 0, 'one came');
    passTime(IDLE);
    await nextTurn();
    assert.deepEqual(host.ended, [1]);
    passTime(2 * IDLE);
    assert.equal(host.released, 8);
    const again = arenas.take(3);
    host.grant([3]);
    arenas.giveBack((await again)!);
    passTime(2 * IDLE);
    assert.equal(host.released, 11, 'also the next time');
  });

  test('give up all when they are closed, and look no more', async (t) => {
    const passTime = stopTime(t);
    const { host, arenas } = await withFree(8);
    const claims = arenas.take(2) as Claim[];
    await arenas.close();
    assert.equal(host.released, 6);
    arenas.giveBack(claims);
    passTime(3 * IDLE);
    assert.equal(host.released, 6);
  });
});
