/**
 * @module origin/host-rules
 * Which hosts a client may ask for where it names the host itself (embedded-host and forward proxy).
 */
import { isIP } from 'node:net';
import { MillraceError } from '../errors.ts';
import type { AddressRules } from './address.ts';
import { canonicalHost, isLoopback, isPrivateHost } from './address.ts';
import type { OwnPlaces } from './own-places.ts';

interface HostPattern {
  /** Canonical host; for `*.example.com` the part from the dot on; "" for `*`. */
  readonly host: string;
  readonly wildcard: boolean;
  /** Undefined: any port. */
  readonly port: number | undefined;
}

export interface HostRulesOptions {
  /** `api.example.com`, `*.example.com` (its subdomains), `10.0.0.5:8080`, `[::1]:80`, `*` (any). */
  readonly patterns: readonly string[];
  /** The proxy is bound to loopback: any host is allowed where there are no patterns, and this machine's own services are. */
  readonly anyByDefault: boolean;
  /** Where this proxy itself listens. */
  readonly own?: OwnPlaces;
}

/** Hosts here are canonical (see canonicalHost). */
export class HostRules implements AddressRules {
  readonly #patterns: readonly HostPattern[];
  readonly #any: boolean;
  readonly #isLocal: boolean;
  readonly #own: OwnPlaces | undefined;

  /** Throws ERR_CONFIG for a pattern that cannot be read. */
  constructor({ patterns, anyByDefault, own }: HostRulesOptions) {
    this.#own = own;
    this.#patterns = patterns.map(parsePattern);
    this.#any = patterns.length === 0 && anyByDefault;
    this.#isLocal = anyByDefault;
  }

  isOwn(host: string, port: number): boolean {
    return this.#own?.has(host, port) === true;
  }

  /** Any host may be asked for, because no pattern was given. */
  get any(): boolean {
    return this.#any;
  }

  /** Throws ERR_HOST_DENIED. */
  check(host: string, port: number): void {
    if (this.#any || this.#patterns.some((pattern) => matches(pattern, host, port))) return;
    throw new MillraceError('ERR_HOST_DENIED', `This proxy may not be used to reach ${host}:${port}.`, { forOperator: `To allow it, start it with --allow-host ${host}.` });
  }

  /**
   * Whether a pattern names exactly that host or that address: what opens even refused addresses.
   * This machine itself is open to those who are on it, by the names that mean it: a stranger can make
   * a public name lead here.
   */
  names(host: string, port: number, address: string): boolean {
    if (this.#isLocal && isLoopback(address) && isPrivateHost(host)) return true;
    return this.#patterns.some((pattern) => !pattern.wildcard && (matches(pattern, host, port) || matches(pattern, address, port)));
  }
}

function matches(pattern: HostPattern, host: string, port: number): boolean {
  if (pattern.port !== undefined && pattern.port !== port) return false;
  return pattern.wildcard ? host.endsWith(pattern.host) : host === pattern.host;
}

function parsePattern(text: string): HostPattern {
  // A bare IPv6 address is bracketed first, so that its last group is not taken for a port.
  const match = /^(\*(?=$|[.:]))?(.*?)(?::(\d{1,5}))?$/.exec(isIP(text) === 6 ? `[${text}]` : text);
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (match !== null && (port === undefined || (port >= 1 && port <= 65535))) {
    const wildcard = match[1] !== undefined;
    const rest = match[2]!;
    if (wildcard && rest === '') return { host: '', wildcard, port };
    const host = canonicalHost(wildcard ? rest.slice(1) : rest);
    if (host !== undefined) return { host: wildcard ? `.${host}` : host, wildcard, port };
  }
  throw new MillraceError('ERR_CONFIG', `allowHost: "${text}" is no host pattern. Write it as api.example.com, *.example.com or 10.0.0.5:8080.`);
}
