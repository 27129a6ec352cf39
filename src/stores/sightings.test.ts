import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Sightings } from './sightings.ts';

test('counts how often something was asked for', () => {
  const sightings = new Sightings(1_000_000);
  assert.equal(sightings.times(7), 0);
  for (let times = 1; times <= 300; times++) {
    sightings.add(7, 100);
    assert.equal(sightings.times(7), Math.min(times, 255));
    assert.equal(sightings.times(8), 0);
  }
  sightings.forget(8);
  assert.equal(sightings.times(7), 255);
  sightings.forget(7);
  assert.equal(sightings.times(7), 0);
});

test('forgets what could not have been kept until now', () => {
  const sightings = new Sightings(100_000);
  sightings.add(1, 10_000);
  for (let i = 2; i <= 10; i++) sightings.add(i, 10_000);
  assert.equal(sightings.times(1), 1);
  sightings.add(11, 10_000);
  assert.equal(sightings.times(1), 0);
  sightings.add(1, 10_000);
  assert.equal(sightings.times(1), 1, 'and begins anew');
});

test('of two in one cell the later one counts', () => {
  const sightings = new Sightings(1);
  sightings.add(5, 0);
  sightings.add(5 + 2 ** 10, 0);
  assert.equal(sightings.times(5), 0);
  sightings.forget(5);
  assert.equal(sightings.times(5 + 2 ** 10), 1);
});
