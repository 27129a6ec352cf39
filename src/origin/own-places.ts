/**
 * @module origin/own-places
 * The addresses and ports that this proxy itself answers at: its main port, and that of the administration.
 * A request for one of them is a loop, and would reach the administration as a program on this machine does.
 */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { isLoopback } from './address.ts';

export interface Place {
  /** An address, or a name that stands for one of this machine's; `::` and `0.0.0.0` are all of them. */
  readonly address: string;
  readonly port: number;
}

export class OwnPlaces {
  /** By port. */
  readonly #addresses = new Map<number, Set<string>>();

  add({ address, port }: Place): void {
    const known = this.#addresses.get(port);
    if (known === undefined) this.#addresses.set(port, new Set([spelled(address)]));
    else known.add(spelled(address));
  }

  /** @param host an address, or a canonical name, of which only those of loopback are known */
  has(host: string, port: number): boolean {
    const bound = this.#addresses.get(port);
    if (bound === undefined) return false;
    // Any loopback address: which of them lead here differs between systems.
    if (isLoopback(host)) return true;
    if (isIP(host) === 0) return false;
    const address = spelled(host);
    if (isEvery(address) || bound.has(address)) return true;
    return [...bound].some((each) => isEvery(each) || isIP(each) === 0) && isOfThisMachine(address);
  }
}

function isEvery(address: string): boolean {
  return isIP(address) !== 0 && ipaddr.parse(address).range() === 'unspecified';
}

/** Asked each time, as a machine gets and loses addresses while the proxy runs. */
function isOfThisMachine(address: string): boolean {
  return Object.values(networkInterfaces()).some((each) => each?.some((one) => spelled(one.address) === address));
}

/** IPv6 compressed, and IPv4 in four decimal numbers also where it is mapped into IPv6. */
function spelled(address: string): string {
  return isIP(address) === 0 ? address : ipaddr.process(address).toString();
}
