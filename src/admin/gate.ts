/**
 * @module admin/gate
 * Who may administer: who has a token, and where nothing speaks against it programs on this machine. Never
 * a web page: a browser on this machine runs the pages of strangers, who can make it send requests to
 * loopback addresses.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { MillraceError } from '../errors.ts';
import { isLoopback } from '../origin/address.ts';
import { type FrontProxy, type Traced, traceOfProxy } from './front-proxy.ts';

export interface Caller extends Traced {
  /** The address at the other end of the socket; undefined where it has none. */
  readonly address: string | undefined;
}

export interface GateOptions {
  /** Any of them will do. */
  readonly tokens: readonly string[];
  /** Why nobody may do without one, as the rest of a sentence; undefined: programs on this machine may. */
  readonly why?: string | undefined;
  /** Once it is seen, nobody may either. */
  readonly front?: FrontProxy | undefined;
  /** Clients name the host that is asked: embedded-host mode, and forward proxying. */
  readonly anyHost: boolean;
  /** The administration has a port of its own. */
  readonly isOwnPort: boolean;
}

const SEND_TOKEN = 'Send "Authorization: Bearer TOKEN" with that of --admin-token-file or --admin-token.';

export class Gate {
  readonly #tokens: readonly Buffer[];
  readonly #why: string | undefined;
  readonly #front: FrontProxy | undefined;
  readonly #anyHost: boolean;
  readonly #isOwnPort: boolean;

  constructor({ tokens, why, front, anyHost, isOwnPort }: GateOptions) {
    this.#tokens = tokens.map(digest);
    this.#why = why;
    this.#front = front;
    this.#anyHost = anyHost;
    this.#isOwnPort = isOwnPort;
  }

  /** Looks at a request to the main port, whatever it asks for. */
  look(request: Traced, requestTarget: string): void {
    // A client that uses us as its forward proxy sends the Host that it asks for.
    this.#front?.look(request, !this.#anyHost || !/^https?:/i.test(requestTarget));
  }

  /** Throws ERR_ADMIN_DENIED, saying what to do. */
  check(caller: Caller): void {
    const credentials = caller.fields.first('authorization');
    if (credentials !== undefined) {
      if (this.#hasToken(credentials)) return;
      throw denied('the Authorization field holds no valid token', SEND_TOKEN);
    }
    const why = this.#why ?? (this.#front?.isSeen === true ? 'a request has shown that a proxy may stand in front' : undefined);
    if (why !== undefined) throw denied('it needs a token', `That is because ${why}. ${SEND_TOKEN} Or start Millrace with --admin-port N, where programs on this machine need none. The commands, such as millrace stats, need none either.`);
    this.#checkSender(caller);
    this.#checkPage(caller);
  }

  /** https://www.rfc-editor.org/rfc/rfc6750.html#section-2.1 */
  #hasToken(credentials: string): boolean {
    const match = /^Bearer +(\S+) *$/i.exec(credentials);
    if (match === null) return false;
    const given = digest(match[1]!);
    return this.#tokens.some((token) => timingSafeEqual(given, token));
  }

  /** A trace of a proxy, or another name in Host: that of a stranger, which was made to point at this machine (DNS rebinding). */
  #checkSender(caller: Caller): void {
    const { address } = caller;
    if (address === undefined || !isLoopback(address)) throw denied('without a token it is answered only to programs on the same machine', SEND_TOKEN);
    const trace = traceOfProxy(caller);
    if (trace !== undefined) throw denied(`the request ${trace}, so it may be from anywhere`, `Ask for localhost directly. Or: ${SEND_TOKEN}`);
  }

  /** https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header */
  #checkPage({ fields, secure }: Caller): void {
    const site = fields.first('sec-fetch-site');
    const origin = fields.first('origin');
    const own = `${secure ? 'https' : 'http'}://${fields.first('host')}`;
    const foreign = (site !== undefined && site !== 'none' && site !== 'same-origin') || (origin !== undefined && origin.toLowerCase() !== own.toLowerCase());
    if (foreign) throw denied('a web page of another site sent the request');
    // In embedded-host mode every site that a browser visits comes from our own host and port.
    if (this.#anyHost && !this.#isOwnPort && (site === 'same-origin' || origin !== undefined)) throw denied('a web page sent the request, and here every page comes from the same host and port', 'Use --admin-port to administer from a page.');
  }
}

function denied(why: string, forOperator?: string): MillraceError {
  return new MillraceError('ERR_ADMIN_DENIED', `Administration is refused: ${why}.`, forOperator === undefined ? {} : { forOperator });
}

/** Of one length whatever the text's, as the comparison in constant time asks for. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
