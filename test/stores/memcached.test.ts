import { after, before, describe } from 'node:test';
import { MemcachedClient } from '../../src/stores/memcached-client.ts';
import { MemcachedStore } from '../../src/stores/memcached.ts';
import { type MemcachedServer, skipWithoutMemcached, startMemcached } from '../kit/memcached-server.ts';
import { Undoing } from '../kit/server-process.ts';
import { type Limits, storeContract } from './contract.ts';

/** Milliseconds: a machine under load is no fault of the store. */
const PATIENT = 5000;

const SKIPS = {
  'delete takes one, clear takes all': 'Memcached cannot list what it has, and flushing it would take what others have there; purges are told by stamps',
  'keys can be listed while others write': 'Memcached cannot list what it has',
  'the statistics add up': 'the figures are the servers\', of all that anybody has stored there',
};

describe('Memcached', { skip: skipWithoutMemcached }, () => {
  let servers: MemcachedServer[];
  const open = async ({ maxObject }: Limits): Promise<MemcachedStore> => {
    const connected = Promise.withResolvers<void>();
    let count = 0;
    const client = new MemcachedClient({ addresses: servers.map(({ port }) => ({ host: '127.0.0.1', port })), limit: PATIENT, onNotice: () => undefined, onConnect: () => ++count === servers.length && connected.resolve() });
    await connected.promise;
    return new MemcachedStore({ client, maxObject });
  };
  const undoing = new Undoing();
  before(async () => {
    servers = [await startMemcached(undoing), await startMemcached(undoing)];
  });
  after(() => undoing.undo());

  storeContract('MemcachedStore', (limits) => open(limits), { skips: SKIPS, lists: false, clears: false, tickets: false });
});
