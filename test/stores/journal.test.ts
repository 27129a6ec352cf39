import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Socket, createServer } from 'node:net';
import { type TestContext, describe, test } from 'node:test';
import { AWAY } from '../../src/stores/breaker.ts';
import type { Ask, Journal } from '../../src/stores/journal.ts';
import { MemcachedClient } from '../../src/stores/memcached-client.ts';
import { MemcachedJournal } from '../../src/stores/memcached-journal.ts';
import { RedisClient } from '../../src/stores/redis-client.ts';
import { RedisJournal } from '../../src/stores/redis-journal.ts';
import { parseRedisUrl } from '../../src/stores/redis-url.ts';
import { skipWithoutMemcached, startMemcached } from '../kit/memcached-server.ts';
import { skipWithoutRedis, startRedis } from '../kit/redis-server.ts';

/** Milliseconds: a machine under load is no fault of the journal. */
const PATIENT = 5000;
const NOTHING: Ask = { since: 0, atLeast: 0, notices: [], position: undefined, changed: Buffer.alloc(0) };

/** What lies there is no journal any more: the next exchange says so once, and begins one that all machines have. */
async function assertBegunAnew(spoil: () => Promise<void>, first: Journal, second: Journal, notices: readonly string[]): Promise<void> {
  const before = await first.exchange({ ...NOTHING, notices: ['c5', 'phttp://a/'] });
  const said = notices.length;
  await spoil();
  // One that finds it broken may leave the rest to the next exchange.
  const told = (await first.exchange(NOTHING)) ?? (await first.exchange(NOTHING));
  assert.ok(told !== undefined, 'an exchange succeeds again');
  assert.notEqual(told.id, before!.id, 'another line, so that what was known is told again');
  assert.deepEqual(told.missed, []);
  assert.equal(notices.length, said + 1, notices.join('\n'));
  assert.match(notices.at(-1)!, /was no journal of purges\. It begins anew/u);
  const other = await second.exchange({ ...NOTHING, atLeast: 3, notices: ['c6'] });
  assert.equal(other!.id, told.id);
  assert.deepEqual((await first.exchange(NOTHING))!.missed, [{ notice: 'c6', number: 4 }]);
  assert.equal(notices.length, said + 1, notices.join('\n'));
}

async function connectMemcached(t: TestContext, port: number): Promise<MemcachedClient> {
  const connected = Promise.withResolvers<void>();
  const client = new MemcachedClient({ addresses: [{ host: '127.0.0.1', port }], limit: PATIENT, onNotice: () => undefined, onConnect: connected.resolve });
  t.after(() => client.close());
  await connected.promise;
  return client;
}

describe('a journal in Memcached', { skip: skipWithoutMemcached }, () => {
  const SPOILT = ['abc', '', 'null', '[]', '{"id":"x","number":1,"notices":[["c5",9]],"batches":0,"changes":[]}', '{"id":"x"'];
  test('that is none is begun anew, with a warning', async (t) => {
    const { port } = await startMemcached(t);
    const notices: string[] = [];
    const [first, second] = await Promise.all([connectMemcached(t, port), connectMemcached(t, port)]);
    const onNotice = (text: string): void => void notices.push(text);
    const journals = [new MemcachedJournal(first, onNotice), new MemcachedJournal(second, onNotice)] as const;
    for (const text of SPOILT) {
      await assertBegunAnew(async () => {
        const key = /under (\S+) was/u.exec(notices.at(-1) ?? '')?.[1] ?? (await keyOf(first));
        assert.notEqual(await first.run(key, `ms ${key} ${text.length}`, Buffer.from(text)), AWAY);
      }, ...journals, notices);
    }
  });

  /** Where the journal lies: the one key that is there. */
  async function keyOf(client: MemcachedClient): Promise<string> {
    const lines: string[] = [];
    const asking = { run: (key: string, line: string, value?: Buffer, limit?: number) => (lines.push(key), client.run(key, line, value, limit)), shown: '' } as unknown as MemcachedClient;
    await new MemcachedJournal(asking, () => undefined).exchange(NOTHING);
    return lines[0]!;
  }
});

/** What a server that is out of step says to the two questions of a journal. */
const OUT_OF_STEP: readonly (readonly string[])[] = [
  ['HD', 'HD'],
  ['HD c1', 'HD c1'],
  ['HD c1', 'HD'],
  ['HD c1', 'VA 3\r\nabc'],
  ['HD c1', 'VA 3 cx\r\nabc'],
  ['HD c1', 'MN'],
  ['VA 3 c7\r\nabc', 'VA 3 c7\r\nabc'],
  ['NS', 'NF'],
  ['STAT a 1\r\nEND', 'END'],
];

test('answers of Memcached that are out of step are no journal for now, and end nothing', async (t) => {
  for (const answers of OUT_OF_STEP) {
    let asked = 0;
    const server = createServer((socket: Socket) => {
      socket.on('error', () => undefined).on('data', (data) => {
        for (const line of data.toString('latin1').split('\r\n')) {
          if (line === 'mn') socket.write('MN\r\n');
          else if (line.startsWith('mg')) socket.write(`${answers[asked++ % answers.length]!}\r\n`);
          else if (line.startsWith('ms')) socket.write('NS\r\n');
        }
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = await connectMemcached(t, (server.address() as { port: number }).port);
    const notices: string[] = [];
    assert.equal(await new MemcachedJournal(client, (text) => notices.push(text)).exchange(NOTHING), undefined, answers.join(', '));
    assert.deepEqual(notices, []);
    client.close();
    server.close();
  }
});

describe('a journal in Redis', { skip: skipWithoutRedis }, () => {
  /** By the name behind the prefix of its keys. */
  const SPOILT: readonly (readonly (readonly string[])[])[] = [
    [['SET', 'line', 'abc']],
    [['SET', 'notices', '']],
    [['SET', 'changes', 'abc']],
    [['HSET', 'line', 'number', 'abc']],
    [['HSET', 'line', 'number', '']],
    [['HSET', 'line', 'number', '-3']],
    [['ZADD', 'notices', 'inf', 'c7']],
    [['ZADD', 'notices', '1.5', 'c7']],
    [['DEL', 'line']],
    [['XADD', 'changes', '*', 'a', 'b', 'c', 'd']],
  ];
  test('that is none is begun anew, with a warning', async (t) => {
    const { url } = await startRedis(t);
    for (const commands of SPOILT) {
      const notices: string[] = [];
      const connect = async (): Promise<RedisClient> => {
        const connected = Promise.withResolvers<void>();
        const client = new RedisClient({ address: parseRedisUrl(url)!, limit: PATIENT, onNotice: (text) => notices.push(text), onConnect: connected.resolve });
        t.after(() => client.close());
        await connected.promise;
        return client;
      };
      const [client, other] = [await connect(), await connect()];
      const run = (await client.servers())[0]!;
      await run(['FLUSHALL']);
      const spoil = async (): Promise<void> => {
        const keys = ((await run(['KEYS', '*'])) as Buffer[]).map(String);
        const base = keys.find((key) => key.endsWith('line'))!.slice(0, -'line'.length);
        for (const [name, key, ...rest] of commands) {
          if (name === 'SET') await run(['DEL', base + key!]);
          await run([name!, base + key!, ...rest]);
        }
      };
      const [first, second] = [client, other].map((each) => new RedisJournal(each, (text) => notices.push(text)));
      // What was changed is asked for from its beginning.
      await assertBegunAnew(spoil, { exchange: (ask) => first!.exchange({ ...ask, position: '0-0' }) }, second!, notices);
    }
  });
});
