import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Extent, SEGMENT_UNITS, UNIT, addExtent } from './disk-layout.ts';
import { DiskSpace, type Garbage, SPACE_SCHEMA } from './disk-space.ts';

/** Segments that are looked at for free units, beside those in which some are reserved. */
const LOOKED_AT = 8;
/** So many of what waits to be freed are listed at a time. */
const LISTED = 64;

const which = fc.nat(999);
/** Of eight units in a row, those that are meant. */
const mask = fc.oneof(fc.constant(0xff), fc.integer({ min: 1, max: 0xff }));
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('reserve' as const), owner: fc.nat(2), units: fc.nat(24), most: fc.integer({ min: -2, max: 24 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('take' as const), which, mask }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('giveUp' as const), which, mask }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('discard' as const), which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('free' as const), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('freeAgain' as const), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('endAllOf' as const), owner: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('shrink' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('commit' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Reservation {
  readonly number: number;
  readonly owner: number;
  unused: number[];
}

function segmentOf(unit: number): number {
  return Math.floor(unit / SEGMENT_UNITS);
}

function unitsOf(extents: readonly Extent[]): number[] {
  return extents.flatMap(({ unit, count }) => Array.from({ length: count }, (_, i) => unit + i));
}

function extentsOf(units: readonly number[]): Extent[] {
  const extents: Extent[] = [];
  for (const unit of units) addExtent(extents, { unit, count: 1 });
  return extents;
}

function garbageOf(units: readonly number[]): Garbage {
  return { unit: units[0]!, size: units.length * UNIT, extents: extentsOf(units) };
}

function database(): DatabaseSync {
  const made = new DatabaseSync(':memory:');
  made.exec(SPACE_SCHEMA);
  return made;
}

/** What a segment of the model has. */
class ModelSegment {
  high = 0;
  used = 0;
  /** Units below `high` that nobody has. */
  readonly free = new Set<number>();
}

/** Two threads that have transactions by turns, and beside them which units are whose. */
class Checked {
  readonly #database = database();
  readonly #threads = [new DiskSpace(this.#database), new DiskSpace(this.#database)];
  readonly #segments = new Map<number, ModelSegment>();
  readonly #reserved = new Set<number>();
  readonly #reservations: Reservation[] = [];
  readonly #objects: Garbage[] = [];
  readonly #garbage: Garbage[] = [];
  readonly #freed: Garbage[] = [];
  #lastNumber = 0;

  get #space(): DiskSpace {
    return this.#threads[0]!;
  }

  /** An object in each of the first segments has all of it but the last few units. */
  fill(segments: number, left: number): void {
    const units = segments * SEGMENT_UNITS;
    const reservation = this.reserve(0, units, units);
    assert.equal(reservation.unused.length, units);
    for (let i = 0; i < segments; i++) this.#take(reservation, reservation.unused.splice(0, SEGMENT_UNITS - left), reservation.unused.splice(0, left));
    this.#end(reservation);
  }

  run(each: Step): void {
    switch (each.kind) {
      case 'reserve': {
        this.reserve(each.owner, each.units, each.most);
        break;
      }
      case 'take': {
        this.#ofReservation(each, (reservation, chosen, others) => this.#take(reservation, chosen, [], others));
        break;
      }
      case 'giveUp': {
        this.#ofReservation(each, (reservation, chosen, others) => {
          reservation.unused = others;
          this.#giveUp(chosen);
        });
        break;
      }
      case 'end': {
        const reservation = this.#reservations[each.which % this.#reservations.length];
        if (reservation !== undefined) this.#end(reservation);
        break;
      }
      case 'discard': {
        const [object] = this.#objects.splice(each.which % Math.max(1, this.#objects.length), 1);
        if (object !== undefined) this.#discard(object);
        break;
      }
      case 'free': {
        const [garbage] = this.#garbage.splice(each.which % Math.max(1, this.#garbage.length), 1);
        if (garbage !== undefined) this.#free(garbage);
        break;
      }
      case 'freeAgain': {
        const again = this.#freed.filter(({ unit }) => this.#garbage.every((garbage) => garbage.unit !== unit));
        const garbage = again[each.which % again.length];
        if (garbage !== undefined) assert.equal(this.#space.free(garbage.unit), 0);
        break;
      }
      case 'endAllOf': {
        this.#endAllOf(each.owner);
        break;
      }
      case 'shrink': {
        this.shrink();
        break;
      }
      case 'commit': {
        this.commit();
        break;
      }
    }
  }

  reserve(owner: number, units: number, most: number): Reservation {
    const number = ++this.#lastNumber;
    const least = Math.min(units, this.#leastFound());
    const { extents, added } = this.#space.reserve(number, owner, units, most);
    const given = unitsOf(extents);
    for (const { unit, count } of extents) assert.equal(segmentOf(unit), segmentOf(unit + count - 1), 'an extent is of one segment');
    let grown = 0;
    for (const unit of given) {
      const segment = this.#segment(segmentOf(unit));
      assert.ok(segmentOf(unit) >= 1, 'the first segment has number 1');
      if (!segment.free.delete(unit)) {
        assert.equal(unit % SEGMENT_UNITS, segment.high, `${unit} is free`);
        segment.high++;
        grown++;
      }
      this.#reserved.add(unit);
    }
    assert.equal(added, grown);
    const found = given.length - grown;
    assert.ok(given.length <= units);
    assert.ok(found >= least, `found ${found} of ${least}`);
    assert.equal(grown, Math.max(0, Math.min(most, units - found)));
    const reservation = { number, owner, unused: given };
    if (given.length > 0) this.#reservations.push(reservation);
    return reservation;
  }

  shrink(): number {
    const mustGive = this.#lookedAt(([number]) => this.#freeAtEnd(number)).some(([number]) => this.#freeAtEnd(number) > 0);
    const calls: [number: number, units: number][] = [];
    const given = this.#space.shrink((number, units) => calls.push([number, units]));
    if (given === 0) {
      assert.equal(calls.length, 0);
      assert.ok(!mustGive, 'what is free at the end is given back');
      return 0;
    }
    assert.equal(calls.length, 1);
    const [number, units] = calls[0]!;
    assert.equal(given, this.#freeAtEnd(number), 'all that is free at the end, and nothing that is not');
    const segment = this.#segment(number);
    assert.equal(units, segment.high - given);
    for (; segment.high > units; segment.high--) segment.free.delete(number * SEGMENT_UNITS + segment.high - 1);
    return given;
  }

  /** The next transaction is another thread's. */
  commit(): void {
    this.#space.save();
    this.#space.forget();
    this.#threads.reverse();
    const rows = this.#database.prepare('SELECT number, used, high FROM segments ORDER BY number').all();
    assert.deepEqual(rows.map((row) => ({ ...row })), [...this.#segments].sort(([a], [b]) => a - b).map(([number, { used, high }]) => ({ number, used, high })));
    const numbers = this.#database.prepare('SELECT number FROM arenas ORDER BY number').all().map(({ number }) => number);
    assert.deepEqual(numbers, this.#reservations.map(({ number }) => number));
    this.checkListed(0);
  }

  checkListed(behind: number): void {
    const sorted = this.#garbage.filter(({ unit }) => unit > behind).sort((a, b) => a.unit - b.unit);
    assert.deepEqual(this.#space.garbageBehind(behind), sorted.slice(0, LISTED));
  }

  /** All is freed, and given back to the system. */
  empty(): void {
    for (const reservation of this.#reservations.slice()) this.#end(reservation);
    for (const object of this.#objects.splice(0)) this.#discard(object);
    for (const garbage of this.#garbage.splice(0)) this.#free(garbage);
    this.commit();
    while (this.shrink() > 0);
    this.commit();
    for (const { high, used } of this.#segments.values()) assert.deepEqual({ high, used }, { high: 0, used: 0 });
    if (this.#segments.size > 0) assert.deepEqual(this.reserve(0, 2, 2).unused, [SEGMENT_UNITS, SEGMENT_UNITS + 1], 'it begins again');
    this.#database.close();
  }

  #segment(number: number): ModelSegment {
    const segment = this.#segments.get(number) ?? new ModelSegment();
    this.#segments.set(number, segment);
    return segment;
  }

  #ofReservation({ which: index, mask: bits }: { which: number; mask: number }, then: (reservation: Reservation, chosen: number[], others: number[]) => void): void {
    const some = this.#reservations.filter(({ unused }) => unused.length > 0);
    const reservation = some[index % some.length];
    if (reservation === undefined) return;
    const isChosen = (_unit: number, i: number): boolean => (bits & (1 << (i & 7))) !== 0;
    const chosen = reservation.unused.filter(isChosen);
    if (chosen.length > 0) then(reservation, chosen, reservation.unused.filter((unit, i) => !isChosen(unit, i)));
  }

  #take(reservation: Reservation, units: readonly number[], givenUp: readonly number[], unused = reservation.unused): void {
    const object = garbageOf(units);
    this.#space.take(object.extents);
    reservation.unused = unused;
    this.#objects.push(object);
    for (const unit of units) {
      this.#reserved.delete(unit);
      this.#segment(segmentOf(unit)).used++;
    }
    if (givenUp.length > 0) this.#giveUp(givenUp);
  }

  #giveUp(units: readonly number[]): void {
    this.#space.release(extentsOf(units));
    for (const unit of units) {
      assert.ok(this.#reserved.delete(unit));
      this.#segment(segmentOf(unit)).free.add(unit);
    }
  }

  #end(reservation: Reservation): void {
    if (reservation.unused.length > 0) this.#giveUp(reservation.unused.splice(0));
    this.#space.endReservation(reservation.number);
    this.#reservations.splice(this.#reservations.indexOf(reservation), 1);
  }

  #endAllOf(owner: number): void {
    const all = this.#reservations.filter((reservation) => reservation.owner === owner);
    const unused = all.flatMap((reservation) => reservation.unused);
    assert.equal(this.#space.releaseAllOf(owner), unused.length);
    for (const reservation of all) this.#reservations.splice(this.#reservations.indexOf(reservation), 1);
    for (const unit of unused) {
      this.#reserved.delete(unit);
      this.#segment(segmentOf(unit)).free.add(unit);
    }
  }

  #discard(object: Garbage): void {
    this.#space.discard(object);
    this.#garbage.push(object);
    this.checkListed(object.unit);
  }

  #free(garbage: Garbage): void {
    assert.equal(this.#space.free(garbage.unit), garbage.size);
    this.#freed.push(garbage);
    for (const unit of unitsOf(garbage.extents)) {
      const segment = this.#segment(segmentOf(unit));
      segment.free.add(unit);
      segment.used--;
    }
  }

  /** @param worth of those with as much room, it may be the ones of least worth that are looked at */
  #lookedAt(worth: (each: [number: number, segment: ModelSegment]) => number): [number: number, segment: ModelSegment][] {
    const room = ([, { high, used }]: [number, ModelSegment]): number => high - used;
    const most = LOOKED_AT + new Set([...this.#reserved].map(segmentOf)).size;
    return [...this.#segments].filter((each) => room(each) > 0).sort((a, b) => room(b) - room(a) || worth(a) - worth(b)).slice(0, most);
  }

  #leastFound(): number {
    return this.#lookedAt(([, { free }]) => free.size).reduce((sum, [, { free }]) => sum + free.size, 0);
  }

  #freeAtEnd(number: number): number {
    const { high, free } = this.#segment(number);
    let count = 0;
    while (count < high && free.has(number * SEGMENT_UNITS + high - count - 1)) count++;
    return count;
  }
}

/** All of the first segments. */
function reserveSegments(space: DiskSpace, count: number): void {
  assert.equal(space.reserve(1, 0, count * SEGMENT_UNITS, count * SEGMENT_UNITS).added, count * SEGMENT_UNITS);
}

describe('the space in segments', () => {
  test('has one owner for each unit, after any changes', () => {
    const property = fc.property(fc.array(step, { size: 'max', maxLength: 80 }), (steps) => {
      const checked = new Checked();
      for (const each of steps) checked.run(each);
      checked.empty();
    });
    fc.assert(property, { numRuns: 200 });
  });

  test('has one owner for each unit also where several segments are nearly full', () => {
    const property = fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(12), fc.array(step, { size: 'max', maxLength: 60 }), (segments, left, steps) => {
      const checked = new Checked();
      checked.fill(segments, left);
      for (const each of steps) checked.run(each);
      checked.empty();
    });
    fc.assert(property, { numRuns: 60 });
  });

  test('goes on in the next segment where one is full', () => {
    const space = new DiskSpace(database());
    const units = SEGMENT_UNITS + 10;
    const extents = [{ unit: SEGMENT_UNITS, count: SEGMENT_UNITS }, { unit: 2 * SEGMENT_UNITS, count: 10 }];
    assert.deepEqual(space.reserve(1, 0, units, units), { extents, added: units });
    // The object has the end of a segment, and the beginning of the next one.
    const object = { unit: 2 * SEGMENT_UNITS - 3, size: 7 * UNIT, extents: [{ unit: 2 * SEGMENT_UNITS - 3, count: 3 }, { unit: 2 * SEGMENT_UNITS, count: 4 }] };
    space.take(object.extents);
    space.release([{ unit: SEGMENT_UNITS, count: SEGMENT_UNITS - 3 }, { unit: 2 * SEGMENT_UNITS + 4, count: 6 }]);
    space.endReservation(1);
    space.discard(object);
    space.save();
    space.forget();
    assert.deepEqual(space.garbageBehind(0), [object]);
    assert.deepEqual(space.garbageBehind(object.unit), []);
    assert.equal(space.free(object.unit), object.size);
    const again = space.reserve(2, 0, units, 0);
    assert.equal(again.added, 0);
    assert.deepEqual(again.extents, extents);
  });

  test('looks for free units where the most are', () => {
    const space = new DiskSpace(database());
    const segments = Array.from({ length: LOOKED_AT + 2 }, (_, i) => i + 1);
    reserveSegments(space, segments.length);
    // The last one has the most.
    space.take(segments.map((number) => ({ unit: number * SEGMENT_UNITS, count: SEGMENT_UNITS - number })));
    space.release(segments.map((number) => ({ unit: (number + 1) * SEGMENT_UNITS - number, count: number })));
    space.endReservation(1);
    assert.ok(unitsOf(space.reserve(2, 0, 99, 0).extents).length >= segments.slice(-LOOKED_AT).reduce((sum, number) => sum + number, 0));
  });

  test('finds what is free also where others have many segments reserved', () => {
    const space = new DiskSpace(database());
    const last = LOOKED_AT + 1;
    reserveSegments(space, last);
    space.take([{ unit: last * SEGMENT_UNITS, count: 1 }]);
    space.release([{ unit: last * SEGMENT_UNITS + 1, count: SEGMENT_UNITS - 1 }]);
    const some = [{ unit: last * SEGMENT_UNITS + 1, count: 10 }];
    assert.deepEqual(space.reserve(2, 0, 10, 0), { extents: some, added: 0 });
    space.release(some);
    const truncated: unknown[] = [];
    assert.equal(space.shrink((...call) => truncated.push(call)), SEGMENT_UNITS - 1);
    assert.deepEqual(truncated, [[last, 1]]);
    assert.equal(space.shrink(() => assert.fail('what is reserved stays')), 0);
  });

  test('gives back what is free at the end of a segment also where another one has more, but not at its end', () => {
    const space = new DiskSpace(database());
    reserveSegments(space, 2);
    space.take([{ unit: 2 * SEGMENT_UNITS - 1, count: 1 }, { unit: 2 * SEGMENT_UNITS, count: 2 }]);
    space.release([{ unit: SEGMENT_UNITS, count: SEGMENT_UNITS - 1 }, { unit: 2 * SEGMENT_UNITS + 2, count: SEGMENT_UNITS - 2 }]);
    const truncated: unknown[] = [];
    assert.equal(space.shrink((...call) => truncated.push(call)), SEGMENT_UNITS - 2);
    assert.deepEqual(truncated, [[2, 2]]);
  });

  test('is not given out while an object has it that is to be freed, and is as soon as it is freed', () => {
    const space = new DiskSpace(database());
    space.reserve(1, 0, 4, 4);
    const object = { unit: SEGMENT_UNITS + 1, size: 2 * UNIT, extents: [{ unit: SEGMENT_UNITS + 1, count: 2 }] };
    space.take(object.extents);
    space.discard(object);
    assert.deepEqual(space.reserve(2, 0, 4, 0), { extents: [], added: 0 });
    assert.equal(space.free(object.unit), object.size);
    // The reservation it was written into lasts on.
    assert.deepEqual(space.reserve(3, 0, 4, 0), { extents: object.extents, added: 0 });
    assert.equal(space.free(object.unit), 0);
    assert.deepEqual(space.reserve(4, 0, 4, 0), { extents: [], added: 0 });
  });

  test('lists what is to be freed a few at a time, in the order of the units', () => {
    const space = new DiskSpace(database());
    const all = Array.from({ length: LISTED + 9 }, (_, i) => garbageOf([SEGMENT_UNITS + 2 * i]));
    for (const garbage of all.toReversed()) space.discard(garbage);
    assert.deepEqual(space.garbageBehind(0), all.slice(0, LISTED));
    assert.deepEqual(space.garbageBehind(all[LISTED - 1]!.unit), all.slice(LISTED));
    assert.deepEqual(space.garbageBehind(all.at(-1)!.unit), []);
  });

  test('is as before where a transaction is rolled back', () => {
    const made = database();
    const space = new DiskSpace(made);
    space.reserve(1, 0, 4, 4);
    space.save();
    space.forget();
    made.exec('BEGIN');
    space.take([{ unit: SEGMENT_UNITS, count: 4 }]);
    space.endReservation(1);
    assert.equal(space.reserve(2, 0, 3, 3).added, 3);
    made.exec('ROLLBACK');
    space.forget();
    space.release([{ unit: SEGMENT_UNITS, count: 4 }]);
    assert.deepEqual(space.reserve(2, 0, 5, 1), { extents: [{ unit: SEGMENT_UNITS, count: 5 }], added: 1 });
  });
});
