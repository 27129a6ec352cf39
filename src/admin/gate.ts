/**
 * @module admin/gate
 * Who may administer: programs on this machine, and who has the token. Never a web page: a browser on
 * this machine runs the pages of strangers, who can make it send requests to loopback addresses.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { MillraceError } from '../errors.ts';
import { type Fields, plainName } from '../http/fields.ts';
import { isFromProxies } from '../http/forwarding.ts';
import { canonicalHost, isLoopback } from '../origin/address.ts';

export interface Caller {
  readonly fields: Fields;
  /** The address at the other end of the socket; undefined where it has none. */
  readonly address: string | undefined;
  /** The port the caller connected to. */
  readonly port: number | undefined;
  readonly secure: boolean;
}

export interface GateOptions {
  readonly token: string | undefined;
  /** The address or name we listen on. */
  readonly host: string;
  /**
   * Pages of others have the same web origin as the administration: in embedded-host mode every
   * site a browser visits comes from our own host and port.
   */
  readonly sharesOrigin: boolean;
}

/** The first field, in lower case and with "-" for "_", by which a proxy tells that it passed the request on: its client is not who is connected. */
export function passedOnBy(fields: Fields): string | undefined {
  for (const [name] of fields) {
    const plain = plainName(name);
    if (plain === 'via' || plain === 'cdn-loop' || isFromProxies(plain)) return plain;
  }
  return undefined;
}

export class Gate {
  readonly #token: Buffer | undefined;
  readonly #host: string | undefined;
  readonly #sharesOrigin: boolean;

  constructor({ token, host, sharesOrigin }: GateOptions) {
    this.#token = token === undefined ? undefined : digest(token);
    this.#host = canonicalHost(host.includes(':') ? `[${host}]` : host);
    this.#sharesOrigin = sharesOrigin;
  }

  /** Throws ERR_ADMIN_DENIED, saying what to do. */
  check(caller: Caller): void {
    const credentials = caller.fields.first('authorization');
    if (credentials !== undefined) {
      if (this.#token !== undefined && this.#isToken(credentials)) return;
      throw denied('the Authorization field holds no valid token. Send "Authorization: Bearer TOKEN" with the token of --admin-token, or leave it out on this machine');
    }
    this.#checkAddress(caller);
    this.#checkHost(caller);
    this.#checkPage(caller);
  }

  /** https://www.rfc-editor.org/rfc/rfc6750.html#section-2.1 */
  #isToken(credentials: string): boolean {
    const match = /^Bearer +(\S+) *$/i.exec(credentials);
    return match !== null && timingSafeEqual(digest(match[1]!), this.#token!);
  }

  #checkAddress({ address, fields }: Caller): void {
    if (address === undefined || !isLoopback(address)) throw denied('it is answered only to programs on the same machine. Elsewhere send the token of --admin-token as "Authorization: Bearer TOKEN"');
    const passedOn = passedOnBy(fields);
    if (passedOn !== undefined) throw denied(`the request came through a proxy (it has ${passedOn}), so it may be from anywhere. Ask directly, or send the token of --admin-token as "Authorization: Bearer TOKEN"`);
  }

  /** Against DNS rebinding: a stranger's name that was made to point at this machine stands in Host. */
  #checkHost({ fields, port, secure }: Caller): void {
    const host = fields.first('host') ?? '';
    const match = /^(.+?)(?::(\d+))?$/.exec(host);
    const name = match === null ? undefined : canonicalHost(match[1]!);
    const named = match?.[2] === undefined ? (secure ? 443 : 80) : Number(match[2]);
    if (name !== undefined && named === port && (isLoopback(name) || name === this.#host)) return;
    throw denied(`Host "${host}" is not the name of this machine. Ask for localhost and the port of Millrace`);
  }

  /** https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header */
  #checkPage({ fields, secure }: Caller): void {
    const site = fields.first('sec-fetch-site');
    const origin = fields.first('origin');
    const own = `${secure ? 'https' : 'http'}://${fields.first('host')}`;
    const foreign = (site !== undefined && site !== 'none' && site !== 'same-origin') || (origin !== undefined && origin.toLowerCase() !== own.toLowerCase());
    if (foreign) throw denied('a web page of another site sent the request');
    if (this.#sharesOrigin && (site === 'same-origin' || origin !== undefined)) throw denied('a web page sent the request, and here every page comes from the same host and port. Use --admin-port to administer from a page');
  }
}

function denied(why: string): MillraceError {
  return new MillraceError('ERR_ADMIN_DENIED', `Administration is refused: ${why}.`);
}

/** Of one length whatever the text's, as the comparison in constant time asks for. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
