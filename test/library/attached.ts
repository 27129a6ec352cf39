/**
 * @module test/library/attached
 * The library's proxy on a server of the test's.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { type MillraceProxy, type Options, createProxy } from '../../src/index.ts';
import { closing } from '../server/closing.ts';

export interface Attached {
  readonly proxy: MillraceProxy;
  readonly url: string;
  readonly port: number;
}

/** @param make the server that answers with the proxy; it does not listen yet */
export async function attach(options: Options, make: (proxy: MillraceProxy) => Server = ({ handler }) => createServer(handler)): Promise<Attached> {
  const proxy = createProxy(options);
  closing(proxy);
  const port = await serve(make(proxy));
  return { proxy, port, url: `http://127.0.0.1:${port}` };
}

/** Listens, until the test is over; the port. */
export async function serve(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket));
  closing({
    close: async () => {
      const closed = server.listening ? once(server, 'close') : undefined;
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  });
  return (server.address() as AddressInfo).port;
}
