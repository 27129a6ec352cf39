/**
 * @module http/networks
 * A set of addresses and CIDR ranges.
 */
import ipaddr from 'ipaddr.js';
import { MillraceError } from '../errors.ts';

export class Networks {
  readonly #ranges: readonly [ipaddr.IPv4 | ipaddr.IPv6, number][];

  /** @throws {MillraceError} ERR_CONFIG for what is neither an address nor a CIDR range */
  constructor(entries: readonly string[]) {
    this.#ranges = entries.map(parseRange);
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** False for text that is no address. An IPv4 address is itself in IPv6 clothes too. */
  has(address: string): boolean {
    if (this.isEmpty || !ipaddr.isValid(address)) return false;
    const parsed = ipaddr.process(address);
    return this.#ranges.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits));
  }
}

function parseRange(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  try {
    if (text.includes('/')) return ipaddr.parseCIDR(text);
    const address = ipaddr.process(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  } catch (cause) {
    throw new MillraceError('ERR_CONFIG', `"${text}" is neither an address nor a CIDR range. Write it as 10.0.0.1 or 10.0.0.0/8.`, { cause });
  }
}
