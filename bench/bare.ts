/**
 * @module bench/bare
 * The limit: a bare socket of Node that answers every request with the same 1 KB, without looking
 * at it: `node bench/bare.ts PORT`. It is what a stream of Node costs before any work of a proxy.
 */
import { createServer, Socket } from 'node:net';
import { representation } from './site.ts';

const { fields, body } = representation('/hit/1k')!;
const response = Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nDate: ${new Date().toUTCString()}\r\n${fields}Age: 1\r\n\r\n`, 'latin1'), body]);

/** One buffer for all sockets: what arrives is not kept. */
const shared = Buffer.allocUnsafe(64 * 1024);
const END = Buffer.from('\r\n\r\n');

createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
  // A socket over the same handle with `onread`, which spares a buffer and an event per read. The handle is not in Node's types.
  const { _handle: handle } = accepted as unknown as { _handle: object };
  const options = {
    handle,
    onread: {
      buffer: shared,
      callback: (length: number): boolean => {
        // Requests of a load generator come whole; one that ends elsewhere is not answered.
        if (shared.compare(END, 0, 4, length - 4, length) === 0) socket.write(response);
        return true;
      },
    },
  };
  const socket: Socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  socket.on('error', () => socket.destroy());
  socket.resume();
}).listen(Number(process.argv[2]), '127.0.0.1', 4096);
