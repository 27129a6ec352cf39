import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { readShared } from './raw-socket.ts';

/** What another version of Node might do to the handle. */
const CHANGES: readonly (readonly [name: string, changes: object])[] = [
  ['as it is', {}],
  ['without a function', { useUserBuffer: undefined }],
  ['with another kind of member', { readStop: 1 }],
];

describe('a socket that reads into a shared buffer', () => {
  let server: Server;

  before(async () => {
    server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => server.close());

  async function pair(): Promise<{ client: Socket; accepted: Socket }> {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [Socket];
    return { client, accepted };
  }

  for (const [name, changes] of CHANGES) {
    test(`works with the handle ${name}`, async () => {
      const { client, accepted } = await pair();
      const end = Promise.withResolvers<void>();
      const got: string[] = [];
      const { _handle: handle } = accepted as unknown as { _handle: object };
      Object.assign(handle, changes);
      const socket = readShared(accepted, (bytes, length) => {
        got.push(bytes.toString('latin1', 0, length));
        socket.write(`read ${length}`);
      });
      assert.equal(socket === accepted, name !== 'as it is');
      socket.on('end', () => {
        socket.end();
        end.resolve();
      });
      socket.resume();
      client.write('hello');
      const [answer] = (await once(client, 'data')) as [Buffer];
      assert.equal(answer.toString(), 'read 5');
      client.end(' and more');
      await end.promise;
      assert.equal(got.join(''), 'hello and more');
      await once(client.resume(), 'close');
      if (!accepted.closed) await once(accepted, 'close');
    });
  }
});
