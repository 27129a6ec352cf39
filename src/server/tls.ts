/**
 * @module server/tls
 * TLS towards clients: the certificate that is served, and the server that takes the connections
 * and lets ALPN say which lane each is for.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { type TLSSocket, type Server, createServer } from 'node:tls';
import type { Config } from '../config.ts';
import { MillraceError } from '../errors.ts';
import type { Http2Lane } from './http2.ts';
import { HEAD_TIMEOUT } from './node-server.ts';

/** PEM. */
export interface Certificate {
  /** With those of its authorities behind it, where the file has them. */
  readonly cert: string;
  readonly key: string;
}

/**
 * Undefined where the proxy serves no TLS.
 * @throws {MillraceError} ERR_CERTIFICATE: a file is not there or not what it should be, or the two do not belong together
 */
export function readCertificate({ tlsCert, tlsKey }: Pick<Config, 'tlsCert' | 'tlsKey'>): Certificate | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const [cert, key] = [read('certificate', tlsCert), read('key', tlsKey)];
  const certificate = parsed(() => new X509Certificate(cert), `The file ${tlsCert} holds no certificate in PEM (-----BEGIN CERTIFICATE-----).`);
  const privateKey = parsed(() => createPrivateKey(key), `The file ${tlsKey} holds no private key in PEM (-----BEGIN PRIVATE KEY-----), or one with a pass phrase. Take that off with openssl pkey.`);
  if (!certificate.checkPrivateKey(privateKey)) throw unusable(`The key in ${tlsKey} does not belong to the certificate in ${tlsCert}. Name the two that were made together.`);
  return { cert, key };
}

function read(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'is not there' : code === 'EACCES' || code === 'EPERM' ? 'may not be read by this user' : `cannot be read: ${message}`;
    throw unusable(`The file ${file} with the ${what} ${why}.`, cause);
  }
}

function parsed<Kind>(parse: () => Kind, problem: string): Kind {
  try {
    return parse();
  } catch (cause) {
    throw unusable(problem, cause);
  }
}

function unusable(message: string, cause?: unknown): MillraceError {
  return new MillraceError('ERR_CERTIFICATE', message, { cause });
}

export class TlsDoor {
  readonly server: Server;
  /** Connections whose handshake is under way, by their client's address and port. */
  readonly #shaking = new Map<string, Socket>();

  /** @param http a server of node:http that does not listen itself */
  constructor(certificate: Certificate, http: HttpServer, http2: Http2Lane) {
    this.server = createServer({ ...certificate, ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: HEAD_TIMEOUT, noDelay: true });
    this.server.on('connection', (socket: Socket) => {
      const name = nameOf(socket);
      this.#shaking.set(name, socket);
      socket.once('close', () => this.#shaking.delete(name));
    });
    this.server.on('secureConnection', (socket: TLSSocket) => {
      this.#shaking.delete(nameOf(socket));
      if (socket.alpnProtocol === 'h2') http2.take(socket);
      else http.emit('connection', socket);
    });
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
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
