/**
 * @module origin/fixed-origin
 * Reverse proxy: every request goes to one origin, below its base path.
 */
import type { Target } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import type { ClientBase } from '../http/forwarding.ts';
import { Site } from '../http/site.ts';
import { type AddressRules, isPrivateHost } from './address.ts';
import { requestToOrigin, responseToClient } from './site-fields.ts';
import { badTarget, checkCharacters, makeTarget, parseAbsoluteForm } from './targets.ts';
import type { Resolution, TargetRequest, Targets } from './targets.ts';

export class FixedOrigin implements Targets, AddressRules {
  readonly #origin: Target;
  /** Without a slash at its end; "" where the origin has no base path. */
  readonly #base: string;

  /** @param url `http(s)://host[:port][/base/path]`. Throws ERR_CONFIG where it is anything else. */
  constructor(url: string) {
    const parsed = /[?#\s]/.test(url) ? undefined : parseAbsoluteForm(url);
    if (parsed === undefined) {
      throw new MillraceError('ERR_CONFIG', `origin: "${url}" is not the URL of an origin. Write it as http://host, http://host:3000 or https://host/base/path.`);
    }
    const path = new URL(`http://base${parsed.path}`).pathname;
    this.#base = path.replace(/\/+$/, '');
    this.#origin = makeTarget(parsed.scheme, parsed.host, parsed.port, path);
  }

  /** The origin itself, its path being the base path. */
  get origin(): Target {
    return this.#origin;
  }

  /**
   * Whether it is told the client's Host where no option says so. An application of the operator's own makes
   * its links and checks its forms by the name that clients use; a public server answers to its own name alone.
   */
  get isOwnApplication(): boolean {
    return isPrivateHost(this.#origin.host);
  }

  resolve({ method, requestTarget }: TargetRequest): Resolution {
    checkCharacters(requestTarget);
    return { kind: 'target', mode: 'reverse', target: { ...this.#origin, path: this.#path(method, requestTarget) } };
  }

  /**
   * As it is known to a client, and to itself by the Host that it is told.
   * @param mount what stands before its paths at the client
   */
  site(client: ClientBase, toldHost: string, mount = ''): Site {
    const { scheme, authority } = this.#origin;
    return new Site({ scheme, authority, base: this.#base, toldHost, client, mount });
  }

  /** Changes the fields of a response on its way to a client. */
  toClient(fields: Fields, site: Site, request: { readonly method: string; readonly target: Target }): void {
    responseToClient(fields, site, request, this.#base);
  }

  /** Changes the fields of a request on its way to the origin. Throws ERR_BAD_TARGET where one leads out of the base path. */
  toOrigin(fields: Fields, site: Site): void {
    requestToOrigin(fields, site, (path) => this.#below(path));
  }

  /** The operator chose the origin: it may be at any address. */
  names(host: string, port: number): boolean {
    return host === this.#origin.host && port === this.#origin.port;
  }

  /** Another server may have that port at another address of this machine; a real loop is told by CDN-Loop. */
  isOwn(): boolean {
    return false;
  }

  #path(method: string, requestTarget: string): string {
    if (requestTarget === '*' && method === 'OPTIONS') return '*';
    // A server accepts absolute-form too; the host in it is ours under some name.
    // https://www.rfc-editor.org/rfc/rfc9112.html#section-3.2.2
    const path = requestTarget.startsWith('/') ? requestTarget : parseAbsoluteForm(requestTarget)?.path;
    if (path === undefined) throw badTarget('is neither a path nor an http URL.');
    return this.#below(path);
  }

  #below(path: string): string {
    if (this.#base !== '' && climbsOut(path)) throw badTarget('leaves the path of this site. Remove its ".." segments.');
    return this.#base + path;
  }
}

/**
 * Whether some reading of a path leads above where it starts. Origins differ in what they decode,
 * merge and cut off, so the least favourable reading counts: encoded dots and slashes are decoded
 * (however often encoded), a backslash is a slash, empty segments vanish, `;parameters` are cut.
 */
function climbsOut(path: string): boolean {
  const query = path.indexOf('?');
  const decoded = (query === -1 ? path : path.slice(0, query)).replace(/%(?:25)*(2e|2f|5c|3b)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  let depth = 0;
  for (const segment of decoded.split(/[/\\]/)) {
    const name = segment.split(';', 1)[0]!;
    if (name === '..') depth--;
    else if (name !== '' && name !== '.') depth++;
    if (depth < 0) return true;
  }
  return false;
}
