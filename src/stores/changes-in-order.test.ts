import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChangesInOrder } from './changes-in-order.ts';

test('changes of one key happen one after the other, those of others meanwhile, also behind one that failed', async () => {
  const changes = new ChangesInOrder();
  const first = Promise.withResolvers<void>();
  const said: string[] = [];
  changes.runLater('a', async () => {
    await first.promise;
    said.push('a1');
    throw new Error('failed');
  });
  const second = changes.run('a', async () => said.push('a2'));
  assert.notEqual(changes.last('a'), undefined);
  assert.equal(changes.last('b'), undefined);
  assert.equal(await changes.run('b', async () => said.push('b')), 1);
  first.resolve();
  await changes.idle();
  assert.equal(await second, 3);
  assert.deepEqual(said, ['b', 'a1', 'a2']);
  assert.equal(changes.last('a'), undefined);
});
