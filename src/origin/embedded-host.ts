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
 *
 * Whether a browser then gets it, embedded-access says. Where its user has to decide, a page of our own
 * has a link to below OWN_PATHS.go, whose seal shows that it is from that page.
 */
import { MillraceError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import { checkLoop, isPrivateHost } from './address.ts';
import { accessOf } from './embedded-access.ts';
import { asciiOf, isOwnName, looksLikeFile, OWN_PATHS, parseEmbeddedPath } from './embedded-path.ts';
import type { EmbeddedPath } from './embedded-path.ts';
import { HostCookies } from './host-cookies.ts';
import type { HostRules } from './host-rules.ts';
import { rewriteResponse } from './rewrite.ts';
import { badTarget, checkCharacters, makeTarget, parseAbsoluteForm, parseAuthority } from './targets.ts';
import type { Resolution, TargetRequest, Targets } from './targets.ts';

export interface EmbeddedHostOptions {
  readonly rules: HostRules;
  /** The port of an http host that names none. */
  readonly upstreamPort: number;
  /** What only this proxy knows: seals are made with it. */
  readonly secret: string;
}

export class EmbeddedHost implements Targets {
  readonly #rules: HostRules;
  readonly #upstreamPort: number;
  readonly #cookies: HostCookies;

  constructor({ rules, upstreamPort, secret }: EmbeddedHostOptions) {
    this.#rules = rules;
    this.#upstreamPort = upstreamPort;
    this.#cookies = new HostCookies(secret);
  }

  resolve(request: TargetRequest): Resolution {
    const { requestTarget, fields } = request;
    checkCharacters(requestTarget);
    if (!requestTarget.startsWith('/')) return this.#forward(requestTarget);
    this.#checkOwnName(fields);
    if (requestTarget.startsWith(OWN_PATHS.go)) return this.#goOn(requestTarget.slice(OWN_PATHS.go.length));
    if (requestTarget.startsWith(OWN_PATHS.led)) return this.#embedded({ ...request, requestTarget: requestTarget.slice(OWN_PATHS.led.length) }, true);
    return this.#embedded(request, false);
  }

  /** @param isLed by a redirect of another host */
  #embedded({ method, requestTarget, fields }: TargetRequest, isLed: boolean): Resolution {
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
    if (parsed.path === undefined) return { kind: 'redirect', location: `${isLed ? OWN_PATHS.led : ''}${parsed.prefix}/${parsed.query}` };
    const target = makeTarget(parsed.scheme, parsed.host, parsed.port, parsed.path + parsed.query);
    const cookies = this.#cookies;
    const hasOpened = fields.has('cookie') && isPrivateHost(target.host) && cookies.hasOpened(fields, target);
    const access = accessOf({ method, fields, target, page, isLed: isLed && !hasOpened, hasOpened });
    if (access === 'ask') {
      const wanted = asciiOf(requestTarget);
      return { kind: 'ask', host: target.authority, link: `${OWN_PATHS.go}/${cookies.sealOfLink(wanted)}${wanted}` };
    }
    // By the path of a page its own requests are known.
    if (isLed && fields.has('sec-fetch-site')) return { kind: 'redirect', location: requestTarget };
    const rewrite = (response: Fields): void => {
      rewriteResponse(response, { target, prefix: parsed.prefix, upstreamPort: this.#upstreamPort, cookies });
      if (access === 'open') response.append('Set-Cookie', cookies.opened(target));
    };
    return { kind: 'target', mode: 'embedded', target, rewrite, toOrigin: (sent) => cookies.toOrigin(sent, target) };
  }

  /** The link of a page of ours was followed. @param rest `/SEAL/host/path` */
  #goOn(rest: string): Resolution {
    const location = rest.slice(rest.indexOf('/', 1));
    const parsed = parseEmbeddedPath(location, this.#upstreamPort);
    if (parsed === undefined || !this.#cookies.isSealOfLink(rest.slice(1, -location.length), location)) throw badTarget('is a link that this proxy has not made, or made before it was started again. Ask for the URL itself.');
    return { kind: 'go', location, cookie: isPrivateHost(parsed.host) ? this.#cookies.opened(parsed) : undefined };
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
    throw new MillraceError('ERR_HOST_DENIED', `The Host "${host}" is not a name of this proxy. Use localhost or its IP address.`, { forOperator: 'Or start it with --allow-host for each host that it may reach.' });
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
