import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Stamps } from './stamps.ts';

type Step = { readonly purge: string; readonly soft: boolean } | { readonly all: true; readonly soft: boolean } | { readonly ask: string };

const steps = fc.array(
  fc.oneof(
    fc.record({ purge: fc.string(), soft: fc.boolean() }),
    fc.record({ all: fc.constant(true as const), soft: fc.boolean() }),
    fc.record({ ask: fc.string() }),
  ),
  { maxLength: 30 },
);

test('a purge means what was asked for before it, and nothing that is asked for after', () => {
  fc.assert(
    fc.property(steps, (list: readonly Step[]) => {
      const stamps = new Stamps();
      /** What was asked for, and by which kinds of purge it was met since. */
      const asked: { readonly key: string; readonly stamp: number; dead: boolean; soft: boolean }[] = [];
      for (const step of list) {
        if ('ask' in step) asked.push({ key: step.ask, stamp: stamps.now(), dead: false, soft: false });
        else {
          const before = stamps.purges;
          if ('all' in step) stamps.purgeAll(step.soft);
          else stamps.purge(step.purge, step.soft);
          assert.notEqual(stamps.purges, before);
          for (const one of asked) if ('all' in step || one.key === step.purge) one[step.soft ? 'soft' : 'dead'] = true;
        }
        for (const { key, stamp, dead, soft } of asked) {
          if (dead) assert.ok(stamps.isDead(key, stamp));
          if (soft) assert.ok(stamps.isSoftPurged(key, stamp));
          if (dead || soft) assert.ok(stamps.isRaised(stamps.slot(key), stamp));
        }
        // What is asked for now is good, whatever shares its slot.
        assert.equal(stamps.isRaised(stamps.slot('now'), stamps.now()), false);
      }
    }),
  );
});

test('a purge of one key leaves another one alive', () => {
  const stamps = new Stamps();
  const stamp = stamps.now();
  stamps.purge('a');
  stamps.purge('c', true);
  assert.deepEqual([stamps.isDead('a', stamp), stamps.isSoftPurged('a', stamp)], [true, false]);
  assert.equal(stamps.isRaised(stamps.slot('b'), stamp), false);
  assert.deepEqual([stamps.isDead('c', stamp), stamps.isSoftPurged('c', stamp)], [false, true]);
});

test('every holder of the memory sees a purge at once', () => {
  const memory = Stamps.memory();
  const [one, other] = [new Stamps(memory), new Stamps(memory)];
  const stamp = one.now();
  other.purge('a');
  other.purge('b', true);
  assert.ok(one.isDead('a', stamp));
  assert.ok(one.isSoftPurged('b', stamp));
});

test('a keeper is told the cell of each purge when it holds the stamp, and can bring all of them back', () => {
  const memory = Stamps.memory();
  const cells = new Int32Array(memory);
  const kept = new Map<number, number>();
  const stamps = new Stamps(memory, { keep: (cell) => void kept.set(cell, cells[cell]!) });
  const stamp = stamps.now();
  stamps.purge('a');
  stamps.purge('b', true);
  stamps.purgeAll(true);
  const restored = Stamps.memory();
  for (const [cell, value] of kept) new Int32Array(restored)[cell] = value;
  const again = new Stamps(restored);
  assert.deepEqual([again.isDead('a', stamp), again.isDead('b', stamp), again.isSoftPurged('b', stamp), again.isSoftPurged('anything', stamp)], [true, false, true, true]);
});
