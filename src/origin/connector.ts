/**
 * @module origin/connector
 * Opens every connection to an origin, whoever asks (undici, node:http, tunnels): only to
 * addresses that may be reached, and to the very address that was checked, so that a name cannot
 * be made to resolve to something else in between.
 */
import { lookup } from 'node:dns';
import { connect as connectTcp, isIP } from 'node:net';
import type { LookupFunction, OnReadOpts, Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, createSecureContext } from 'node:tls';
import type { MillraceError } from '../errors.ts';
import { checkAddress } from './address.ts';
import type { AddressRules } from './address.ts';
import { connectError, connectTimeoutError } from './failure.ts';

export interface Endpoint {
  readonly scheme: 'http' | 'https';
  /** Canonical host (see canonicalHost). */
  readonly host: string;
  readonly port: number;
}

/** Called once: with a connected socket (for https after the handshake), or with a MillraceError. */
export type ConnectCallback = (...result: [error: null, socket: Socket] | [error: MillraceError, socket: null]) => void;

/** What holds for TLS with the one origin that an operator has chosen. */
export interface OriginTls {
  /** PEM; in place of the system's. Undefined: the system's. */
  readonly authorities: readonly string[] | undefined;
  /** PEM; shown where the origin asks for it. */
  readonly certificate: Readonly<Record<'cert' | 'key', string>> | undefined;
  /** False: any certificate will do. */
  readonly isChecked: boolean;
}

export interface ConnectorOptions {
  readonly addresses: AddressRules;
  /** Undefined: there are many origins, which are all checked by the system's authorities. */
  readonly tls?: OriginTls | undefined;
  /** Seconds until a connection, its name resolved and its TLS handshake done, must stand. */
  readonly connectTimeout: number;
}

export class Connector {
  readonly #addresses: AddressRules;
  readonly #timeout: number;
  readonly #tls: ConnectionOptions | undefined;

  constructor({ addresses, connectTimeout, tls }: ConnectorOptions) {
    this.#addresses = addresses;
    this.#tls = tls && { rejectUnauthorized: tls.isChecked, secureContext: createSecureContext({ ...(tls.authorities === undefined ? {} : { ca: [...tls.authorities] }), ...tls.certificate }) };
    this.#timeout = Math.ceil(connectTimeout * 1000);
  }

  /** @param onread where the socket shall read to; default: it tells what it has read by events. Not for https. */
  connect(endpoint: Endpoint, callback: ConnectCallback, onread?: OnReadOpts): void {
    const { scheme, host, port } = endpoint;
    // net.connect asks no lookup about a literal address.
    if (isIP(host) !== 0) {
      try {
        checkAddress(host, host, port, this.#addresses);
      } catch (error) {
        queueMicrotask(() => callback(error as MillraceError, null));
        return;
      }
    }
    const options = { host, port, lookup: this.#lookup(port), autoSelectFamily: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };
    const socket = scheme === 'https' ? connectTls({ ...options, ...this.#tls, servername: isIP(host) === 0 ? host : '', ALPNProtocols: ['http/1.1'] }) : connectTcp(onread === undefined ? options : { ...options, onread });
    const timer = setTimeout(() => settle(connectTimeoutError(endpoint, this.#timeout / 1000, !socket.connecting)), this.#timeout);
    const onError = (error: Error): void => settle(connectError(error, endpoint));
    const onConnect = (): void => settle(null);
    const settle = (error: MillraceError | null): void => {
      clearTimeout(timer);
      socket.off(scheme === 'https' ? 'secureConnect' : 'connect', onConnect);
      if (error === null) {
        socket.off('error', onError);
        callback(null, socket);
        return;
      }
      // Whatever the dying socket still says is no news.
      socket.off('error', onError).on('error', () => {});
      socket.destroy();
      callback(error, null);
    };
    socket.once(scheme === 'https' ? 'secureConnect' : 'connect', onConnect).on('error', onError);
  }

  /** Resolves a name and hands on only addresses that may be connected to. */
  #lookup(port: number): LookupFunction {
    return (host, options, callback) => {
      lookup(host, { ...options, all: true }, (error, addresses) => {
        if (error !== null) return callback(error, '');
        let refused: unknown;
        const allowed = addresses.filter(({ address }) => {
          try {
            checkAddress(address, host, port, this.#addresses);
            return true;
          } catch (denied) {
            refused = denied;
            return false;
          }
        });
        if (allowed.length === 0) return callback(refused as Error, '');
        if (options.all) return callback(null, allowed);
        callback(null, allowed[0]!.address, allowed[0]!.family);
      });
    };
  }
}
