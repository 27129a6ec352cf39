/**
 * @module test/kit/port
 * Ports of this machine: one that is free, and whether somebody listens.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** For programs that cannot choose one and say which. Free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  // Where nobody listens, the system may have chosen this very port for the connection, which then is one to itself.
  const accepted = (await promise) && socket.localPort !== port;
  socket.destroy();
  return accepted;
}
