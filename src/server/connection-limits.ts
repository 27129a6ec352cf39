/**
 * @module server/connection-limits
 * How many connections clients may have open, in all and from one address. The first limit leaves file
 * descriptors for the origin and the store; without it the system would refuse them in the middle of
 * requests.
 */
import type { Server, Socket } from 'node:net';
import { Networks } from '../http/networks.ts';

/** ms between two notices of the same kind. */
const NOTICE_MS = 60_000;

// https://www.rfc-editor.org/rfc/rfc9110.html#section-15.6.4
const WORDS = 'Too many connections are open from your address. Try later.\n';
const UNAVAILABLE = `HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nContent-Type: text/plain\r\nContent-Length: ${WORDS.length}\r\nConnection: close\r\n\r\n${WORDS}`;

/** Addresses that stand for many clients, or for who administers this machine. */
const OWN_ADDRESSES = ['127.0.0.0/8', '::1'];

export interface ConnectionLimitsOptions {
  /** Connections of this thread. */
  readonly total: number;
  readonly perAddress: number;
  /** Proxies, whose connections are those of many clients. */
  readonly trustProxy: readonly string[];
  /** Only a handshake could tell clients why they are refused: they are not told. */
  readonly isTls: boolean;
  /** Called for each connection that is refused. */
  readonly onRefused: () => void;
  readonly onNotice: (text: string) => void;
}

export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions;
  readonly #exempt: Networks;
  readonly #byAddress = new Map<string, number>();
  /** When each was told last. */
  readonly #notices = new Map<'all' | 'address', number>();

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options;
    this.#exempt = new Networks([...OWN_ADDRESSES, ...options.trustProxy]);
  }

  /** Holds a server to it, whose listeners get only the connections that may stay. */
  limit(server: Server): void {
    const { total, onRefused } = this.#options;
    const listeners = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection').on('connection', (socket) => {
      if (this.#admits(socket)) for (const listener of listeners) listener(socket);
    });
    // Node.js closes those beyond it as it accepts them.
    server.maxConnections = total;
    server.on('drop', () => {
      onRefused();
      this.#notice('all', `${total} connections are open, as many as --max-connections allows; further ones are closed until some of these end. By default it follows from the limit of open files (ulimit -n).`);
    });
  }

  /** Whether the connection may stay; if not, it is ended here. */
  #admits(socket: Socket): boolean {
    const address = socket.remoteAddress;
    if (address === undefined || this.#exempt.has(address)) return true;
    const count = this.#byAddress.get(address) ?? 0;
    if (count >= this.#options.perAddress) {
      this.#options.onRefused();
      this.#notice('address', `${address} has ${count} connections open, as many as --max-connections-per-address allows; further ones are refused. Where many clients come by way of one proxy, name it with --trust-proxy.`);
      socket.on('error', ignore);
      if (this.#options.isTls) socket.destroy();
      else socket.end(UNAVAILABLE, () => socket.destroy());
      return false;
    }
    this.#byAddress.set(address, count + 1);
    socket.once('close', () => {
      const left = this.#byAddress.get(address)! - 1;
      if (left === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, left);
    });
    return true;
  }

  /** Connections that are counted by their addresses. */
  get counted(): number {
    return this.#byAddress.values().reduce((sum, count) => sum + count, 0);
  }

  #notice(kind: 'all' | 'address', text: string): void {
    const now = performance.now();
    if (now - (this.#notices.get(kind) ?? -Infinity) < NOTICE_MS) return;
    this.#notices.set(kind, now);
    this.#options.onNotice(text);
  }
}

function ignore(): void {}
