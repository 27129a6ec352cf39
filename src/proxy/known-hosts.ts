/**
 * @module proxy/known-hosts
 * The hosts by which clients have asked for this proxy, so that whoever administers it may name URLs as clients do.
 */
import { TextSet } from '../cache/text-set.ts';

/** 8 KB, for some thousand hosts. One that is wrongly known is one that a purge does not refuse. */
const BITS = 1 << 16;

export class KnownHosts {
  readonly #hosts: TextSet;
  /** Mostly it is the same again. */
  #latest: string | undefined;

  /** @param memory shared by all workers; see `KnownHosts.memory()` */
  constructor(memory: SharedArrayBuffer = KnownHosts.memory()) {
    this.#hosts = new TextSet(memory);
  }

  static memory(): SharedArrayBuffer {
    return TextSet.memory(BITS);
  }

  /** @param host host[:port]; undefined: the client named none */
  add(host: string | undefined): void {
    if (host === undefined || host === this.#latest) return;
    this.#latest = host;
    this.#hosts.add(spelled(host));
  }

  has(host: string): boolean {
    return this.#hosts.has(spelled(host));
  }
}

/** The scheme may be that of a proxy in front of this one. */
function spelled(host: string): string {
  return host.toLowerCase().replace(/:(?:80|443)$/, '').replace(/\.(?=$|:\d+$)/, '');
}
