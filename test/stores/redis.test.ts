import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RedisClient } from '../../src/stores/redis-client.ts';
import { parseRedisUrl } from '../../src/stores/redis-url.ts';
import { RedisStore } from '../../src/stores/redis.ts';
import { type RedisServer, skipWithoutRedis, startRedis } from '../kit/redis-server.ts';
import { Undoing } from '../kit/server-process.ts';
import { type Limits, storeContract } from './contract.ts';
import { putWhole } from './objects.ts';

/** Milliseconds: a machine under load is no fault of the store. */
const PATIENT = 5000;

const SKIPS = { 'the statistics add up': 'the figures are the server\'s, of all that anybody has stored there' };

async function connect(url: string): Promise<RedisClient> {
  const connected = Promise.withResolvers<void>();
  const client = new RedisClient({ address: parseRedisUrl(url)!, limit: PATIENT, onNotice: () => undefined, onConnect: connected.resolve });
  await connected.promise;
  return client;
}

/** The header of an envelope whose body, of that length, is in chunks. */
function headerFor(length: number): Buffer {
  const header = Buffer.alloc(42);
  header.set([0x6d, 1, 1]);
  header.writeUIntLE(length, 28, 6);
  return header;
}

describe('Redis', { skip: skipWithoutRedis }, () => {
  let server: RedisServer;
  let count = 0;
  const open = async (url: string, { maxObject }: Limits): Promise<RedisStore> => new RedisStore({ client: await connect(url), maxObject });
  const undoing = new Undoing();
  before(async () => {
    server = await startRedis(undoing);
  });
  after(() => undoing.undo());

  storeContract('RedisStore', (limits) => open(`${server.url}?prefix=t${++count}:`, limits), { skips: SKIPS, tickets: false });

  const foreign: [name: string, bytes: Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('<html>')],
    ['a header that ends early', headerFor(0).subarray(0, 20)],
    ['a body in more chunks than there can be', headerFor(2 ** 48 - 1)],
    ['a body in chunks that are not there', headerFor(1_000_000)],
    ['another format', Buffer.concat([Buffer.from([0x6d, 0xff]), headerFor(1).subarray(2)])],
  ];
  for (const [name, bytes] of foreign) {
    test(`${name} in place of what was stored is a miss, and is replaced and removed as that`, async (t) => {
      const url = `${server.url}?prefix=t${++count}:`;
      const [store, client] = [await open(url, { maxBytes: 1e7, maxObject: 1e6 }), await connect(url)];
      t.after(async () => {
        await store.close();
        client.close();
      });
      const keep = (): Promise<boolean> => putWhole(store, 'key', Buffer.from('meta'), [Buffer.from('page')]);
      assert.ok(await keep());
      const [run] = await client.servers();
      const [place] = (await run!(['KEYS', `t${count}:*`])) as [Buffer];
      for (const change of [keep, () => store.delete('key')]) {
        await run!(['SET', place, bytes]);
        assert.equal(await store.get('key'), undefined);
        await change();
      }
      assert.equal(await run!(['GET', place]), null);
      assert.ok(await keep());
    });
  }
});
