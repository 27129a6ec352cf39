/**
 * @module cli/warm/places
 * Where a running proxy serves what a URL names: people have URLs of the proxy, of the origin, of the
 * site as its visitors know it, or paths alone.
 */
import { isLoopback } from '../../origin/address.ts';
import { parseAuthority } from '../../origin/targets.ts';

/** An instance that is to be asked. */
export interface Serving {
  /** Without a slash at its end. */
  readonly url: string;
  /** Where it serves https: PEM, to be trusted. */
  readonly certificate?: string | undefined;
  /** 'any': it stands in front of whatever host is asked for. 'unknown': nobody but the instance itself knows. */
  readonly origin: { readonly only: string } | 'any' | 'unknown';
}

export interface Place {
  /** As it stands in the request line. */
  readonly requestTarget: string;
  readonly host: string;
}

/** A URL that the proxy does not serve. */
export interface Elsewhere {
  readonly why: string;
}

export class Places {
  readonly #own: URL;
  readonly #origin: URL | undefined;
  readonly #mode: Serving['origin'];
  readonly #siteHosts: ReadonlySet<string>;

  /** @param siteHosts as which clients know the proxy: what stands in Host */
  constructor({ url, origin }: Serving, siteHosts: readonly string[]) {
    this.#own = new URL(url);
    this.#mode = origin;
    this.#origin = typeof origin === 'object' ? new URL(origin.only) : undefined;
    this.#siteHosts = new Set(siteHosts.map((host) => parseAuthority(host)?.host ?? host));
  }

  /** @param text a URL, a path, or a request target */
  find(text: string): Place | Elsewhere {
    if (text.startsWith('/')) return { requestTarget: visible(text), host: this.#own.host };
    const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null;
    if (url === null) return { why: 'neither a path nor an http URL' };
    const target = url.pathname + url.search;
    const { hostname, port } = url;
    if (port === this.#own.port && (hostname === this.#own.hostname || isLoopback(bare(hostname)))) return { requestTarget: target, host: url.host };
    if (this.#siteHosts.has(bare(hostname))) return { requestTarget: target, host: url.host };
    if (this.#mode === 'any') return { requestTarget: url.origin + target, host: url.host };
    const origin = this.#origin;
    if (origin === undefined || origin.origin !== url.origin) return { why: `of another host, ${url.host}` };
    const base = origin.pathname.replace(/\/+$/, '');
    return target.startsWith(`${base}/`) ? { requestTarget: target.slice(base.length), host: this.#own.host } : { why: `not below ${origin.href}` };
  }
}

/** As it may stand in a request line. */
function visible(target: string): string {
  return target.split('#', 1)[0]!.replace(/[^!-~]/gu, (character) => encodeURIComponent(character.toWellFormed()));
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
