/**
 * @module test/fuzz/replies
 * What a server says that is taken for Memcached or Redis: every operation of the stores and journals on it
 * ends in time, and none rejects.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import type { Journal } from '../../src/stores/journal.ts';
import { MemcachedClient } from '../../src/stores/memcached-client.ts';
import { MemcachedJournal } from '../../src/stores/memcached-journal.ts';
import { MemcachedStore } from '../../src/stores/memcached.ts';
import { RedisClient } from '../../src/stores/redis-client.ts';
import { RedisJournal } from '../../src/stores/redis-journal.ts';
import { RedisStore } from '../../src/stores/redis.ts';
import { parseRedisUrl } from '../../src/stores/redis-url.ts';
import { type RemoteStore, UNLIMITED } from '../../src/stores/remote.ts';
import { encodeEnvelope } from '../../src/stores/envelope.ts';
import type { OpenTarget, Target } from './target.ts';

/** ms that a command may take here. */
const LIMIT = 50;
/** ms for all of an input: each of its operations asks a few times at most. */
const PATIENCE_MS = 10_000;
const MB = 1024 * 1024;

const NAME = Buffer.from('8 bytes.');
const envelope = encodeEnvelope({ version: NAME, generation: NAME, number: 1, length: 4, meta: Buffer.from('meta'), inline: Buffer.from('body') });
const chunked = encodeEnvelope({ version: NAME, generation: NAME, number: 1, length: MB, meta: Buffer.from('meta'), inline: undefined });
const bulk = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
const value = (bytes: Buffer, flags = ''): Buffer => Buffer.concat([Buffer.from(`VA ${bytes.length}${flags}\r\n`), bytes, Buffer.from('\r\n')]);

interface Side {
  readonly store: RemoteStore;
  readonly journal: Journal;
  close(): Promise<void>;
}

async function memcached(port: number): Promise<Side> {
  const client = new MemcachedClient({ addresses: [{ host: '127.0.0.1', port }], limit: LIMIT, onNotice: () => undefined, onConnect: () => undefined });
  const store = new MemcachedStore({ client, maxObject: MB });
  return { store, journal: new MemcachedJournal(client, () => undefined), close: () => store.close() };
}

async function redis(port: number): Promise<Side> {
  const client = new RedisClient({ address: parseRedisUrl(`redis://127.0.0.1:${port}`)!, limit: LIMIT, onNotice: () => undefined });
  const store = new RedisStore({ client, maxObject: MB });
  return { store, journal: new RedisJournal(client, () => undefined), close: () => store.close() };
}

export const replies: Target = {
  name: 'replies',
  seeds: [
    'HD\r\n', 'EN\r\n', 'NF\r\n', 'HD c1\r\n', 'STAT curr_items 1\r\nEND\r\n', 'SERVER_ERROR out of memory\r\n', 'VA 3 c7\r\nabc\r\n', '+OK\r\n', '$-1\r\n', ':1\r\n', '*0\r\n', '-ERR no\r\n', '-MOVED 1 127.0.0.1:1\r\n', '*7\r\n$1\r\na\r\n:0\r\n:1\r\n*0\r\n$3\r\n0-0\r\n:0\r\n*0\r\n',
  ].map((text): Buffer => Buffer.from(text)).concat([value(envelope), value(envelope, ' c7 t60'), value(chunked, ' c7 t-1'), bulk(envelope), bulk(chunked), value(Buffer.from('{"id":"a","number":3,"notices":[["c5",2]],"batches":1,"changes":[["b","AAAA"]]}'), ' c3')]),
  words: ['\r\n', 'VA ', 'HD', 'MN\r\n', 'EN\r\n', ' c1', ' t1', ' t', ' c', 'VA 9007199254740991\r\n', 'VA -1\r\n', 'VA\r\n', 'STAT a b\r\n', 'END\r\n', '*-1\r\n', '*1000000000\r\n', '$1000000000\r\n', ':99999999999999999999\r\n', '*1\r\n*1\r\n', '>1\r\n', '%1\r\n', '_\r\n', '\0'],
  async open(): Promise<OpenTarget> {
    let reply = Buffer.alloc(0);
    let asked = 0;
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket)).on('data', (data) => {
        asked++;
        const text = data.toString('latin1');
        // What both are asked to see that they are there.
        if (text === 'mn\r\n') socket.write('MN\r\n');
        else if (/PING/i.test(text)) socket.write('+PONG\r\n');
        else socket.write(reply);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      async run(input) {
        reply = Buffer.from(input);
        const words: string[] = [];
        const begun = performance.now();
        for (const connect of [memcached, redis]) {
          const side = await connect(port);
          asked = 0;
          for (let turn = 0; asked === 0 && turn < 20; turn++) await new Promise((done) => setTimeout(done, 5));
          const { store, journal } = side;
          const got = await store.get('key');
          if (got !== undefined) for (const chunk of got.body.read(0, got.body.length)) assert.ok(chunk.length > 0);
          const described = await store.describe('key', NAME, Buffer.from('another.'), Buffer.from('meta'), UNLIMITED);
          const deleted = await store.delete('key');
          const told = await journal.exchange({ since: 0, atLeast: 1, notices: ['c5'], position: undefined, changed: Buffer.alloc(8) });
          store.stats();
          words.push(`${got !== undefined} ${described} ${deleted} ${told !== undefined}`);
          await side.close();
        }
        assert.ok(performance.now() - begun < PATIENCE_MS, 'it took too long');
        for (const socket of sockets) socket.destroy();
        return words.join(', ');
      },
      async [Symbol.asyncDispose]() {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  },
};
