/**
 * @module origin/embedded-host
 * The client names the host: `/<host>[:port]/<path>`, `/https://host/path`, or an absolute URL
 * (forward proxy).
 *
 * When is the first segment of a path a host? A page fetched through the proxy holds links like
 * `/style.css`, which the browser asks for at the proxy's root, and nothing in such a path tells it
 * from `/example.com`. Three rules, in this order:
 * 1. With a scheme (`/http://host/…`) it is a host.
 * 2. Where the Referer is a page under this proxy, at `/page.example/…`, only `page.example` is a
 *    host. Anything else is a link relative to that page's root, and is redirected to below
 *    `/page.example`. (Redirects to other hosts, which keep the Referer, are written with a scheme.)
 * 3. Without such a Referer it is a host, unless its last label is a file type that is no
 *    top-level domain (`/favicon.ico`).
 */
import { MillraceError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import { checkLoop } from './address.ts';
import { isOwnName, looksLikeFile, parseEmbeddedPath } from './embedded-path.ts';
import type { EmbeddedPath } from './embedded-path.ts';
import type { HostRules } from './host-rules.ts';
import { rewriteResponse } from './rewrite.ts';
import { badTarget, checkCharacters, makeTarget, parseAbsoluteForm, parseAuthority } from './targets.ts';
import type { Resolution, TargetRequest, Targets } from './targets.ts';

export interface EmbeddedHostOptions {
  readonly rules: HostRules;
  /** The port of an http host that names none. */
  readonly upstreamPort: number;
}

export class EmbeddedHost implements Targets {
  readonly #rules: HostRules;
  readonly #upstreamPort: number;

  constructor({ rules, upstreamPort }: EmbeddedHostOptions) {
    this.#rules = rules;
    this.#upstreamPort = upstreamPort;
  }

  resolve({ requestTarget, fields }: TargetRequest): Resolution {
    checkCharacters(requestTarget);
    if (!requestTarget.startsWith('/')) return this.#forward(requestTarget);
    this.#checkOwnName(fields);
    const parsed = parseEmbeddedPath(requestTarget, this.#upstreamPort);
    const page = this.#referringPage(fields);
    if (page !== undefined && !(parsed?.explicit || parsed?.host === page.host)) {
      return { kind: 'redirect', location: page.prefix + requestTarget };
    }
    if (parsed === undefined) throw badTarget('names no host. Ask for /<host>/<path>, as in /example.com/index.html.');
    if (looksLikeFile(parsed)) {
      throw badTarget(`begins with ${parsed.host}, which looks like a file and not like a host. If it is a host, ask for /http://${parsed.host}/.`);
    }
    this.#check(parsed.host, parsed.port);
    if (parsed.path === undefined) return { kind: 'redirect', location: `${parsed.prefix}/${parsed.query}` };
    const target = makeTarget(parsed.scheme, parsed.host, parsed.port, parsed.path + parsed.query);
    return { kind: 'target', mode: 'embedded', target, rewrite: (response) => rewriteResponse(response, target, parsed.prefix, this.#upstreamPort) };
  }

  /** Where a CONNECT leads. Throws as resolve() does. */
  resolveConnect(requestTarget: string): { host: string; port: number } {
    const authority = parseAuthority(requestTarget);
    if (authority?.port === undefined) throw badTarget('of CONNECT must be host:port.');
    this.#check(authority.host, authority.port);
    return { host: authority.host, port: authority.port };
  }

  #forward(requestTarget: string): Resolution {
    const parsed = parseAbsoluteForm(requestTarget);
    if (parsed === undefined) throw badTarget('is neither a path that begins with a host nor an http URL.');
    this.#check(parsed.host, parsed.port);
    return { kind: 'target', mode: 'forward', target: makeTarget(parsed.scheme, parsed.host, parsed.port, parsed.path) };
  }

  #check(host: string, port: number): void {
    this.#rules.check(host, port);
    // What a name stands for is looked at where it is resolved.
    checkLoop(host, host, port, this.#rules);
  }

  /**
   * Where any host may be asked for, this proxy must be called by an address or as localhost: a web
   * page whose own name was made to resolve to 127.0.0.1 could else read whatever we can reach.
   */
  #checkOwnName(fields: Fields): void {
    const host = fields.first('host');
    if (!this.#rules.any || host === undefined) return;
    const own = parseAuthority(host)?.host;
    if (own !== undefined && isOwnName(own)) return;
    throw new MillraceError('ERR_HOST_DENIED', `The Host "${host}" is not a name of this proxy. Use localhost or its IP address, or start it with --allow-host for each host it may reach.`);
  }

  /** The embedded host of the page a request comes from, where that page came through this proxy. */
  #referringPage(fields: Fields): EmbeddedPath | undefined {
    const referer = fields.first('referer');
    const match = referer === undefined ? null : /^https?:\/\/([^/?#]*)(\/[^#]*)/i.exec(referer);
    if (match === null || match[1]!.toLowerCase() !== fields.first('host')?.toLowerCase()) return undefined;
    const page = parseEmbeddedPath(match[2]!, this.#upstreamPort);
    return page === undefined || looksLikeFile(page) ? undefined : page;
  }
}
