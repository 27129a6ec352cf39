/**
 * @module admin/front-proxy
 * Whether another proxy on this machine passes requests on to the main port. Its clients come from a
 * loopback address, as programs on this machine do, and must not be taken for them. Most such proxies
 * leave a trace in what they send. One that leaves none (a TCP forwarder whose clients have only named
 * localhost) cannot be seen.
 */
import { type Fields, plainName } from '../http/fields.ts';
import { isFromProxies } from '../http/proxy-fields.ts';
import { canonicalHost, isLoopback } from '../origin/address.ts';

/** A request, as far as it may show that it was passed on. */
export interface Traced {
  readonly fields: Fields;
  /** "1.1", "1.0", "2.0" */
  readonly httpVersion: string;
  /** The port the client connected to. */
  readonly port: number | undefined;
  readonly secure: boolean;
}

/** The first field, in lower case and with "-" for "_", by which a proxy tells that it passed the request on: its client is not who is connected. */
export function passedOnBy(fields: Fields): string | undefined {
  const { lines } = fields;
  for (let i = 0; i < lines.length; i += 2) {
    const plain = plainName(lines[i]!);
    if (plain === 'via' || plain === 'cdn-loop' || isFromProxies(plain)) return plain;
  }
  return undefined;
}

/**
 * What shows that the client did not send the request to this very port itself, as the rest of a sentence; undefined: nothing.
 * @param namesUs false: its Host is that of the target URI, as in a request to a forward proxy
 */
export function traceOfProxy({ fields, httpVersion, port, secure }: Traced, namesUs = true): string | undefined {
  // What nginx speaks to its upstreams, unless it is told otherwise.
  if (httpVersion === '1.0') return 'came by HTTP/1.0, which proxies speak';
  const passedOn = passedOnBy(fields);
  if (passedOn !== undefined) return `has the field ${passedOn}, which proxies add`;
  if (!namesUs) return undefined;
  const host = fields.first('host') ?? '';
  if (!isOwnHost(host, port, secure)) return `has the Host "${host}", and not localhost with the port of Millrace`;
  return rewrittenHost(fields, host);
}

/** The last one that was found good: nearly every request has the same. */
let known = { host: '', port: -1, secure: false };

/** A loopback name or address, with that port. */
function isOwnHost(host: string, port: number | undefined, secure: boolean): boolean {
  if (known.host === host && known.port === port && known.secure === secure && host !== '') return true;
  const match = /^(.+?)(?::(\d+))?$/.exec(host);
  const name = match === null ? undefined : canonicalHost(match[1]!);
  const named = match?.[2] === undefined ? (secure ? 443 : 80) : Number(match[2]);
  if (port === undefined || named !== port || name === undefined || !isLoopback(name)) return false;
  known = { host, port, secure };
  return true;
}

/** Where a page asks its own origin, its URL has the host that the browser has asked: another Host was put in on the way. */
function rewrittenHost(fields: Fields, host: string): string | undefined {
  if (fields.first('sec-fetch-site') !== 'same-origin') return undefined;
  for (const name of ['origin', 'referer']) {
    const authority = /^https?:\/\/([^/?#]*)/i.exec(fields.first(name) ?? '')?.[1];
    if (authority !== undefined && authority.toLowerCase() !== host.toLowerCase()) return `has the Host "${host}", but comes from a page of ${authority} that asks its own server`;
  }
  return undefined;
}

export class FrontProxy {
  readonly #seen: Int32Array;
  readonly #onFirst: (trace: string) => void;

  /**
   * @param memory shared by all workers; see `FrontProxy.memory()`
   * @param onFirst told, once among all workers, what has shown it
   */
  constructor(memory: SharedArrayBuffer, onFirst: (trace: string) => void) {
    this.#seen = new Int32Array(memory);
    this.#onFirst = onFirst;
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  }

  /** A request has shown that a proxy stands in front. */
  get isSeen(): boolean {
    return Atomics.load(this.#seen, 0) !== 0;
  }

  /** Looks for its trace in a request to the main port. */
  look(request: Traced, namesUs: boolean): void {
    if (this.isSeen) return;
    const trace = traceOfProxy(request, namesUs);
    if (trace !== undefined && Atomics.exchange(this.#seen, 0, 1) === 0) this.#onFirst(trace);
  }
}
