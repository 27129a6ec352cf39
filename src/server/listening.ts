/**
 * @module server/listening
 * Listens, and says in one sentence why that cannot be.
 */
import type { AddressInfo, Server } from 'node:net';
import { createServer, isIPv6 } from 'node:net';
import { MillraceError } from '../errors.ts';

export interface Place {
  readonly port: number;
  readonly host: string;
  /** Other threads listen on it, too. */
  readonly reusePort?: boolean;
}

/** @param option which named the port */
export function listen(server: Server, place: Place, option: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, place, option));
    server.once('error', onError);
    server.listen({ ...place }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

/** A port that nobody has: `port` itself, or a free one for 0. @throws {MillraceError} ERR_LISTEN */
export async function freePort(port: number, host: string, option: string): Promise<number> {
  // Alone, since with reusePort it could also be had beside another proxy of the same user.
  const server = createServer();
  await listen(server, { port, host }, option);
  const free = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return free;
}

/** Several threads can listen on one port, and the system spreads connections over them. */
export function canSharePort(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port: 0, host: '127.0.0.1', reusePort: true }, () => server.close(() => resolve(true)));
  });
}

function listenError(cause: NodeJS.ErrnoException, place: Place, option: string): MillraceError {
  return new MillraceError('ERR_LISTEN', listenMessage(cause, place, option), { cause });
}

function listenMessage(cause: NodeJS.ErrnoException, { port, host }: Place, option: string): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is taken by another program. Stop that one, or choose another port with ${option} (0 takes a free one).`;
    case 'EACCES':
      return `Port ${port} may not be used without more rights. Choose one of 1024 or above with ${option}.`;
    case 'EADDRNOTAVAIL':
      return `This machine has no address ${host}. Name one of its own with --host (127.0.0.1 for this machine alone, 0.0.0.0 for all its addresses).`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The name ${host} has no address. Name an address of this machine with --host, such as 127.0.0.1.`;
    default:
      return `Cannot listen on ${host} port ${port}: ${cause.message}. Choose another port with ${option} or another address with --host.`;
  }
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

export function urlOf(server: Server, scheme: 'http' | 'https'): string {
  const { address, port } = server.address() as AddressInfo;
  // "Every address" is none a client can ask for.
  const host = address === '0.0.0.0' || address === '::' ? 'localhost' : isIPv6(address) ? `[${address}]` : address;
  return `${scheme}://${host}:${port}`;
}
