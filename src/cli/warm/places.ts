/**
 * @module cli/warm/places
 * Where a running proxy serves what a URL names: people have URLs of the proxy, of the origin, of the
 * site as its visitors know it, or paths alone.
 */
import { isIP } from 'node:net';
import { isLoopback } from '../../origin/address.ts';
import { parseEmbeddedPath } from '../../origin/embedded-path.ts';
import { parseAbsoluteForm, parseAuthority } from '../../origin/targets.ts';

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
  /** Where it is one of many hosts, what to say of those that are not named. */
  readonly rest?: string;
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

  /**
   * As find(), for what a sitemap names, which may be a stranger's: URLs of its own host alone.
   * https://www.sitemaps.org/protocol.html#location
   */
  findBeside(text: string, sitemap: Place): Place | Elsewhere {
    const place = this.find(text);
    // One origin is one site, whatever its names.
    if ('why' in place || typeof this.#mode === 'object') return place;
    const host = embeddedHost(place.requestTarget);
    const own = embeddedHost(sitemap.requestTarget);
    // Where it is not known whether the proxy takes any host, the first segment of a path may be one.
    if (host?.name === own?.name || (this.#mode === 'unknown' && host?.isSure !== true)) return place;
    return { why: `of another host than its sitemap, ${host?.name ?? place.host}`, rest: 'of more hosts than that of their sitemap' };
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
    if (origin === undefined || origin.origin !== url.origin) return { why: `of another host, ${url.host}`, rest: 'of more hosts' };
    const base = origin.pathname.replace(/\/+$/, '');
    return target.startsWith(`${base}/`) ? { requestTarget: target.slice(base.length), host: this.#own.host } : { why: `not below ${origin.href}` };
  }
}

/** The host that is named in front of any, without a port that is a scheme's default; undefined where none is. */
function embeddedHost(requestTarget: string): { name: string; isSure: boolean } | undefined {
  const found = parseAbsoluteForm(requestTarget) ?? parseEmbeddedPath(requestTarget, 80);
  if (found === undefined) return undefined;
  const { host, port } = found;
  const isDefault = port === 80 || port === 443;
  return { name: isDefault ? host : `${host}:${port}`, isSure: !isDefault || isIP(host) !== 0 || isLoopback(host) || !('explicit' in found) || found.explicit };
}

/** As it may stand in a request line. */
function visible(target: string): string {
  return target.split('#', 1)[0]!.replace(/[^!-~]/gu, (character) => encodeURIComponent(character.toWellFormed()));
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
