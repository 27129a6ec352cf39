/**
 * @module test/kit/tcp-gate
 * Stands between a client and a server on this machine, and can hold back what they say, or part them.
 */
import { once } from 'node:events';
import { type Socket, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { Scope } from './server-process.ts';

export interface TcpGate {
  readonly port: number;
  /** Connections stay, and nothing comes through. */
  stall(): void;
  /** What is connected is parted, and nothing new is let in. */
  cut(): void;
  /** Everything is as it was in the beginning; what was held back comes through. */
  open(): void;
}

export async function startTcpGate(scope: Scope, target: number): Promise<TcpGate> {
  let state: 'open' | 'stalled' | 'cut' = 'open';
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    if (state === 'cut') {
      near.destroy();
      return;
    }
    const far = connect(target, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from);
      if (state === 'stalled') from.pause();
      from.on('data', (chunk) => to.write(chunk));
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      if (state === 'stalled') from.pause();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    stall: () => {
      state = 'stalled';
      for (const socket of sockets) socket.pause();
    },
    cut: () => {
      state = 'cut';
      for (const socket of sockets) socket.destroy();
    },
    open: () => {
      state = 'open';
      for (const socket of sockets) socket.resume();
    },
  };
}
