/**
 * @module http/site
 * The site of a fixed origin, which has two names: the origin's (its address and base path, and the Host that
 * it is told) and the client's. Maps URL references from one to the other. What names neither is left as it is.
 */
import type { ClientBase } from './forwarding.ts';

/** A URL reference with an authority (RFC 3986 §4.2), up to where its path begins. */
const WITH_AUTHORITY = /^(?:([a-z][a-z0-9+.-]*):)?\/\/([^/?#\\]*)(.*)$/is;

export interface SiteNames {
  readonly scheme: 'http' | 'https';
  /** The origin's own host[:port]. */
  readonly authority: string;
  /** What stands before the paths of clients at the origin; without a slash at its end, "" for none. */
  readonly base: string;
  /** The Host that the origin is told. */
  readonly toldHost: string;
  readonly client: ClientBase;
  /** What stands before its paths at the client; without a slash at its end, "" for nothing. Responses are put below it elsewhere. */
  readonly mount: string;
}

export class Site {
  readonly #names: SiteNames;
  #own: readonly string[] | undefined;
  #client: string | undefined;

  constructor(names: SiteNames) {
    this.#names = names;
  }

  /** The host[:port] by which the client knows the site; undefined where it named none. */
  get host(): string | undefined {
    return this.#names.client.host;
  }

  /** The same without its port, in one spelling. */
  get hostname(): string | undefined {
    return URL.parse(this.#clientBase())?.hostname;
  }

  /**
   * A reference in a response as one that leads the client to the same resource.
   * @param path of the target, as the origin gets it
   * @param isRedirect the client will follow it
   */
  toClient(reference: string, path: string, isRedirect = false): string {
    const { base } = this.#names;
    const match = WITH_AUTHORITY.exec(reference);
    if (match === null) {
      // A browser takes a backslash for a slash.
      if (base === '' || /^(?:\\|\/\\)/.test(reference)) return reference;
      const below = reference.startsWith('/') ? withoutBase(reference, base) : this.#climbing(reference, path);
      return below === undefined ? reference : rooted(below);
    }
    const [, scheme, authority, rest] = match as unknown as [string, string | undefined, string, string];
    const named = this.#who(scheme, authority);
    const below = withoutBase(rest, base);
    if (named === undefined || below === undefined) return reference;
    const clientBase = this.#clientBase();
    if (clientBase === '') return rooted(below.startsWith('/') ? below : `/${below}`);
    // Nothing to map: it is the client's own URL already.
    if (named === this.#clientOrigin() && below === rest) return reference;
    const mapped = clientBase + below;
    // Whoever leads from https to http at the same host means the other scheme, where else it would lead to itself.
    const leadsToItself = isRedirect && named !== this.#clientOrigin() && sameHost(named, this.#clientOrigin()) && mapped === clientBase + path;
    return leadsToItself ? reference : mapped;
  }

  /**
   * A reference in a request as the origin has to see it, whose Host it is compared with.
   * @param toPath from a path of clients to that at the origin
   */
  toOrigin(reference: string, toPath: (path: string) => string): string {
    const match = WITH_AUTHORITY.exec(reference);
    const { scheme: own, toldHost, mount } = this.#names;
    if (match === null) return reference.startsWith('/') ? toPath(withoutBase(reference, mount) ?? reference) : reference;
    const [, scheme, authority, rest] = match as unknown as [string, string | undefined, string, string];
    if (this.#who(scheme, authority) !== this.#clientOrigin()) return reference;
    const below = withoutBase(rest, mount);
    return below === undefined ? reference : `${own}://${toldHost}${toPath(below.startsWith('/') ? below : `/${below}`)}`;
  }

  /** The path and query at the origin of an absolute URL in a response, undefined where it is elsewhere. */
  pathAtOrigin(url: URL): string | undefined {
    const { base, mount } = this.#names;
    const path = url.pathname + url.search;
    const named = this.#who(url.protocol.slice(0, -1), url.host);
    if (named === undefined) return undefined;
    // The origin knows its base path; who tells clients of their own URLs leaves it out.
    return named !== this.#clientOrigin() || withoutBase(path, base) !== undefined ? path : base + (withoutBase(path, mount) ?? path);
  }

  /** Below the base path, a relative reference whose ".." segments could climb over it. Any other stays right. */
  #climbing(reference: string, path: string): string | undefined {
    if (!/(?:^|[/\\])(?:\.|%2e){2}(?:[/\\?#]|$)/i.test(reference) || /^[a-z][a-z0-9+.-]*:/i.test(reference)) return undefined;
    const { pathname = '', search = '', hash = '' } = URL.parse(reference, `http://origin${path}`) ?? {};
    return withoutBase(pathname + search + hash, this.#names.base);
  }

  /** The web origin that an authority names, where it is this site's: the client's, or one of the origin's. */
  #who(scheme: string | undefined, authority: string): string | undefined {
    if (authority.includes('@')) return undefined;
    const client = this.#clientOrigin();
    // Without a scheme it is that of whoever reads it.
    const asClient = originOf(`${scheme ?? this.#names.client.scheme}://${authority}`);
    if (asClient !== undefined && asClient === client) return client;
    const asOrigin = originOf(`${scheme ?? this.#names.scheme}://${authority}`);
    const { scheme: own, authority: address, toldHost } = this.#names;
    // Many servers put their own port behind the name that they are told.
    this.#own ??= [address, toldHost, hostOf(toldHost) + portOf(address)].map((host) => originOf(`${own}://${host}`)).filter((origin) => origin !== undefined);
    return asOrigin !== undefined && this.#own.includes(asOrigin) ? asOrigin : undefined;
  }

  /** "" where the client named no host, or one that is none. */
  #clientBase(): string {
    const { scheme, host } = this.#names.client;
    return this.#clientOrigin() === '' ? '' : `${scheme}://${host!}`;
  }

  #clientOrigin(): string {
    const { scheme, host } = this.#names.client;
    return (this.#client ??= host === undefined || /[/?#@\\\s]/.test(host) || !/^https?$/.test(scheme) ? '' : (originOf(`${scheme}://${host}`) ?? ''));
  }
}

/** The web origin in one spelling; all names of this machine are one. Undefined where there is none. */
function originOf(url: string): string | undefined {
  const origin = URL.parse(url)?.origin;
  return origin === undefined || origin === 'null' ? undefined : origin.replace(/^(https?:\/\/)(?:127\.0\.0\.1|\[::1\])(?=:|$)/, '$1localhost');
}

/** The port with its colon, "" where there is none. */
function portOf(authority: string): string {
  return /:\d+$/.exec(authority)?.[0] ?? '';
}

function hostOf(authority: string): string {
  return authority.slice(0, authority.length - portOf(authority).length);
}

/** Whether two web origins differ in nothing but their scheme. */
function sameHost(a: string, b: string): boolean {
  return a.slice(a.indexOf(':')) === b.slice(b.indexOf(':'));
}

/** What stands behind the base path; undefined where the path is not below it. */
function withoutBase(path: string, base: string): string | undefined {
  if (base === '') return path;
  if (!path.startsWith(base)) return undefined;
  const rest = path.slice(base.length);
  if (rest.startsWith('/')) return rest;
  return rest === '' || rest.startsWith('?') || rest.startsWith('#') ? `/${rest}` : undefined;
}

/**
 * A path that is no network-path reference, however it begins.
 * https://www.rfc-editor.org/rfc/rfc3986.html#section-4.2
 */
function rooted(path: string): string {
  return /^\/[/\\]/.test(path) ? `/.${path}` : path;
}
