/**
 * @module origin/host-cookies
 * Embedded-host mode: all hosts share one web origin, and with it one set of cookies, to which
 * every page can add, and in which a browser keeps those of other ports as well. A cookie therefore
 * goes to the browser under a name that tells its host, and with a seal that only this proxy can
 * make; on the way back, only cookies with the seal of the host that is asked pass.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Target } from '../cache/ports.ts';
import type { Fields } from '../http/fields.ts';

type Site = Pick<Target, 'scheme' | 'host' | 'port'>;

/** What a seal is for, so that none can stand for another. */
type Purpose = 'cookie' | 'opened' | 'link';

/** Characters of a seal: 132 bits. */
const SEAL = 22;

export class HostCookies {
  readonly #secret: string;

  /** @param secret known to all workers of this proxy, and to nobody else */
  constructor(secret: string) {
    this.#secret = secret;
  }

  /** A Set-Cookie value of that host for the browser; undefined where a browser would not accept it from the host either. */
  toClient(cookie: string, site: Site, prefix: string): string | undefined {
    const [pair = '', ...attributes] = cookie.split(';');
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(equals, 0)).trim();
    const value = pair.slice(equals + 1).trim();
    if (!keepsPrefix(name, attributes)) return undefined;
    const kept = attributes.filter((each) => nameOf(each) !== 'domain').map((each) => belowPrefix(each, prefix));
    return [`${browserPrefix(site)}${name}=${this.#seal('cookie', site, `${name}\0${value}`)}${value}`, ...kept].join(';');
  }

  /** Leaves in the fields of a request to that host only the cookies that the host set, by their own names. */
  toOrigin(fields: Fields, site: Site): void {
    if (!fields.has('cookie')) return;
    const prefix = browserPrefix(site);
    const own: string[] = [];
    for (const [name, text] of pairsOf(fields)) {
      if (!name.startsWith(prefix)) continue;
      const plain = name.slice(prefix.length);
      const value = text.slice(SEAL);
      if (this.#isSeal(text.slice(0, SEAL), 'cookie', site, `${plain}\0${value}`)) own.push(plain === '' ? value : `${plain}=${value}`);
    }
    if (own.length > 0) fields.set('Cookie', own.join('; '));
    else fields.delete('cookie');
  }

  /** The Set-Cookie value by which a browser shows that its user has opened that host. */
  opened(site: Site): string {
    return `${openedName(site)}=${this.#seal('opened', site, '')}; Path=/; HttpOnly; SameSite=Lax`;
  }

  hasOpened(fields: Fields, site: Site): boolean {
    const wanted = openedName(site);
    return pairsOf(fields).some(([name, seal]) => name === wanted && this.#isSeal(seal, 'opened', site, ''));
  }

  /** What proves that a link was on a page of the proxy's own. */
  sealOfLink(requestTarget: string): string {
    return this.#seal('link', undefined, requestTarget);
  }

  isSealOfLink(seal: string, requestTarget: string): boolean {
    return this.#isSeal(seal, 'link', undefined, requestTarget);
  }

  #seal(purpose: Purpose, site: Site | undefined, text: string): string {
    const whose = site === undefined ? '' : `${site.scheme}://${site.host} ${site.port}`;
    return createHmac('sha256', this.#secret).update(`${purpose}\0${whose}\0${text}`).digest('base64url').slice(0, SEAL);
  }

  #isSeal(seal: string, purpose: Purpose, site: Site | undefined, text: string): boolean {
    const expected = Buffer.from(this.#seal(purpose, site, text));
    const given = Buffer.from(seal, 'latin1');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}

/** Of the names of a host's cookies in the browser: `millrace~http~localhost~3000~`. The colons of an IPv6 address cannot stand in a name. */
function browserPrefix({ scheme, host, port }: Site): string {
  return `millrace~${scheme}~${host.replaceAll(':', '!')}~${port}~`;
}

function openedName({ scheme, host, port }: Site): string {
  return `millrace-opened~${scheme}~${host.replaceAll(':', '!')}~${port}`;
}

/** https://www.rfc-editor.org/rfc/rfc6265.html#section-5.4; HTTP/2 may split the field. */
function pairsOf(fields: Fields): [name: string, value: string][] {
  return fields.all('cookie').flatMap((line) => line.split(';')).map((pair) => {
    const equals = pair.indexOf('=');
    return equals === -1 ? ['', pair.trim()] : [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
  });
}

/**
 * Whether it has the attributes that its name promises. The browser does not see that name.
 * https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3
 */
function keepsPrefix(name: string, attributes: readonly string[]): boolean {
  const prefix = /^__(Host-Http|Host|Secure|Http)-/i.exec(name);
  if (prefix === null) return true;
  const kind = prefix[1]!.toLowerCase();
  const names = attributes.map(nameOf);
  const path = attributes.findLast((each) => nameOf(each) === 'path');
  if (!names.includes('secure')) return false;
  if (kind.endsWith('http') && !names.includes('httponly')) return false;
  return !kind.startsWith('host') || (!names.includes('domain') && path !== undefined && /^[^=]*=\s*\/\s*$/.test(path));
}

function nameOf(attribute: string): string {
  return attribute.split('=', 1)[0]!.trim().toLowerCase();
}

/** https://www.rfc-editor.org/rfc/rfc6265.html#section-5.2.4 */
function belowPrefix(attribute: string, prefix: string): string {
  return attribute.replace(/^(\s*path\s*=\s*)(\/.*)$/i, (_, before: string, path: string) => before + prefix + path);
}
