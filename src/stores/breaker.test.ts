import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AWAY, Breaker } from './breaker.ts';

class Refusal extends Error {}

const LIMIT_MS = 20;

/** One whose peer answers as told, and that it has met. */
async function meet(t: { after(undo: () => void): void }): Promise<{ breaker: Breaker; changes: [boolean, string][]; peer: { answer: () => Promise<string> } }> {
  const peer = { answer: async () => 'yes' };
  const changes: [boolean, string][] = [];
  const breaker = new Breaker({ limit: LIMIT_MS, probe: () => peer.answer(), isRefusal: (error) => error instanceof Refusal, onChange: (...change) => changes.push(change) });
  t.after(() => breaker.close());
  assert.equal(await breaker.run(async () => 'not asked'), AWAY);
  await breaker.probe();
  changes.length = 0;
  return { breaker, changes, peer };
}

test('after failures in a row nothing is asked any more, until a probe succeeds', async (t) => {
  const { breaker, changes, peer } = await meet(t);
  const fail = (): Promise<string> => Promise.reject(new Error('no'));
  for (let i = 0; i < 4; i++) assert.equal(await breaker.run(fail), AWAY);
  assert.equal(await breaker.run(async () => 'yes'), 'yes');
  for (let i = 0; i < 5; i++) assert.equal(await breaker.run(fail), AWAY);
  assert.deepEqual(changes, [[false, 'no']]);
  let asked = 0;
  assert.equal(await breaker.run(async () => ++asked), AWAY);
  assert.equal(asked, 0);
  peer.answer = fail;
  await breaker.probe();
  assert.equal(breaker.isThere, false);
  peer.answer = async () => 'yes';
  await breaker.probe();
  assert.deepEqual(changes, [[false, 'no'], [true, '']]);
  assert.equal(await breaker.run(async () => 'yes'), 'yes');
  const { errors, skipped, latency } = breaker.stats();
  assert.deepEqual([errors, skipped, latency.count], [9, 2, 4]);
});

test('what never comes is away, and what comes too late changes nothing', async (t) => {
  const { breaker } = await meet(t);
  const late = Promise.withResolvers<string>();
  for (let i = 0; i < 5; i++) assert.equal(await breaker.run(() => late.promise), AWAY);
  assert.equal(breaker.isThere, false);
  late.reject(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(breaker.isThere, false);
});

test('an answer that this thread was too busy to read in time counts', async (t) => {
  const { breaker } = await meet(t);
  const busy = async (): Promise<string> => {
    const answer = new Promise<string>((resolve) => {
      process.stdout.write('', () => resolve('read'));
    });
    for (const end = performance.now() + 3 * LIMIT_MS; performance.now() < end; );
    return answer;
  };
  assert.equal(await breaker.run(busy), 'read');
});

test('who refuses is there', async (t) => {
  const { breaker, changes } = await meet(t);
  for (let i = 0; i < 20; i++) assert.equal(await breaker.run(() => Promise.reject(new Refusal('not you'))), AWAY);
  assert.equal(breaker.isThere, true);
  assert.deepEqual([changes, breaker.stats().errors], [[], 20]);
});
