/**
 * @module proxy/origin-reach
 * How origins are connected to by a configuration, and whether the one it names can be reached.
 */
import type { Config } from '../config.ts';
import { defaultMaxConnections, descriptorLimit } from '../config/descriptors.ts';
import { readAuthorities, readKeyPair } from '../config/pem.ts';
import type { MillraceError } from '../errors.ts';
import type { AddressRules } from '../origin/address.ts';
import type { OriginClientOptions } from '../origin/client.ts';
import { Connector, type OriginTls } from '../origin/connector.ts';
import { closedByPeer, exchangeError } from '../origin/failure.ts';
import { FixedOrigin } from '../origin/fixed-origin.ts';

/** @throws {MillraceError} ERR_CERTIFICATE */
export function originReach(config: Config, addresses: AddressRules): OriginClientOptions {
  const { connectTimeout, originTimeout, maxResponseFields, maxOriginConnections, workers } = config;
  return { addresses, connectTimeout, originTimeout, maxResponseFields, maxOriginConnections: Math.ceil(Math.min(maxOriginConnections, defaultMaxConnections(descriptorLimit(), workers)) / workers), tls: originTls(config) };
}

/** Undefined: all there is to say is the system's. */
function originTls({ originCa, originCert, originKey, insecureOrigin }: Config): OriginTls | undefined {
  if (originCa === undefined && originCert === undefined && !insecureOrigin) return undefined;
  return {
    authorities: originCa === undefined ? undefined : readAuthorities(originCa),
    certificate: originCert === undefined || originKey === undefined ? undefined : readKeyPair(originCert, originKey),
    isChecked: !insecureOrigin,
  };
}

/** Milliseconds in which an origin that refuses our certificate says so: since TLS 1.3 it does after the handshake. */
const SECOND_THOUGHTS = 500;

/** Connects to the origin as a request would, with its TLS handshake, and asks nothing. Resolves with why that failed; undefined where it did not, or there are many origins. */
export function probeOrigin(config: Config): Promise<MillraceError | undefined> {
  if (config.origin === undefined) return Promise.resolve(undefined);
  const fixed = new FixedOrigin(config.origin);
  const { origin } = fixed;
  return new Promise((resolve) => {
    new Connector(originReach(config, fixed)).connect(origin, (error, socket) => {
      if (error !== null) return resolve(error);
      const timer = setTimeout(() => socket.destroy(), origin.scheme === 'https' ? SECOND_THOUGHTS : 0);
      // A session to resume is what a server gives whom it has accepted.
      socket.on('session', () => socket.destroy());
      socket.on('error', (broken) => resolve(exchangeError(broken, origin, config.originTimeout)));
      socket.on('end', () => origin.scheme === 'https' && resolve(exchangeError(closedByPeer(), origin, config.originTimeout)));
      socket.on('close', () => {
        clearTimeout(timer);
        resolve(undefined);
      });
      socket.resume();
    });
  });
}
