/**
 * @module server/tls
 * TLS towards clients: the certificate that is served, and the server that takes the connections
 * and lets ALPN say which lane each is for.
 */
import type { Server as HttpServer } from 'node:http';
import { type Server as NetServer, type Socket, createServer } from 'node:net';
import { type TLSSocket, type Server as TlsServer, createServer as createTlsServer } from 'node:tls';
import type { Config } from '../config.ts';
import { type Certificate, readKeyPair } from '../config/pem.ts';
import type { Http2Lane } from './http2.ts';
import { giveToNode } from './node-connection.ts';
import { HEAD_TIMEOUT } from './timeouts.ts';
import type { NodeLane } from './node.ts';
import { TLS_HANDSHAKE, plainOnTlsPort } from './parse-error.ts';

/**
 * Undefined where the proxy serves no TLS.
 * @throws {MillraceError} ERR_CERTIFICATE
 */
export function readCertificate({ tlsCert, tlsKey }: Pick<Config, 'tlsCert' | 'tlsKey'>): Certificate | undefined {
  return tlsCert === undefined || tlsKey === undefined ? undefined : readKeyPair(tlsCert, tlsKey);
}

export class TlsDoor {
  readonly server: NetServer;
  readonly #tls: TlsServer;
  readonly #general: NodeLane;
  readonly #timeout: number;
  /** Connections whose handshake is not done, by their client's address and port. */
  readonly #shaking = new Map<string, Socket>();

  /**
   * @param http a server of node:http that does not listen itself
   * @param timeoutMs for the whole handshake
   */
  constructor(certificate: Certificate, general: NodeLane, http: HttpServer, http2: Http2Lane, timeoutMs = HEAD_TIMEOUT) {
    this.#general = general;
    this.#timeout = timeoutMs;
    this.#tls = createTlsServer({ ...certificate, ALPNProtocols: ['h2', 'http/1.1'] });
    this.#tls.on('secureConnection', (socket: TLSSocket) => {
      this.#shaking.delete(nameOf(socket));
      if (socket.alpnProtocol === 'h2') return http2.take(socket);
      // Not before: who ends its side within the handshake asks for nothing.
      socket.allowHalfOpen = true;
      giveToNode(socket, general, http);
    });
    this.server = createServer({ noDelay: true }, (socket) => this.#await(socket));
    // With it node:http begins to look for heads that take too long.
    this.server.once('listening', () => http.emit('listening'));
    this.server.once('close', () => http.close());
  }

  /** Ends connections on which nothing could be asked yet. */
  drain(): void {
    for (const socket of this.#shaking.values()) socket.destroy();
  }

  cut(): void {
    this.drain();
  }

  /** The first byte says whether the client speaks TLS at all. */
  #await(socket: Socket): void {
    const name = nameOf(socket);
    this.#shaking.set(name, socket);
    // A timer of our own: a tls.Server only tells that its handshakeTimeout is over, and begins it anew with each byte.
    const timer = setTimeout(() => this.#shaking.has(name) && socket.destroy(), this.#timeout);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#shaking.delete(name);
    });
    socket.on('error', ignore);
    socket.once('data', (first: Buffer) => {
      socket.pause();
      if (first[0] === TLS_HANDSHAKE) {
        socket.unshift(first);
        this.#tls.emit('connection', socket);
      } else this.#general.refuseUnread(plainOnTlsPort(first), socket.resume());
    });
  }
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function ignore(): void {}
