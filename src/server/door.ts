/**
 * @module server/door
 * Where connections come in without the fast lane: the first bytes say whether it is node:http or
 * HTTP/2 that they are for.
 */
import type { Server as HttpServer } from 'node:http';
import { type Server, type Socket, createServer } from 'node:net';
import type { Http2Lane } from './http2.ts';
import { giveToNode } from './node-connection.ts';
import { HEAD_TIMEOUT } from './timeouts.ts';
import type { NodeLane } from './node.ts';
import { opensHttp2 } from './preface.ts';

export class Door {
  readonly server: Server;
  readonly #general: NodeLane;
  readonly #http: HttpServer;
  readonly #http2: Http2Lane;
  /** Connections whose first bytes have not come. */
  readonly #waiting = new Set<Socket>();

  /** @param http a server of node:http that does not listen itself */
  constructor(general: NodeLane, http: HttpServer, http2: Http2Lane) {
    this.#general = general;
    this.#http = http;
    this.#http2 = http2;
    // As a server of node:http has it.
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#await(socket));
    // With it node:http begins to look for heads that take too long.
    this.server.once('listening', () => http.emit('listening'));
    this.server.once('close', () => http.close());
  }

  /** Ends connections on which nothing was asked. */
  drain(): void {
    for (const socket of this.#waiting) socket.destroy();
  }

  cut(): void {
    this.drain();
  }

  #await(socket: Socket): void {
    const waiting = this.#waiting.add(socket);
    let first: Buffer = Buffer.alloc(0);
    const expire = (): void => {
      leave();
      this.#general.expire(socket);
    };
    const timer = setTimeout(expire, HEAD_TIMEOUT);
    const leave = (): void => {
      clearTimeout(timer);
      waiting.delete(socket);
      socket.off('data', read).off('end', end).off('close', leave);
    };
    const read = (bytes: Buffer): void => {
      first = first.length === 0 ? bytes : Buffer.concat([first, bytes]);
      const isHttp2 = opensHttp2(first, first.length);
      if (isHttp2 === 'unclear') return;
      leave();
      socket.pause();
      socket.unshift(first);
      if (isHttp2) return this.#http2.take(socket);
      giveToNode(socket, this.#general, this.#http);
      socket.resume();
    };
    const end = (): void => {
      leave();
      // What has ended can be handed to nobody; llhttp would say the same of it.
      if (first.length > 0) this.#general.clientError(Object.assign(new Error('Invalid EOF state'), { code: 'HPE_INVALID_EOF_STATE' }), socket);
      else socket.end();
    };
    socket.on('data', read).on('end', end).on('close', leave).on('error', ignore);
  }
}

function ignore(): void {}
