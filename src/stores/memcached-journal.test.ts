import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stamps } from '../cache/stamps.ts';
import type { Ask } from './journal.ts';
import { type State, append, readState, toldOf } from './memcached-journal.ts';

const NOTHING: Ask = { since: 0, atLeast: 0, notices: [], position: '0', changed: Buffer.alloc(0) };
const empty = (): State => ({ id: 'x', number: 0, notices: [], batches: 0, changes: [] });

test('who asks gets what is above the number they saw, of each notice the latest', () => {
  const state = empty();
  append(state, { ...NOTHING, notices: ['c5', 'c6', 'phttp://a/'] }, 'a');
  append(state, { ...NOTHING, atLeast: 10, notices: ['c5'] }, 'b');
  assert.deepEqual(toldOf(state, NOTHING, 'c').missed, [{ notice: 'c6', number: 2 }, { notice: 'phttp://a/', number: 3 }, { notice: 'c5', number: 11 }]);
  assert.deepEqual(toldOf(state, { ...NOTHING, since: 3 }, 'c').missed, [{ notice: 'c5', number: 11 }]);
  assert.deepEqual(toldOf(state, { ...NOTHING, since: 11 }, 'c').missed, []);
});

test('when it drops notices, everything older is dead', () => {
  const state = empty();
  for (let i = 0; i < 2001; i++) append(state, { ...NOTHING, notices: [`c${i + 100}`] }, 'a');
  const [first, second] = state.notices;
  assert.equal(first![0], `c${Stamps.EVERYTHING}`);
  assert.equal(second![1], first![1] + 1);
  assert.equal(state.number, 2001);
  // A few long prefixes count as much.
  const long = empty();
  for (let i = 0; i < 200; i++) append(long, { ...NOTHING, notices: [`p${i}${'x'.repeat(4000)}`] }, 'a');
  assert.ok(JSON.stringify(long).length < 300_000);
});

test('changes of others are told once, and a gap where some are gone', () => {
  const state = empty();
  const change = (byte: number): Buffer => Buffer.alloc(8, byte);
  append(state, { ...NOTHING, changed: change(1) }, 'a');
  append(state, { ...NOTHING, changed: change(2) }, 'b');
  const told = toldOf(state, NOTHING, 'b');
  assert.deepEqual([told.changed, told.position, told.hasGap], [[change(1)], '2', false]);
  assert.deepEqual(toldOf(state, { ...NOTHING, position: undefined }, 'c').changed, []);
  for (let i = 0; i < 100; i++) append(state, { ...NOTHING, changed: change(3) }, 'a');
  assert.equal(toldOf(state, { ...NOTHING, position: '2' }, 'b').hasGap, true);
  assert.equal(toldOf(state, { ...NOTHING, position: '101' }, 'b').hasGap, false);
  // More than it can hold counts as everything: one byte is no whole change.
  append(state, { ...NOTHING, changed: Buffer.alloc(80_000) }, 'a');
  assert.deepEqual(toldOf(state, { ...NOTHING, position: '102' }, 'b').changed.map(({ length }) => length), [1]);
});

test('what append leaves is read again, and nothing else is taken for it', () => {
  const state = empty();
  append(state, { ...NOTHING, notices: ['c5', 'phttp://a/'], changed: Buffer.alloc(8, 1) }, 'a');
  const text = JSON.stringify(state);
  assert.deepEqual(readState(text), state);
  for (const other of ['', 'abc', 'null', '7', '"x"', '[]', '{}', text.slice(0, -1), `${text}}`]) assert.equal(readState(other), undefined, other);
  const spoilt: Partial<Record<keyof State, unknown>>[] = [
    { id: 1 }, { number: '3' }, { number: -1 }, { number: 1.5 }, { number: 2 ** 60 }, { batches: null }, { batches: 0 },
    { notices: {} }, { notices: ['c5'] }, { notices: [['c5']] }, { notices: [[5, 1]] }, { notices: [['c5', '1']] }, { notices: [['c5', 99]] },
    { changes: 'x' }, { changes: [['a', 1]] }, { changes: [null] },
  ];
  for (const part of spoilt) assert.equal(readState(JSON.stringify({ ...state, ...part })), undefined, JSON.stringify(part));
});
