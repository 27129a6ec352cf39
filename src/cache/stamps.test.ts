import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Stamps } from './stamps.ts';

test('a purge kills what was asked for before it, and nothing that is asked for after', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.record({ purge: fc.string() }), fc.constant('all' as const), fc.record({ ask: fc.string() })), { maxLength: 30 }), (steps) => {
      const stamps = new Stamps();
      const alive = new Map<string, number>();
      const dead: [string, number][] = [];
      for (const step of steps) {
        if (step === 'all') {
          stamps.purgeAll();
          dead.push(...alive);
          alive.clear();
        } else if ('purge' in step) {
          stamps.purge(step.purge);
          const stamp = alive.get(step.purge);
          if (stamp !== undefined) dead.push([step.purge, stamp]);
          alive.delete(step.purge);
        } else alive.set(step.ask, stamps.now());
        for (const [key, stamp] of dead) assert.ok(stamps.isDead(key, stamp));
        // What is asked for now is alive, whatever shares its slot.
        assert.equal(stamps.isDead('now', stamps.now()), false);
      }
    }),
  );
});

test('a purge of one key leaves another one alive', () => {
  const stamps = new Stamps();
  const stamp = stamps.now();
  stamps.purge('a');
  assert.ok(stamps.isDead('a', stamp));
  assert.equal(stamps.isDead('b', stamp), false);
});

test('every holder of the memory sees a purge at once', () => {
  const memory = Stamps.memory();
  const [one, other] = [new Stamps(memory), new Stamps(memory)];
  const stamp = one.now();
  other.purge('a');
  assert.ok(one.isDead('a', stamp));
});
